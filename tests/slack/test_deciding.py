"""The card: who may decide, what each click answers, and what people see while it runs."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest

from bot.cli.stage import Stage
from bot.lab.slack import LabSlack, Message
from bot.rollout.guidance import Level
from bot.rollout.spec import canonical_bytes, digest_of
from storage import audit, outbox, rollouts, specs
from storage.audit import verify
from storage.tables import SpecRow
from tests.slack.conftest import card_in, dialog, request_update

pytestmark = pytest.mark.timeout(180)


def now(slack: LabSlack, card: Message) -> Message:
    """The card as it is now."""
    return next(entry for entry in slack.messages("xs-updates") if entry.ts == card.ts)


def test_the_whole_story(fresh: Stage) -> None:
    slack = fresh.slack
    card = request_update(slack)

    assert "0 of 2" in card.plain
    assert "@xs-approvers" in card.plain
    assert "CHG-1234" in card.plain
    assert "1. *xs-01*" in card.plain
    assert card.buttons == ["Approve", "Reject…", "Change…", "Run checks again", "Cancel"]

    assert "cannot approve" in slack.click("Approve", as_="dave", message=card).text
    assert "does not count" in slack.click("Approve", as_="alice", message=card).text
    asked = slack.click("Approve", as_="bob", message=card, confirm=False)
    assert "xs-01, xs-02, xs-03" in json.dumps(asked.confirm)
    assert "3 host reboots" in json.dumps(asked.confirm)

    assert "1 of 2" in slack.click("Approve", as_="bob", message=card).text
    assert "already" in slack.click("Approve", as_="bob", message=card).text
    slack.wait_for(lambda: "1 of 2 (@bob)" in now(slack, card).plain, timeout=10)

    # Typing the command shows the card and approves nothing; the button in it does.
    slack.say("/xs approve 1", as_="carol")
    dialog(slack, "carol", saying="Approve")
    assert "1 of 2" in now(slack, card).plain
    slack.click("Approve", as_="carol")
    dialog(slack, "carol", saying="starts now")

    slack.wait_for(lambda: "Running" in now(slack, card).plain, timeout=20)
    assert now(slack, card).buttons == []
    late = slack.say("/xs reject 1", as_="bob")
    assert not late.timed_out
    dialog(slack, "bob", saying="no longer waits")

    slack.wait_for(lambda: any("Succeeded" in entry.plain for entry in slack.thread(card)), timeout=90)
    slack.wait_for(lambda: "Succeeded" in now(slack, card).plain, timeout=10)
    thread = slack.thread(card)
    progress = next(entry for entry in thread if any(block["type"] == "plan" for block in entry.blocks))
    slack.wait_for(
        lambda: "3 of 3 hosts done" in next(m for m in slack.thread(card) if m.ts == progress.ts).plain, timeout=10
    )
    ids = {
        block["block_id"]
        for method, args in slack.api_calls
        if method in ("chat.postMessage", "chat.update")
        for block in blocks_of(args)
        if block["type"] == "plan"
    }
    assert ids == {"progress-1-0"}
    outcome = next(entry for entry in slack.messages("xs-updates") if "Done in" in entry.plain)
    assert outcome.thread_ts == card.ts, "the outcome answers the card and is shown in the channel"
    assert "3 host reboots" in outcome.plain
    assert "the places of VMs are as before" in outcome.plain
    assert any("xs-01 is done after" in entry.plain for entry in slack.thread(card))

    settle(fresh)
    lines = slack.messages("xs-audit")
    assert "@alice · *rollout.awaiting_approval*" in lines[0].plain
    assert "Asked to update pool lab" in lines[0].plain
    assert any("@bob · *approval.given*" in entry.plain and "Approved: 1 of 2" in entry.plain for entry in lines)
    with fresh.service.database.reading() as tx:
        head = verify(tx)
    assert head.ok
    ended = next(entry for entry in lines if "rollout.succeeded" in entry.plain)
    published = ended.plain.split("chain head")[1].strip(" `\n")
    with fresh.service.database.reading() as tx:
        assert verify(tx, published).ok
    assert (
        "Succeeded" in str(slack.say("/xs history", as_="dave").text)
        or "succeeded" in slack.ephemerals("dave")[-1].plain
    )
    assert max(slack.acks) < 3000


def blocks_of(args: dict[str, object]) -> list[dict[str, str]]:
    blocks = args.get("blocks") or []
    return json.loads(blocks) if isinstance(blocks, str) else blocks  # type: ignore[return-value]


def settle(stage: Stage) -> None:
    """Wait until every message is out."""

    def empty() -> bool:
        with stage.service.database.reading() as tx:
            return outbox.depth(tx) == 0

    stage.slack.wait_for(empty, timeout=30)


def test_a_rejection_needs_a_reason_that_the_requester_reads(fresh: Stage) -> None:
    slack = fresh.slack
    card = request_update(slack)

    slack.click("Reject…", as_="bob", message=card)
    dialog(slack, "bob", submit="Reject")
    form = slack.modal("bob")
    assert form is not None
    form.fill("reason", "no")
    assert "5 characters" in form.submit().errors["reason"]
    form.fill("reason", "not before <!channel> month's end")
    assert not form.submit().errors

    slack.wait_for(lambda: "Rejected" in now(slack, card).plain, timeout=10)
    shown = now(slack, card)
    assert "not before &lt;!channel&gt;" in json.dumps(shown.blocks) or "<!channel>" not in json.dumps(shown.blocks)
    assert shown.buttons == ["Ask again…"]


def test_an_outsider_cannot_reject(fresh: Stage) -> None:
    slack = fresh.slack
    card = request_update(slack)

    slack.click("Reject…", as_="dave", message=card)

    dialog(slack, "dave", saying="You cannot")
    assert "Waiting for approval" in now(slack, card).plain


def test_a_click_on_an_older_digest_is_refused_and_the_card_drawn_anew(fresh: Stage) -> None:
    slack = fresh.slack
    card = request_update(slack)
    with fresh.service.database.transaction() as tx:
        spec = replace(specs.of(tx, 1)[0], level=Level.FULL)
        stored = canonical_bytes(spec)
        row = rollouts.get(tx, 1)
        row.digest = digest_of(stored)
        tx.add(SpecRow(rollout_id=1, digest=row.digest, body=stored, created_at=row.created_at))
        tx.add(row)

    answer = slack.click("Approve", as_="bob", message=card)

    assert "changed since this card was drawn" in answer.text
    assert "What has changed" in answer.text
    assert "recommended" in answer.text
    slack.wait_for(lambda: "Full" in now(slack, card).plain, timeout=10)
    assert "0 of 2" in now(slack, card).plain
    assert "1 of 2" in slack.click("Approve", as_="bob", message=now(slack, card)).text


def test_abort_says_first_what_it_does(fresh: Stage) -> None:
    slack = fresh.slack
    card = request_update(slack)
    slack.click("Approve", as_="bob", message=card)
    slack.click("Approve", as_="carol", message=card)
    slack.wait_for(lambda: any("Abort…" in entry.buttons for entry in slack.thread(card)), timeout=30)

    slack.click("Abort…", as_="dave")
    dialog(slack, "dave", saying="You cannot")

    slack.click("Abort…", as_="bob")
    dialog(slack, "bob", submit="Abort rollout")
    form = slack.modal("bob")
    assert form is not None
    assert "What aborting does now on pool lab" in form.text
    assert not form.submit().errors

    slack.wait_for(lambda: any("Aborted" in entry.plain for entry in slack.thread(card)), timeout=90)
    slack.wait_for(lambda: "Aborted" in now(slack, card).plain, timeout=10)


def test_attention_asks_for_a_decision_and_loses_its_buttons_once_decided(fresh: Stage) -> None:
    slack = fresh.slack
    fresh.pool.host("xs-02").apply_fails(times=8)
    card = request_update(slack)
    slack.click("Approve", as_="bob", message=card)
    slack.click("Approve", as_="carol", message=card)

    slack.wait_for(lambda: any("Retry" in entry.buttons for entry in slack.thread(card)), timeout=90)
    asking = next(entry for entry in slack.thread(card) if "Retry" in entry.buttons)
    for part in ("needs attention", "What happened", "What it means", "What to do", "xs-02", "@xs-approvers"):
        assert part in asking.plain
    assert "Needs attention" in now(slack, card).plain

    assert "You cannot" in slack.click("Retry", as_="dave", message=asking).text
    fresh.pool.host("xs-02").apply_fails(times=0)
    assert "goes on" in slack.click("Retry", as_="carol", message=asking).text
    slack.wait_for(
        lambda: next(entry for entry in slack.thread(card) if entry.ts == asking.ts).buttons == [], timeout=20
    )


def test_a_button_of_an_older_release_is_answered_kindly(fresh: Stage) -> None:
    slack = fresh.slack
    fresh.service.client.chat_postMessage(
        channel="C0UPDATES",
        text="old",
        blocks=[
            {
                "type": "actions",
                "elements": [
                    {
                        "type": "button",
                        "action_id": "gone_1",
                        "value": "x",
                        "text": {"type": "plain_text", "text": "Snooze"},
                    }
                ],
            }
        ],
    )

    assert "older message" in slack.click("Snooze", as_="dave").text


def test_nobody_counts_while_slack_does_not_say_who_is_in_a_group(fresh: Stage) -> None:
    slack = fresh.slack
    slack.fault("plan_upgrade_required", method="usergroups.users.list", times=50)

    slack.say("/xs update lab", as_="alice")

    dialog(slack, "alice", saying="plan_upgrade_required")
    view = slack.modal("alice")
    assert view is not None
    assert "Name user ids" in view.text
    assert card_in(slack) is None


def test_rejecting_from_the_card_that_a_command_opened(fresh: Stage) -> None:
    slack = fresh.slack
    card = request_update(slack)
    slack.say("/xs approve #1", as_="bob")
    dialog(slack, "bob", saying="Approve")

    slack.click("Reject…", as_="bob")
    form = dialog(slack, "bob", submit="Reject")
    form.fill("reason", "wrong week")
    assert not form.submit().errors

    slack.wait_for(lambda: "bob rejected it: wrong week" in now(slack, card).plain, timeout=10)


def test_two_last_approvals_at_once_start_one_rollout(fresh: Stage) -> None:
    slack = fresh.slack
    card = request_update(slack)
    clicks = [threading.Thread(target=slack.click, args=("Approve", name, card)) for name in ("bob", "carol") * 3]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()

    slack.wait_for(lambda: "Running" in now(slack, card).plain, timeout=20)
    with fresh.service.database.reading() as tx:
        actions = [row.action for row in audit.recent(tx, rollout_id=1, limit=200)]
    assert actions.count("rollout.approved") == 1
    assert actions.count("rollout.running") == 1
    assert actions.count("approval.given") == 2


def test_whoever_left_the_approvers_counts_no_more(fresh: Stage) -> None:
    """Invariant 1: authority is asked again with every decision."""
    slack = fresh.slack
    card = request_update(slack)
    slack.click("Approve", as_="bob", message=card)
    slack.remove_from_group("xs-approvers", "bob")
    began = fresh.time.now()
    slack.wait_for(lambda: (fresh.time.now() - began).total_seconds() > 61, timeout=10)

    answer = slack.click("Approve", as_="carol", message=card)

    assert "Approval recorded, 1 of 2" in answer.text
    assert "Running" not in now(slack, card).plain
