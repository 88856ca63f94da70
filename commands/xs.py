"""The slash command `/xs`: which verbs there are, and what happens to everything that is none."""

from __future__ import annotations

from typing import Any

from slack_bolt import Ack, App, BoltResponse, Respond
from slack_sdk import WebClient

from commands import (
    abort,
    amend,
    approve,
    audit,
    bundle,
    cancel,
    change,
    channel,
    check,
    fold,
    freeze,
    history,
    home,
    pause,
    plan,
    pools,
    proceed,
    proxy,
    reject,
    restore,
    resume,
    retired,
    retry,
    revoke,
    schedule,
    skip,
    status,
    sync,
    tasks,
    update,
    updates,
    whoami,
    windows,
)
from commands.call import Call, clicked, told_of, typed
from commands.context import Context
from commands.help import help_for
from commands.verb import Verb

COMMAND = "/xs"


def _help(call: Call) -> None:
    help_for(VERBS, call)


#: Every sub-command, in the order the help shows them.
VERBS: tuple[Verb, ...] = (
    Verb("help", "/xs help [command]", "Lists these commands, or shows examples of one.", "", _help),
    pools.VERB,
    updates.VERB,
    plan.VERB,
    update.VERB,
    status.VERB,
    approve.VERB,
    reject.VERB,
    revoke.VERB,
    cancel.VERB,
    check.VERB,
    pause.VERB,
    resume.VERB,
    retry.VERB,
    proceed.VERB,
    skip.VERB,
    amend.VERB,
    abort.VERB,
    tasks.VERB,
    sync.VERB,
    channel.VERB,
    proxy.VERB,
    schedule.VERB,
    bundle.VERB,
    windows.VERB,
    freeze.VERB,
    restore.VERB,
    history.VERB,
    audit.VERB,
    whoami.VERB,
)
_BY_NAME = {verb.name: verb for verb in VERBS}


def register(app: App, context: Context) -> None:
    """Attach every listener to the app, the catch-alls last."""

    def xs(ack: Ack, body: dict[str, Any], client: WebClient, respond: Respond) -> None:
        ack()
        asked, *words = str(body.get("text") or "help").split() or ["help"]
        verb = _BY_NAME.get(asked.lower())
        call = typed(context, body, client, respond, tuple(words), verb.usage if verb is not None else "")
        if verb is None:
            call.later(lambda: help_for(VERBS, call, asked))
        elif verb.opens:
            # Here and now: the trigger that opens a dialog lives three seconds.
            call.answering(lambda: verb.run(call))
        else:
            call.later(lambda: verb.run(call))

    app.command(COMMAND)(xs)
    listening = (
        *(updates, update, approve, check, reject, pause, resume, retry, proceed, skip, amend, abort),
        *(sync, tasks, proxy, restore, home, fold, change),
    )
    for module in listening:
        module.register(app, context)
    retired.register(app, context, VERBS)
    app.error(_answer_error(context))


def _answer_error(context: Context) -> Any:
    """The last resort for what a listener raises: a private answer, never silence and never a stack trace."""

    def answer(error: Exception, body: dict[str, Any], client: WebClient, respond: Respond) -> BoltResponse:
        told = told_of(error)
        if body.get("response_url") or body.get("response_urls"):
            respond(text=told.text, blocks=list(told.blocks), response_type="ephemeral", replace_original=False)
        elif body.get("trigger_id"):
            call = clicked(context, body, client, respond)
            call.answering(lambda: call.answer(told))
        return BoltResponse(status=200)

    return answer
