"""Where a pool's updates come from: its channel, the proxy on the way, and when it looks by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.rollout.errors import RolloutError


class Channel(StrEnum):
    """An update channel as the vendor names it; in XAPI it is an enabled repository."""

    EARLY_ACCESS = "early-access"
    NORMAL = "normal"
    OFFLINE = "offline"

    @property
    def folder(self) -> str:
        """The last part of its repository's address on the vendor's servers; "" for the one that is uploaded."""
        return {Channel.EARLY_ACCESS: "earlyaccess", Channel.NORMAL: "normal"}.get(self, "")


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """One repository that the pool knows. `carries_updates`: not the one with the release's own packages.

    `origin` is ``remote`` (the network), ``bundle`` (uploaded) or ``remote_pool``; `hash` is "" when never synced.
    """

    ref: str
    name: str
    url: str
    origin: str
    carries_updates: bool
    enabled: bool
    hash: str = ""

    @property
    def channel(self) -> Channel | None:
        """The vendor's channel it stands for, None for others (a mirror with another name, a base repository)."""
        if not self.carries_updates:
            return None
        if self.origin == "bundle":
            return Channel.OFFLINE
        folder = self.url.rstrip("/").rpartition("/")[2]
        return next((known for known in Channel if known.folder and known.folder == folder), None)


class Frequency(StrEnum):
    """How often a pool looks for updates by itself."""

    DAILY = "daily"
    WEEKLY = "weekly"


_PROXY = re.compile(r"https?://(?:[\w.-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?/?", re.ASCII)
#: XAPI counts days from Sunday.
DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a pool synchronises by itself; `day` (0 is Sunday) matters for weekly ones, daily ones have 0."""

    frequency: Frequency
    day: int = 0

    def __str__(self) -> str:
        return self.frequency.value if self.frequency is Frequency.DAILY else f"weekly, {DAYS[self.day].capitalize()}"


@dataclass(frozen=True, slots=True)
class HostLevel:
    """How far one host is. `current`: it has everything synced (None while XAPI has not worked that out)."""

    name: str
    current: bool | None
    last_software_update: datetime | None
    last_update_hash: str = ""


@dataclass(frozen=True, slots=True)
class UpdateSettings:
    """Everything about a pool that decides which updates it gets, as it is now. `claim` is who works on the pool.

    `proxy_url` never carries a name or password; `proxy_username` is "" for a proxy that asks for none.
    """

    pool_uuid: str
    pool_name: str
    repositories: tuple[RepositoryFacts, ...]
    proxy_url: str
    proxy_username: str
    schedule: Schedule
    schedule_on: bool
    last_sync: datetime | None
    hosts: tuple[HostLevel, ...]
    claim: str | None = None

    @property
    def enabled(self) -> tuple[RepositoryFacts, ...]:
        """The enabled repositories that carry updates; XAPI wants exactly one."""
        return tuple(entry for entry in self.repositories if entry.enabled and entry.carries_updates)

    @property
    def channel_name(self) -> str:
        """The enabled channel in a word: one of the vendor's, a repository's own name, or ``none``."""
        return " + ".join(entry.channel.value if entry.channel else entry.name for entry in self.enabled) or "none"


def channel_of(word: str) -> Channel:
    """The channel that somebody typed. Raises `RolloutError`."""
    plain = word.lower().replace("_", "-")
    for channel in Channel:
        if plain in (channel.value, channel.folder):
            return channel
    raise RolloutError(f"There is no channel {word!r}.", f"The channels are: {', '.join(Channel)}.")


def schedule_of(words: Sequence[str]) -> Schedule | None:
    """The schedule that somebody typed: ``daily``, ``weekly tuesday`` or ``off`` (None). Raises `RolloutError`."""
    typed = [word.lower() for word in words]
    if typed == ["off"]:
        return None
    if typed == ["daily"]:
        return Schedule(Frequency.DAILY)
    if len(typed) == 2 and typed[0] == "weekly":
        days = [index for index, day in enumerate(DAYS) if len(typed[1]) >= 2 and day.startswith(typed[1])]
        if len(days) == 1:
            return Schedule(Frequency.WEEKLY, days[0])
    raise RolloutError(
        f"{' '.join(words)!r} is no schedule.", "Say `daily`, `weekly` with a day (`weekly tuesday`), or `off`."
    )


def proxy_address(url: str) -> str:
    """The address of a proxy as somebody typed it, checked. Raises `RolloutError`, which never repeats it."""
    given = url.strip()
    if "@" in given:
        raise RolloutError(
            "The proxy's address must not contain a name or password.", "Put them into their own fields."
        )
    if not _PROXY.fullmatch(given):
        raise RolloutError("This is no address of a proxy.", "It looks like http://proxy.example.com:3128.")
    return given


def without_credentials(url: str) -> str:
    """A stored address without the name and password that somebody may have put into it."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url.rpartition("@")[2]
    # A password may contain slashes and signs as it was typed: only what follows the last @ is certain to be none.
    return f"{scheme}://{rest.rpartition('@')[2]}"
