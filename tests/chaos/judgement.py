"""What became of pools, database and messages at the end of a run: figures, and every broken promise in words.

The pools are judged by the lab's own state and logs, never by what the bot believes; its beliefs are then asked whether
they list what is not as it was.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlmodel import col, select

from bot.lab.journal import Call, Effect
from bot.lab.pool import LabPool
from bot.lab.slack import LabSlack
from bot.rollout.lifecycle import TERMINAL, State
from bot.rollout.memory import Debt, DebtKind
from storage import audit, debts
from storage.database import Database, Session
from storage.tables import AuditRow, RolloutRow

_HEAD = re.compile(r"chain head `?([0-9a-f]{12,64})")
_CLAIM = "xsbot:rollout"
#: What of a host's turn the story of one that was rebooted too often tells.
_TURNS = ("apply_", "livepatch_", "host_", "toolstack_")
_TURN_CALLS = ("host.apply_updates", "host.reboot", "host.restart_agent", "host.enable", "host.disable")
#: Who did it, in effects that are nobody's work but the lab's.
_OTHERS = ("somebody", "power_loss", "auto_poweron")
#: Effects that only say how things are.
_NO_EFFECT = frozenset({"fault", "rolling_upgrade", "host_assumed_dead", "synced", "host_ready", "member_reconnected"})
#: What an aborted or failed rollout may leave switched, and the debt that lists it.
_SETTINGS = {
    "wlb_enabled": DebtKind.WLB,
    "wlb_url": DebtKind.WLB,
    "update_sync_enabled": DebtKind.SYNC_SCHEDULE,
    "update_sync_frequency": DebtKind.SYNC_SCHEDULE,
    "update_sync_day": DebtKind.SYNC_SCHEDULE,
    "snapshot_schedules": DebtKind.SNAPSHOT_SCHEDULE,
}


@dataclass
class Judgement:
    """The figures about pools and database; `broken` has one sentence for every promise that was not kept."""

    effects: int = 0
    repeated_effects: int = 0
    double_reboots: int = 0
    vms_lost: int = 0
    settings_left_off: int = 0
    listed: int = 0
    unfinished: int = 0
    asking: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    audit_ok: bool = False
    broken: list[str] = field(default_factory=list)


def judge(pools: dict[str, LabPool], database: Database, slack: LabSlack) -> Judgement:
    """Judge everything but the messages."""
    found = Judgement()
    with database.reading() as tx:
        rows = list(tx.exec(select(RolloutRow).order_by(col(RolloutRow.id))).all())
        _look_at_states(tx, rows, found)
        _look_at_audit(tx, slack, found)
        for alias, pool in pools.items():
            mine = [row for row in rows if row.pool_alias == alias]
            _look_at_pool(tx, alias, pool, mine, found)
    return found


# ---------------------------------------------------------------------------------------------------- the database


def _look_at_states(tx: Session, rows: Iterable[RolloutRow], found: Judgement) -> None:
    for row in rows:
        found.ends[row.state.value] += 1
        if row.state is State.NEEDS_ATTENTION:
            found.asking += 1
        elif row.state not in TERMINAL:
            found.unfinished += 1
            found.broken.append(f"rollout {row.id} of {row.pool_alias} is still {row.state.value}: {row.headline}")
        starts = [
            event for event in audit.recent(tx, limit=100_000, rollout_id=row.id) if _code(event) == "rollout.started"
        ]
        if len(starts) > 1:
            found.broken.append(f"rollout {row.id} was started {len(starts)} times")


def _code(event: AuditRow) -> str:
    return str(event.document["reason"]["code"])


def _look_at_audit(tx: Session, slack: LabSlack, found: Judgement) -> None:
    heads = [match[1] for message in slack.messages("xs-audit") if (match := _HEAD.search(message.text))]
    results = [audit.verify(tx, head) for head in heads[-1:]] or [audit.verify(tx)]
    found.audit_ok = all(result.ok for result in results)
    found.broken += [f"the audit trail: {result.problem}" for result in results if not result.ok]


# ---------------------------------------------------------------------------------------------------- one pool


def _look_at_pool(tx: Session, alias: str, pool: LabPool, rows: list[RolloutRow], found: Judgement) -> None:
    effects, calls = pool.effects, [call for call in pool.calls if call.user == pool.username]
    ours = [effect for effect in effects if effect.kind not in _NO_EFFECT and effect.detail.get("by") not in _OTHERS]
    found.effects += len(ours)
    for what, count in _restarts(effects, "host_rebooted").items():
        found.double_reboots += count
        told = "; ".join(_story(tx, pool, what, rows))
        found.broken.append(f"{alias}: {what} was rebooted {count} times too often: {told}")
    for what, count in _restarts(ours, "toolstack_restarted").items():
        found.repeated_effects += count
        found.broken.append(f"{alias}: the toolstack of {what} was restarted {count} times too often")
    for what in _applied_again(pool, effects, calls):
        found.repeated_effects += 1
        found.broken.append(f"{alias}: {what}")
    found.broken += [f"{alias}: {violation}" for violation in pool.verdict().violations]
    found.broken += [f"{alias}: {claim}" for claim in _claims(calls, rows)]
    owed = debts.open_debts(tx, pool.uuid)
    if any(row.state not in TERMINAL for row in rows):
        # What a rollout that asks people still holds is listed in its call for attention.
        found.listed += len(owed)
    _look_at_vms(alias, pool, effects, owed, found)
    _look_at_settings(alias, pool, owed, found)


def _restarts(effects: Iterable[Effect], kind: str) -> Counter[str]:
    """Host → restarts beyond the one that each installation of updates is a reason for."""
    since: Counter[str] = Counter()
    too_often: Counter[str] = Counter()
    for effect in effects:
        if effect.kind in ("apply_done", "livepatch_failed"):
            since[effect.host] = 0
        elif effect.kind == kind and effect.detail.get("by") not in _OTHERS:
            since[effect.host] += 1
            if since[effect.host] > 1:
                too_often[effect.host] += 1
    return too_often


def _story(tx: Session, pool: LabPool, host: str, rows: Iterable[RolloutRow]) -> list[str]:
    """What happened to the host, what was asked of it, and what the trail says of it, in the order of time."""
    machine = next(machine for machine in pool.hosts if machine.name == host)
    seen = [
        (effect.at, effect.kind) for effect in pool.effects if effect.host == host and effect.kind.startswith(_TURNS)
    ]
    seen += [
        (call.at, f"{call.method} by {call.user}: {call.outcome}")
        for call in pool.calls
        if call.method.removeprefix("Async.") in _TURN_CALLS and machine.ref in call.params
    ]
    for row in rows:
        seen += [
            (event.at, f"rollout {row.id}: {event.action}: {event.sentence}")
            for event in tx.exec(select(AuditRow).where(AuditRow.rollout_id == row.id)).all()
            if event.action.startswith("rollout.") or host in event.sentence
        ]
    return [f"{at:%H:%M:%S} {what}" for at, what in sorted(seen)]


def _applied_again(pool: LabPool, effects: list[Effect], calls: Iterable[Call]) -> list[str]:
    """Hosts that were asked to install what they had installed already, live patches that failed excepted."""
    names = {host.ref: host.name for host in pool.hosts}
    done: dict[str, list[Effect]] = defaultdict(list)
    failed: dict[str, list[Effect]] = defaultdict(list)
    for effect in effects:
        if effect.kind == "apply_done":
            done[effect.host].append(effect)
        elif effect.kind == "livepatch_failed":
            failed[effect.host].append(effect)
    asked: dict[tuple[str, str], Call] = {}
    again = []
    for call in calls:
        if call.method.removeprefix("Async.") != "host.apply_updates" or call.outcome != "ok":
            continue
        host, checksum = names[str(call.params[1])], str(call.params[2])
        before = asked.get((host, checksum))
        installed = before is not None and any(before.at <= effect.at < call.at for effect in done[host])
        patching = any(effect.at < call.at for effect in failed[host])
        if installed and not patching:
            again.append(f"{host} was asked at {call.at:%H:%M:%S} to install {checksum[:12]} once more")
        asked[host, checksum] = call
    return again


def _claims(calls: Iterable[Call], rows: Iterable[RolloutRow]) -> list[str]:
    """The claim on the pool is taken by one rollout at a time, and by those of this pool only."""
    known = {f"chaos/{row.id}" for row in rows}
    holder = ""
    wrong = []
    for call in calls:
        if call.outcome != "ok" or not call.method.endswith("_other_config") or _CLAIM not in call.params:
            continue
        if call.method == "pool.remove_from_other_config":
            holder = ""
            continue
        owner = str(call.params[-1])
        if owner not in known:
            wrong.append(f"it was claimed by {owner}, which is no rollout of it")
        if holder and holder != owner:
            wrong.append(f"{owner} claimed it while {holder} held it")
        holder = owner
    return wrong


def _look_at_vms(alias: str, pool: LabPool, effects: Iterable[Effect], owed: Iterable[Debt], found: Judgement) -> None:
    """VMs that are not as they began must be listed, or somebody else must have changed them."""
    touched = {effect.vm for effect in effects if effect.detail.get("by") in _OTHERS}
    listed = {
        debt.label for debt in owed if debt.kind in (DebtKind.VM_HOME, DebtKind.VM_STOPPED, DebtKind.VM_SUSPENDED)
    }
    for vm, where in pool.verdict().vms_away.items():
        if vm in listed:
            found.listed += 1
        elif vm not in touched:
            found.vms_lost += 1
            found.broken.append(f"{alias}: {vm} began {where['began']} and is {where['is']}; nobody says so")
    running = Counter(name for host in pool.hosts for name in host.resident_vms)
    for vm, count in running.items():
        if count > 1:
            found.vms_lost += 1
            found.broken.append(f"{alias}: {vm} runs {count} times")


def _look_at_settings(alias: str, pool: LabPool, owed: Iterable[Debt], found: Judgement) -> None:
    kinds = {debt.kind for debt in owed}
    hosts_owed = {debt.label for debt in owed if debt.kind is DebtKind.HOST_ENABLED}
    verdict = pool.verdict()
    off = []
    if not verdict.ha_restored:
        off.append(("high availability", DebtKind.HA in kinds))
    for name in verdict.settings_changed:
        if name == "hosts_enabled":
            off += [(f"{host.name} in service", host.name in hosts_owed) for host in pool.hosts if not host.enabled]
        elif name == "other_config":
            off.append(("other_config", bool(kinds & {DebtKind.AUTO_POWERON, DebtKind.CLAIM})))
        else:
            off.append((name, _SETTINGS[name] in kinds))
    for what, is_listed in off:
        if is_listed:
            found.listed += 1
        else:
            found.settings_left_off += 1
            found.broken.append(f"{alias}: {what} is not as it was, and nothing lists it")
