"""The control API under /control/slack: the driver over HTTP, for any language and for the page."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bot.lab.slack.browser import page_state
from bot.lab.slack.conversation import Answer, Message, Modal
from bot.lab.slack.faults import FAULTS
from bot.lab.slack.fields import fields
from bot.lab.slack.records import Json, Post, View
from bot.lab.slack.refusal import LabError, Refused

if TYPE_CHECKING:
    from bot.lab.slack.driver import LabSlack


def control_routes(slack: LabSlack) -> list[BaseRoute]:
    """The routes of the control API."""
    control = Control(slack)

    def post(path: str, act: Callable[[Json], Json]) -> Route:
        async def endpoint(request: Request) -> Response:
            if not request.headers.get("content-type", "").startswith("application/json"):
                # A form of a foreign web page cannot send this type without asking first.
                return _error(415, "Send JSON with content-type application/json.")
            try:
                body = await request.json()
            except ValueError:
                return _error(400, "The body is not JSON.")
            if not isinstance(body, dict):
                return _error(400, "The body must be a JSON object.")
            return await _answer(functools.partial(act, body))

        return Route(f"/control/slack/{path}", endpoint, methods=["POST"])

    def get(path: str, look: Callable[[Json], Any]) -> Route:
        async def endpoint(request: Request) -> Response:
            return await _answer(functools.partial(look, dict(request.query_params)))

        return Route(f"/control/slack/{path}", endpoint)

    return [
        post("say", control.say),
        post("click", control.click),
        post("select", control.select),
        post("action", control.action),
        post("submit", control.submit),
        post("close", control.close),
        post("home", control.open_home),
        post("fault", control.fault),
        post("reset", control.reset),
        get("channels", control.channels),
        get("messages", control.messages),
        get("thread", control.thread),
        get("ephemerals", control.ephemerals),
        get("modal", control.modal),
        get("home", control.home),
        get("fault", lambda query: FAULTS),
        get("state", lambda query: page_state(slack, query)),
    ]


_NO_STORE = {"cache-control": "no-store"}


async def _answer(act: Callable[[], Any]) -> Response:
    try:
        return JSONResponse(await run_in_threadpool(act), headers=_NO_STORE)
    except LabError as error:
        return _error(404, error.sentence, error.hint)
    except Refused as refusal:
        return _error(409, f"{refusal.sentence} {' '.join(refusal.messages)}".strip())
    except KeyError as missing:
        return _error(400, f"Missing: {missing.args[0]}.")


def _error(status: int, sentence: str, hint: str = "") -> Response:
    return JSONResponse({"error": sentence, "hint": hint}, status_code=status, headers=_NO_STORE)


class Control:
    """Each method takes the decoded JSON or query and gives what is written as JSON. They block."""

    def __init__(self, slack: LabSlack) -> None:
        self._slack = slack

    # --- deeds ----------------------------------------------------------------------------------------------

    def say(self, body: Json) -> Json:
        answer = self._slack.say(body["text"], body["as"], body.get("channel", "xs-updates"), body.get("thread_ts"))
        return self._told(answer, body)

    def click(self, body: Json) -> Json:
        message = self._message(body)
        answer = self._slack.click(body["button"], body["as"], message, bool(body.get("confirm", True)))
        return self._told(answer, body)

    def select(self, body: Json) -> Json:
        message = self._message(body)
        answer = self._slack.select(body["field"], body["option"], body["as"], message, bool(body.get("confirm", True)))
        return self._told(answer, body)

    def action(self, body: Json) -> Json:
        """The precise form of click and select: the element by its ids, in a message or a view."""
        user = self._slack.workspace.person(body["as"])
        where = self._exact(body)
        for field in fields(where.blocks):
            if (field.block_id, field.action_id) == (body["block_id"], body["action_id"]):
                if isinstance(where, View):
                    where = self._keep(where, body.get("values", {}))
                deed = self._slack.interactions.act(user, where, field, body.get("value"))
                return self._told(Answer(self._slack.workspace, deed), body)
        raise LabError("That element is not there any more.", "The message or the modal has changed.")

    def submit(self, body: Json) -> Json:
        modal = self._open_modal(body)
        for name, value in body.get("values", {}).items():
            self._slack.interactions.fill(modal.view, name, value)
        done = self._slack.interactions.submit(modal.view)
        return {"errors": done.errors, "closed": done.closed, "ack_ms": done.ms}

    def close(self, body: Json) -> Json:
        self._open_modal(body).close()
        return {"ok": True}

    def open_home(self, body: Json) -> Json:
        delivery = self._slack.interactions.open_home(self._slack.workspace.person(body["as"]))
        return {"ack_ms": delivery.ms, "error": delivery.error}

    def fault(self, body: Json) -> Json:
        if body.get("clear"):
            self._slack.clear_faults()
            return {"ok": True}
        self._slack.fault(body["name"], body.get("method"), body.get("times"), float(body.get("seconds", 1.0)))
        return {"ok": True}

    def reset(self, body: Json) -> Json:
        del body
        self._slack.reset()
        return {"ok": True}

    # --- looks ----------------------------------------------------------------------------------------------

    def channels(self, query: Json) -> list[Json]:
        del query
        with self._slack.workspace.lock:
            return [
                {"id": c.id, "name": c.name, "purpose": c.purpose, "members": list(c.members)}
                for c in self._slack.workspace.channels.values()
                if not c.is_im
            ]

    def messages(self, query: Json) -> list[Json]:
        return [self._written(m) for m in self._slack.messages(query["channel"])]

    def thread(self, query: Json) -> list[Json]:
        return [self._written(m) for m in self._slack.thread(query["ts"], query["channel"])]

    def ephemerals(self, query: Json) -> list[Json]:
        return [self._written(m) for m in self._slack.ephemerals(query["user"])]

    def modal(self, query: Json) -> Json | None:
        modal = self._slack.modal(query["user"], wait=float(query.get("wait", 0)))
        if modal is None:
            return None
        view = modal.view
        fields_ = [{"label": f.label, "block_id": f.block_id, "action_id": f.action_id} for f in _inputs(view)]
        return {
            "view_id": view.id,
            "title": modal.title,
            "text": modal.text,
            "submit": modal.submit_text,
            "buttons": modal.buttons,
            "fields": fields_,
            "values": modal.values,
            "blocks": view.blocks,
        }

    def home(self, query: Json) -> Json | None:
        message = self._slack.home(query["user"])
        return self._written(message) if message is not None else None

    # --- parts ----------------------------------------------------------------------------------------------

    def _written(self, message: Message) -> Json:
        return {
            "ts": message.ts,
            "channel": message.channel,
            "user": message.user,
            "text": message.text,
            "plain": message.plain,
            "blocks": message.blocks,
            "thread_ts": message.thread_ts,
            "edited": message.edited,
            "ephemeral": message.ephemeral,
            "buttons": message.buttons,
        }

    def _told(self, answer: Answer, body: Json) -> Json:
        message = answer.wait(float(body.get("wait", 1.0)))
        return {
            "ack_ms": answer.ack_ms,
            "timed_out": answer.timed_out,
            "error": answer.error,
            "cancelled": answer.cancelled,
            "text": message.plain if message else "",
            "blocks": message.blocks if message else [],
        }

    def _message(self, body: Json) -> Message | None:
        if not body.get("ts"):
            return None
        place = self._slack.workspace.place(body.get("channel", "xs-updates"))
        post = self._slack.workspace.find(place.id, body["ts"])
        if post is None:
            raise LabError(f"There is no message {body['ts']} in {place.name}.")
        return Message(post, {})

    def _exact(self, body: Json) -> Post | View:
        workspace = self._slack.workspace
        with workspace.lock:
            if "view_id" in body:
                home = next((v for v in workspace.homes.values() if v.id == body["view_id"]), None)
                found: Post | View | None = workspace.views.get(body["view_id"], home)
            else:
                found = workspace.find(body["channel"], body["ts"])
        if found is None:
            raise LabError("That message or modal is not there any more.")
        return found

    def _keep(self, view: View, values: Json) -> View:
        """Put what was typed so far into the view, so that an action inside it carries the whole state."""
        known = {f"{f.block_id}/{f.action_id}" for f in _inputs(view)}
        for name, value in values.items():
            if name in known:
                self._slack.interactions.fill(self._current(view), name, value)
        return self._current(view)

    def _current(self, view: View) -> View:
        with self._slack.workspace.lock:
            return self._slack.workspace.views.get(view.id, view)

    def _open_modal(self, body: Json) -> Modal:
        modal = self._slack.modal(body["as"], wait=float(body.get("wait", 0)))
        if modal is None:
            raise LabError(f"{body['as']} has no modal open.")
        return modal


def _inputs(view: View) -> list[Any]:
    return [f for f in fields(view.blocks) if f.kind not in ("button", "overflow")]
