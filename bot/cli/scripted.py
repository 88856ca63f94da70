"""The scripted demo: the whole conversation through the local Slack workspace, and an honest verdict.

The figures about the pool come from the simulated world's own state and log; this module does not know the rules of
rollouts.
"""

from __future__ import annotations

import time
from typing import Any

from bot.cli.stage import ALIAS, Stage
from bot.errors import XsbotError
from bot.lab.slack import Message
from storage import approvals, audit, rollouts
from storage.tables import RolloutRow

#: What people choose in the form, by the word of the command line.
_CHOICES = {"suspend": "Suspend", "shutdown": "Shut down"}
_OVER = frozenset({"succeeded", "aborted", "failed", "rejected", "expired", "superseded", "cancelled"})
_STUCK = "needs_attention"


class Stuck(XsbotError):
    """The conversation did not go on."""


def hold_conversation(stage: Stage, *, stopped_vms: str, patience_s: float) -> dict[str, Any]:
    """Ask as alice, approve as bob and carol, wait for the outcome, and put the figures together.

    `patience_s` is real seconds for the whole rollout.
    """
    began = time.monotonic()
    slack = stage.slack
    slack.wait_for(lambda: _has_button(slack.messages("xs-updates"), "Plan update…"), timeout=30)
    refused = _request(stage, stopped_vms)
    row = None if refused else _decide(stage, patience_s)
    return _figures(stage, row, refused, time.monotonic() - began)


def _request(stage: Stage, stopped_vms: str) -> str:
    """Fill in and send the form; what the form says when it refuses, "" when it was taken."""
    slack = stage.slack
    slack.say(f"/xs update {ALIAS}", as_="alice")
    slack.wait_for(lambda: _ready(stage), timeout=30)
    if stopped_vms in _CHOICES:
        before = _shown(stage)
        slack.select("stopped_vms", stopped_vms, as_="alice")
        slack.wait_for(lambda: _shown(stage) != before and _ready(stage), timeout=30)
    form = slack.modal(as_="alice")
    if form is None:
        raise Stuck("The form to ask for an update did not open.")
    form.fill("reason", "Rehearsal of the monthly updates")
    submission = form.submit()
    if submission.errors:
        # The form says it below every field that one could change.
        return " ".join(dict.fromkeys(submission.errors.values()))
    slack.wait_for(lambda: _has_button(slack.messages("xs-updates"), "Approve") or _refusal(stage), timeout=60)
    return _refusal(stage)


def _ready(stage: Stage) -> bool:
    form = stage.slack.modal(as_="alice", wait=0)
    return form is not None and "reason" in {str(block.get("block_id")) for block in form.blocks}


def _shown(stage: Stage) -> str:
    form = stage.slack.modal(as_="alice", wait=0)
    return form.text if form is not None else ""


def _refusal(stage: Stage) -> str:
    """What alice was told when the request was refused."""
    form = stage.slack.modal(as_="alice", wait=0)
    return form.text if form is not None and "cannot" in form.text else ""


def _has_button(messages: list[Message], text: str) -> bool:
    return any(text in message.buttons for message in messages)


def _decide(stage: Stage, patience_s: float) -> RolloutRow:
    slack = stage.slack
    for person in ("bob", "carol"):
        slack.click("Approve", as_=person)
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        row = _latest(stage)
        if row is not None and (row.state.value in _OVER or row.state.value == _STUCK):
            _wait_for_messages(stage)
            return row
        time.sleep(0.05)
    raise Stuck(f"The rollout was not over after {patience_s:.0f} seconds.", "Give it a higher --speed.")


def _latest(stage: Stage) -> RolloutRow | None:
    with stage.service.database.reading() as tx:
        return next(iter(rollouts.recent(tx, limit=1)), None)


def _wait_for_messages(stage: Stage) -> None:
    from storage import outbox

    def empty() -> bool:
        with stage.service.database.reading() as tx:
            return outbox.depth(tx) == 0

    stage.slack.wait_for(empty, timeout=30)


def _figures(stage: Stage, row: RolloutRow | None, refused: str, wall_s: float) -> dict[str, Any]:
    verdict = stage.pool.verdict()
    with stage.service.database.reading() as tx:
        verified = audit.verify(tx)
        given = [entry for entry in approvals.of(tx, row.id) if not entry.revoked] if row is not None else []
    outcome = "refused" if row is None else row.state.value
    if outcome == "succeeded":
        outcome = _honest(outcome, verdict.as_dict())
    figures: dict[str, Any] = {
        "scenario": stage.scenario,
        "outcome": outcome,
        "hosts": verdict.hosts,
        "vms": verdict.vms,
        "migrations": verdict.migrations,
        "reboots": verdict.reboots,
        "makespan_s": verdict.makespan_s,
        "wall_s": round(wall_s, 1),
        "approvals": len(given),
        "messages": sum(method in ("chat.postMessage", "chat.postEphemeral") for method, _ in stage.slack.api_calls),
        "audit_events": verified.count,
        "audit_ok": verified.ok,
        "ha_restored": verdict.ha_restored,
        "vms_home": verdict.vms_home,
        "toolstack_restarts": verdict.toolstack_restarts,
        "settings_restored": verdict.settings_restored,
        "all_updated": verdict.all_updated,
        "violations": verdict.violations,
    }
    if refused:
        figures["refused_because"] = refused
    return figures


def _honest(outcome: str, verdict: dict[str, Any]) -> str:
    """The bot says it succeeded; the simulated pool has the last word."""
    whole = all(verdict[name] for name in ("ha_restored", "settings_restored", "vms_home", "all_updated"))
    return outcome if whole and not verdict["violations"] else "not_as_claimed"
