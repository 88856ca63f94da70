"""The outcome: what changed, how long it took, what is still owed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.messages.blocks import Block, context, section
from bot.messages.card import title
from bot.messages.debts import debts_text
from bot.messages.language import _, several
from bot.messages.message import Message, message
from bot.messages.sentences import sentence
from bot.messages.text import duration, lines_within, names, person
from bot.messages.work import cost, level_name, state_mark, state_name
from bot.rollout.lifecycle import State
from bot.rollout.memory import DebtKind, TurnPhase
from bot.rollout.reason import Reason
from bot.rollout.spec import Placement

if TYPE_CHECKING:
    from bot.rollouts import Standing


@dataclass(frozen=True, slots=True)
class Done:
    """What was really done, counted from what XAPI confirmed."""

    reboots: int = 0
    toolstacks: int = 0
    emptied: int = 0
    homecomings: int = 0
    stops: int = 0
    restarts: int = 0
    left_alone: frozenset[DebtKind] = frozenset()
    """Kinds of settings and VMs that other people changed meanwhile, so that they are not as before."""
    compared: tuple[Reason, ...] | None = None
    """What differs between the pool before and after; None when it was not written down twice."""

    @property
    def anything(self) -> bool:
        """Whether a host or VM was touched at all."""
        return bool(self.reboots or self.toolstacks or self.emptied or self.stops or self.restarts)


def outcome(standing: Standing, done: Done) -> Message:
    """How the rollout ended; it also goes to the channel, because people who did not follow the thread want to know."""
    row = standing.row
    state = State(row.state)
    heading = _("{title}: {state}").format(title=title(standing), state=state_name(state))
    why = row.headline_reason
    paragraphs = [_changed(standing), _restored(standing, done), _counted(standing, done)]
    # Success says in full what the headline would only say in general.
    if why is not None and state is not State.SUCCEEDED:
        paragraphs.insert(0, sentence(why, mrkdwn=True))
    hosts = {turn.host: turn.name for turn in standing.turns}
    owed = debts_text(standing.debts, hosts) if standing.debts or not paragraphs[-2] else ""
    told = " ".join(part for part in paragraphs if part)
    blocks: list[Block] = [
        section(f"{state_mark(state)} *{heading}*\n" + "\n".join(part for part in paragraphs if part)),
    ]
    compared = _compared(done)
    if compared:
        blocks.append(section(compared))
    if owed:
        blocks.append(section(owed))
    if standing.debts:
        alias = row.pool_alias
        blocks.append(context(_("It is tried again on its own. `/xs restore {alias}` tries now.").format(alias=alias)))
    who = person(row.requester_kind, row.requester_id, row.requester_name)
    approvers = [f"<@{user}>" for user, _name, _at in standing.approvals]
    small = _("Asked for by {who}").format(who=who)
    if approvers:
        small += _("; approved by {who}").format(who=", ".join(approvers))
    blocks.append(context(f"{small}. " + _("Record: `/xs audit {id}`").format(id=row.id)))
    return message(f"{heading}. {told} {compared} {owed}".strip(), blocks)


def _changed(standing: Standing) -> str:
    done = [turn.name for turn in standing.turns if turn.phase is TurnPhase.DONE]
    skipped = [turn.name for turn in standing.turns if turn.phase is TurnPhase.SKIPPED]
    others = [turn.name for turn in standing.turns if turn.phase not in (TurnPhase.DONE, TurnPhase.SKIPPED)]
    if not done:
        told = _("No host was updated.")
        return told + (" " + _("Skipped: {hosts}.").format(hosts=names(skipped, most=8)) if skipped else "")
    level = level_name(standing.spec.level).lower()
    if not others and not skipped and len(done) > 1:
        return _("All {count} hosts are updated ({level} guidance).").format(count=len(done), level=level)
    count = several(len(done), "host is", "hosts are")
    told = _("{count} updated ({level} guidance): {hosts}.").format(count=count, level=level, hosts=names(done, most=8))
    if skipped:
        told += " " + _("Skipped: {hosts}.").format(hosts=names(skipped, most=8))
    if others:
        told += " " + _("Not finished: {hosts}.").format(hosts=names(others, most=8))
    return told


def _restored(standing: Standing, done: Done) -> str:
    """What is as before, as far as that is certain: nothing while something is still owed."""
    if standing.debts or not done.anything:
        return ""
    touched = {
        DebtKind.HA: (_("high availability"), "ha_off" in standing.spec.fixes),
        DebtKind.WLB: (_("workload balancing"), "wlb_off" in standing.spec.fixes),
        DebtKind.AUTO_POWERON: (_("automatic power-on"), "auto_poweron_off" in standing.spec.fixes),
        DebtKind.SYNC_SCHEDULE: (_("the sync schedule"), "sync_schedule_off" in standing.spec.fixes),
        DebtKind.SNAPSHOT_SCHEDULE: (_("the snapshot schedules"), "snapshots_off" in standing.spec.fixes),
        DebtKind.VM_HOME: (_("the places of VMs"), bool(done.emptied) and standing.spec.placement is Placement.HOME),
        DebtKind.VM_STOPPED: (_("the VMs that were stopped"), bool(done.stops)),
    }
    words = {kind: word for kind, (word, was) in touched.items() if was}
    others = [word for kind, word in words.items() if kind in done.left_alone]
    same = [word for kind, word in words.items() if kind not in done.left_alone]
    told = []
    if same:
        listed = same[0]
        if len(same) > 1:
            listed = _("{first} and {last}").format(first=", ".join(same[:-1]), last=same[-1])
        one = len(same) == 1 and DebtKind.VM_HOME not in words and DebtKind.VM_STOPPED not in words
        as_before = _("{what} is as before.") if one else _("{what} are as before.")
        told.append(as_before.format(what=listed[:1].upper() + listed[1:]))
    if others:
        told.append(_("Changed by somebody else meanwhile and left alone: {what}.").format(what=", ".join(others)))
    return " ".join(told)


def _compared(done: Done) -> str:
    """Before and after: what is worse or elsewhere, or that nothing is."""
    if done.compared is None:
        return ""
    if not done.compared:
        return sentence(Reason("compared.same"), mrkdwn=True)
    lines = [f"• {sentence(reason, mrkdwn=True)}" for reason in done.compared]
    return _("*Not as before*") + "\n" + lines_within(lines, 1_800)


def _counted(standing: Standing, done: Done) -> str:
    row = standing.row
    parts = []
    if done.emptied:
        parts.append(several(done.emptied, "host emptied by live moves", "hosts emptied by live moves"))
    if done.reboots or done.toolstacks or done.stops or done.restarts:
        parts.append(cost(reboots=done.reboots, toolstacks=done.toolstacks, stops=done.stops, restarts=done.restarts))
    counted = ", ".join(parts) or _("no host restarted, no VM moved")
    if row.started_at is None or row.finished_at is None:
        return _("Done: {counted}.").format(counted=counted)
    taken = duration((row.finished_at - row.started_at).total_seconds())
    return _("Done in {time}: {counted}.").format(time=taken, counted=counted)
