"""Handles to a simulated host or VM: where it stands, and faults in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.lab.pool import LabPool


@dataclass(frozen=True, slots=True)
class LabHost:
    """One simulated host. `fingerprint` is the SHA-256 of its certificate's DER form, lower-case hex."""

    pool: LabPool = field(repr=False, compare=False)
    name: str
    uuid: str
    url: str
    address: str
    fingerprint: str

    def _get(self, name: str) -> Any:
        world = self.pool.world
        return self.pool.run(lambda: world.db.get("host", world.machines[self.name].ref, name))

    @property
    def ref(self) -> str:
        """Its OpaqueRef."""
        return self.pool.world.machines[self.name].ref

    @property
    def plain_url(self) -> str:
        """Its address without TLS, where it only says that it has moved."""
        return self.pool.plain_url(self.name)

    @property
    def enabled(self) -> bool:
        """host.enabled."""
        return bool(self._get("enabled"))

    @property
    def state(self) -> str:
        """up, starting, emergency, stopped or down."""
        return self.pool.run(lambda: self.pool.world.machines[self.name].state)

    @property
    def last_update_hash(self) -> str:
        """host.last_update_hash."""
        return str(self._get("last_update_hash"))

    @property
    def software_version(self) -> dict[str, str]:
        """host.software_version."""
        return dict(self._get("software_version"))

    @property
    def pending(self) -> dict[str, list[str]]:
        """The three pending lists by level."""
        return {
            "mandatory": list(self._get("pending_guidances")),
            "recommended": list(self._get("pending_guidances_recommended")),
            "full": list(self._get("pending_guidances_full")),
        }

    @property
    def resident_vms(self) -> list[str]:
        """Names of the guests running here."""
        world = self.pool.world
        return self.pool.run(lambda: sorted(world.name("VM", vm) for vm in world.guests(world.machines[self.name].ref)))

    def never_returns(self, on: bool = True) -> None:
        """After its next reboot it stays away; `on=False` lets it come back now."""
        self.pool.fault("host_never_returns", host=self.name, on=on)

    def apply_fails(self, times: int = 1) -> None:
        """The next applies on it fail."""
        self.pool.fault("apply_fails", host=self.name, times=times)

    def livepatch_fails(self, on: bool = True) -> None:
        """Live patches fail on it."""
        self.pool.fault("livepatch_fails", host=self.name, on=on)

    def takes_over(self) -> None:
        """It makes itself the pool's coordinator."""
        self.pool.fault("coordinator_replaced", host=self.name)

    def drop_connections(self) -> None:
        """Every open connection to it is reset now."""
        self.pool.fault("drop_connections", host=self.name)


@dataclass(frozen=True, slots=True)
class LabVm:
    """One simulated VM."""

    pool: LabPool = field(repr=False, compare=False)
    name: str

    def _record(self) -> dict[str, Any]:
        world = self.pool.world
        return self.pool.run(lambda: dict(world.db.record("VM", world.db.find("VM", name_label=self.name))))

    @property
    def ref(self) -> str:
        """Its OpaqueRef."""
        return self.pool.run(lambda: self.pool.world.db.find("VM", name_label=self.name))

    @property
    def power_state(self) -> str:
        """Running, Halted, Suspended or Paused."""
        return str(self._record()["power_state"])

    @property
    def resident_on(self) -> str:
        """The name of the host it runs on, empty if it runs nowhere."""
        return self.pool.run(lambda: self.pool.world.name("host", self._record()["resident_on"]))

    @property
    def blocked(self) -> bool:
        """Whether its owner blocked its migration."""
        return "pool_migrate" in self._record()["blocked_operations"]

    @property
    def pending(self) -> dict[str, list[str]]:
        """The three pending lists by level."""
        record = self._record()
        return {
            "mandatory": list(record["pending_guidances"]),
            "recommended": list(record["pending_guidances_recommended"]),
            "full": list(record["pending_guidances_full"]),
        }

    def migration_fails(self, times: int = 1) -> None:
        """Its next migrations fail half-way."""
        self.pool.fault("migration_fails", vm=self.name, times=times)

    def refuses_migration(self, on: bool = True) -> None:
        """Somebody blocked its migration."""
        self.pool.fault("evacuation_blocked", vm=self.name, on=on)

    def started_by_somebody(self, host: str) -> None:
        """Somebody else starts it on, or moves it to, the host."""
        self.pool.fault("vm_started", vm=self.name, host=host)
