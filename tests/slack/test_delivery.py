"""Messages are never lost, in order, at Slack's pace; what can never arrive is given up loudly."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient
from sqlmodel import select

import bot.delivery.rendering
import bot.delivery.sender
from bot.cli.stage import Stage
from bot.delivery import Delivery
from bot.lab.slack import LabSlack
from bot.messages.notice import NoticeFacts
from bot.rollout.lifecycle import State
from bot.rollout.memory import TurnPhase
from storage import audit, notices, outbox, pools, posted, timing
from storage.errors import Conflict
from storage.tables import OutboxRow
from storage.updates_codec import updates_to_json
from tests.slack.conftest import request_update
from tests.slack.office import HandClock, Office, client_of
from tests.unit.messages.made import NOW, updates_for


@pytest.fixture
def slack() -> Iterator[LabSlack]:
    with LabSlack.start() as lab:
        yield lab


@pytest.fixture
def office(slack: LabSlack, tmp_path: Path) -> Iterator[Office]:
    opened = Office.open(slack, tmp_path)
    yield opened
    opened.database.close()


def calls(slack: LabSlack, method: str) -> list[dict[str, Any]]:
    return [args for name, args in slack.api_calls if name == method]


def test_a_rollout_becomes_a_card_with_a_thread(office: Office) -> None:
    rollout_id = office.request()
    office.deliver(5)
    card = office.card()
    assert "0 of 2, waiting for @xs-approvers or @erin" in card.plain

    office.move(rollout_id, State.APPROVED, State.RUNNING)
    office.turn(rollout_id, TurnPhase.EVACUATING)
    office.line(rollout_id, "first")
    office.line(rollout_id, "second")
    office.move(rollout_id, State.SUCCEEDED)
    office.deliver(20)

    assert "Succeeded" in office.card().plain
    thread = [entry.plain for entry in office.slack.thread(card)]
    assert "moving its VMs away [in_progress]\n3 of 7 VMs still here" in thread[0]
    assert thread[1:3] == ["first", "second"]
    assert "Succeeded" in thread[3]
    assert office.waiting() == 0


def test_a_finished_rollout_leaves_its_picture_and_its_report_in_the_thread(office: Office) -> None:
    rollout_id = office.request()
    office.move(rollout_id, State.APPROVED, State.RUNNING)
    office.turn(rollout_id, TurnPhase.REBOOTING)
    office.move(rollout_id, State.SUCCEEDED)
    office.deliver(20)

    entry = office.slack.thread(office.card())[-1]
    picture, report = entry.post.files
    assert (picture["name"], picture["mimetype"]) == (f"rollout-{rollout_id}.png", "image/png")
    assert "rebooting for" in str(picture["alt_txt"])
    assert report["name"] == f"rollout-{rollout_id}.html"
    shown = httpx.get(str(picture["url_private"]))
    assert shown.headers["content-type"] == "image/png"
    assert shown.content.startswith(b"\x89PNG")
    assert "attachment" in httpx.get(str(report["url_private"])).headers["content-disposition"]


def test_a_workspace_without_the_scope_for_files_gets_every_message(slack: LabSlack, office: Office) -> None:
    slack.scopes.remove("files:write")
    rollout_id = office.request()
    office.move(rollout_id, State.APPROVED, State.RUNNING, State.SUCCEEDED)
    office.deliver(20)
    assert "Succeeded" in office.slack.thread(office.card())[-1].plain
    assert office.waiting() == 1

    slack.scopes.add("files:write")
    office.deliver(600)
    assert office.waiting() == 0
    assert office.slack.thread(office.card())[-1].post.files


def test_the_audit_channel_gets_every_event_with_a_link_and_the_head_at_the_end(office: Office) -> None:
    rollout_id = office.request()
    office.move(rollout_id, State.APPROVED, State.RUNNING, State.SUCCEEDED)
    office.deliver(30)

    lines = office.slack.messages("xs-audit")
    assert [entry.plain.partition("Audit ")[2].partition(",")[0] for entry in lines] == ["1", "2", "3", "4"]
    assert f"/archives/C0UPDATES/p{office.card().ts.replace('.', '')}|rollout {rollout_id}" in lines[0].text
    with office.database.reading() as tx:
        assert audit.head(tx) in lines[-1].plain
        assert audit.verify(tx, audit.head(tx)).ok


def read_meanwhile(office: Office) -> bool:
    """Whether another thread gets to read the database within a second."""
    done = threading.Event()

    def read() -> None:
        with office.database.reading() as tx:
            outbox.depth(tx)
        done.set()

    threading.Thread(target=read, daemon=True).start()
    return done.wait(1.0)


@pytest.mark.parametrize(
    ("where", "slow"),
    [(WebClient, "chat_getPermalink"), (bot.delivery.rendering, "picture")],
    ids=["Slack is asked for a link", "a picture is drawn"],
)
def test_nobody_waits_for_the_database_while_the_sender_is_busy(
    office: Office, monkeypatch: pytest.MonkeyPatch, where: object, slow: str
) -> None:
    """On SQLite one thread of the process reads at a time."""
    real, others = getattr(where, slow), list[bool]()

    def busy(*args: Any, **named: Any) -> Any:
        others.append(read_meanwhile(office))
        return real(*args, **named)

    monkeypatch.setattr(where, slow, busy)
    rollout_id = office.request()
    office.move(rollout_id, State.APPROVED, State.RUNNING)
    office.turn(rollout_id, TurnPhase.REBOOTING)
    office.move(rollout_id, State.SUCCEEDED)
    office.deliver(30)

    assert office.waiting() == 0
    assert set(others) == {True}


def test_what_changes_quickly_is_shown_once_as_it_is_in_the_end(office: Office) -> None:
    rollout_id = office.request()
    office.move(rollout_id, State.APPROVED, State.RUNNING)
    office.deliver(5)
    for phase in (TurnPhase.DISABLING, TurnPhase.EVACUATING, TurnPhase.APPLYING, TurnPhase.REBOOTING):
        office.turn(rollout_id, phase)

    office.deliver(5)

    (progress,) = [entry for entry in office.slack.thread(office.card()) if "xs-01" in entry.plain]
    assert "rebooting" in progress.plain
    assert not progress.edited


def test_slacks_pace_is_kept(office: Office) -> None:
    """At most one new message a second and channel; nothing overtakes within a thread."""
    rollout_id = office.request()
    office.deliver(3)
    for number in range(12):
        office.line(rollout_id, f"line-{number}")

    counted = []
    for _ in range(30):
        before = len(office.slack.thread(office.card()))
        office.delivery.run_once(office.clock.now())
        counted.append(len(office.slack.thread(office.card())) - before)
        office.clock.pass_(0.5)

    assert max(counted) == 1
    assert not any(first and second for first, second in itertools.pairwise(counted)), "half a second is too soon"
    assert [entry.plain for entry in office.slack.thread(office.card())] == [f"line-{n}" for n in range(12)]


def test_edits_stay_below_what_slack_allows_for_the_workspace(office: Office) -> None:
    rollout_id = office.request()
    office.move(rollout_id, State.APPROVED, State.RUNNING)
    office.deliver(5)
    office.turn(rollout_id, TurnPhase.DISABLING)
    office.deliver(61)
    before = len(calls(office.slack, "chat.update"))

    for number in range(60):
        office.turn(rollout_id, TurnPhase.EVACUATING if number % 2 else TurnPhase.APPLYING)
        office.delivery.run_once(office.clock.now())

    assert len(calls(office.slack, "chat.update")) - before <= 45
    office.deliver(70)
    assert office.waiting() == 0


def test_buttons_that_mean_nothing_any_more_go_away_within_the_same_limit(office: Office) -> None:
    rollout_id = office.request()
    office.move(rollout_id, State.APPROVED, State.RUNNING, State.NEEDS_ATTENTION)
    office.deliver(10)
    (asking,) = [entry for entry in office.slack.thread(office.card()) if "Retry" in entry.buttons]
    office.move(rollout_id, State.RUNNING)
    # Everybody else's edits have left room for the card alone.
    for _ in range(44):
        office.delivery._pace.updated(office.clock.now())
    before = len(calls(office.slack, "chat.update"))
    office.deliver(30)
    assert len(calls(office.slack, "chat.update")) - before == 1
    office.deliver(60)
    (settled,) = [entry for entry in office.slack.thread(office.card()) if entry.ts == asking.ts]
    assert settled.buttons == []


def another_sender(office: Office, leads: Callable[[], bool] = lambda: True) -> Delivery:
    """The sender of another process on the same database."""
    return Delivery(office.database, client_of(office.slack), office.settings, office.clock, leads=leads)


def posts(office: Office, channel: str = "C0UPDATES") -> int:
    """How often somebody tried to post there."""
    return sum(str(args["channel"]) == channel for args in calls(office.slack, "chat.postMessage"))


@pytest.mark.failure("sender-replaced")
def test_a_new_sender_keeps_the_pace_of_the_one_before(office: Office) -> None:
    """Whoever sends next recalls what went out: two leaders in a row get no more than one."""
    office.request()
    office.delivery.run_once(office.clock.now())
    sent = posts(office)
    office.request(pool_uuid="other-uuid")
    another_sender(office).run_once(office.clock.now())
    assert posts(office) == sent, "each channel has had its message of this second"
    office.clock.pass_(1)
    office.delivery = another_sender(office)
    office.delivery.run_once(office.clock.now())
    assert posts(office) > sent


@pytest.mark.failure("sender-replaced")
def test_a_new_sender_counts_the_edits_of_the_one_before(office: Office) -> None:
    rollout_id = office.request()
    office.move(rollout_id, State.APPROVED, State.RUNNING)
    office.turn(rollout_id, TurnPhase.DISABLING)
    office.deliver(65)
    before = len(calls(office.slack, "chat.update"))
    for number in range(60):
        office.turn(rollout_id, TurnPhase.EVACUATING if number % 2 else TurnPhase.APPLYING)
        another_sender(office).run_once(office.clock.now())
    assert len(calls(office.slack, "chat.update")) - before == 45
    office.delivery = another_sender(office)
    office.deliver(70)
    assert office.waiting() == 0


@pytest.mark.failure("sender-replaced")
def test_a_message_that_was_being_sent_counts_as_sent_just_now(office: Office) -> None:
    office.request()
    with office.database.transaction() as tx:
        outbox.claim(tx, next(row.id for row in outbox.next_due(tx, office.clock.now())), office.clock.now())
    another_sender(office).run_once(office.clock.now())
    assert posts(office) == 0
    office.clock.pass_(1)
    another_sender(office).run_once(office.clock.now())
    assert posts(office) > 0


@pytest.mark.failure("slack-limits", "sender-replaced")
def test_another_sender_and_other_rollouts_wait_as_long_as_slack_asked(office: Office) -> None:
    office.slack.fault("ratelimited", method="chat.postMessage", times=1, seconds=20)
    office.request()
    office.delivery.run_once(office.clock.now())
    refused = posts(office)
    office.request(pool_uuid="other-uuid")
    for sender in (another_sender(office), office.delivery):
        office.clock.pass_(8)
        sender.run_once(office.clock.now())
        assert posts(office) == refused
    office.delivery = another_sender(office)
    office.deliver(60)
    assert office.waiting() == 0


@pytest.mark.failure("sender-frozen")
def test_a_sender_that_was_frozen_before_it_sent_sends_no_more(office: Office) -> None:
    """It was frozen after it had taken up a message, and somebody else leads when it thaws."""

    def until_it_took_one_up() -> bool:
        with office.database.reading() as tx:
            return not [row for row in tx.exec(select(OutboxRow)).all() if row.claimed_at is not None]

    frozen = another_sender(office, leads=until_it_took_one_up)
    office.request()
    frozen.run_once(office.clock.now())
    assert posts(office) == 0
    office.deliver(5)
    assert "Expected cost" in office.card().plain
    assert office.waiting() == 0


@pytest.mark.failure("sender-frozen")
def test_a_sender_that_was_frozen_while_it_sent_doubles_that_message_and_no_other(office: Office) -> None:
    rollout_id = office.request()
    office.line(rollout_id, "first")
    office.line(rollout_id, "second")
    frozen = another_sender(office)
    post = frozen._client.chat_postMessage

    def frozen_for_a_while(**message: Any) -> Any:
        """Its request leaves the machine only after another process has sent everything."""
        frozen._leads = lambda: False
        office.deliver(20)
        return post(**message)

    frozen._client.chat_postMessage = frozen_for_a_while  # type: ignore[method-assign]
    with pytest.raises(Conflict):
        frozen.run_once(office.clock.now())
    frozen.run_once(office.clock.now())

    told = [entry.plain for channel in ("xs-updates", "xs-audit") for entry in office.slack.messages(channel)]
    assert sum(told.count(text) - 1 for text in set(told)) == 1
    # What comes later goes to the thread that everybody knows.
    with office.database.reading() as tx:
        kept = posted.find(tx, f"rollout:{rollout_id}:card")
    assert kept is not None
    known = next(entry for entry in office.slack.messages("xs-updates") if entry.ts == kept.ts)
    assert [entry.plain for entry in office.slack.thread(known)] == ["first", "second"]


@pytest.mark.failure("slack-limits")
def test_retry_after_is_respected(office: Office) -> None:
    office.slack.fault("ratelimited", method="chat.postMessage", times=1, seconds=7)
    office.request()

    office.deliver(6)
    assert not office.slack.messages("xs-updates")
    office.deliver(6)

    assert "Expected cost" in office.card().plain


@pytest.mark.failure("slack-away")
def test_an_outage_loses_nothing_and_keeps_the_order(office: Office) -> None:
    rollout_id = office.request()
    office.deliver(3)
    office.slack.fault("outage")
    office.move(rollout_id, State.APPROVED, State.RUNNING)
    for number in range(5):
        office.line(rollout_id, f"line-{number}")
    office.deliver(90)
    assert office.waiting() > 5

    office.slack.clear_faults()
    office.deliver(200)

    assert [e.plain for e in office.slack.thread(office.card())] == [f"line-{number}" for number in range(5)]
    assert office.waiting() == 0


def test_a_bad_token_is_an_outage_not_a_loss(office: Office) -> None:
    office.slack.fault("error:invalid_auth", method="chat.postMessage", times=1000)
    office.request()
    office.deliver(30)
    assert office.waiting() > 0

    office.slack.clear_faults()
    office.deliver(60)

    assert "Expected cost" in office.card().plain


@pytest.mark.failure("message-refused")
def test_what_can_never_arrive_is_given_up_loudly_and_the_lane_goes_on(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    lost = office.request(alias="far", channel="#nowhere")
    office.line(lost, "lost too")
    office.request(pool_uuid="other-uuid")

    office.deliver(20)

    assert "can never be delivered" in caplog.text
    assert "channel_not_found" in caplog.text
    with office.database.reading() as tx:
        events = [row for row in audit.recent(tx, limit=20) if row.action == "message.undeliverable"]
    assert len(events) == 2
    assert "Expected cost" in office.card().plain
    assert office.waiting() == 0


@pytest.mark.parametrize(("refusal", "hours"), [("file_uploads_disabled", 0), ("missing_scope", 24)])
def test_files_that_slack_refuses_are_given_up_and_nobody_offers_them_for_ever(
    office: Office, refusal: str, hours: int
) -> None:
    rollout_id = office.request()
    office.move(rollout_id, State.APPROVED, State.RUNNING)
    office.deliver(5)
    office.slack.fault(f"error:{refusal}", method="files.getUploadURLExternal", times=1000)
    office.move(rollout_id, State.SUCCEEDED)
    office.deliver(60)
    assert office.waiting() == (1 if hours else 0)

    office.clock.pass_(hours * 3600 + 1)
    office.deliver(30)

    assert office.waiting() == 0
    with office.database.reading() as tx:
        given_up = [row.sentence for row in audit.recent(tx, limit=20) if row.action == "message.undeliverable"]
    assert len(given_up) == 1
    assert refusal in given_up[0]


def test_a_deleted_message_is_posted_anew(office: Office) -> None:
    rollout_id = office.request()
    office.deliver(3)
    first = office.card()
    office.delivery._client.chat_delete(channel=first.channel, ts=first.ts)

    office.move(rollout_id, State.APPROVED)
    office.deliver(5)

    assert office.card().ts != first.ts
    with office.database.reading() as tx:
        kept = posted.find(tx, f"rollout:{rollout_id}:card")
    assert kept is not None
    assert kept.ts == office.card().ts


def test_where_plan_blocks_are_refused_sections_take_their_place_for_good(office: Office) -> None:
    rollout_id = office.request()
    office.move(rollout_id, State.APPROVED, State.RUNNING)
    office.deliver(5)
    office.slack.fault("error:invalid_blocks", method="chat.postMessage", times=1)

    office.turn(rollout_id, TurnPhase.EVACUATING)
    office.deliver(5)
    office.turn(rollout_id, TurnPhase.APPLYING)
    office.deliver(5)

    (progress,) = office.slack.thread(office.card())
    assert [block["type"] for block in progress.blocks][:2] == ["section", "section"]
    assert "◐ *xs-01*: installing updates" in progress.plain
    sent = [args for name, args in office.slack.api_calls if name in ("chat.postMessage", "chat.update")]
    assert sum('"plan"' in str(args.get("blocks")).replace("'", '"') for args in sent) == 1


def test_progress_can_be_configured_as_sections(slack: LabSlack, tmp_path: Path) -> None:
    office = Office.open(slack, tmp_path, progress="sections")
    rollout_id = office.request()
    office.turn(rollout_id, TurnPhase.EVACUATING)
    office.deliver(5)

    (progress,) = slack.thread(office.card())
    assert progress.blocks[0]["type"] == "section"
    office.database.close()


@pytest.mark.failure("message-doubled")
def test_a_message_killed_between_sent_and_recorded_is_sent_again(office: Office) -> None:
    office.request()
    with office.database.transaction() as tx:
        row = next(row for row in outbox.next_due(tx, office.clock.now()) if row.topic is outbox.Topic.CARD)
        outbox.claim(tx, row.id, office.clock.now())

    office.deliver(3)

    assert "Expected cost" in office.card().plain


def test_a_broken_row_stops_only_its_own_lane(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    with office.database.transaction() as tx:
        outbox.enqueue(
            tx, outbox.Topic.NOTICE, lane="pool:x", key="notice:x", payload={"notice_id": "x"}, at=office.clock.now()
        )
    office.request()

    office.deliver(5)

    assert "Expected cost" in office.card().plain
    assert "could not be made" in caplog.text


def announced(office: Office) -> list[str]:
    return [entry.plain for entry in office.slack.thread(office.card()) if " begins " in entry.plain]


def plan(office: Office, rollout_id: int, minutes: int) -> None:
    """Have the rollout start in so many minutes, and that announced."""
    with office.database.transaction() as tx:
        starts_at = office.clock.now() + timedelta(minutes=minutes)
        timing.plan_start(tx, rollout_id, starts_at, starts_at)
        assert timing.announce(tx, rollout_id, office.clock.now())


@pytest.mark.parametrize(
    "then",
    [
        (State.RUNNING,),
        (State.RUNNING, State.NEEDS_ATTENTION),
        (State.RUNNING, State.ABORTING, State.ABORTED),
        (State.CANCELLED,),
        (State.AWAITING_APPROVAL, State.APPROVED),
    ],
    ids=lambda then: then[-1].value,
)
@pytest.mark.parametrize("old", [False, True], ids=["", "queued by an earlier release"])
def test_what_is_no_longer_to_come_is_not_announced(office: Office, then: tuple[State, ...], old: bool) -> None:
    """Slack was away for an hour, say."""
    rollout_id = office.request()
    office.deliver(5)
    office.move(rollout_id, State.APPROVED)
    plan(office, rollout_id, 60)
    if old:
        forget_the_moment(office)
    office.move(rollout_id, *then)
    office.line(rollout_id, "later")

    office.deliver(30)

    assert announced(office) == []
    assert "later" in [entry.plain for entry in office.slack.thread(office.card())]
    assert office.waiting() == 0
    with office.database.reading() as tx:
        assert not [row for row in audit.recent(tx, limit=50) if row.action == "message.undeliverable"]


@pytest.mark.parametrize("old", [False, True], ids=["", "queued by an earlier release"])
def test_what_is_still_to_come_is_announced_however_late(office: Office, old: bool) -> None:
    rollout_id = office.request()
    office.move(rollout_id, State.APPROVED)
    plan(office, rollout_id, 60)
    if old:
        forget_the_moment(office)
    office.clock.pass_(1800)
    office.deliver(10)
    (told,) = announced(office)
    assert "2026-11-20 11:00 UTC" in told


def test_a_start_that_was_put_off_is_announced_for_its_new_time_alone(office: Office) -> None:
    rollout_id = office.request()
    office.move(rollout_id, State.APPROVED)
    plan(office, rollout_id, 60)
    plan(office, rollout_id, 120)
    office.deliver(10)
    (told,) = announced(office)
    assert "2026-11-20 12:00 UTC" in told


def forget_the_moment(office: Office) -> None:
    """Leave the announcement that waits as releases queued it that did not write down its moment."""
    with office.database.transaction() as tx:
        (row,) = tx.exec(select(OutboxRow).where(OutboxRow.topic == outbox.Topic.ANNOUNCEMENT)).all()
        row.payload = {"rollout_id": row.payload["rollout_id"]}
        tx.add(row)


def test_a_notice_is_posted_once_and_edited_to_its_end(office: Office) -> None:
    updates = updates_for()
    with office.database.transaction() as tx:
        pools.remember_pool(tx, "pool-uuid", "lab", "lab", NOW, last_hash=updates.checksum)
        payload = {"updates": updates_to_json(updates)}
        opened, _ = notices.open_notice(tx, "pool-uuid", "updates", updates.checksum, payload, NOW)
    office.deliver(3)
    (first,) = office.slack.messages("xs-updates")
    assert "3 updates available for pool lab" in first.plain

    with office.database.transaction() as tx:
        notices.close_notice(tx, opened.id, NOW)
    office.deliver(3)

    (last,) = office.slack.messages("xs-updates")
    assert last.ts == first.ts
    assert "nothing is left to do" in last.plain
    assert last.buttons == []
    assert NoticeFacts("lab", "lab", "updates").acts


def test_the_loop_sends_until_it_is_stopped(office: Office) -> None:
    stop = threading.Event()
    sender = threading.Thread(target=office.delivery.run, args=(stop,))
    sender.start()
    office.request()
    office.slack.wait_for(lambda: any("Expected cost" in m.plain for m in office.slack.messages("xs-updates")))
    stop.set()
    sender.join(timeout=5)
    assert not sender.is_alive()


def test_who_waits_for_the_pace_of_a_channel_costs_the_database_next_to_nothing(office: Office) -> None:
    """Fifty pools may tell one channel at once: a message is not claimed again for each that goes before it."""
    rollouts = [office.request(pool_uuid=f"uuid-{number}") for number in range(12)]
    office.deliver(30)

    assert office.waiting() == 0
    with office.database.reading() as tx:
        cards = [row for row in tx.exec(select(OutboxRow)).all() if row.topic is outbox.Topic.CARD]
    assert len(cards) == len(rollouts)
    assert max(row.attempts for row in cards) == 2, "looked at once, and sent"


def test_cards_go_first_then_the_oldest_message_whatever_lane_it_is_in(office: Office) -> None:
    """The audit channel has a line for whatever happens on any pool; it is not served once per pool and no more."""
    for number in range(6):
        office.move(office.request(pool_uuid=f"uuid-{number}"), State.APPROVED, State.CANCELLED)
    order: list[tuple[bool, int]] = []
    deliver = office.delivery._deliver

    def watched(row: OutboxRow, now: Any) -> None:
        order.append((row.topic is not outbox.Topic.CARD, row.id))
        deliver(row, now)

    office.delivery._deliver = watched  # type: ignore[method-assign]
    office.delivery._allowed_at = lambda outgoing, now: now  # type: ignore[method-assign]
    office.clock.pass_(60)
    office.deliver(1)

    assert office.waiting() == 0
    assert {rest for rest, _ in order} == {False, True}
    assert order == sorted(order)


class Asleep(HandClock):
    """A clock on which nobody wakes by themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.sleeps = threading.Event()

    def wait_until(self, deadline: datetime, wake: threading.Event | None = None) -> bool:
        assert wake is not None
        self.sleeps.set()
        return wake.wait(30)


def test_the_sender_looks_up_when_somebody_has_clicked_and_when_it_is_to_end(office: Office) -> None:
    clock = Asleep()
    delivery = Delivery(office.database, client_of(office.slack), office.settings, clock)
    stop = threading.Event()
    sender = threading.Thread(target=delivery.run, args=(stop,))
    sender.start()
    assert clock.sleeps.wait(10)
    office.request()
    delivery.soon()
    office.slack.wait_for(lambda: office.slack.messages("xs-updates"))

    stop.set()
    delivery.soon()
    sender.join(10)
    assert not sender.is_alive()


def test_what_a_command_changes_is_sent_at_once(fresh: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without waiting for the sender's next look, which does not come in this test."""
    monkeypatch.setattr(bot.delivery.sender, "POLL", timedelta(days=30))
    assert "Approve" in request_update(fresh.slack).buttons
