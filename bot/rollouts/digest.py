"""The weekly digest: how pools are at one moment, and when which channel is told.

What counts as told is decided by the database (`storage.digests`); that is what keeps two clocks, and a clock that
begins anew, from telling it twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.rollout.checks.update_age import NEARLY_TOO_OLD
from bot.rollout.model import AvailableUpdates
from bot.rollout.window import Span
from bot.rollouts.desk import Desk
from bot.rollouts.hours import openings_of
from bot.rollouts.standing import PoolStanding, pool_standings
from bot.settings import Settings
from storage import digests, freezes
from storage.database import Session
from storage.pools import known_updates
from storage.tables import FreezeRow

#: A digest that could not be told in time is told so late at most: a Monday's news are none on Wednesday.
LATEST = timedelta(hours=12)
_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class DigestPool:
    """One pool at the moment of the digest.

    `openings` are its maintenance windows that open within a week, else the next one; `age` is how long ago the host
    that lags most was updated, None while that is not known; `old_sync` says that the pool's own list of updates is
    old, or that it has none.
    """

    standing: PoolStanding
    updates: AvailableUpdates | None
    openings: tuple[Span, ...] = ()
    freeze: FreezeRow | None = None
    age: timedelta | None = None
    old_sync: bool = False

    @property
    def behind(self) -> int:
        """Hosts that have something to install, or to do for what was installed."""
        return 0 if self.updates is None else sum(host.anything for host in self.updates.hosts)

    @property
    def pending(self) -> int:
        """Hosts with tasks that earlier updates left."""
        return 0 if self.standing.row is None else self.standing.row.pending_hosts

    @property
    def nearly_too_old(self) -> bool:
        """Whether it is behind, and comes near the age from which updates are supported no more."""
        return bool(self.behind) and self.age is not None and self.age >= NEARLY_TOO_OLD

    @property
    def failed(self) -> bool:
        """Whether the last look at it failed, or there was none yet."""
        return self.standing.row is None or bool(self.standing.row.last_error)

    @property
    def quiet(self) -> bool:
        """Whether there is nothing to say of it."""
        told = (self.behind, self.pending, self.failed, self.old_sync, self.freeze, self.updates is None)
        return not any(told) and self.standing.open_rollout is None and not self.standing.debts


@dataclass(frozen=True)
class Digest:
    """How some pools are at a moment; those that are behind come first, the one updated longest ago leading."""

    at: datetime
    pools: tuple[DigestPool, ...]


@dataclass(frozen=True, slots=True)
class DueDigest:
    """One digest that one channel is to be told in a week (``2026-W47``)."""

    name: str
    channel: str
    week: str


def digest_of(tx: Session, settings: Settings, aliases: Sequence[str], now: datetime) -> Digest:
    """How these pools are, as the last polls saw them."""
    frozen = freezes.active(tx, now, aliases)
    old = timedelta(days=settings.poll.stale_sync_days)
    found = [
        _pool(entry, openings_of(settings, entry.alias, now, 2), frozen.get(entry.alias), old, now)
        for entry in pool_standings(tx, settings, aliases)
    ]
    return Digest(now, tuple(sorted(found, key=lambda pool: (not pool.behind, -(pool.age or timedelta()), pool.quiet))))


def _pool(
    standing: PoolStanding, openings: Sequence[Span], freeze: FreezeRow | None, old: timedelta, now: datetime
) -> DigestPool:
    row = standing.row
    synced, updated = (row.last_update_sync, row.updated_at) if row is not None else (None, None)
    return DigestPool(
        standing,
        known_updates(row) if row is not None else None,
        tuple(span for span in openings if span.begins < now + _WEEK) or tuple(openings[:1]),
        freeze,
        now - updated if updated is not None else None,
        row is not None and (synced is None or now - synced >= old),
    )


def due_digests(settings: Settings, now: datetime) -> list[DueDigest]:
    """The digests whose time came within the last hours, told or not."""
    found = []
    for name, digest in settings.digests.items():
        zone = ZoneInfo(digest.time_zone or settings.maintenance.time_zone)
        here = now.astimezone(zone)
        day = here.date() - timedelta(days=(here.weekday() - digest.weekday) % 7)
        # The first of two equal times; one that is left out is the moment it would have been.
        due = datetime.combine(day, digest.clock, zone).astimezone(UTC)
        if not due <= now < due + LATEST:
            continue
        year, week, _day = day.isocalendar()
        found += [DueDigest(name, channel, f"{year}-W{week:02}") for channel in settings.digest_channels(name)]
    return found


class Digesting(Desk):
    """How pools are, told each week or whenever somebody asks."""

    def digest(self, aliases: Sequence[str]) -> Digest:
        """How these pools are now, from the database alone."""
        with self.database.reading() as tx:
            return digest_of(tx, self.settings, aliases, self.time.now())

    def tell_digests(self) -> int:
        """Have the digests sent whose time has come; how many. Called by the timers."""
        now, sent = self.time.now(), 0
        due = due_digests(self.settings, now)
        if not due:
            return 0
        with self.database.reading() as tx:
            left = [entry for entry in due if not digests.told(tx, entry.name, entry.channel, entry.week)]
        for entry in left:
            with self.database.transaction() as tx:
                sent += digests.tell(tx, entry.name, entry.channel, entry.week, now)
        return sent
