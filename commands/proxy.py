"""/xs proxy <pool> [set or remove], and the form that takes the proxy's password: never a command line or a message."""

from __future__ import annotations

import json
from typing import Any

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.messages import configuring, modal
from bot.messages.blocks import View
from bot.messages.configuring import update_settings
from bot.messages.language import _
from bot.rollout.channel import proxy_address
from bot.rollout.errors import RolloutError
from bot.rollouts import Role
from commands.call import Call, UsageError, clicked
from commands.context import Context
from commands.form import text_of
from commands.verb import Verb


def run(call: Call) -> None:
    """Show, set or remove the proxy between a pool and its update channel."""
    alias = call.pool()
    wanted = call.words[1].lower() if len(call.words) > 1 else "show"
    if len(call.words) > 2 or wanted not in ("show", "set", "remove"):
        # Whoever typed a password here should learn where it belongs, and not see it again.
        raise UsageError(
            "Only the pool and `set` or `remove` belong here.",
            "Address, name and password go into the form that `set` opens. Change a password that was typed here.",
        )
    if wanted == "set":
        call.open(configuring.proxy_title(alias), _("Looking at the pool's proxy."), lambda: _form(call, alias))
    else:
        call.later(lambda: _show_or_remove(call, alias, wanted))


def _form(call: Call, alias: str) -> View:
    call.require(Role.ADMIN, alias)
    return configuring.proxy_form(alias, call.context.rollouts.update_settings(alias, call.actor))


def _show_or_remove(call: Call, alias: str, wanted: str) -> None:
    rollouts = call.context.rollouts
    if wanted == "remove":
        now = rollouts.remove_proxy(alias, call.actor)
        told = _("Pool {alias} reaches its update channel without a proxy now.").format(alias=alias)
        call.answer(update_settings(alias, now, told))
    else:
        call.answer(update_settings(alias, rollouts.update_settings(alias, call.actor)))


def _set(call: Call, alias: str, url: str, username: str, password: str) -> None:
    now = call.context.rollouts.set_proxy(alias, url, username, password, call.actor)
    call.answer(update_settings(alias, now, _("Pool {alias} has a new proxy.").format(alias=alias)))


VERB = Verb(
    "proxy",
    "/xs proxy <pool> [set or remove]",
    "Shows, sets or removes the proxy on a pool's way to its update channel.",
    "admin",
    run,
    opens=True,
    examples=("/xs proxy lab", "/xs proxy lab set"),
)


def register(app: App, context: Context) -> None:
    """The form."""

    def submit(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        call = clicked(context, body, client, respond)
        view = body["view"]
        alias = str(json.loads(view["private_metadata"])["pool"])
        url, user = text_of(view, configuring.ADDRESS), text_of(view, configuring.USER)
        word = text_of(view, configuring.WORD)
        if wrong := _mistakes(url, user, word):
            ack(response_action="errors", errors=wrong)
            return
        ack(response_action="update", view=modal.loading(configuring.proxy_title(alias), _("Passing it on.")))
        sent = call.acknowledged()
        sent.later(lambda: _set(sent, alias, url, user, word))

    app.view(configuring.PROXY)(submit)


def _mistakes(url: str, user: str, word: str) -> dict[str, str]:
    try:
        proxy_address(url)
    except RolloutError as error:
        return {configuring.ADDRESS: str(error)}
    if bool(user) != bool(word):
        return {configuring.WORD if user else configuring.USER: _("User name and password belong together.")}
    return {}
