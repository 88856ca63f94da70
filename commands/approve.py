"""/xs approve <id> shows the card in a dialog; the card's Approve button approves."""

from __future__ import annotations

from typing import Any

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.delivery.rendering import ask_of
from bot.errors import XsbotError
from bot.messages import card
from bot.messages.answers import approved, stale
from bot.messages.blocks import View
from bot.rollout.difference import compare
from bot.rollout.errors import StaleDigest
from bot.rollout.reason import Reason
from bot.rollout.spec import parse_spec
from bot.rollouts import Role
from commands.call import Call, clicked
from commands.context import Context
from commands.verb import Verb
from storage import rollouts as records
from storage.tables import RolloutRow, SpecRow


def run(call: Call) -> None:
    """Show the card. Typing a command approves nothing: whoever approves has read what."""
    _show(call, call.rollout())


def _show(call: Call, rollout_id: int) -> None:
    call.open(f"Rollout {rollout_id}", "Looking it up.", lambda: _card(call, rollout_id))


def _card(call: Call, rollout_id: int) -> View:
    standing = call.context.rollouts.standing(rollout_id)
    call.require(Role.VIEWER, standing.row.pool_alias)
    return card.card_modal(standing, ask_of(call.context.settings, standing))


def _approve(call: Call) -> None:
    rollout_id, digest = card.parse_value(call.value)
    try:
        call.answer(approved(call.context.rollouts.approve(rollout_id, digest, call.actor)))
    except StaleDigest as error:
        _redraw(call, rollout_id)
        call.answer(stale(error, _differences(call, rollout_id, digest)))
    except XsbotError:
        _redraw(call, rollout_id)
        raise


def _redraw(call: Call, rollout_id: int) -> None:
    """A refused click means that the card may look older than things are."""
    with call.context.rollouts.database.transaction() as tx:
        if tx.get(RolloutRow, rollout_id) is not None:
            records.redraw(tx, rollout_id, call.context.time.now())


def _differences(call: Call, rollout_id: int, digest: str) -> tuple[Reason, ...]:
    with call.context.rollouts.database.reading() as tx:
        old = tx.get(SpecRow, (rollout_id, digest))
        return () if old is None else compare(parse_spec(old.body), records.spec_of(tx, rollout_id)[0])


VERB = Verb(
    "approve",
    "/xs approve <id>",
    "Opens the card with its Approve button; approves nothing by itself.",
    "approver",
    run,
    opens=True,
)


def register(app: App, context: Context) -> None:
    """The Approve button, and the button that opens a card."""

    def approve(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        ack()
        call = clicked(context, body, client, respond)
        call.later(lambda: _approve(call))

    def show(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        ack()
        call = clicked(context, body, client, respond)
        _show(call, int(call.value))

    app.action(card.APPROVE)(approve)
    app.action(card.OPEN)(show)
