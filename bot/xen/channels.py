"""A pool's update channel, proxy and sync schedule: looked at, and changed one call at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.rollout.channel import (
    Channel,
    Frequency,
    HostLevel,
    RepositoryFacts,
    Schedule,
    UpdateSettings,
    without_credentials,
)
from bot.rollout.model import CLAIM_KEY
from bot.xen import wire
from bot.xen.connection import PoolConnection
from bot.xen.wire import Record

#: Name and description under which we introduce a repository that the pool does not know yet.
_NAMES = {
    Channel.EARLY_ACCESS: ("early_access_repo", "Early Access"),
    Channel.NORMAL: ("normal_repo", "Normal"),
    Channel.OFFLINE: ("offline_repo", "Offline"),
}
_BASE = ("base_repo", "Base")

_Effect = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Vendor:
    """Where the vendor's repositories are: each channel is a folder below these, and so is ``base``."""

    binary_url: str
    source_url: str


class Channels:
    """The part of a gateway that looks at and changes where updates come from. Raises XenError.

    What changes something takes `still`, which is asked right before each effect whether the pool is still the
    caller's: what it raises ends the change there, and is raised.
    """

    _connection: PoolConnection

    def update_settings(self) -> UpdateSettings:
        """Look at everything that decides which updates the pool gets; three calls."""
        read = self._connection.read
        pool = next(iter(read("pool.get_all_records").values()))
        enabled = wire.texts(pool, "repositories")
        repositories = read("Repository.get_all_records")
        hosts = sorted(read("host.get_all_records").values(), key=lambda host: wire.text(host, "name_label"))
        weekly = wire.text(pool, "update_sync_frequency") != Frequency.DAILY
        return UpdateSettings(
            pool_uuid=wire.text(pool, "uuid"),
            pool_name=wire.text(pool, "name_label"),
            repositories=tuple(
                sorted(
                    (_repository(ref, record, ref in enabled) for ref, record in repositories.items()),
                    key=lambda entry: (not entry.enabled, entry.carries_updates, entry.name),
                )
            ),
            proxy_url=without_credentials(wire.text(pool, "repository_proxy_url")),
            proxy_username=wire.text(pool, "repository_proxy_username"),
            schedule=Schedule(
                Frequency.WEEKLY if weekly else Frequency.DAILY,
                wire.integer(pool, "update_sync_day") % 7 if weekly else 0,
            ),
            schedule_on=wire.flag(pool, "update_sync_enabled"),
            last_sync=wire.moment(pool.get("last_update_sync")),
            hosts=tuple(_level(host) for host in hosts),
            claim=wire.mapping(pool, "other_config").get(CLAIM_KEY),
        )

    def set_channel(self, channel: Channel, vendor: Vendor, still: Callable[[], object]) -> None:
        """Make `channel` the only one enabled: the old one is disabled first, the new one introduced when the pool
        does not know it. A channel that fails in the middle leaves the pool without one, and can be asked for again.
        """
        effect, pool = self._effects(still), self._pool()
        known = self.update_settings().repositories
        wanted = next((entry.ref for entry in known if entry.channel is channel), "")
        wanted = wanted or _introduce(effect, channel, vendor)
        base = next((entry.ref for entry in known if _is_base(entry)), "")
        if channel is not Channel.OFFLINE and not base:
            base = _introduce(effect, None, vendor)
        for entry in known:
            # What is uploaded must be the only repository; over the network the release's own one stays.
            if entry.enabled and entry.ref != wanted and (entry.ref != base or channel is Channel.OFFLINE):
                effect("pool.remove_repository", pool, entry.ref)
        enabled = {entry.ref for entry in known if entry.enabled}
        for ref in (base, wanted) if channel is not Channel.OFFLINE else (wanted,):
            if ref not in enabled:
                effect("pool.add_repository", pool, ref)

    def set_proxy(self, url: str, username: str, password: str, still: Callable[[], object]) -> None:
        """Reach the update channel through a proxy."""
        self._effects(still)("pool.configure_repository_proxy", self._pool(), url, username, password)

    def remove_proxy(self, still: Callable[[], object]) -> None:
        """Reach the update channel without a proxy."""
        self._effects(still)("pool.disable_repository_proxy", self._pool())

    def set_schedule(self, schedule: Schedule | None, still: Callable[[], object]) -> None:
        """Have the pool synchronise by itself at these times, or never (None; the times it had are kept)."""
        effect, pool = self._effects(still), self._pool()
        if schedule is not None:
            effect("pool.configure_update_sync", pool, schedule.frequency.value, str(schedule.day))
        effect("pool.set_update_sync_enabled", pool, schedule is not None)

    def _effects(self, still: Callable[[], object]) -> _Effect:
        def effect(method: str, *params: Any) -> Any:
            still()
            return self._connection.effect(method, *params)

        return effect

    def _pool(self) -> str:
        return str(self._connection.read("pool.get_all")[0])


def _introduce(effect: _Effect, channel: Channel | None, vendor: Vendor) -> str:
    name, description = _NAMES[channel] if channel is not None else _BASE
    if channel is Channel.OFFLINE:
        return str(effect("Repository.introduce_bundle", name, description))
    folder = channel.folder if channel is not None else "base"
    urls = (f"{vendor.binary_url.rstrip('/')}/{folder}", f"{vendor.source_url.rstrip('/')}/{folder}")
    return str(effect("Repository.introduce", name, description, *urls, channel is not None, ""))


def _is_base(entry: RepositoryFacts) -> bool:
    return not entry.carries_updates and entry.origin == "remote"


def _repository(ref: str, record: Record, enabled: bool) -> RepositoryFacts:
    return RepositoryFacts(
        ref=ref,
        name=wire.text(record, "name_label"),
        url=without_credentials(wire.text(record, "binary_url")),
        origin=wire.text(record, "origin") or "remote",
        carries_updates=wire.flag(record, "update"),
        enabled=enabled,
        hash=wire.text(record, "hash"),
    )


def _level(host: Record) -> HostLevel:
    applied = wire.text(host, "latest_synced_updates_applied")
    return HostLevel(
        name=wire.text(host, "name_label"),
        current={"yes": True, "no": False}.get(applied),
        last_software_update=wire.moment(host.get("last_software_update")),
        last_update_hash=wire.text(host, "last_update_hash"),
    )
