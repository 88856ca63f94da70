"""Maintenance windows, starts that wait for their time, and freezes, on a simulated pool from request to outcome.

Simulated time begins on a Friday at 08:00 UTC.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.clock import Clock
from bot.polling import Poller
from bot.rollout.errors import NotAllowed
from bot.rollout.lifecycle import State
from bot.rollout.spec import Preset

from .rehearsal import REAL, Rehearsal, actor, rehearse, small
from .test_rolling import rack

FRIDAY = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
EVENING = FRIDAY.replace(hour=20)
#: Long enough for one host that takes as long as in a machine room, not for two.
SHORT, NEXT = "30 7 * * * 50m", "0 20 * * * 6h"


def windows(*entries: str, **more: Any) -> dict[str, Any]:
    """A pool that is worked on at these times only."""
    return {"maintenance": {"windows": list(entries), **more}}


def begun(rollout: Rehearsal) -> list[datetime]:
    """When each host began to install."""
    return [effect.at for effect in rollout.effects("apply_started")]


def announced(rollout: Rehearsal) -> list[str]:
    """What the pool's channel was told beforehand."""
    texts = [told.message.text for told in rollout.messages()[::2]]
    return [text for text in texts if f"rollout {rollout.id} begins" in text or "goes on <!date" in text]


def until(rollout: Rehearsal, moment: datetime) -> None:
    """Let time pass, and the timers beat at that moment."""
    rollout.time.wait_until(moment)
    timers(rollout)


def timers(rollout: Rehearsal) -> None:
    """One beat of the clock, without its looks at pools."""
    clock = Clock(rollout.desk, rollout.worker, Poller(rollout.desk))
    clock._next_poll.clear()
    clock.beat()
    clock.shut_down()


@pytest.mark.failure("window-closed")
def test_it_pauses_when_the_window_closes_and_goes_on_in_the_next_one() -> None:
    with rehearse(small(durations=REAL), pool_settings=windows(SHORT, NEXT)) as rollout:
        assert rollout.carry_out() is State.PAUSED
        assert rollout.headline.code == "window.too_short"
        # What was in hand is finished: the host is in service, its VMs are home, nothing was begun in vain.
        assert rollout.verdict.reboots_by_host == {"xs-01": 1, "xs-02": 0}
        assert rollout.verdict.vms_away == {}
        assert "08:20 UTC" in rollout.told()[-1]
        assert "20:00 UTC" in rollout.told()[-1]
        with pytest.raises(NotAllowed, match="waits for the next maintenance window"):
            rollout.desk.resume(rollout.id, actor("bob"))
        with pytest.raises(NotAllowed, match="waits for the next maintenance window"):
            rollout.desk.retry(rollout.id, actor("bob"))
        until(rollout, EVENING - timedelta(minutes=61))
        assert announced(rollout) == []
        until(rollout, EVENING - timedelta(minutes=60))
        until(rollout, EVENING - timedelta(minutes=1))
        assert rollout.drive() is State.PAUSED
        assert not any("still paused" in line for line in rollout.told())
        (told,) = announced(rollout)
        assert "goes on <!date^1795204800^" in told
        assert "1 of 2 hosts left." in told
        rollout.new_process()
        until(rollout, EVENING)
        assert rollout.drive() is State.SUCCEEDED
        assert begun(rollout)[1] >= EVENING
        assert any("going on, until 2026-11-21 02:00 UTC" in line for line in rollout.told())
        rollout.assert_done()


def test_one_whose_next_window_was_taken_away_is_resumed_by_people() -> None:
    with rehearse(small(durations=REAL), pool_settings=windows(SHORT, NEXT)) as rollout:
        assert rollout.carry_out() is State.PAUSED
        assert "Resume" not in rollout.progress()
        # The leap day: nobody waits for it.
        pool = rollout.settings.pool("lab")
        leap = rollout.settings.maintenance_for("lab").model_copy(update={"windows": ("0 0 29 2 * 6h",)})
        pool = pool.model_copy(update={"maintenance": leap})
        rollout.settings = rollout.settings.model_copy(update={"pools": {"lab": pool}})
        rollout.new_process()
        until(rollout, EVENING)
        assert rollout.drive() is State.PAUSED
        assert rollout.standing.row.due_at is None
        assert "Resume" in rollout.progress()
        with pytest.raises(NotAllowed, match="waits for the next maintenance window") as refused:
            rollout.desk.resume(rollout.id, actor("bob"))
        assert "by itself" not in refused.value.hint
        assert "/xs resume" in refused.value.hint


def test_a_planned_rollout_keeps_to_the_window_and_finishes_what_is_in_hand() -> None:
    scenario = replace(rack(), durations=REAL)
    with rehearse(scenario, pool_settings=windows("30 7 * * * 65m", NEXT)) as rollout:
        rollout.ask(preset=Preset.STANDARD).approve()
        assert rollout.drive() is State.PAUSED
        done = len(begun(rollout))
        assert 0 < done < 4
        assert rollout.verdict.violations == []
        until(rollout, EVENING)
        assert rollout.drive() is State.SUCCEEDED
        assert all(at >= EVENING for at in begun(rollout)[done:])
        rollout.assert_done()


def test_a_window_that_has_no_room_for_the_first_host_is_not_begun() -> None:
    """Settings would be switched off for nothing, until the next one."""
    with rehearse(small(durations=REAL), pool_settings=windows("30 7 * * * 35m", NEXT)) as rollout:
        rollout.ask().approve()
        assert rollout.drive() is State.APPROVED
        assert rollout.headline.code == "rollout.waits"
        assert rollout.standing.row.starts_at == EVENING
        rollout.assert_untouched()
        # The approval is for that start, however long it takes until then.
        until(rollout, EVENING)
        assert rollout.drive() is State.SUCCEEDED
        assert begun(rollout)[0] >= EVENING


@pytest.mark.parametrize(
    ("window", "fault"), [("30 7 * * * 35m", ""), (SHORT, "host_in_maintenance")], ids=["would wait", "is blocked"]
)
def test_one_that_is_cancelled_while_its_pool_is_looked_at_stays_as_it_ended(window: str, fault: str) -> None:
    """No thread says that it starts later, or that it cannot start yet."""
    with rehearse(small(durations=REAL), pool_settings=windows(window, NEXT)) as rollout:
        rollout.ask().approve()
        if fault:
            rollout.pool.fault(fault, host="xs-02")
        rollout.when("any", lambda: rollout.desk.cancel(rollout.id, actor("alice")), times=0)
        told = rollout.told()
        assert rollout.drive() is State.CANCELLED
        assert rollout.headline.code == "rollout.cancelled"
        row = rollout.standing.row
        assert (row.starts_at, row.due_at) == (None, None)
        assert rollout.told() == told
        assert rollout.calls("pool.add_to_other_config") == []


def test_it_waits_for_its_time_is_announced_and_checked_again() -> None:
    with rehearse(small(), pool_settings=windows(time_zone="America/Sao_Paulo", announce_minutes=90)) as rollout:
        start = rollout.desk.moment("lab", "sat 19:00")
        assert start == datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
        rollout.ask(start_at=start).approve()
        assert rollout.drive() is State.APPROVED
        assert rollout.calls("pool.add_to_other_config") == []
        until(rollout, start - timedelta(minutes=91))
        assert announced(rollout) == []
        until(rollout, start - timedelta(minutes=90))
        until(rollout, start - timedelta(minutes=80))
        (told,) = announced(rollout)
        assert "2026-11-21 22:00 UTC" in told
        rollout.assert_untouched()
        until(rollout, start)
        assert rollout.drive() is State.SUCCEEDED
        assert begun(rollout)[0] >= start


def test_what_was_approved_for_later_is_not_done_to_other_updates() -> None:
    with rehearse(small()) as rollout:
        start = FRIDAY + timedelta(days=1)
        rollout.ask(start_at=start).approve()
        assert rollout.drive() is State.APPROVED
        rollout.pool.fault("foreign_sync")
        until(rollout, start)
        assert rollout.drive() is State.SUPERSEDED
        assert rollout.effects("apply_started") == []


def test_other_updates_void_what_waits_for_its_time_at_the_next_look_at_the_pool() -> None:
    """Not in the night for which it was planned, when nobody is there to ask again."""
    with rehearse(small()) as rollout:
        rollout.ask(start_at=FRIDAY + timedelta(days=1)).approve()
        assert rollout.drive() is State.APPROVED
        Poller(rollout.desk).poll("lab")
        assert rollout.headline.code == "rollout.approved"
        rollout.pool.fault("foreign_sync")
        while not rollout.effects("synced"):
            rollout.wait(minutes=1)

        Poller(rollout.desk).poll("lab")

        assert rollout.headline.code == "rollout.superseded"
        assert rollout.standing.row.state is State.SUPERSEDED
        assert rollout.effects("setting_changed") == rollout.effects("apply_started") == []


def test_a_start_that_is_missed_by_hours_is_void() -> None:
    with rehearse(small()) as rollout:
        start = FRIDAY + timedelta(hours=10)
        rollout.ask(start_at=start).approve()
        until(rollout, start + rollout.standing.policy.start_within + timedelta(minutes=1))
        assert rollout.drive() is State.EXPIRED
        rollout.assert_untouched()


def test_a_start_outside_the_windows_is_refused() -> None:
    with rehearse(small(), pool_settings=windows(NEXT)) as rollout:
        with pytest.raises(NotAllowed, match=r"no maintenance window at that time.*2026-11-20 20:00 UTC"):
            rollout.ask(start_at=FRIDAY + timedelta(hours=2))
        rollout.ask(start_at=EVENING + timedelta(hours=1)).approve()
        assert rollout.standing.row.starts_at == EVENING + timedelta(hours=1)


# -- freezes -----------------------------------------------------------------------------------------------------------


def freeze(rollout: Rehearsal, end: datetime) -> None:
    rollout.desk.freeze("lab", end, "the shop sells most of the year", actor("erin"))


@pytest.mark.failure("pool-frozen")
def test_nothing_starts_on_a_frozen_pool_and_what_runs_is_not_cut() -> None:
    with rehearse(small(durations=REAL), pool_settings=windows(SHORT, "0 15 * * * 6h")) as rollout:
        afternoon = FRIDAY.replace(hour=15)
        rollout.ask().approve()
        freeze(rollout, afternoon)
        assert rollout.drive() is State.APPROVED
        rollout.assert_untouched()
        rollout.desk.unfreeze("lab", actor("erin"))
        rollout.when("apply_started", lambda: freeze(rollout, afternoon + timedelta(hours=1)))
        assert rollout.drive() is State.PAUSED
        assert rollout.verdict.reboots_by_host == {"xs-01": 1, "xs-02": 0}
        # It goes on when its window is open and the freeze is over.
        until(rollout, afternoon - timedelta(minutes=30))
        assert announced(rollout) == []
        until(rollout, afternoon)
        assert rollout.headline.code == "window.frozen"
        timers(rollout)
        assert len(announced(rollout)) == 1
        assert rollout.drive() is State.PAUSED
        until(rollout, afternoon + timedelta(hours=1))
        assert rollout.drive() is State.SUCCEEDED
        assert [row.action for row in rollout.audited() if "freeze" in row.action] == [
            "pool.freeze",
            "pool.freeze_ended",
            "pool.freeze",
        ]


def test_a_freeze_for_longer_than_an_approval_holds_ends_it() -> None:
    with rehearse(small()) as rollout:
        rollout.ask().approve()
        freeze(rollout, FRIDAY + timedelta(days=30))
        assert rollout.drive() is State.EXPIRED
        assert rollout.headline.code == "rollout.frozen_out"
        rollout.assert_untouched()
        with pytest.raises(NotAllowed, match="frozen until 2026-12-20 08:00 UTC, because the shop sells most"):
            rollout.ask()
        with pytest.raises(NotAllowed, match="you are not an administrator"):
            rollout.desk.freeze("lab", EVENING, "because I can", actor("mallory"))


# -- approvals, and time spent -----------------------------------------------------------------------------------------


def test_it_does_not_go_on_by_itself_when_the_approval_no_longer_stands() -> None:
    with rehearse(small(durations=REAL), pool_settings=windows(SHORT, NEXT)) as rollout:
        assert rollout.carry_out() is State.PAUSED
        rollout.people.approvers.discard("carol")
        until(rollout, EVENING)
        assert rollout.drive() is State.PAUSED
        assert rollout.headline.code == "window.approval_gone"
        rollout.desk.resume(rollout.id, actor("bob"))
        assert rollout.drive() is State.SUCCEEDED


def test_people_hear_that_it_takes_long_and_let_it_go_on() -> None:
    limits = windows(warn_after_minutes=5, stop_after_minutes=10)
    with rehearse(small(durations=REAL), pool_settings=limits) as rollout:
        for effect in ("apply_done", "host_ready"):
            rollout.when(effect, lambda: timers(rollout))
        assert rollout.carry_out() is State.PAUSED
        assert rollout.headline.code == "window.stop_after"
        assert len([line for line in rollout.told() if "longer than was thought right" in line]) == 1
        assert rollout.verdict.vms_away == {}
        rollout.desk.resume(rollout.id, actor("bob"))
        assert rollout.drive() is State.SUCCEEDED
        rollout.assert_done()
