"""Before the first host: hold the pool, and make sure that it can be done.

XAPI applies no update while HA is on, a sync in mid-run would change the checksum under the run, and WLB and
auto-poweron would move or start VMs behind our back. Each of them is written down as a debt before it is switched off.
"""

from __future__ import annotations

from bot.rollout.action import (
    AskEvacuation,
    ClaimPool,
    DisableHa,
    SetAutoPoweron,
    SetSyncSchedule,
    SetWlb,
)
from bot.rollout.amendment import ASKED, AmendmentKind, Offer
from bot.rollout.backups import copies_taken, snapshots_taken
from bot.rollout.blocker import memory_alone
from bot.rollout.gate import take_stock
from bot.rollout.kind import Kind
from bot.rollout.memory import Debt, DebtKind, IntentState
from bot.rollout.proposal import pool_fixes
from bot.rollout.pursuit import Round
from bot.rollout.reason import Reason, because
from bot.rollout.settling import ha_document
from bot.rollout.snapshotting import hold_schedules
from bot.rollout.spec import VmTreatment
from bot.rollout.succession import DESIGNATING

#: XAPI's answers about a VM that pass by themselves.
_PASSING = frozenset({"OTHER_OPERATION_IN_PROGRESS", "HOST_DISABLED", "HOST_NOT_LIVE"})
#: Pool operations that must not run beside a rollout unless they are ours.
_SYNCING = frozenset({"sync_updates", "sync_bundle", "configure_repositories", DESIGNATING})
#: Names that XAPI gives tasks which move VMs or change hosts.
_FOREIGN_TASKS = (
    "Async.host.apply_updates",
    "Async.host.evacuate",
    "Async.host.reboot",
    "Async.pool.sync_updates",
    "host.apply_updates",
    "host.evacuate",
    "pool.sync_updates",
)


def foreign_work(round_: Round, *, updating: bool) -> Reason | None:
    """Why somebody else's work on the pool keeps us from going on; None when nobody is in the way.

    A new checksum matters only while hosts are left to update.
    """
    pool = round_.snapshot.pool
    if pool.claim is not None and pool.claim != round_.memory.owner:
        return because("pool.claimed", owner=pool.claim)
    if pool.current_operations & _SYNCING:
        return because("pool.foreign_operation", operation=sorted(pool.current_operations & _SYNCING)[0])
    ours = {intent.task_ref for intent in round_.memory.intents.values() if intent.task_ref}
    unsure = {
        key.partition(":")[0]
        for key, intent in round_.memory.intents.items()
        # A call whose answer was lost is asked again, and then refused because the first one is still at work.
        if intent.state in (IntentState.OPEN, IntentState.LOST) or intent.transient
    }
    for task in round_.snapshot.tasks:
        if task.status != "pending" or task.ours or task.ref in ours or task.name not in _FOREIGN_TASKS:
            continue
        if "apply_updates" in task.name and "ApplyUpdates" in unsure:
            continue
        if "evacuate" in task.name and "EvacuateHost" in unsure:
            continue
        return because("pool.foreign_operation", operation=task.name.removeprefix("Async."))
    if updating and round_.spec.kind == Kind.CDN and round_.snapshot.checksum != round_.spec.checksum:
        return because(
            "checksum.changed", approved=round_.spec.checksum[:12], present=round_.snapshot.checksum[:12] or "none"
        )
    return None


def hold_pool(round_: Round) -> bool:
    """Back up what the spec says, claim the pool and switch off what would disturb; True when all of it is so."""
    pool, memory = round_.snapshot.pool, round_.memory
    # Later than this it would no longer be how the pool was before (a rollout that an older release began has none).
    early = all(key.startswith(("BackUp:", "ClaimPool:", "TakeStock:")) for key in memory.intents)
    if not copies_taken(round_):
        return False
    if pool.claim != memory.owner:
        claim = Debt(DebtKind.CLAIM, original=None, label=memory.owner)
        round_.pursue(ClaimPool(owner=memory.owner, debts=(claim,)), because("pool.claiming"))
        if early:
            take_stock(round_, "before")
        return False
    if early and not take_stock(round_, "before"):
        return False
    if not snapshots_taken(round_):
        return False
    unapproved = [fix for fix in pool_fixes(pool) if fix.value not in round_.spec.fixes]
    wants = Offer(AmendmentKind.SETTING, fixes=tuple(fix.value for fix in unapproved))
    for fix in unapproved:
        round_.problem(because("setting.not_approved", what=fix.value), wants=wants)
    if unapproved:
        return False
    held = True
    if pool.update_sync_enabled:
        debt = Debt(DebtKind.SYNC_SCHEDULE, original=True)
        round_.pursue(SetSyncSchedule(enabled=False, debts=(debt,)), because("sync.disabling"))
        held = False
    if pool.ha.enabled:
        debt = Debt(DebtKind.HA, original=ha_document(pool.ha))
        round_.pursue(DisableHa(debts=(debt,)), because("ha.disabling"), milestone=True)
        held = False
    if pool.wlb_enabled:
        debt = Debt(DebtKind.WLB, original=True)
        round_.pursue(SetWlb(enabled=False, debts=(debt,)), because("wlb.disabling"), milestone=True)
        held = False
    if pool.auto_poweron == "true":
        debt = Debt(DebtKind.AUTO_POWERON, original=pool.auto_poweron)
        round_.pursue(SetAutoPoweron(value=None, debts=(debt,)), because("auto_poweron.disabling"))
        held = False
    return hold_schedules(round_) and held


def may_evacuate(round_: Round, hosts: tuple[str, ...], one: str = "") -> bool:
    """Ask XAPI once more, now that HA is off, whether every host can be emptied; True when it has answered.

    While HA is on, XAPI calls every VM that HA does not protect unmovable, so the answer at request time is noise in
    that respect. `one` is the host that is asked about by itself, in its turn.
    """
    if not hosts:
        return True
    ask = AskEvacuation(hosts=hosts, host=one)
    asked = round_.memory.intent(ask.key)
    if asked is not None and asked.state is IntentState.DONE and not _passing(asked.result):
        return True
    if asked is not None and asked.state is IntentState.DONE and asked.attempts >= 5:
        return True
    round_.pursue(ask, because("evacuation.asking", hosts=len(hosts)))
    return False


def _passing(result: object) -> bool:
    return isinstance(result, dict) and any(entry[1] in _PASSING for entries in result.values() for entry in entries)


def evacuation_refused(round_: Round, *, places_ourselves: bool = False) -> Reason | None:
    """Why the run cannot go on as approved: a VM that cannot move and that the spec does not let us stop.

    With `places_ourselves` want of memory is no reason: XAPI's own placement gives up where a better one is found.
    """
    asked = round_.memory.intent(ASKED)
    if asked is None or asked.state is not IntentState.DONE or not isinstance(asked.result, dict):
        return None
    if any(key.startswith(("DrainHost:", "DisableHost:", "ApplyUpdates:")) for key in round_.memory.intents):
        return None
    stoppable = {vm.uuid for vm in round_.spec.vms if vm.treatment is not VmTreatment.RESTART}
    blocked = [
        (host, str(entry[0]), str(entry[1]))
        for host, entries in asked.result.items()
        for entry in entries
        if host not in round_.memory.skipped
        and entry[0] not in stoppable
        and not (places_ourselves and memory_alone(str(entry[1])))
        and (entry[1] not in _PASSING or asked.attempts >= 5)
    ]
    if not blocked:
        return None
    host, _, code = blocked[0]
    names = ", ".join(sorted({round_.name(entry[1]) for entry in blocked}))
    return because("evacuation.refused", host=round_.name(host), vms=names, count=len(blocked), code=code)
