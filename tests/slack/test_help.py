"""Whoever does not know what to type is told: every verb with examples, what was probably meant, who they are."""

from __future__ import annotations

import pytest

from bot.lab.slack import LabSlack
from commands import VERBS
from commands.help import MEANT, nearest_verb

NAMES = tuple(verb.name for verb in VERBS)


def told(slack: LabSlack, line: str, who: str = "dave") -> str:
    answer = slack.say(line, as_=who)
    message = slack.wait_for(lambda: answer.message, timeout=20)
    assert message is not None
    assert message.ephemeral
    return message.plain


def test_every_verb_that_takes_something_has_examples_of_it() -> None:
    for verb in VERBS:
        for line in verb.examples:
            assert line.startswith(f"/xs {verb.name}"), "an example is typed as it stands"
        assert verb.examples or "<" not in verb.usage, verb.name


def test_the_help_of_one_verb_says_what_it_does_for_whom_and_how(slack: LabSlack) -> None:
    shown = told(slack, "/xs help update")
    assert "/xs update <pool> [choices]" in shown
    assert "Plans an update: shows what it would do and asks for it." in shown
    assert "For: requester." in shown
    assert "/xs update lab first=xs-05 without=xs-03 pause=canary" in shown
    assert "Lists these commands" not in shown


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("updat", "update"), ("UPDATES", "updates"), ("stauts", "status"), ("aprove", "approve"), ("stop", "pause"),
        ("rollback", "restore"), ("upgrade", "update"), ("zzzz", ""), ("", ""),
    ],
)  # fmt: skip
def test_what_is_no_verb_leads_to_the_one_that_was_meant(typed: str, meant: str) -> None:
    assert nearest_verb(typed, NAMES) == meant


def test_words_of_other_tools_lead_to_verbs_there_are() -> None:
    assert set(MEANT.values()) <= set(NAMES)


def test_a_near_miss_is_answered_with_what_was_meant(slack: LabSlack) -> None:
    assert "There is no command “undo”. Did you mean /xs restore?" in told(slack, "/xs undo 42").replace("`", "")
    assert "Did you mean /xs status?" in told(slack, "/xs help statsu").replace("`", "")
    assert "Did you mean lab?" in told(slack, "/xs updates lap")


def test_everybody_can_ask_who_they_are(slack: LabSlack) -> None:
    assert "U0BOB" in (bob := told(slack, "/xs whoami", "bob"))
    assert "lab: ask for rollouts, approve and steer rollouts of others" in bob.replace("*", "")
    assert "lab: look only" in told(slack, "/xs whoami", "dave").replace("*", "")
    assert "xsbot speaks English with you." in bob
