"""The notice's menu that folds it away, and its Show again button."""

from __future__ import annotations

from slack_bolt import App

from bot.messages import notice
from bot.messages.answers import folded, retired, unfolded
from commands.button import on_click
from commands.call import Call
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
    on_click(app, context, notice.FOLD, _fold)
    on_click(app, context, notice.UNFOLD, _unfold)
