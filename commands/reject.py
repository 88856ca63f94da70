"""/xs reject <id>, and the card's Reject button."""

from __future__ import annotations

import json
from typing import Any

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.messages import card, modal
from bot.messages.answers import MIN_REASON, reason_too_short, reject_title, rejected
from bot.messages.blocks import View
from bot.messages.language import _
from bot.rollout.errors import NotAllowed, StaleDigest
from bot.rollout.lifecycle import State
from bot.rollouts import Role
from commands.button import on_click
from commands.call import Call, clicked
from commands.context import Context
from commands.form import text_of
from commands.verb import Verb


def run(call: Call) -> None:
    """Ask for the reason of a rejection."""
    _ask(call, call.rollout())


def _ask(call: Call, rollout_id: int, digest: str = "") -> None:
    call.open(reject_title(rollout_id), _("One moment."), lambda: _form(call, rollout_id, digest))


def _form(call: Call, rollout_id: int, digest: str) -> View:
    standing = call.context.rollouts.standing(rollout_id)
    call.require(Role.APPROVER, standing.row.pool_alias)
    if standing.amendment is not None and digest in ("", standing.amendment.row.digest):
        return modal.reject_form(standing, standing.amendment.row.digest)
    if digest not in ("", standing.digest):
        call.context.rollouts.redraw(rollout_id, digest)
        raise StaleDigest(
            f"What this button belongs to is no longer asked for in rollout {rollout_id}.",
            "Look at the newest card in its thread.",
        )
    if standing.row.state is not State.AWAITING_APPROVAL:
        raise NotAllowed(
            f"Rollout {rollout_id} no longer waits for approval: it is {standing.row.state.value.replace('_', ' ')}.",
            f"One that has started is ended with /xs abort {rollout_id}.",
        )
    return modal.reject_form(standing, digest or standing.digest)


def _reject(call: Call, rollout_id: int, digest: str, why: str) -> None:
    rollouts = call.context.rollouts
    try:
        call.answer(rejected(rollouts.reject(rollout_id, digest, call.actor, why), digest))
    except StaleDigest:
        rollouts.redraw(rollout_id, digest)
        raise


VERB = Verb(
    "reject",
    "/xs reject <id>",
    "Asks for a reason, then refuses a rollout or its amendment.",
    "approver",
    run,
    opens=True,
    examples=("/xs reject 42",),
)


def register(app: App, context: Context) -> None:
    """The Reject button and the form it opens."""

    def submit(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        call = clicked(context, body, client, respond)
        view = body["view"]
        about = json.loads(view["private_metadata"])
        why = text_of(view, modal.REASON)
        if len(why) < MIN_REASON:
            ack(response_action="errors", errors={modal.REASON: reason_too_short()})
            return
        ack(response_action="update", view=modal.loading(reject_title(about["rollout"]), _("Passing it on.")))
        sent = call.acknowledged()
        rollout_id, digest = int(about["rollout"]), str(about["digest"])
        sent.later(lambda: _reject(sent, rollout_id, digest, why))

    on_click(app, context, card.REJECT, lambda call: _ask(call, *card.parse_value(call.value)), opens=True)
    app.view(modal.REJECT)(submit)
