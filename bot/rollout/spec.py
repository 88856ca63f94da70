"""The spec: what people approve.

A spec is intent and bounds, not a script: which hosts get which checksum, how much of the guidance is carried out,
and the most that may be done to each host and VM. The order of hosts, moves and times are a forecast, shown on the
card but outside the digest. Exceeding a bound needs a new approval.

The canonical JSON bytes are stored and hashed once; a stored spec is never serialised again, so a later release
cannot change what somebody approved.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from bot.rollout.errors import InvalidSpec
from bot.rollout.guidance import Level, Task, in_execution_order

#: What a new request is written in that says nothing newer.
SCHEMA = 1
#: What an amendment is written in, which has a number of its own, and whatever chooses its way of work.
AMENDED_SCHEMA = 2
_READABLE = (SCHEMA, AMENDED_SCHEMA)


class StoppedVms(StrEnum):
    """What happens to a VM that cannot be moved off its host."""

    REFUSE = "refuse"
    SUSPEND = "suspend"
    SHUTDOWN = "shutdown"


class VmTreatment(StrEnum):
    """What a spec allows to be done to one VM beyond moving it."""

    SUSPEND = "suspend"
    SHUTDOWN = "shutdown"
    RESTART = "restart"


class VmWay(StrEnum):
    """What is to become of one VM when its host must be emptied, whatever else could be done."""

    USUAL = "usual"
    """Like all others: it moves, and the choice for VMs that cannot move counts for it."""
    MIGRATE = "migrate"
    """It only ever moves, running; where it cannot, the rollout is refused."""
    SUSPEND = "suspend"
    SHUTDOWN = "shutdown"
    LEAVE = "leave"
    """It is not touched at all, so that its host is not either."""


class VmRestarts(StrEnum):
    """Where VMs restart that guidance wants restarted."""

    HOME = "home"
    """On their home host once that is updated; one that is away stops there and starts at home."""
    NOW = "now"
    """As soon as they run on an updated host, wherever that is."""
    PENDING = "pending"
    """Not in this rollout: the task stays pending."""


class Livepatch(StrEnum):
    """Whether a live patch may stand in for the recommended reboot."""

    ACCEPT = "accept"
    REBOOT_ANYWAY = "reboot_anyway"


class OnLivepatchFailure(StrEnum):
    """What happens when a live patch could not be applied and XAPI asks for a reboot instead."""

    ASK = "ask"
    REBOOT = "reboot"


class Preset(StrEnum):
    """How the hosts are worked through: one after the other, or planned ever more boldly."""

    SERIAL = "serial"
    GENTLE = "gentle"
    STANDARD = "standard"
    FAST = "fast"


class Placement(StrEnum):
    """Where moved VMs are in the end: on the hosts they came from, spread evenly, or where they went."""

    HOME = "home"
    BALANCE = "balance"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class VmAllowance:
    """One VM that the rollout may stop, and how; the name is what the approver read."""

    uuid: str
    name: str
    treatment: VmTreatment


@dataclass(frozen=True, slots=True)
class VmRule:
    """What is to become of one VM, because somebody said so or its tag does.

    `order` divides VMs of one host that stop or restart: a smaller number comes back first and goes down last.
    """

    uuid: str
    name: str
    way: VmWay
    order: int = 0


@dataclass(frozen=True, slots=True)
class HostCeiling:
    """One host of the rollout and the most that may be done to it."""

    uuid: str
    name: str
    tasks: frozenset[Task]


@dataclass(frozen=True)
class Spec:
    """Intent and bounds of one rollout (see the module's text).

    `amendment` counts the changes proposed for a running rollout, 0 for what was asked for at first. It makes each
    proposal's digest its own, so that an approval of one can never count for another that says the same.
    """

    pool_uuid: str
    pool_name: str
    checksum: str
    level: Level
    hosts: tuple[HostCeiling, ...]
    vms: tuple[VmAllowance, ...] = ()
    stopped_vms: StoppedVms = StoppedVms.REFUSE
    livepatch: Livepatch = Livepatch.ACCEPT
    on_livepatch_failure: OnLivepatchFailure = OnLivepatchFailure.ASK
    preset: str = Preset.SERIAL.value
    fixes: tuple[str, ...] = ()
    backups: tuple[str, ...] = ()
    kind: str = "cdn"
    schema: int = SCHEMA
    amendment: int = 0
    placement: Placement = Placement.HOME
    max_out: int = 0
    """The most hosts out of service at once; 0 leaves it to the preset."""
    order: tuple[str, ...] = ()
    """Hosts (uuids) that are wanted first, in this order; the coordinator is before all of them."""
    left_out: tuple[tuple[str, str], ...] = ()
    """Hosts (uuid, name) that are not touched although they have updates."""
    pause_points: tuple[str, ...] = ()
    """Where people are asked to let it go on: after the ``coordinator``, after the ``canary``."""
    deadline: datetime | None = None
    """No host is begun that would not be done by then, as far as that can be foreseen."""
    rules: tuple[VmRule, ...] = ()
    """VMs that are not treated like all others."""
    vm_restarts: VmRestarts = VmRestarts.HOME
    vms_at_once: int = 0
    """How many VMs of a host are stopped, started or brought home at a time; 0: as many as usual."""
    evacuate_at_once: int = 0
    """How many VMs XAPI moves at a time where it empties a host itself; 0: as many as it thinks right."""
    network: tuple[str, str] = ("", "")
    """The network (uuid, name) over which VMs move; empty: the management network."""

    def host(self, uuid: str) -> HostCeiling | None:
        """The ceiling of one host, None when the spec does not cover it."""
        return self._ceilings.get(uuid)

    def vm(self, uuid: str) -> VmAllowance | None:
        """What may be done to the VM beyond moving it, None when nothing."""
        return self._allowances.get(uuid)

    @property
    def brings_home(self) -> bool:
        """Whether moved VMs come home again. One host after the other knows no other way."""
        return self.placement is Placement.HOME or self.preset == Preset.SERIAL

    @cached_property
    def _ceilings(self) -> Mapping[str, HostCeiling]:
        return {host.uuid: host for host in reversed(self.hosts)}

    @cached_property
    def _allowances(self) -> Mapping[str, VmAllowance]:
        return {vm.uuid: vm for vm in reversed(self.vms)}

    def rule(self, uuid: str) -> VmRule | None:
        """The rule of its own that the VM has, None for most."""
        return self._own_rules.get(uuid)

    @cached_property
    def _own_rules(self) -> Mapping[str, VmRule]:
        return {rule.uuid: rule for rule in reversed(self.rules)}

    def way(self, uuid: str) -> VmWay | None:
        """What its own rule makes of the VM, None where it has none."""
        rule = self.rule(uuid)
        return rule.way if rule is not None else None

    def place(self, uuid: str) -> int:
        """The VM's place in the order of VMs that stop or restart."""
        rule = self.rule(uuid)
        return rule.order if rule is not None else 0


def chooses_way(spec: Spec) -> bool:
    """Whether the spec says more about its way of work than schema 1 can carry."""
    plain = spec.placement is Placement.HOME and not spec.max_out
    return not plain or bool(spec.order or spec.left_out or spec.pause_points or spec.deadline)


def treats_vms(spec: Spec) -> bool:
    """Whether the spec says more about VMs than schema 1 can carry."""
    ways = spec.rules or spec.vms_at_once or spec.evacuate_at_once or any(spec.network)
    return bool(ways) or spec.vm_restarts is not VmRestarts.HOME


def with_schema(spec: Spec) -> Spec:
    """The spec with a schema that can carry what it says."""
    newer = chooses_way(spec) or treats_vms(spec)
    return replace(spec, schema=AMENDED_SCHEMA) if spec.schema == SCHEMA and newer else spec


def canonical_bytes(spec: Spec) -> bytes:
    """The spec as the bytes that are stored, hashed and approved: sorted keys, no spaces, UTF-8."""
    spec = with_schema(spec)
    document: dict[str, Any] = {
        "schema": spec.schema,
        "kind": spec.kind,
        "pool": {"uuid": spec.pool_uuid, "name": spec.pool_name},
        "checksum": spec.checksum,
        "level": spec.level.value,
        "preset": spec.preset,
        "hosts": [
            {"uuid": host.uuid, "name": host.name, "tasks": [task.value for task in in_execution_order(host.tasks)]}
            for host in sorted(spec.hosts, key=lambda host: host.uuid)
        ],
        "vms": [
            {"uuid": vm.uuid, "name": vm.name, "treatment": vm.treatment.value}
            for vm in sorted(spec.vms, key=lambda vm: (vm.uuid, vm.treatment))
        ],
        "stopped_vms": spec.stopped_vms.value,
        "livepatch": spec.livepatch.value,
        "on_livepatch_failure": spec.on_livepatch_failure.value,
        "fixes": sorted(spec.fixes),
        "backups": sorted(spec.backups),
    }
    if spec.amendment:
        document["amendment"] = spec.amendment
    if chooses_way(spec):
        document |= {
            "placement": spec.placement.value,
            "max_out": spec.max_out,
            "order": list(spec.order),
            "left_out": [{"uuid": uuid, "name": name} for uuid, name in sorted(spec.left_out)],
            "pause_points": sorted(spec.pause_points),
        }
    if spec.deadline is not None:
        document["deadline"] = spec.deadline.astimezone(UTC).isoformat()
    if treats_vms(spec):
        document["vm_policy"] = {
            "rules": [
                {"uuid": rule.uuid, "name": rule.name, "way": rule.way.value, "order": rule.order}
                for rule in sorted(spec.rules, key=lambda rule: rule.uuid)
            ],
            "restarts": spec.vm_restarts.value,
            "at_once": spec.vms_at_once,
            "evacuate_at_once": spec.evacuate_at_once,
            "network": {"uuid": spec.network[0], "name": spec.network[1]},
        }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_of(stored: bytes) -> str:
    """The digest approvals belong to: SHA-256 of the stored bytes, in hex."""
    return hashlib.sha256(stored).hexdigest()


def parse_spec(stored: bytes) -> Spec:
    """The spec behind stored bytes.

    Raises `InvalidSpec` for bytes of an unknown schema or with missing parts.
    """
    try:
        data: dict[str, Any] = json.loads(stored)
        if data["schema"] not in _READABLE:
            raise InvalidSpec(
                f"The stored spec has schema {data['schema']}, this release reads up to {_READABLE[-1]}.",
                "Finish the rollout with the release that started it, or abort it and ask for a new one.",
            )
        policy = data.get("vm_policy", {})
        return Spec(
            pool_uuid=data["pool"]["uuid"],
            pool_name=data["pool"]["name"],
            checksum=data["checksum"],
            level=Level(data["level"]),
            hosts=tuple(
                HostCeiling(host["uuid"], host["name"], frozenset(map(Task, host["tasks"]))) for host in data["hosts"]
            ),
            vms=tuple(VmAllowance(vm["uuid"], vm["name"], VmTreatment(vm["treatment"])) for vm in data["vms"]),
            stopped_vms=StoppedVms(data["stopped_vms"]),
            livepatch=Livepatch(data["livepatch"]),
            on_livepatch_failure=OnLivepatchFailure(data["on_livepatch_failure"]),
            preset=data["preset"],
            fixes=tuple(data["fixes"]),
            backups=tuple(data["backups"]),
            kind=data["kind"],
            schema=data["schema"],
            amendment=data.get("amendment", 0),
            placement=Placement(data.get("placement", Placement.HOME.value)),
            max_out=int(data.get("max_out", 0)),
            order=tuple(data.get("order", ())),
            left_out=tuple((host["uuid"], host["name"]) for host in data.get("left_out", ())),
            pause_points=tuple(data.get("pause_points", ())),
            deadline=datetime.fromisoformat(data["deadline"]) if data.get("deadline") else None,
            rules=tuple(
                VmRule(rule["uuid"], rule["name"], VmWay(rule["way"]), int(rule["order"]))
                for rule in policy.get("rules", ())
            ),
            vm_restarts=VmRestarts(policy.get("restarts", VmRestarts.HOME.value)),
            vms_at_once=int(policy.get("at_once", 0)),
            evacuate_at_once=int(policy.get("evacuate_at_once", 0)),
            network=(policy["network"]["uuid"], policy["network"]["name"]) if "network" in policy else ("", ""),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidSpec(
            f"The stored spec cannot be read: {error!r}.",
            "Check the database with `xsbot audit verify`; the rollout itself can be aborted and asked for anew.",
        ) from error
