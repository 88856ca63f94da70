"""event.from: what changed since a token, delivered as states rather than as a history."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.lab.xapi.calls import Context, xapi
from bot.lab.xapi.failure import XapiFailure
from bot.lab.xapi.kernel import Signal, Steps
from bot.lab.xapi.records import encoded_record
from bot.lab.xapi.surface import SURFACE
from bot.lab.xapi.wire import Int32
from bot.lab.xapi.world import World

_TOKEN = re.compile(r"^\d{20},\d{20}$")
#: Classes that have no events of their own.
_SILENT = {"session", "event", "role", "subject"}


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which objects a client wants to hear of: whole classes, or single refs of a class."""

    classes: frozenset[str]
    single: frozenset[tuple[str, str]]

    def wants(self, cls: str, ref: str) -> bool:
        """Whether an object is subscribed to."""
        return cls in self.classes or (cls, ref) in self.single

    def touches(self, cls: str) -> bool:
        """Whether any object of the class could be."""
        return cls in self.classes or any(name == cls for name, _ in self.single)


def subscribe(classes: list[str]) -> Subscription:
    """Parse `["*"]`, `["vm", "task/OpaqueRef:…"]`; class names are case-insensitive."""
    names = {name.lower(): name for name in SURFACE.classes if name not in _SILENT}
    whole: set[str] = set()
    single: set[tuple[str, str]] = set()
    for entry in classes:
        name, _, ref = entry.partition("/")
        if entry == "*":
            whole |= set(names.values())
        elif not name.replace("_", "").isalnum():
            raise XapiFailure("EVENT_SUBSCRIPTION_PARSE_FAILURE", entry)
        elif name.lower() not in names:
            continue  # a class of XAPI that the lab has no objects of
        elif ref:
            single.add((names[name.lower()], ref))
        else:
            whole.add(names[name.lower()])
    return Subscription(frozenset(whole), frozenset(single))


def since(token: str) -> int:
    """The generation a token stands for."""
    if token == "":
        return 0
    if _TOKEN.match(token) is None:
        raise XapiFailure("EVENT_FROM_TOKEN_PARSE_FAILURE", token)
    return int(token.split(",")[0])


def collect(world: World, subscription: Subscription, generation: int) -> list[dict[str, Any]]:
    """Adds, then mods, then dels since a generation, each object once with its newest state."""
    db = world.db
    adds: list[dict[str, Any]] = []
    mods: list[dict[str, Any]] = []
    for cls, table in db.tables.items():
        if not subscription.touches(cls):
            continue
        for ref, row in table.items():
            if row.changed > generation and subscription.wants(cls, ref):
                fresh = row.created > generation
                (adds if fresh else mods).append(
                    _event(row.changed, cls, "add" if fresh else "mod", ref, encoded_record(db, cls, ref))
                )
    dels = [
        _event(at, cls, "del", ref, None)
        for at, cls, ref in db.deleted
        if at > generation and subscription.wants(cls, ref)
    ]
    return adds + mods + dels


def _event(generation: int, cls: str, operation: str, ref: str, snapshot: Any) -> dict[str, Any]:
    event = {
        "id": str(generation),
        "timestamp": "0.0",
        "class": cls.lower(),
        "operation": operation,
        "ref": ref,
    }
    if snapshot is not None:
        event["snapshot"] = snapshot
    return event


def token_at(generation: int) -> str:
    """The token of a moment in the pool's history."""
    return f"{generation:020d},{generation:020d}"


def batch(world: World, subscription: Subscription, events: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer around the events, with a fresh token."""
    counts = {
        cls.lower(): Int32(sum(subscription.wants(cls, ref) for ref in table))
        for cls, table in world.db.tables.items()
        if subscription.touches(cls)
    }
    return {"events": events, "valid_ref_counts": counts, "token": token_at(world.db.generation)}


@xapi("event.inject")
def inject(ctx: Context, class_: str, ref: str) -> str:
    """Make an event of an object that has not changed; answers the token from which it can be seen."""
    names = {name.lower(): name for name in SURFACE.classes if name not in _SILENT}
    if class_.lower() not in names:
        raise XapiFailure("EVENT_SUBSCRIPTION_PARSE_FAILURE", class_)
    token = token_at(ctx.world.db.generation)
    ctx.world.db.touch(names[class_.lower()], ref)
    return token


@xapi("event.get_current_id")
def get_current_id(ctx: Context) -> int:
    """The number of the newest event."""
    return ctx.world.db.generation


@xapi("event.from")
def event_from(ctx: Context, classes: list[str], token: str, timeout: float) -> Steps:
    """Long poll: answers at once when something is new, else at the first change, else empty after the timeout."""
    world = ctx.world
    subscription, generation = subscribe(classes), since(token)
    deadline = world.now + timedelta(seconds=timeout)
    bell = Signal()
    timer = world.kernel.after(timeout, bell.fire)
    world.bells.add(bell)
    try:
        while True:
            if ctx.session not in world.db.tables["session"]:
                raise XapiFailure("SESSION_INVALID", ctx.session)
            events = collect(world, subscription, generation)
            if events or world.now >= deadline:
                return batch(world, subscription, events)
            yield bell
    finally:
        timer.cancel()
        world.bells.discard(bell)
