"""Every reason that checks, forecasts and comparisons give has a sentence that its parameters fill."""

from __future__ import annotations

import itertools
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import bot.rollout
from bot.messages import catalogue_checks, catalogue_conditions, catalogue_vms
from bot.rollout.blocker import Cause
from bot.rollout.checks import CHECKS, run_checks
from bot.rollout.decision import Estimates
from bot.rollout.difference import compare
from bot.rollout.forecast import forecast
from bot.rollout.guidance import Level, guidance_of
from bot.rollout.proposal import Choices, propose
from bot.rollout.reason import Reason
from bot.rollout.spec import Livepatch, OnLivepatchFailure, Spec, StoppedVms
from tests.unit.rollout import test_conditions as conditions
from tests.unit.rollout.pools import NO_BLOCKERS, host, pool_of, updates_of
from tests.unit.rollout.test_checks import FIRING, HA_ON, stuck

SENTENCES = catalogue_checks.SENTENCES | catalogue_conditions.SENTENCES | catalogue_vms.SENTENCES
PREFIXES = ("check.", "fix.", "forecast.", "spec.")
SOURCES = ("checks", "forecast.py", "difference.py")


def parameters(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def literal_codes() -> set[str]:
    """The reason codes written out in the modules."""
    home = Path(bot.rollout.__file__).parent
    files = [file for name in SOURCES for file in ([home / name] if name.endswith(".py") else (home / name).glob("*"))]
    text = "".join(file.read_text() for file in files if file.suffix == ".py")
    return set(re.findall(r'"((?:check|fix|forecast|spec)\.[a-z_.]*[a-z])"', text))


def composed_codes() -> set[str]:
    """The codes that are put together from a cause, a treatment or a kind of turn."""
    return (
        {f"check.evacuation.{cause.value}" for cause in Cause}
        | {f"check.evacuation.{word}" for word in ("suspend", "shutdown", "shutdown_instead", "shutdown_to_restart")}
        | {f"check.vm_rule.cannot_{word}" for word in ("suspend", "shutdown")}
        | {f"check.passed.{check.name}" for check in CHECKS}
        | {f"check.pending_{kind}{end}" for kind in ("host", "vm") for end in ("", "_resumed")}
        | {f"fix.{word}{end}" for word in ("suspend", "shutdown") for end in ("", ".undo")}
        | {f"forecast.turn.{kind}" for kind in ("reboot", "evacuate", "evacuate_toolstack", "toolstack", "apply")}
    )


def test_every_code_has_a_sentence_and_every_sentence_a_code() -> None:
    assert literal_codes() | composed_codes() == set(SENTENCES)


def given_reasons() -> Iterator[Reason]:
    cases = [*FIRING.values(), *conditions.FIRING.values()]
    findings = [finding for facts, _, _ in cases for finding in run_checks(facts).findings]
    for chosen in StoppedVms:
        for code in ("VM_REQUIRES_SR", "VM_HAS_PCI_ATTACHED", "OTHER_OPERATION_IN_PROGRESS"):
            findings += stuck(code, chosen)
    for finding in findings:
        yield finding.reason
        if finding.fix is not None:
            yield from (finding.fix.reason, finding.fix.undo)


def foreseen_reasons() -> Iterator[Reason]:
    """The reasons of forecasts over all choices, and of what differs between their specs."""
    snapshot = pool_of([host(1), host(2)], ha=HA_ON)
    specs: list[Spec] = []
    for asked, rpms, patches in (
        (guidance_of(["RestartToolstack"], ["RebootHost"], ["RestartVM"]), ("xapi-core-26.1.3-1.rpm",), ()),
        (guidance_of(), ("kernel-4.19.rpm",), ("xen a -> b",)),
        (guidance_of(recommended=["EvacuateHost"], full=["RestartToolstack"]), ("qemu-4.2.rpm",), ()),
        (guidance_of(), (), ()),
    ):
        updates = updates_of(snapshot, asked, rpms=rpms, updates=(), livepatches=patches)
        for level, patch, failure in itertools.product(Level, Livepatch, OnLivepatchFailure):
            specs.append(propose(snapshot, updates, NO_BLOCKERS, Choices(level, StoppedVms.REFUSE, patch, failure)))
            found = forecast(specs[-1], snapshot, updates, Estimates())
            yield from (*found.headlines, *(turn.reason for turn in found.turns))
    for one, other in itertools.pairwise(specs):
        yield from compare(one, other)


def test_the_parameters_of_a_reason_fill_its_sentence() -> None:
    for reason in (*given_reasons(), *foreseen_reasons()):
        assert parameters(SENTENCES[reason.code]) <= set(reason.params), reason.code


@pytest.mark.parametrize("code", sorted(SENTENCES))
def test_a_sentence_is_a_whole_sentence_in_the_fields_words(code: str) -> None:
    text = SENTENCES[code]
    assert text.endswith(".")
    assert text[0].isupper() or text[0] == "{"
    assert "  " not in text
    assert not re.search(r"\b(master|please|sorry|oops)\b", text, re.IGNORECASE)
