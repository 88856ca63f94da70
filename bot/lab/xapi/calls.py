"""The registry of simulated messages and the context each one runs in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.lab.xapi.machine import Machine
from bot.lab.xapi.world import World


@dataclass(frozen=True, slots=True)
class Account:
    """Who calls: a name, a role, and whether it is the local superuser (who passes every role check)."""

    name: str
    role: str
    superuser: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """One call: by whom, with which session, on which machine, and the task record if it is asynchronous."""

    world: World
    account: Account
    session: str
    arrived: Machine
    #: The task's ref, or a unique key: what current_operations carries.
    key: str


Handler = Callable[..., Any]

#: `class.message` → handler. It takes the context and the parameters and answers a value or a generator of steps.
HANDLERS: dict[str, Handler] = {}


def xapi(name: str) -> Callable[[Handler], Handler]:
    """Register a handler for `class.message`."""

    def register(handler: Handler) -> Handler:
        HANDLERS[name] = handler
        return handler

    return register
