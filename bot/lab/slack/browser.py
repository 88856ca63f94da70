"""The server's side of the page: its files, what it draws, and the stream that says when to draw again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot.lab.slack.directory import PEOPLE
from bot.lab.slack.fields import state_of
from bot.lab.slack.records import Json, Post, View

if TYPE_CHECKING:
    from bot.lab.slack.driver import LabSlack

PAGE = Path(__file__).parent / "page"
# How long the event stream gathers changes before it tells the page, so that a burst is one redraw.
GATHER_SECONDS = 0.04
KEEPALIVE_SECONDS = 15.0
PAGE_MESSAGES = 300
_NO_STORE = {"cache-control": "no-store"}


def page_routes(slack: LabSlack) -> list[BaseRoute]:
    """The page at /, its files, permalinks and the event stream."""

    async def events(request: Request) -> Response:
        del request
        return StreamingResponse(_stream(slack), media_type="text/event-stream", headers=_NO_STORE)

    async def page(request: Request) -> Response:
        del request
        return FileResponse(PAGE / "index.html", headers=_NO_STORE)

    return [
        Route("/events", events),
        Route("/", page),
        Route("/archives/{channel}/{message}", page),
        Mount("/page", StaticFiles(directory=PAGE)),
    ]


async def _stream(slack: LabSlack) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()

    def observe(version: int) -> None:
        del version
        if not loop.is_closed():
            loop.call_soon_threadsafe(changed.set)

    end = slack.workspace.observe(observe)
    stopping = asyncio.ensure_future(slack.server.stopping.wait())
    waiting = asyncio.ensure_future(changed.wait())
    try:
        yield "retry: 1000\n\n"
        while not stopping.done():
            yield f"event: change\ndata: {slack.workspace.version}\n\n"
            done, _ = await asyncio.wait(
                {waiting, stopping}, timeout=KEEPALIVE_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if waiting in done:
                await asyncio.sleep(GATHER_SECONDS)
                changed.clear()
                waiting = asyncio.ensure_future(changed.wait())
    finally:
        waiting.cancel()
        stopping.cancel()
        end()


def page_state(slack: LabSlack, query: Json) -> Json:
    """Everything the page draws for one user, channel and thread at once."""
    workspace = slack.workspace
    user = workspace.person(query.get("user", "alice"))
    channel = workspace.place(query.get("channel", "xs-updates"))
    with workspace.lock:
        visible = workspace.visible(channel.id, user.id)
        replies: dict[str, list[Post]] = {}
        for post in visible:
            if post.thread_ts and post.thread_ts != post.ts:
                replies.setdefault(post.thread_ts, []).append(post)
        top = [p for p in visible if p.thread_ts in (None, p.ts) or p.broadcast][-PAGE_MESSAGES:]
        view = workspace.top_view(user.id)
        home = workspace.homes.get(user.id)
        return {
            "version": workspace.version,
            "me": user.id,
            "people": [{"id": p.id, "name": p.name, "real_name": p.real_name, "title": p.title} for p in PEOPLE],
            "names": {
                **{u.id: u.real_name for u in workspace.users.values()},
                **{c.id: c.name for c in workspace.channels.values()},
                **{g.id: g.handle for g in workspace.groups.values()},
            },
            "channels": [_listed(slack, c.id, user.id) for c in workspace.channels.values()],
            "messages": [_page_post(p, replies.get(p.ts, [])) for p in top],
            "thread": [
                _page_post(p, []) for p in visible if query.get("thread") and query["thread"] in (p.ts, p.thread_ts)
            ],
            "modal": _page_view(view),
            "home": _page_view(home),
            "hints": [{"usage": usage, "does": does} for usage, does in slack.hints],
            "connected": slack.sockets.connections,
        }


def _listed(slack: LabSlack, channel: str, user: str) -> Json:
    place = slack.workspace.channels[channel]
    posts = slack.workspace.visible(channel, user)
    mine = place.is_im and user in place.members
    return {
        "id": place.id,
        "name": place.name,
        "purpose": place.purpose,
        "is_im": place.is_im,
        "shown": mine if place.is_im else user in place.members,
        "last_ts": posts[-1].ts if posts else "",
    }


def _page_view(view: View | None) -> Json | None:
    return view.wire() | {"state": {"values": state_of(view.blocks, view.state)}} if view else None


def _page_post(post: Post, replies: list[Post]) -> Json:
    return post.wire() | {
        "channel": post.channel,
        "ephemeral": post.ephemeral,
        "edited": post.edited,
        "broadcast": post.broadcast,
        "pinned": post.pinned,
        "reactions": list(post.reactions),
        "replies": len(replies),
        "last_reply": replies[-1].ts if replies else "",
    }
