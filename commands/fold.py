"""The notice's menu that folds it away, and its Show again button."""

from __future__ import annotations

from typing import Any

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.messages import notice
from bot.messages.answers import folded, retired, unfolded
from commands.call import Call, clicked
from commands.context import Context


def _fold(call: Call) -> None:
    try:
        hours, notice_id = notice.parse_fold(call.value)
    except ValueError:
        call.answer(retired())
        return
    call.answer(folded(*call.context.rollouts.fold_notice(notice_id, hours, call.actor)))


def _unfold(call: Call) -> None:
    call.answer(unfolded(call.context.rollouts.unfold_notice(int(call.value), call.actor)))


def register(app: App, context: Context) -> None:
    """The menu and the button."""

    def fold(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        ack()
        call = clicked(context, body, client, respond)
        call.later(lambda: _fold(call))

    def unfold(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        ack()
        call = clicked(context, body, client, respond)
        call.later(lambda: _unfold(call))

    app.action(notice.FOLD)(fold)
    app.action(notice.UNFOLD)(unfold)
