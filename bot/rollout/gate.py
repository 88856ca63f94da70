"""The gate after each host's turn: is the host as well as it was before? Only then the next host is touched.

`complaints` says what is wrong on a full look at the pool; `through` asks for that look, waits as long as things may
take, and asks people when something stays wrong. An approver's word to go on anyway is kept with the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.rollout.action import AskHealth, MigrateVm, ResumeVm, StartVm, TakeStock
from bot.rollout.memory import IntentState, Memory, Patience
from bot.rollout.model import Host, PoolSnapshot, PowerState
from bot.rollout.pursuit import Round
from bot.rollout.reason import Reason, because
from bot.rollout.stock import hosts_in, vms_in

#: Between two looks at a host that is not well yet.
_LOOK_AGAIN = timedelta(seconds=15)
#: What is done to a host or its VMs; the gate's patience counts from the last of them.
_TURN = ("ApplyUpdates", "RebootHost", "RestartToolstack", "EnableHost")
_HOMECOMING = tuple(f"{kind.__name__}:" for kind in (MigrateVm, ResumeVm, StartVm))


def health_of(
    before: Mapping[str, Any] | None,
    snapshot: PoolSnapshot,
    host: str,
    checksum: str,
    left_alone: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """What an intent keeps of one look at a host; see `complaints`."""
    found = complaints(before, snapshot, host, checksum, left_alone)
    return {"complaints": [reason.as_dict() for reason in found], "accepted": ""}


def accepted(result: object, who: str) -> dict[str, Any]:
    """The same with the word of an approver that the rollout goes on anyway."""
    kept = dict(result) if isinstance(result, dict) else {"complaints": []}
    return {**kept, "accepted": who}


def complaints(
    before: Mapping[str, Any] | None,
    snapshot: PoolSnapshot,
    host: str,
    checksum: str,
    left_alone: frozenset[str] = frozenset(),
) -> tuple[Reason, ...]:
    """What is wrong with the host after its turn, compared with how it was before the rollout.

    `checksum` is "" where the rollout installs nothing.
    `left_alone` are VMs that other people stopped while they were owed back: that was seen, and is listed at the end.
    `before` is the stock taken then. Without one nobody knows what was down already, so only the host itself counts.
    """
    record = snapshot.host(host)
    if record is None:
        return ()
    if not record.live:
        return (because("gate.not_live", host=record.name),)
    vms = {uuid: kept for uuid, kept in vms_in(before).items() if uuid not in left_alone}
    return tuple(_complaints(record, snapshot, checksum, hosts_in(before).get(host, {}), vms))


def _complaints(
    host: Host, snapshot: PoolSnapshot, checksum: str, was: Mapping[str, Any], vms: Mapping[str, list[Any]]
) -> Iterator[Reason]:
    if not host.enabled and was.get("enabled", True):
        yield because("gate.not_enabled", host=host.name)
    if checksum and host.last_update_hash != checksum and host.latest_synced_updates_applied == "no":
        yield because("gate.old_level", host=host.name)
    if not was:
        return
    missing = [uuid for uuid in host.unplugged_srs if uuid not in was.get("unplugged", ())]
    if missing:
        names = [sr.name if (sr := snapshot.sr(uuid)) else uuid for uuid in missing]
        yield because("gate.storage", host=host.name, storage=", ".join(sorted(names)))
    for code, devices, known in (
        ("gate.links", host.links_down, was.get("links_down", ())),
        ("gate.bonds", host.bonds_degraded, was.get("bonds_degraded", ())),
    ):
        down = [device for device in devices if device not in known]
        if down:
            yield Reason(code, {"host": host.name, "devices": ", ".join(down)})
    yield from _guests(host, snapshot, vms)


def _guests(host: Host, snapshot: PoolSnapshot, vms: Mapping[str, list[Any]]) -> Iterator[Reason]:
    running = PowerState.RUNNING
    here = {uuid: kept for uuid, kept in vms.items() if kept[2] == host.uuid and kept[1] == running.value}
    stopped, silent = [], []
    for uuid in here:
        vm = snapshot.vm(uuid)
        if vm is None:
            continue  # somebody removed it meanwhile
        if vm.power_state is not running:
            stopped.append(vm.name)
        elif here[uuid][3] and vm.agent_live is False:
            silent.append(vm.name)
    if stopped:
        yield because("gate.vms_stopped", host=host.name, vms=", ".join(sorted(stopped)), count=len(stopped))
    if silent:
        yield because("gate.agents_silent", host=host.name, vms=", ".join(sorted(silent)), count=len(silent))


def stock_before(memory: Memory) -> Mapping[str, Any] | None:
    """How the pool was before the rollout, None when that was not written down."""
    return _result(memory, TakeStock(moment="before").key)


def take_stock(round_: Round, moment: str) -> bool:
    """Have the pool's state written down; True when it is, or cannot be at the end, where nothing hangs on it."""
    action = TakeStock(moment=moment)
    if _result(round_.memory, action.key) is not None:
        return True
    if moment == "after" and stock_before(round_.memory) is None:
        return True  # there is nothing to compare it with
    intent = round_.memory.intent(action.key)
    if moment == "after" and intent is not None and intent.state is IntentState.FAILED and not intent.transient:
        return True
    round_.pursue(action, because("stock.taking", moment=moment))
    return False


def through(round_: Round, host: Host) -> bool:
    """Whether the next host may be touched; asks for a look, or people, otherwise."""
    ask = AskHealth(host=host.uuid)
    result = _result(round_.memory, ask.key)
    looking = because("host.checking", host=host.name)
    if result is None:
        round_.pursue(ask, looking)
        return False
    found = [Reason.from_dict(entry) for entry in result.get("complaints", ())]
    if not found or result.get("accepted"):
        return True
    intent = round_.memory.intent(ask.key)
    looked = (intent.finished_at or intent.started_at) if intent is not None else round_.now
    since = _turn_ended(round_, host) or looked
    patience = max(_patience(reason, round_.memory.patience) for reason in found)
    if looked - since > patience:
        round_.problem(_failed(host, found), ask.key)
    elif round_.now - looked >= _LOOK_AGAIN:
        round_.step(ask, looking)
    else:
        round_.look_again((_LOOK_AGAIN - (round_.now - looked)).total_seconds() + 0.5, looking)
    return False


def _failed(host: Host, found: list[Reason]) -> Reason:
    """One complaint has its own sentence; several are counted and named by their kind."""
    if len(found) == 1:
        return found[0]
    what = ", ".join(reason.code.removeprefix("gate.").replace("_", " ") for reason in found)
    return because("gate.failed", host=host.name, count=len(found), what=what)


def _result(memory: Memory, key: str) -> dict[str, Any] | None:
    intent = memory.intent(key)
    done = intent is not None and intent.state is IntentState.DONE
    return intent.result if done and intent is not None and isinstance(intent.result, dict) else None


def _turn_ended(round_: Round, host: Host) -> datetime | None:
    """When the last thing was done to the host, or a VM came home."""
    turn = {f"{kind}:{host.uuid}" for kind in _TURN}
    ends = [
        intent.finished_at
        for key, intent in round_.memory.intents.items()
        if intent.finished_at is not None and (key in turn or key.startswith(_HOMECOMING))
    ]
    return max(ends, default=None)


def _patience(reason: Reason, patience: Patience) -> timedelta:
    kind = reason.code.removeprefix("gate.")
    if kind == "storage":
        return patience.storage
    return patience.guests if kind in ("vms_stopped", "agents_silent") else patience.links
