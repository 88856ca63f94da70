"""What to do next: the one decision of the worker.

``decide`` looks at a fresh snapshot and answers which actions to start now, why, and when to look again. It keeps no
position of its own: called again after any interruption it finds what is missing and goes on from there.

The order: hold the pool (claim, sync schedule, HA, WLB, auto-poweron), ask once more whether every host can be
emptied, take the hosts in turn, carry out what is left for VMs, give everything back. Two seams let other kinds of
change and other orders plug in: `UpdateKind` says what one host needs, `Strategy` which hosts are in hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from bot.rollout.action import RebootHost, RestartToolstack
from bot.rollout.amendment import AmendmentKind, Offer
from bot.rollout.deadline import ask_about, late
from bot.rollout.decision import Decision, Estimates, Verdict
from bot.rollout.errors import InvalidSpec
from bot.rollout.gate import take_stock
from bot.rollout.homecoming import settle_homeless, settle_vms
from bot.rollout.kind import Kind
from bot.rollout.lifecycle import State
from bot.rollout.memory import IntentState, Memory, TurnPhase, TurnProgress
from bot.rollout.model import Host, PoolSnapshot
from bot.rollout.need import EMPTYING
from bot.rollout.pausing import pause_here
from bot.rollout.preparing import evacuation_refused, foreign_work, hold_pool, may_evacuate
from bot.rollout.proposal import host_order
from bot.rollout.pursuit import Round
from bot.rollout.reason import Reason, because
from bot.rollout.remedying import make_fixes
from bot.rollout.rolling import Rolling
from bot.rollout.settling import release, settle_host, settle_pool
from bot.rollout.skipping import set_aside, skipped
from bot.rollout.spec import Preset, Spec
from bot.rollout.succession import designating, succession
from bot.rollout.turn import Turn
from bot.rollout.vm_tasks import vm_tasks

#: Look again at the latest after so many seconds, even when nothing seems to be going on.
_IDLE = 15.0


class UpdateKind(Protocol):
    """A kind of change: what one host needs for it."""

    def turn(self, round_: Round, host: Host) -> Turn: ...


class Strategy(Protocol):
    """Which hosts are worked on at the same time."""

    plans: bool
    """Whether it finds the VMs' places itself, instead of leaving that to XAPI."""

    def advance(self, round_: Round, turns: tuple[Turn, ...]) -> Sequence[Turn]:
        """Take the next steps of some of `turns` (coordinator first); the hosts that are in hand now."""
        ...


class CdnUpdate:
    """Updates from the vendor's package repository."""

    def turn(self, round_: Round, host: Host) -> Turn:
        return Turn(round_, host)


class Serial:
    """One host after the other, coordinator first; a host that was begun is finished before the next."""

    plans = False

    def advance(self, round_: Round, turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
        for turn in turns:
            if turn.update_left and not turn.begun and turn.host.uuid in late(round_):
                ask_about(round_, (other.host.name for other in turns if other.update_left))
                return ()
            if turn.work_left and not turn.advance():
                return (turn,)
            if not turn.healthy():
                return (turn,)
        return ()


#: All kinds so far need the same steps of a host; what there is to install or to restart differs.
KINDS: Mapping[str, UpdateKind] = {kind.value: CdnUpdate() for kind in Kind}
STRATEGIES: Mapping[str, Strategy] = {
    Preset.SERIAL: Serial(),
    Preset.GENTLE: Rolling(),
    Preset.STANDARD: Rolling(),
    Preset.FAST: Rolling(),
}


def decide(spec: Spec, memory: Memory, snapshot: PoolSnapshot, estimates: Estimates, now: datetime) -> Decision:
    """The next actions of a running or aborting rollout (see the module's text).

    Raises `InvalidSpec` when this release knows neither the spec's kind nor its preset.
    """
    kind, strategy = KINDS.get(spec.kind), STRATEGIES.get(spec.preset)
    if kind is None or strategy is None:
        raise InvalidSpec(
            f"This release cannot carry out a rollout of kind {spec.kind!r} with preset {spec.preset!r}.",
            "Abort it and ask for a new one.",
        )
    round_ = Round(spec, memory, snapshot, estimates, now)
    turns = tuple(kind.turn(round_, host) for host in host_order(snapshot, spec))
    if memory.settling:
        return _settle_only(round_)
    if memory.aborting:
        return _wind_down(round_, turns)
    return _carry_on(round_, turns, strategy)


def _carry_on(round_: Round, turns: tuple[Turn, ...], strategy: Strategy) -> Decision:
    left_out = round_.memory.skipped
    updating = any(turn.update_left for turn in turns if turn.host.uuid not in left_out)
    if updating and designating(round_):
        return _answer(round_, _progress(turns, (), left_out))
    # Before anything else that people may be asked: the change counts as told once they were asked.
    changed = succession(round_) if updating else None
    if changed is not None:
        round_.problem(changed)
        return _answer(round_, _progress(turns, (), left_out))
    present = {turn.host.uuid for turn in turns}
    for gone in (host for host in round_.spec.hosts if host.uuid not in present | left_out):
        round_.problem(because("host.gone", host=gone.name))
        round_.blame(gone.uuid, len(round_.problems) - 1)
    everybody = turns
    turns = tuple(turn for turn in everybody if turn.host.uuid not in left_out)
    aside = tuple(turn for turn in everybody if turn.host.uuid in left_out)
    if updating and any(turn.host.is_coordinator and turn.update_left for turn in aside):
        # A member must not restart with a newer XAPI than its coordinator has running.
        name = next(turn.host.name for turn in aside if turn.host.is_coordinator)
        round_.problem(because("host.skipped_coordinator", host=name))
    if round_.problems:
        return _answer(round_, _progress(everybody, (), left_out))
    trouble = foreign_work(round_, updating=updating)
    if trouble is not None:
        fresh = round_.snapshot.checksum if trouble.code == "checksum.changed" else ""
        round_.problem(trouble, wants=Offer(AmendmentKind.CHECKSUM, checksum=fresh) if fresh else None)
        return _answer(round_, _progress(everybody, (), left_out))
    blocked = evacuation_refused(round_, places_ourselves=strategy.plans)
    if blocked is not None:
        return _give_back_untouched(round_, everybody, blocked)
    # Before anything is switched off for a rollout whose first host would not be done in time.
    if not any(turn.begun for turn in everybody) and _none_in_time(round_, turns):
        ask_about(round_, (turn.host.name for turn in turns if turn.update_left))
        return _answer(round_, _progress(everybody, (), left_out))
    # Once every host is updated the settings are on their way back and must not be switched off again.
    if updating and not hold_pool(round_):
        return _answer(round_, _progress(everybody, (), left_out))
    # What was approved to be put right is put right before the first host is touched.
    if not any(turn.begun for turn in everybody) and not make_fixes(round_):
        return _answer(round_, _progress(everybody, (), left_out))
    leaving = tuple(turn for turn in aside if not set_aside(round_, turn))
    if leaving or round_.steps:
        return _answer(round_, _progress(everybody, leaving, left_out))
    if not any(turn.begun for turn in everybody) and not may_evacuate(round_, turns_to_empty(round_, turns)):
        return _answer(round_, _progress(everybody, (), left_out))
    if pause_here(round_, turns):
        return _answer(round_, _progress(everybody, (), left_out))
    hand = tuple(strategy.advance(round_, turns))
    if not (round_.steps or round_.problems or round_.wake_at) and any(turn.update_left for turn in turns):
        # Nobody wants anything and nobody waits for anything: silence would last for ever.
        names = ", ".join(turn.host.name for turn in turns if turn.update_left)
        round_.problem(because("rollout.at_a_loss", hosts=names))
    if hand or round_.problems or any(turn.update_left for turn in turns):
        if len(hand) == 1:
            round_.blame(hand[0].host.uuid)
        return _answer(round_, _progress(everybody, hand, left_out))
    return _finish(round_, turns, aside)


def _none_in_time(round_: Round, turns: tuple[Turn, ...]) -> bool:
    """Whether no host can be begun: the coordinator, without whom no other is, or all that have something to do."""
    left = [turn.host for turn in turns if turn.update_left]
    first = [host.uuid for host in left if host.is_coordinator] or [host.uuid for host in left]
    return bool(first) and late(round_).issuperset(first)


def turns_to_empty(round_: Round, turns: tuple[Turn, ...]) -> tuple[str, ...]:
    """The hosts that the spec may empty and that still have work."""
    ceilings = {turn.host.uuid: round_.spec.host(turn.host.uuid) for turn in turns if turn.work_left}
    return tuple(uuid for uuid, ceiling in ceilings.items() if ceiling is not None and ceiling.tasks & EMPTYING)


def _finish(round_: Round, turns: tuple[Turn, ...], aside: tuple[Turn, ...]) -> Decision:
    """All hosts are done: what is left for VMs, then everything owed."""
    clear = vm_tasks(round_, round_.snapshot.vms)
    for turn in turns:
        known = len(round_.problems)
        if turn.touched and not turn.advance(final=True):
            clear = False
        round_.blame(turn.host.uuid, known)
    for turn in aside:
        if not set_aside(round_, turn, final=True):
            clear = False
    everybody, left_out = (*turns, *aside), round_.memory.skipped
    if not _settle_others(round_, everybody) or not settle_homeless(round_):
        clear = False
    given_back = clear and settle_pool(round_) and not round_.steps
    if given_back and take_stock(round_, "after") and release(round_) and not round_.steps:
        return _answer(round_, _progress(everybody, (), left_out), Verdict(State.SUCCEEDED, _success(round_)))
    return _answer(round_, _progress(everybody, (), left_out))


def _success(round_: Round) -> Reason:
    names = sorted(host.name for host in round_.spec.hosts if host.uuid in round_.memory.skipped)
    if names:
        return because("rollout.succeeded_without", count=len(names), hosts=", ".join(names))
    if round_.spec.kind != Kind.CDN:
        return because("rollout.succeeded", kind=round_.spec.kind)
    return because("rollout.succeeded")


def _settle_others(round_: Round, turns: tuple[Turn, ...]) -> bool:
    """Debts inherited from an earlier rollout may lead to hosts that this one does not cover."""
    covered = {turn.host.uuid for turn in turns}
    clear = True
    for host in round_.snapshot.hosts:
        if host.uuid not in covered and not (settle_host(round_, host) and settle_vms(round_, host)):
            clear = False
    return clear


def _give_back_untouched(round_: Round, turns: tuple[Turn, ...], why: Reason) -> Decision:
    """Nothing was done to a host yet: restore the pool's settings and stop."""
    progress = _progress(turns, (), round_.memory.skipped)
    if settle_pool(round_) and not round_.steps and release(round_) and not round_.steps:
        return _answer(round_, progress, Verdict(State.FAILED, why))
    return _answer(round_, progress)


def _wind_down(round_: Round, turns: tuple[Turn, ...]) -> Decision:
    """People ended the rollout: finish what is in hand, give everything back, list what XAPI does not allow yet."""
    if _claimed_by_others(round_):
        return _ending(round_, _progress(turns, (), round_.memory.skipped), clear=False)
    hand = []
    busy = quiet = False
    for turn in turns:
        if quiet and turn.touched:
            # The coordinator's restart cuts off whatever is begun beside it.
            hand.append(turn)
            busy = True
            continue
        stuck_before = len(round_.problems)
        left_out = turn.host.uuid in round_.memory.skipped
        if turn.touched and not (set_aside(round_, turn) if left_out else turn.back_out()):
            hand.append(turn)
            # A host that only people can help keeps nobody else from getting back what is theirs.
            busy = busy or len(round_.problems) == stuck_before
        quiet = quiet or (turn.host.is_coordinator and _restart_begun(round_, turn.host))
    clear = not quiet and all((not hand, _settle_others(round_, turns), settle_homeless(round_)))
    pool_clear = not busy and not quiet and settle_pool(round_)
    progress = _progress(turns, tuple(hand), round_.memory.skipped)
    return _ending(round_, progress, clear=clear and pool_clear)


def _restart_begun(round_: Round, host: Host) -> bool:
    """Whether a restart of the host is asked for in this round, or was and has not been seen to end."""
    restarts = (RebootHost(host=host.uuid), RestartToolstack(host=host.uuid))
    asked = {step.action.key for step in round_.steps}
    return any(restart.key in asked or round_.is_open(restart.key) for restart in restarts)


def _settle_only(round_: Round) -> Decision:
    """The rollout is over; only what it still owes is given back, and nothing is updated or restarted for it."""
    if _claimed_by_others(round_):
        return _ending(round_, (), clear=False)
    clear = all((_settle_others(round_, ()), settle_homeless(round_), settle_pool(round_)))
    return _ending(round_, (), clear=clear)


def _claimed_by_others(round_: Round) -> bool:
    claim = round_.snapshot.pool.claim
    if claim is None or claim == round_.memory.owner:
        return False
    round_.problem(because("pool.claimed", owner=claim))
    return True


def _ending(round_: Round, progress: tuple[TurnProgress, ...], *, clear: bool) -> Decision:
    """Take the steps there are; ask people only when nothing moves by itself any more."""
    giving_up = round_.memory.giving_up and not _claimed_by_others(round_)
    if clear and not round_.steps and not round_.memory.settling:
        clear = take_stock(round_, "after")
    if not round_.steps and (clear or giving_up) and release(round_) and not round_.steps:
        if clear:
            return _answer(round_, progress, Verdict(State.ABORTED, because("rollout.aborted")))
        return _answer(round_, progress, Verdict(State.FAILED, because("rollout.given_up")))
    if round_.steps or round_.wake_at is not None:
        round_.problems.clear()
    if round_.problems and round_.memory.giving_up:
        return _answer(round_, progress, Verdict(State.FAILED, because("rollout.given_up")))
    return _answer(round_, progress)


def _progress(
    turns: tuple[Turn, ...], hand: tuple[Turn, ...], left_out: frozenset[str] = frozenset()
) -> tuple[TurnProgress, ...]:
    working = {turn.host.uuid for turn in hand}
    shown = []
    for turn in turns:
        if turn.host.uuid in working:
            shown.append(turn.progress(done=False))
        elif turn.host.uuid in left_out:
            shown.append(skipped(turn.host))
        elif turn.update_left:
            shown.append(TurnProgress(turn.host.uuid, turn.host.name, TurnPhase.WAITING))
        else:
            shown.append(turn.progress(done=True))
    return tuple(shown)


def _answer(round_: Round, progress: tuple[TurnProgress, ...], verdict: Verdict | None = None) -> Decision:
    if verdict is None and round_.problems:
        first = round_.problems[0]
        keys = tuple(key for problem in round_.problems for key in problem.keys)
        hosts = {problem.host for problem in round_.problems}
        host = first.host if len(hosts) == 1 else ""
        verdict = Verdict(State.NEEDS_ATTENTION, first.reason, keys, host, first.wants)
    wake_at = round_.wake_at or round_.now + timedelta(seconds=0 if round_.steps else _IDLE)
    return Decision(
        reason=_headline(round_, verdict),
        wake_at=wake_at,
        steps=() if verdict is not None else tuple(round_.steps),
        progress=progress,
        verdict=verdict,
        waiting=tuple(dict.fromkeys(round_.waiting)),
    )


def _headline(round_: Round, verdict: Verdict | None) -> Reason:
    if verdict is not None:
        return verdict.reason
    if round_.steps:
        return round_.steps[0].reason
    if round_.waits:
        return round_.waits[0]
    return because("rollout.looking")


def unreachable(
    memory: Memory, coordinator: str, since: datetime, estimates: Estimates, now: datetime
) -> Reason | None:
    """Whether people should be asked because XAPI has not answered since `since`; None while it is expected.

    While a restart of the coordinator that we asked for is open, silence is normal for as long as server hardware
    may need; otherwise ten minutes are the limit.
    """
    restarting = restart_under_way(memory, coordinator)
    patience = timedelta(seconds=max(1800.0, 3 * estimates.reboot)) if restarting else timedelta(minutes=10)
    silent = now - since
    if silent <= patience:
        return None
    return because("pool.unreachable", minutes=int(silent.total_seconds() // 60))


def restart_under_way(memory: Memory, coordinator: str) -> bool:
    """Whether a restart of the coordinator that we asked for has not been seen to end.

    A worker that has just taken over does not know yet which host is the coordinator; then any restart counts.
    """
    return any(
        intent.state in (IntentState.OPEN, IntentState.LOST)
        and key.startswith(("RebootHost:", "RestartToolstack:"))
        and key.endswith(coordinator)
        for key, intent in memory.intents.items()
    )
