"""Reasons become sentences, and every code that the product uses has one."""

from __future__ import annotations

import ast
import gettext
from pathlib import Path

import pytest

from bot.messages.language import speaking
from bot.messages.sentences import sentence, templates
from bot.rollout.reason import Reason, because

ROOT = Path(__file__).parents[3]


def test_a_reason_becomes_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {**templates(), "x.y": "{host}: {vms:VM|VMs} after {wait:duration}, on {on}."}
    monkeypatch.setattr("bot.messages.sentences.templates", lambda: shown)
    assert sentence(because("x.y", host="xs-02", vms=1, wait=720, on=True)) == "xs-02: 1 VM after 12 min, on yes."
    assert sentence(because("x.y", host="a", vms=7, wait=0, on=False)) == "a: 7 VMs after 0 s, on no."


def test_an_unknown_code_is_still_readable() -> None:
    assert sentence(because("made.up", host="xs-02", vms=7)) == "made.up: host xs-02, vms 7"
    assert sentence(Reason("made.up")) == "made.up"


def test_a_missing_parameter_is_still_readable() -> None:
    assert sentence(Reason("host.rebooting")) == "host.rebooting"


def test_parameters_are_harmless_in_slack_and_plain_elsewhere() -> None:
    reason = because("made.up", host="<!channel> *x*")
    assert sentence(reason) == "made.up: host <!channel> *x*"
    assert sentence(reason, mrkdwn=True) == "made.up: host &lt;!channel&gt; \u2217x\u2217"


def test_a_parameter_cannot_reach_into_python() -> None:
    assert "class" not in sentence(because("made.up", host="{host.__class__}")).replace("__class__", "")


def test_another_language() -> None:
    class Shouting(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            return message.upper()

    with speaking(Shouting()):
        assert sentence(because("pool.released")) == sentence(because("pool.released")).upper()
    assert sentence(because("pool.released")) != sentence(because("pool.released")).upper()


def codes_in_the_source() -> dict[str, set[str]]:
    """Every literal code given to `because`, with the parameters of that call."""
    found: dict[str, set[str]] = {}
    files = [path for part in ("bot", "storage", "commands") for path in (ROOT / part).rglob("*.py")]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "because"):
                continue
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                found[f"{first.value}@{path.name}:{node.lineno}"] = {word.arg for word in node.keywords if word.arg}
    return found


def _shown(value: object) -> str:
    """Sets have no order of their own, and every process that runs tests must name them alike."""
    return ",".join(sorted(value)) if isinstance(value, (set, frozenset)) else str(value)[:60]


@pytest.mark.parametrize(("where", "given"), sorted(codes_in_the_source().items()), ids=_shown)
def test_every_reason_in_the_source_has_a_sentence(where: str, given: set[str]) -> None:
    code = where.partition("@")[0]
    assert code in templates()
    shown = sentence(Reason(code, dict.fromkeys(given, 1)))
    assert not shown.startswith(f"{code}:"), f"the sentence of {where} needs parameters that it is not given"
