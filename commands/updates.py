"""/xs updates <pool>, and the notice's Details button."""

from __future__ import annotations

from slack_bolt import App

from bot.messages import details as pages
from bot.messages import notice, status
from bot.messages.blocks import View, actions, button
from bot.messages.language import _
from commands.button import on_click
from commands.call import Call
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


def _page(call: Call, alias: str, page: int = 0) -> View:
    return pages.details(alias, call.context.rollouts.updates(alias, call.actor)[0], page)


def _details(call: Call) -> None:
    call.open(_("Updates"), _("Looking up what is known."), lambda: _page(call, call.value))


def _turn(call: Call) -> None:
    if call.view is not None:
        call.show(str(call.view["id"]), _page(call, *pages.page_of(call.value)))


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
    on_click(app, context, notice.DETAILS, _details, opens=True)
    on_click(app, context, pages.EARLIER, _turn)
    on_click(app, context, pages.LATER, _turn)
