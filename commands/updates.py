"""/xs updates <pool>, and the notice's Details button."""

from __future__ import annotations

from typing import Any

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.messages import details as pages
from bot.messages import notice, status
from bot.messages.blocks import actions, button
from bot.messages.language import _
from commands.call import Call, clicked
from commands.context import Context
from commands.verb import Verb


def run(call: Call) -> None:
    """What is available for one pool."""
    alias = call.pool()
    known, row = call.context.rollouts.updates(alias, call.actor)
    plan = None
    if call.context.settings.pool(alias).mode == "act" and known is not None:
        label = _("Plan the update of pool {alias}").format(alias=alias)
        plan = actions(button(_("Plan update…"), notice.PLAN, alias, style="primary", label=label))
    call.answer(status.updates(alias, known, row, plan))


VERB = Verb(
    "updates",
    "/xs updates <pool>",
    "Says what is available and what it would take.",
    "viewer",
    run,
    examples=("/xs updates lab",),
)


def register(app: App, context: Context) -> None:
    """The notice's Details button, and the pages behind it."""

    def details(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        ack()
        call = clicked(context, body, client, respond)
        alias = call.value
        call.open(
            _("Updates"),
            _("Looking up what is known."),
            lambda: pages.details(alias, context.rollouts.updates(alias, call.actor)[0]),
        )

    def turn(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        ack()
        call = clicked(context, body, client, respond)
        view_id = str(body["view"]["id"])
        alias, page = pages.page_of(call.value)
        call.later(
            lambda: call.show(view_id, pages.details(alias, context.rollouts.updates(alias, call.actor)[0], page))
        )

    app.action(notice.DETAILS)(details)
    app.action(pages.EARLIER)(turn)
    app.action(pages.LATER)(turn)
