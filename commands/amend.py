"""/xs amend <id> [what], the buttons that propose a change of what was approved, and the amendment's Withdraw."""

from __future__ import annotations

from slack_bolt import App

from bot.errors import XsbotError
from bot.messages import amendment, card
from bot.messages.answers import changes_offered, proposed, withdrawn
from bot.messages.findings import blocked_message
from bot.rollouts import Blocked, Role
from commands.button import begins, on_click
from commands.call import Call
from commands.context import Context
from commands.verb import Verb

#: Typed instead of a change: takes the open amendment back.
WITHDRAW = "withdraw"


def run(call: Call) -> None:
    """Propose a change, take one back, or say which there are."""
    rollout_id = call.rollout()
    rollouts = call.context.rollouts
    if len(call.words) < 2:
        standing = rollouts.standing(rollout_id)
        call.require(Role.VIEWER, standing.row.pool_alias)
        call.answer(changes_offered(standing))
    elif call.words[1].lower() == WITHDRAW:
        call.answer(withdrawn(rollouts.withdraw(rollout_id, call.actor)))
    else:
        _propose(call, rollout_id, call.words[1].lower())


def _propose(call: Call, rollout_id: int, what: str) -> None:
    try:
        call.answer(proposed(call.context.rollouts.amend(rollout_id, what, call.actor)))
    except Blocked as error:
        call.answer(blocked_message(error, error.report))


def _withdraw(call: Call) -> None:
    rollout_id, digest = card.parse_value(call.value)
    rollouts = call.context.rollouts
    try:
        call.answer(withdrawn(rollouts.withdraw(rollout_id, call.actor, digest)))
    except XsbotError:
        # A refused click means that the card may look older than things are.
        rollouts.redraw(rollout_id, digest)
        raise


VERB = Verb(
    "amend",
    "/xs amend <id> [what]",
    "Says which changes of what was approved would let a rollout go on, or asks others to approve one.",
    "requester or approver",
    run,
    examples=("/xs amend 42", "/xs amend 42 reboot", "/xs amend 42 withdraw"),
)


def register(app: App, context: Context) -> None:
    """The buttons; which change one means is part of its name, which offer exactly, of its value."""
    on_click(app, context, begins(amendment.AMEND), lambda call: _propose(call, *card.parse_value(call.value)))
    on_click(app, context, amendment.WITHDRAW, _withdraw)
