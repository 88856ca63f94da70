"""When a rollout starts and goes on: typed times, maintenance windows and freezes put together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.rollout.decision import Estimates
from bot.rollout.errors import NotAllowed, RolloutError
from bot.rollout.lateness import first_turn
from bot.rollout.lifecycle import State
from bot.rollout.moment import moment_of
from bot.rollout.reason import Reason, because
from bot.rollout.spec import Spec
from bot.rollout.window import PAUSES, Span
from bot.rollouts.desk import Desk
from bot.rollouts.hours import hours_of, spans_of, zone_of
from bot.rollouts.preview import Preview
from bot.rollouts.standing import approving_role, standing_of
from storage import durations, freezes, rollouts, threads, timing
from storage.actors import BOT
from storage.database import Session
from storage.tables import FreezeRow, RolloutRow


@dataclass(frozen=True)
class Start:
    """When a rollout may start at the earliest; `at` is None when no window opens any more. `frozen` is the freeze that
    it has to wait for, `span` the window in which it starts, None where the pool has none."""

    at: datetime | None
    span: Span | None = None
    frozen: FreezeRow | None = None


class Timing(Desk):
    """What use-cases that start rollouts, or let them go on, know of time."""

    def moment(self, alias: str, text: str) -> datetime:
        """The moment that somebody typed, read in the pool's time zone. Raises `UnclearMoment`."""
        return moment_of(text, self.time.now(), zone_of(self.settings, self._known(alias)))

    def first_start(self, tx: Session, alias: str, earliest: datetime, needs: timedelta = timedelta()) -> Start:
        """The first moment from `earliest` on at which the pool is not frozen and a window is open for so long."""
        frozen = freezes.active(tx, self.time.now(), (alias,)).get(alias)
        waits = frozen if frozen is not None and earliest < frozen.until else None
        moment = max(earliest, frozen.until) if frozen is not None else earliest
        if not self.settings.maintenance_for(alias).windows:
            return Start(moment, None, waits)
        for span in spans_of(self.settings, alias, moment):
            begins = max(moment, span.begins)
            if begins + needs <= span.ends:
                return Start(begins, span, waits)
        return Start(None, None, waits)

    def _plan_start(self, tx: Session, row: RolloutRow, spec: Spec) -> RolloutRow:
        """Write down when a rollout that was just approved starts; at once unless it has to wait for its time."""
        now = self.time.now()
        earliest = max(now, spec.start_at or now)
        start = Start(earliest) if row.emergency else self.first_start(tx, row.pool_alias, earliest)
        if start.at is None or start.at <= now:
            return row
        return timing.plan_start(tx, row.id, start.at, start.at)

    def _check_start(self, tx: Session, alias: str, start_at: datetime | None, *, emergency: bool = False) -> None:
        """Refuse a request whose start is frozen, or lies outside the pool's windows. Raises `NotAllowed`."""
        now, windows = self.time.now(), self.settings.maintenance_for(alias).windows
        if start_at is not None and start_at <= now:
            raise RolloutError("The time of the start is over already.", "Choose a later one, or none.")
        if emergency or (start_at is None and windows):
            return
        wanted = start_at or now
        start = self.first_start(tx, alias, wanted)
        if start.frozen is not None:
            raise frozen_out(start.frozen, alias)
        if start.at != wanted:
            coming = because("window.next", at=start.at.isoformat()) if start.at is not None else because("window.none")
            raise NotAllowed(
                f"Pool {alias} has no maintenance window at that time. {self.say(coming)}",
                f"`/xs windows {alias}` shows them. Without a time the rollout starts in the next one.",
            )

    def may_start(self, row: RolloutRow, preview: Preview, now: datetime) -> Start:
        """When the rollout may start, seen from `now`, with room in the window for the host that comes first; an
        emergency asks neither for windows nor for freezes."""
        if row.emergency:
            return Start(max(now, preview.spec.start_at or now))
        with self.database.reading() as tx:
            estimates: Estimates = durations.estimates(tx, row.pool_uuid)
            needs = first_turn(preview.spec, preview.snapshot, preview.updates, estimates)
            return self.first_start(tx, row.pool_alias, max(now, preview.spec.start_at or now), needs)

    def announce(self, rollout_id: int) -> bool:
        """Tell the channel when a rollout that waits for its time starts, or goes on; whether it was told just now.

        One that a freeze, or windows that were changed, keep from that time is not announced for it.
        """
        with self.database.reading() as tx:
            row = rollouts.get(tx, rollout_id)
            begins = row.begins_at
            if begins is None or not (row.emergency or self.first_start(tx, row.pool_alias, begins).at == begins):
                return False
        with self.database.transaction() as tx:
            return timing.announce(tx, rollout_id, self.time.now())

    def go_on(self, rollout_id: int) -> bool:
        """Let a rollout that paused at the end of a window go on in the next one; whether it does.

        Its approval is counted again with those who may approve now. Asks Slack. Raises
        `bot.authority.AuthorityUnknown`.
        """
        row, now = self._get(rollout_id), self.time.now()
        # A pool that is no longer configured cannot be worked on; whoever resumes it by hand is told so.
        if row.pool_alias not in self.gateways:
            return False
        approvers = self.authority.holders(approving_role(row), row.pool_alias)
        with self.database.transaction() as tx:
            row = rollouts.get(tx, rollout_id)
            if row.state is not State.PAUSED or row.due_at is None or row.due_at > now:
                return False
            start = self.first_start(tx, row.pool_alias, now)
            if start.at is None or start.at > now:
                self._wait_again(tx, row, start)
                return False
            if not standing_of(tx, row, self.settings, approvers).quorum.met:
                self._tell_why(tx, row, because("window.approval_gone"))
                timing.set_due(tx, row.id, None)
                return False
            ends = start.span.ends.isoformat() if start.span is not None else ""
            reason = because("window.resumed", ends=ends) if ends else because("window.resumed_any_time")
            self._move(tx, row, State.RUNNING, BOT, reason)
            threads.enqueue_line(tx, row.id, reason, now)
            threads.redraw_progress(tx, row.id, now)
        self._wake()
        return True

    def _wait_again(self, tx: Session, row: RolloutRow, start: Start) -> None:
        if start.frozen is not None:
            frozen = start.frozen
            self._tell_why(tx, row, because("window.frozen", until=frozen.until.isoformat(), why=frozen.why))
        timing.set_due(tx, row.id, start.at)

    def _tell_why(self, tx: Session, row: RolloutRow, reason: Reason) -> None:
        now = self.time.now()
        if rollouts.set_headline(tx, row.id, reason):
            threads.enqueue_line(tx, row.id, reason, now)
            threads.redraw(tx, row.id, now)
            threads.redraw_progress(tx, row.id, now)

    def _check_window(self, row: RolloutRow) -> None:
        """Refuse to let a rollout go on by hand that would pause again at once. Raises `NotAllowed`."""
        if row.state is not State.PAUSED or row.abort_requested_by or row.pool_alias not in self.settings.pools:
            return
        headline = row.headline_reason
        hours = hours_of(self.settings, row.pool_alias, self.time.now())
        if headline is None or headline.code not in PAUSES or not hours.limited:
            return
        # Within a window it may go on, unless it is the one in which no further host has room.
        if hours.present is not None and headline.params.get("closes") != hours.present.ends.isoformat():
            return
        hint = f"It goes on by itself then. `/xs windows {row.pool_alias}` shows them, `/xs abort {row.id}` ends it."
        if row.due_at is None:
            hint = (
                f"`/xs resume {row.id}` lets it go on once a window is open. "
                f"`/xs windows {row.pool_alias}` shows them, `/xs abort {row.id}` ends it."
            )
        raise NotAllowed(
            f"Rollout {row.id} waits for the next maintenance window of pool {row.pool_alias}. {self.say(headline)}",
            hint,
        )


def frozen_out(freeze: FreezeRow, alias: str) -> NotAllowed:
    """The refusal of a start in a frozen pool."""
    until = freeze.until.strftime("%Y-%m-%d %H:%M UTC")
    return NotAllowed(
        f"Pool {alias} is frozen until {until}, because {freeze.why} ({freeze.by_name}).",
        f"Choose a start after that, or ask an administrator to end the freeze with `/xs freeze {alias} off`.",
    )
