"""/xs approve <id> shows the card in a dialog; the card's Approve button approves."""

from __future__ import annotations

from slack_bolt import App

from bot.delivery.rendering import ask_about, ask_of
from bot.errors import XsbotError
from bot.messages import card
from bot.messages.amendment import amendment_modal
from bot.messages.answers import approved, stale
from bot.messages.blocks import View
from bot.messages.language import _
from bot.rollout.amendment import changes
from bot.rollout.errors import StaleDigest
from bot.rollout.reason import Reason
from bot.rollout.spec import parse_spec
from bot.rollouts import Role
from commands.button import on_click
from commands.call import Call
from commands.context import Context
from commands.verb import Verb
from storage import specs
from storage.errors import NotFound
from storage.tables import SpecRow


def run(call: Call) -> None:
    """Show the card, or that of the amendment that waits. Typing a command approves nothing: whoever approves has
    read what."""
    _show(call, call.rollout())


def _show(call: Call, rollout_id: int) -> None:
    call.open(_("Rollout {id}").format(id=rollout_id), _("Looking it up."), lambda: _card(call, rollout_id))


def _card(call: Call, rollout_id: int) -> View:
    standing = call.context.rollouts.standing(rollout_id)
    call.require(Role.VIEWER, standing.row.pool_alias)
    if standing.amendment is not None:
        ask = ask_about(call.context.settings, standing, standing.amendment)
        return amendment_modal(standing, standing.amendment, ask)
    return card.card_modal(standing, ask_of(call.context.settings, standing))


def _approve(call: Call) -> None:
    rollout_id, digest = card.parse_value(call.value)
    try:
        call.answer(approved(call.context.rollouts.approve(rollout_id, digest, call.actor), digest))
    except NotFound:
        raise
    except StaleDigest as error:
        call.context.rollouts.redraw(rollout_id, digest)
        call.answer(stale(error, _differences(call, rollout_id, digest)))
    except XsbotError:
        # A refused click means that the card may look older than things are.
        call.context.rollouts.redraw(rollout_id, digest)
        raise


def _differences(call: Call, rollout_id: int, digest: str) -> tuple[Reason, ...]:
    with call.context.rollouts.database.reading() as tx:
        old = tx.get(SpecRow, (rollout_id, digest))
        return () if old is None else changes(parse_spec(old.body), specs.of(tx, rollout_id)[0])


VERB = Verb(
    "approve",
    "/xs approve <id>",
    "Opens the card (or that of a waiting amendment) with its Approve button; approves nothing by itself.",
    "approver",
    run,
    opens=True,
    examples=("/xs approve 42",),
)


def register(app: App, context: Context) -> None:
    """The Approve button, and the button that opens a card."""
    on_click(app, context, card.APPROVE, _approve)
    on_click(app, context, card.OPEN, lambda call: _show(call, int(call.value)), opens=True)
