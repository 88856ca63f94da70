"""Checks in Slack: what can be put right is offered in the form, and the card's checks can be run again."""

from __future__ import annotations

from bot.cli.stage import Stage
from bot.lab.slack import LabSlack
from tests.slack.conftest import card_in, form_is_ready


def test_a_fix_is_chosen_in_the_form_and_the_checks_run_again_from_the_card(fresh: Stage) -> None:
    slack, pool = fresh.slack, fresh.pool
    pool.fault("local_cd", vm="web-01")

    slack.say("/xs update lab", as_="alice")
    slack.wait_for(lambda: form_is_ready(slack, "alice"), timeout=20)
    form = slack.modal(as_="alice")
    assert form is not None
    assert "a disc in its drive that only" in form.text
    assert "Take out the disc that keeps web-01 on its host" in form.text
    web = pool.world.db.get("VM", pool.world.db.find("VM", name_label="web-01"), "uuid")
    slack.select("fixes", [f"eject_cd:{web}"], as_="alice")
    slack.wait_for(lambda: "The disc is taken out at the start" in _form(slack), timeout=20)
    form = slack.modal(as_="alice")
    assert form is not None
    assert not form.submit().errors

    slack.wait_for(lambda: "Approve" in _card(slack), timeout=20)
    assert "1 VM loses its disc until after the turn of the host" in _card(slack)
    assert "has a disc in its drive that only" in _card(slack)

    pool.fault("clock_off", host="xs-02")
    answer = slack.click("Run checks again", as_="bob", message=card_in(slack)).wait(20)
    assert answer is not None
    assert "ran again" in answer.plain
    slack.wait_for(lambda: "The clock of xs-02 differs by 2 min" in _card(slack), timeout=20)
    assert "Checks ran again" in _card(slack)

    typed = slack.say("/xs check 1", as_="dave").wait(20)
    assert typed is not None
    assert "The checks of rollout 1 ran again" in typed.plain

    refused = slack.say("/xs proceed 1", as_="bob").wait(20)
    assert refused is not None
    assert "nothing to take up again" in refused.plain

    for who, said in (
        ("dave", "you are not an approver"),
        ("alice", "Rollout 1 is cancelled"),
        ("alice", "Rollout 1 waits no more: it is cancelled"),
    ):
        answer = slack.say("/xs cancel 1", as_=who).wait(20)
        assert answer is not None
        assert said in answer.plain


def _form(slack: LabSlack) -> str:
    form = slack.modal(as_="alice", wait=0)
    return "" if form is None else form.text


def _card(slack: LabSlack) -> str:
    """The card's text and buttons."""
    card = card_in(slack)
    return "" if card is None else " ".join((card.plain, *card.buttons))
