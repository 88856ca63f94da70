"""Starts that wait for their time, windows, freezes and the weekly digest, as people type and read them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.cli.stage import Stage
from bot.lab.slack import LabSlack, Message
from bot.lab.time import DEFAULT_START
from bot.settings import DigestSettings, MaintenanceSettings, Settings
from storage.actors import Actor
from tests.slack.conftest import dialog


@pytest.fixture(scope="module")
def planned() -> Iterator[Stage]:
    """A pool with a maintenance window each Saturday night of its own time zone, and a digest each Friday morning."""

    def with_windows(settings: Settings) -> Settings:
        window = MaintenanceSettings(time_zone="America/Sao_Paulo", windows=("0 22 * * sat 6h",))
        roles = settings.roles.model_copy(update={"emergency": ("U0BOB", "U0ERIN")})
        weekly = DigestSettings(day="fri", time="08:02", time_zone="UTC")
        return settings.model_copy(update={"maintenance": window, "roles": roles, "digests": {"weekly": weekly}})

    # A Friday morning whatever the day of the test, and slow enough that its Saturday never comes.
    with Stage("small", 20, 0, begins=DEFAULT_START, configured=with_windows) as stage:
        stage.slack.wait_connected()
        stage.slack.wait_for(lambda: stage.slack.messages("xs-updates"), timeout=30)
        yield stage


@pytest.fixture
def slack(planned: Stage) -> LabSlack:
    return planned.slack


def told(slack: LabSlack, command: str, *, by: str = "erin") -> str:
    """The private answer to a command."""
    answer = slack.say(f"/xs {command}", as_=by).wait(10)
    assert answer is not None
    assert answer.ephemeral
    return answer.plain


def test_windows_are_shown_with_what_they_mean(slack: LabSlack) -> None:
    shown = told(slack, "windows lab", by="dave")
    assert "`0 22 * * sat 6h`, America/Sao_Paulo" in shown
    assert shown.count(" to ") >= 3
    assert "lab" in told(slack, "windows", by="dave")


def test_home_shows_the_next_window(slack: LabSlack) -> None:
    home = slack.home("dave", wait=20)
    assert home is not None
    assert "next window 2026-11-22 01:00 UTC" in home.plain


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("freeze lab until mon 6:00", "Until when is the pool frozen, and why?"),
        ("freeze lab until whenever because we can", "is no moment"),
        ("freeze lab until 2020-01-01 6:00 because we can", "is over already"),
        ("freeze lab until mon 6:00 because no", "needs a reason"),
        ("freeze lab off", "is not frozen"),
        ("freeze far", "There is no pool called"),
    ],
)
def test_what_is_no_freeze_is_answered(slack: LabSlack, typed: str, said: str) -> None:
    assert said in told(slack, typed)


def test_who_is_no_administrator_freezes_nothing(slack: LabSlack) -> None:
    assert "you are not an administrator" in told(slack, "freeze lab until mon 6:00 because I am busy", by="dave")


def test_a_freeze_is_told_shown_audited_and_refuses_a_start(slack: LabSlack) -> None:
    shown = told(slack, "freeze lab until in 90 days because the <!channel> is closing its *books*")
    assert "frozen until" in shown
    assert "∗books∗" in shown  # nothing in it formats, mentions or links
    assert "closing its" in told(slack, "windows lab", by="dave")
    slack.wait_for(lambda: any("Froze pool lab" in line.plain for line in slack.messages("xs-audit")), timeout=20)

    slack.say('/xs update lab --at "sat 23:00" --reason "CHG-7"', as_="alice")
    form = dialog(slack, "alice", saying="frozen until", submit="Request approval")
    assert form.values["text"] == "CHG-7"
    assert not form.submit().errors
    dialog(slack, "alice", saying="is frozen until").close()

    assert "no longer frozen" in told(slack, "freeze lab off")
    assert "closing its" not in told(slack, "windows lab", by="dave")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ('--at "sat 25:00"', "is no moment"),
        ('--deadline "sun 5:60"', "is no moment"),
        ("--at", "needs a value"),
        ("--when now", "There is no option"),
        ('--at "sat 22:00', "does not end"),
    ],
)
def test_a_start_that_cannot_be_understood_is_answered(slack: LabSlack, typed: str, said: str) -> None:
    assert said in told(slack, f"update lab {typed}", by="alice")


def test_a_start_outside_the_window_is_refused_with_the_next_one(slack: LabSlack) -> None:
    slack.say('/xs update lab --at "wed 10:00"', as_="alice")
    form = dialog(slack, "alice", saying="Maintenance windows", submit="Request approval")
    form.fill("reason", "CHG-1")
    assert not form.submit().errors
    refused = dialog(slack, "alice", saying="has no maintenance window at that time")
    assert "The next one is open from" in refused.text
    refused.close()


def test_a_rollout_waits_for_its_window_and_everybody_reads_when(planned: Stage) -> None:
    slack = planned.slack
    slack.say("/xs update lab --at “sat 23:00” --level full", as_="alice")
    form = dialog(slack, "alice", saying="Maintenance windows", submit="Request approval")
    form.fill("reason", "CHG-2")
    assert not form.submit().errors
    slack.wait_for(lambda: any("Approve" in m.buttons for m in slack.messages("xs-updates")), timeout=20)
    card = next(message for message in slack.messages("xs-updates") if "Approve" in message.buttons)
    assert "it then starts" in card.plain
    assert "starts at once" not in card.plain

    for name in ("bob", "carol"):
        slack.click("Approve", as_=name, message=card)
    slack.wait_for(
        lambda: any("*Approved*: it starts" in message.plain for message in slack.messages("xs-updates")), timeout=20
    )
    assert "rollout 1 starts" in told(slack, "windows lab", by="dave")
    assert "Starts" in told(slack, "status", by="dave")
    assert planned.pool.effects == []

    assert "is taken back; 1 of 2 are left" in told(slack, "revoke 1", by="carol")
    assert "There is no such approval" in told(slack, "revoke 1", by="carol")
    slack.wait_for(lambda: any("waiting for" in message.plain for message in slack.messages("xs-updates")), timeout=20)


def test_an_emergency_is_typed_told_aloud_and_approved_by_another_of_the_few(planned: Stage) -> None:
    slack = planned.slack
    planned.service.rollouts.cancel(1, Actor("slack", "U0ALICE", "alice"))
    slack.say("/xs update lab --emergency", as_="alice")
    dialog(slack, "alice", saying="declare an emergency").close()

    slack.say("/xs update lab --emergency", as_="erin")
    form = dialog(slack, "erin", saying="Emergency: type the name of the pool", submit="Request approval")
    form.fill("reason", "CVE-2026-31415 is being exploited")
    form.fill("typed_name", "lib")
    assert "not the pool's name: lab" in form.submit().errors["typed_name"]
    form.fill("typed_name", "lab")
    assert not form.submit().errors
    loud = slack.wait_for(lambda: [m for m in slack.messages("xs-audit") if "⚠ EMERGENCY" in m.plain], timeout=20)
    assert "being exploited" in loud[0].plain
    assert loud[0].text.startswith("<!channel>")

    slack.wait_for(lambda: any("Approve" in m.buttons for m in slack.messages("xs-updates")), timeout=20)
    card = next(message for message in slack.messages("xs-updates") if "Approve" in message.buttons)
    assert "past maintenance windows" in card.plain
    slack.click("Approve", as_="carol", message=card)
    slack.wait_for(lambda: any("cannot approve rollout 2" in m.plain for m in slack.ephemerals("carol")), timeout=20)
    slack.click("Approve", as_="bob", message=card)
    slack.wait_for(lambda: any("Switching high availability off" in m.plain for m in slack.thread(card)), timeout=30)


def test_the_weekly_digest_comes_by_itself_and_whenever_somebody_asks(slack: LabSlack) -> None:
    def arrived() -> list[Message]:
        return [message for message in slack.messages("xs-updates") if message.plain.startswith("Weekly digest")]

    (digest,) = slack.wait_for(arrived, timeout=30)
    assert "1 of 1 pool behind" in digest.plain
    assert "maintenance windows: 2026-11-22 01:00 UTC to 2026-11-22 07:00 UTC" in digest.plain
    slack.click("Show updates", as_="dave", message=digest)
    dialog(slack, "dave", saying="security").close()
    assert "1 of 1 pool behind" in told(slack, "pools --digest", by="dave")
    assert "There is no option --week" in told(slack, "pools --week", by="dave")
