"""Small pools to talk about: three hosts with two VMs each, updates that ask every host to reboot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.rollout.checks import Facts
from bot.rollout.guidance import Guidance, guidance_of
from bot.rollout.model import (
    VM,
    AvailableUpdates,
    Host,
    HostUpdates,
    Pool,
    PoolSnapshot,
    PowerState,
    Repository,
    VmBlocker,
)
from bot.rollout.proposal import Choices

NOW = datetime(2026, 3, 7, 9, 0, tzinfo=UTC)
OLD, NEW = "0" * 64, "a1b2c3" + "0" * 58
GIB = 2**30

REBOOT = guidance_of(recommended=["RebootHost"])
NO_BLOCKERS: Mapping[str, tuple[VmBlocker, ...]] = {}
DEFAULTS = Choices()


def host(number: int, **changes: Any) -> Host:
    """xs-01, xs-02, …; the first is the coordinator."""
    made = Host(
        ref=f"OpaqueRef:host-{number}",
        uuid=f"host-{number}",
        name=f"xs-{number:02}",
        address=f"10.0.0.{number}",
        is_coordinator=number == 1,
        last_update_hash=OLD,
        last_software_update=NOW - timedelta(days=40),
    )
    return replace(made, **changes)


def vm(name: str, on: int | None, **changes: Any) -> VM:
    """A running VM of 4 GiB."""
    made = VM(
        ref=f"OpaqueRef:{name}",
        uuid=f"vm-{name}",
        name=name,
        resident_on=f"host-{on}" if on is not None else None,
        power_state=PowerState.RUNNING if on is not None else PowerState.HALTED,
        memory=4 * GIB,
    )
    return replace(made, **changes)


def pool_of(
    hosts: Iterable[Host] | None = None, vms: Iterable[VM] | None = None, checksum: str = NEW, **pool: Any
) -> PoolSnapshot:
    """A pool that was synchronised yesterday; `pool` changes fields of its record."""
    hosts = tuple(hosts) if hosts is not None else tuple(host(number) for number in (1, 2, 3))
    if vms is None:
        vms = [vm(f"{name}{here.uuid[-1]}", int(here.uuid[-1])) for here in hosts for name in ("web", "db")]
    record = Pool(
        ref="OpaqueRef:pool",
        uuid="pool-1",
        name="prod",
        coordinator=hosts[0].uuid if hosts else "",
        last_update_sync=NOW - timedelta(days=1),
    )
    repository = Repository("OpaqueRef:repo", "repo-1", "Normal", hash=checksum)
    return PoolSnapshot(NOW, replace(record, **pool), hosts, tuple(vms), repository=repository)


def updates_of(
    snapshot: PoolSnapshot, guidance: Guidance = REBOOT, checksum: str = NEW, **each: Any
) -> AvailableUpdates:
    """The same update for every host of the pool."""
    fields: dict[str, Any] = {"rpms": ("kernel-4.19.0-8.0.32.x86_64.rpm",), "updates": ("UP-1",), **each}
    return AvailableUpdates(checksum, tuple(HostUpdates(here.uuid, guidance, **fields) for here in snapshot.hosts))


def facts_of(
    snapshot: PoolSnapshot,
    updates: AvailableUpdates | None = None,
    blockers: Mapping[str, tuple[VmBlocker, ...]] | None = None,
    choices: Choices = DEFAULTS,
    *,
    unread: bool = False,
    owner: str = "bot-1",
) -> Facts:
    """Facts of a pool that XAPI was asked about; `unread` when it could not say which updates there are."""
    known = None if unread else updates or updates_of(snapshot)
    asked = {here.uuid: () for here in snapshot.hosts} if blockers is None else blockers
    return Facts(snapshot, known, choices, asked, snapshot.taken_at, owner)
