"""Buttons and forms that this release no longer has: whoever uses one in an old message is told what to type instead.

Names of buttons say what they do: ``attention_retry``, ``card_approve``, ``notice_sync``; a form is ``reject_form``. So
the command that does the same is found from the name alone, whichever release it is from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.messages.answers import retired, retired_form
from bot.messages.modal import message_view
from commands.call import clicked
from commands.context import Context
from commands.help import MEANT
from commands.verb import Verb

_FORM = "_form"
#: What shows the same as the message that a button was on, for buttons whose own name is no command.
_SHOWS: Mapping[str, str] = {
    "amendment": "approve",
    "card": "approve",
    "debts": "restore",
    "details": "updates",
    "notice": "updates",
    "tasks": "tasks",
}


def instead_of(verbs: Sequence[Verb], button: str, value: str, pools: Collection[str]) -> str:
    """The line to type instead of pressing a button or sending a form of that name: ``/xs retry 42``.

    `value` is what it carries: a rollout's number, perhaps with more behind a colon, or a pool's alias. What it does
    not tell stays a placeholder.
    """
    usages = {verb.name: verb.usage for verb in verbs}
    family, _underscore, rest = button.removesuffix(_FORM).partition("_")
    act = re.split("[._]", rest)[0]
    verb = next((each for each in (act, MEANT.get(act), _SHOWS.get(family), family) if each in usages), "status")
    line = re.sub(r" \[.*", "", usages[str(verb)])
    number = value.partition(":")[0]
    if number.isascii() and number.isdigit():
        line = line.replace("<id>", number)
    if value in pools:
        line = line.replace("<pool>", value)
    return line


def register(app: App, context: Context, verbs: Sequence[Verb]) -> None:
    """The catch-alls, to be registered after every listener; silence would look like a defect."""

    def click(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        ack()
        call = clicked(context, body, client, respond)
        line = instead_of(verbs, call.deed, call.value, context.settings.pools)
        call.later(lambda: call.answer(retired(line)))

    def form(ack: Ack, body: dict[str, Any]) -> None:
        view = body["view"]
        line = instead_of(verbs, str(view["callback_id"]), _about(view), context.settings.pools)
        # Nothing can be done for the form but to say so, and that Slack takes with the acknowledgement.
        ack(response_action="update", view=message_view(str(view["title"]["text"]), retired_form(line)))

    anything = re.compile(".*")
    app.action(anything)(click)
    app.view(anything)(form)


def _about(view: Mapping[str, Any]) -> str:
    """The rollout or pool that a form was about, "" when it does not say."""
    try:
        kept = json.loads(view.get("private_metadata") or "{}")
    except ValueError:
        return ""
    return str(kept.get("rollout") or kept.get("pool") or "") if isinstance(kept, dict) else ""
