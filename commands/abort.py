"""/xs abort <id>, and the Abort buttons of the progress message and of a call for attention."""

from __future__ import annotations

import json
from typing import Any

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.messages import attention, modal, progress
from bot.messages.answers import abort_title, aborting
from bot.messages.blocks import View
from bot.messages.language import _
from bot.rollouts import Role
from commands.button import on_click
from commands.call import Call, clicked
from commands.context import Context
from commands.form import text_of
from commands.verb import Verb


def run(call: Call) -> None:
    """Show what aborting would do now, and ask."""
    _ask(call, call.rollout())


def _ask(call: Call, rollout_id: int) -> None:
    call.open(abort_title(rollout_id), _("Looking at what would be restored."), lambda: _form(call, rollout_id))


def _form(call: Call, rollout_id: int) -> View:
    rollouts = call.context.rollouts
    standing = rollouts.standing(rollout_id)
    call.require(Role.APPROVER, standing.row.pool_alias)
    return modal.abort_form(standing, rollouts.abort_consequences(rollout_id))


VERB = Verb(
    "abort",
    "/xs abort <id>",
    "Shows what ending a rollout would do now, then ends it.",
    "approver",
    run,
    opens=True,
    examples=("/xs abort 42",),
)


def register(app: App, context: Context) -> None:
    """The Abort buttons and the form they open."""

    def submit(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        call = clicked(context, body, client, respond)
        view = body["view"]
        rollout_id = int(json.loads(view["private_metadata"])["rollout"])
        ack(response_action="update", view=modal.loading(abort_title(rollout_id), _("Passing it on.")))
        why = text_of(view, modal.REASON)
        sent = call.acknowledged()
        sent.later(lambda: sent.answer(aborting(context.rollouts.abort(rollout_id, call.actor, why))))

    for action in (progress.ABORT, attention.ABORT):
        on_click(app, context, action, lambda call: _ask(call, int(call.value)), opens=True)
    app.view(modal.ABORT)(submit)
