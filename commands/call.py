"""One interaction: who did what where, and the ways to answer it.

Slack gives three seconds for the acknowledgement and for using the trigger that opens a dialog. So a listener
acknowledges, opens a dialog that says "one moment" where one is wanted, and does everything else in the background.
Whatever goes wrong there is answered privately by `answering`, never left to a log alone.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

from slack_bolt import Respond
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.errors import XsbotError
from bot.log import concerning
from bot.messages.answers import too_late
from bot.messages.blocks import View
from bot.messages.errors import refusal, unexpected
from bot.messages.language import _, speaking
from bot.messages.message import Message
from bot.messages.modal import loading, message_view
from bot.rollouts.roles import Role, require
from commands.context import Context
from commands.subject import Subject, subject_of
from storage.actors import Actor

log = logging.getLogger(__name__)


#: Slack gives three seconds for opening a dialog, and each trigger opens one.
_TRIGGER_LOST = frozenset({"expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id"})


#: How long Slack may take to act on an acknowledgement that replaces a form, in real seconds.
_ACKNOWLEDGED_S = 1.0


class UsageError(XsbotError):
    """A command was typed in a way that cannot be understood."""


@dataclass(frozen=True)
class Call:
    """One command or click. `words` are what was typed after the verb, `value` what the clicked button carries.

    `deed` is the command or the button's id, for the log; `show_from` the moment (of `time.monotonic`) before which no
    dialog is replaced, see `acknowledged`. `at_home` is a click on the Home tab, where private answers take a dialog.
    """

    context: Context
    actor: Actor
    client: WebClient
    respond: Respond
    trigger_id: str
    words: tuple[str, ...] = ()
    value: str = ""
    view: Mapping[str, Any] | None = None
    thread: str = ""
    usage: str = ""
    show_from: float = 0.0
    deed: str = ""
    at_home: bool = False

    def acknowledged(self) -> Call:
        """The same call, after its form was acknowledged with another view.

        That acknowledgement goes to Slack over the socket, an answer over HTTP: one that is ready at once, a refusal
        for instance, could arrive first and would be overwritten. So it is held back for a moment.
        """
        return replace(self, show_from=time.monotonic() + _ACKNOWLEDGED_S)

    def answer(self, told: Message) -> None:
        """Tell the person privately: in the dialog they are in, or as a message that only they see."""
        # What they changed is seen by everybody as soon as by themselves, not at the sender's next look.
        self.context.deliver()
        if self.at_home:
            self.client.views_open(trigger_id=self.trigger_id, view=message_view(_("xsbot"), told))
        elif self.view is not None:
            self.show(str(self.view["id"]), message_view(str(self.view["title"]["text"]), told))
        else:
            self.respond(
                text=told.text,
                blocks=list(told.blocks),
                response_type="ephemeral",
                replace_original=False,
                thread_ts=self.thread or None,
                unfurl_links=False,
            )

    def show(self, view_id: str, view: View) -> None:
        """Replace an open dialog. One that the person has closed meanwhile needs no answer any more."""
        time.sleep(max(0.0, self.show_from - time.monotonic()))
        try:
            self.client.views_update(view_id=view_id, view=view)
        except SlackApiError as error:
            if error.response.get("error") not in ("not_found", "view_not_found"):
                raise
            log.info("a dialog was closed before its content came")

    def later(self, work: Callable[[], None]) -> None:
        """Do the slow part in the background; what goes wrong is told privately."""
        self._in_background(lambda: self.answering(work))

    def apart(self, work: Callable[[], None]) -> None:
        """Like `later`, for work of hours: it keeps nobody else's answer waiting."""
        self._in_background(lambda: self.answering(work), self.context.uploads)

    def answering(self, work: Callable[[], None]) -> None:
        """Do it, and answer what it raises: our own errors with sentence and hint, others with an id for the log.

        What is said here and now is in the reader's language if that is known already; see `bot.readers`.
        """
        subject = self._subject
        with concerning(rollout=subject.rollout, pool=subject.pool):
            try:
                work()
            except Exception as error:
                self.answer_error(error)

    @property
    def _subject(self) -> Subject:
        return subject_of((self.value, *self.words[:1]), self.view, self.context.settings.pools)

    def _in_background(self, work: Callable[[], None], where: Executor | None = None) -> None:
        def concerned() -> None:
            subject = self._subject.completed(self.context.rollouts.database)
            language = self.context.readers.language(self.actor.id)
            with concerning(rollout=subject.rollout, pool=subject.pool), speaking(language):
                log.info("%s: %s", self.actor.id, self.deed)
                work()

        (where or self.context.background).submit(concerned)

    def answer_error(self, error: Exception, answer: Callable[[Message], None] | None = None) -> None:
        """Tell the person what went wrong. When even that fails, the log is what is left."""
        told = told_of(error)
        try:
            (answer or self.answer)(told)
        except Exception:
            log.exception("an answer to %s could not be delivered", self.actor.id)

    def open(self, title: str, doing: str, make: Callable[[], View]) -> None:
        """Open a dialog at once, fill it when `make` is done; an error takes the place of the content."""
        method = self.client.views_open if self.view is None else self.client.views_push
        try:
            shown = method(trigger_id=self.trigger_id, view=loading(title, doing))
        except SlackApiError as error:
            if error.response.get("error") not in _TRIGGER_LOST:
                raise
            log.warning("a dialog could not be opened: %s", error.response.get("error"))
            if not self.at_home:  # where only another dialog could say it
                self.answer(too_late())
            return
        view_id = str(shown["view"]["id"])

        def fill() -> None:
            try:
                self.show(view_id, make())
            except Exception as error:
                self.answer_error(error, lambda told: self.show(view_id, message_view(title, told)))

        self._in_background(fill)

    def pool(self) -> str:
        """The pool that was named; the only one there is when none was. Raises `UsageError`, `SettingsError`."""
        pools = self.context.settings.pools
        if self.words:
            self.context.settings.pool(self.words[0])
            return self.words[0]
        if len(pools) == 1:
            return next(iter(pools))
        known = ", ".join(sorted(pools))
        raise UsageError(
            "Which pool?",
            f"Type {self.usage}. The pools are: {known}." if known else f"Type {self.usage}. No pool is configured.",
        )

    def rollout(self) -> int:
        """The rollout that was named. Raises `UsageError`."""
        text = self.words[0].lstrip("#") if self.words else ""
        if text.isascii() and text.isdigit() and len(text) < 10:
            return int(text)
        raise UsageError("Which rollout?", f"Type {self.usage}, with the number that /xs status shows.")

    def require(self, role: Role, pool: str) -> None:
        """Refuse what the person may not do. Raises `NotAllowed`, `AuthorityUnknown`."""
        ask = getattr(self.context.settings.roles_for(pool), role.value)
        require(self.context.authority, self.actor, role, pool, ask)

    def sees(self, pool: str) -> bool:
        """Whether the person may look at the pool; one that is no longer configured has no roles to hold."""
        return pool in self.context.settings.pools and bool(self.context.authority.roles_of(self.actor.id, pool))


def told_of(error: Exception) -> Message:
    """The private answer to an error; one that nobody foresaw is logged under an id that the answer names."""
    if isinstance(error, XsbotError):
        return refusal(error)
    error_id = secrets.token_hex(4)
    log.error("error id %s", error_id, exc_info=error)
    return unexpected(error_id)


def clicked(context: Context, body: Mapping[str, Any], client: WebClient, respond: Respond) -> Call:
    """The call behind a click on a button or a choice in a form."""
    user = body["user"]
    message = body.get("message") or {}
    view = body.get("view")
    # Its dialogs open like those of a message: there is none below them.
    at_home = view is not None and view.get("type") == "home"
    return Call(
        context=context,
        actor=Actor("slack", str(user["id"]), str(user.get("username") or user.get("name") or user["id"])),
        client=client,
        respond=respond,
        trigger_id=str(body.get("trigger_id", "")),
        value=_value(body["actions"][0]) if body.get("actions") else "",
        view=None if at_home else view,
        at_home=at_home,
        thread=str(message.get("thread_ts", "")),
        deed=str(body["actions"][0].get("action_id", "")) if body.get("actions") else str(body.get("type", "")),
    )


def _value(action: Mapping[str, Any]) -> str:
    """What a button or the chosen entry of a menu carries."""
    chosen = action.get("selected_option")
    return str(chosen["value"] if isinstance(chosen, Mapping) else action.get("value", ""))


def typed(
    context: Context, body: Mapping[str, Any], client: WebClient, respond: Respond, words: tuple[str, ...], usage: str
) -> Call:
    """The call behind a slash command."""
    return Call(
        context=context,
        actor=Actor("slack", str(body["user_id"]), str(body.get("user_name") or body["user_id"])),
        client=client,
        respond=respond,
        trigger_id=str(body.get("trigger_id", "")),
        words=words,
        usage=usage,
        deed=" ".join([str(body.get("command", "")), *str(body.get("text") or "").split()[:1]]),
    )
