"""From a method name and parameters to an answer: dispatch, arity, sessions, roles, sync and async."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from bot.lab.xapi import (  # noqa: F401  (their handlers register themselves)
    apply,
    channels,
    events,
    ha,
    hosts,
    migration,
    schedules,
    succession,
    updates,
    vms,
)
from bot.lab.xapi.calls import HANDLERS, Account, Context
from bot.lab.xapi.failure import NULL, XapiFailure
from bot.lab.xapi.kernel import Process, Steps
from bot.lab.xapi.machine import EMERGENCY, STARTING, Machine
from bot.lab.xapi.records import generic
from bot.lab.xapi.sessions import WRONG_PASSWORD_DELAY, Sessions
from bot.lab.xapi.surface import SURFACE, Message, Param
from bot.lab.xapi.tasks import Tasks
from bot.lab.xapi.wire import as_date
from bot.lab.xapi.world import World

#: Never asynchronous, whatever the data model says of their messages.
_NO_ASYNC = {"session", "event", "task"}


class NoSuchAsync(Exception):
    """`Async.` on a message without an asynchronous form: a protocol fault, not a refusal."""


class Api:
    """The message layer of one pool."""

    def __init__(self, world: World, password: str) -> None:
        self.world = world
        self.sessions = Sessions(world, password)
        self.tasks = Tasks(world)
        world.on_coordinator_lost += [self.sessions.clear, self.tasks.clear]

    # ------------------------------------------------------------------ the door

    def refused_at_door(self, arrived: Machine) -> XapiFailure | None:
        """What a machine answers before it looks at anything: still starting, emergency mode, or not coordinator."""
        if arrived.state == EMERGENCY:
            return XapiFailure(arrived.emergency[0], *arrived.emergency[1:])
        if arrived.state == STARTING:
            return XapiFailure("HOST_STILL_BOOTING")
        if not self.world.is_coordinator(arrived):
            return XapiFailure("HOST_IS_SLAVE", self.world.coordinator.address)
        return None

    def call(self, arrived: Machine, method: str, params: list[Any]) -> tuple[Any, str]:
        """Execute a call; answers (value or `Process`, user name). Refusals are `XapiFailure`."""
        door = self.refused_at_door(arrived)
        if door is not None:
            raise door
        asynchronous = method.startswith("Async.")
        name = method.removeprefix("Async.")
        if method == "system.listMethods":
            return list_methods(), ""
        if name in ("session.login_with_password", "session.slave_local_login_with_password"):
            return self._login(params), str(params[0]) if params else ""
        message_class, message = self._message(name, params)
        cls = message_class
        session = str(params[0]) if params else ""
        account = self.sessions.account(session)
        rest = params[1:]
        if cls is None or message is None:
            if account.role != "pool-admin":
                raise XapiFailure(
                    "RBAC_PERMISSION_DENIED",
                    "host.call_extension",
                    "No permission in user session. (Roles required: pool-admin)",
                )
            raise XapiFailure("MESSAGE_METHOD_UNKNOWN", method)
        name = f"{cls}.{message.name}"
        if asynchronous and (not message.has_async or cls in _NO_ASYNC):
            raise NoSuchAsync(method)
        if not message.required <= len(rest) <= len(message.params):
            raise XapiFailure("MESSAGE_PARAMETER_COUNT_MISMATCH", name, str(message.required), str(len(rest)))
        self._authorise(account, name, message)
        arguments = [self._convert(param, item) for param, item in zip(message.params, rest, strict=False)]
        for param, item in zip(message.params, arguments, strict=False):
            self._check_ref(param, item)
        if asynchronous:
            return self._start_task(cls, message, arguments, account, session, arrived), account.name
        ctx = Context(self.world, account, session, arrived, self.world.unique())
        answer = self._run(ctx, cls, message, arguments)
        if isinstance(answer, Generator):
            answer = self._spawn(answer, self._where(cls, arguments))
        return answer, account.name

    def _message(self, name: str, params: list[Any]) -> tuple[str | None, Message | None]:
        cls, dot, message = name.partition(".")
        if not dot:
            # The old spelling: VM_start.
            for candidate in SURFACE.classes:
                if (
                    name.startswith(f"{candidate}_")
                    and name[len(candidate) + 1 :] in SURFACE.classes[candidate].messages
                ):
                    cls, message = candidate, name[len(candidate) + 1 :]
        known = SURFACE.classes.get(cls)
        found = known.messages.get(message) if known is not None else None
        return (cls, found) if found is not None else (None, None)

    # ------------------------------------------------------------------ the pieces

    def _login(self, params: list[Any]) -> Any:
        if not 2 <= len(params) <= 4:
            raise XapiFailure("MESSAGE_PARAMETER_COUNT_MISMATCH", "session.login_with_password", "2", str(len(params)))
        user, password = str(params[0]), str(params[1])
        account = self.sessions.authenticate(user, password)
        if account is None:
            return self._spawn(self._wrong_password(user), self.world.coordinator.ref)
        return self.sessions.open(account, str(params[3]) if len(params) > 3 else "")

    def _wrong_password(self, user: str) -> Steps:
        yield WRONG_PASSWORD_DELAY
        raise XapiFailure("SESSION_AUTHENTICATION_FAILED", user, "Authentication failure")

    def _authorise(self, account: Account, name: str, message: Message) -> None:
        if account.superuser or account.role in message.roles:
            return
        roles = ", ".join(sorted(message.roles)) or "local superuser"
        raise XapiFailure(
            "RBAC_PERMISSION_DENIED", name.lower(), f"No permission in user session. (Roles required: {roles})"
        )

    @staticmethod
    def _convert(param: Param, item: Any) -> Any:
        """Integers arrive as `<int>` or as text, floats as anything numeric."""
        try:
            if param.type == "int":
                return int(item)
            if param.type == "float":
                return float(item)
            if param.type == "datetime":
                return as_date(item)
        except (ValueError, TypeError):
            raise XapiFailure("FIELD_TYPE_ERROR", param.name) from None
        if param.type == "bool" and not isinstance(item, bool):
            raise XapiFailure("FIELD_TYPE_ERROR", param.name)
        return item

    def _check_ref(self, param: Param, item: Any) -> None:
        kind, _, shape = param.type.rpartition(" ")
        if shape == "ref" and kind in self.world.db.tables and item != NULL:
            self.world.db.row(kind, str(item))

    def _run(self, ctx: Context, cls: str, message: Message, arguments: list[Any]) -> Any:
        name = f"{cls}.{message.name}"
        if name == "session.logout":
            self.sessions.close(ctx.session)
            return None
        if name == "task.cancel":
            self.tasks.cancel(arguments[0])
            return None
        refusal = self.world.faults.takes_refusal(name)
        if refusal is not None:
            raise XapiFailure(*refusal)
        handler = HANDLERS.get(name)
        if handler is not None:
            return handler(ctx, *arguments)
        try:
            return generic(ctx, cls, message.name, arguments)
        except NotImplementedError:
            raise XapiFailure("INTERNAL_ERROR", f"the lab does not simulate {name}") from None

    def _where(self, cls: str, arguments: list[Any]) -> str:
        """The host that carries out a call: a VM's own one, else the coordinator."""
        resident = self.world.db.get("VM", arguments[0], "resident_on") if cls == "VM" and arguments else NULL
        return str(resident) if resident != NULL else self.world.coordinator.ref

    def _spawn(self, steps: Steps, host: str) -> Process:
        process = self.world.kernel.spawn(steps)
        if not process.done:
            self.world.running[process] = host
            process.when_done(self.world.forget)
        return process

    def _start_task(
        self, cls: str, message: Message, arguments: list[Any], account: Account, session: str, arrived: Machine
    ) -> str:
        host = self._where(cls, arguments)
        ref = self.tasks.create(f"{cls}.{message.name}", host)
        ctx = Context(self.world, account, session, arrived, ref)

        def steps() -> Steps:
            answer = self._run(ctx, cls, message, arguments)
            if isinstance(answer, Generator):
                answer = yield from answer
            return answer

        self.tasks.follow(ref, self._spawn(steps(), host))
        return ref


def list_methods() -> list[str]:
    """Every message name, for clients that ask what there is (no `Async.` ones among them)."""
    return [f"{cls}.{message}" for cls, entry in SURFACE.classes.items() for message in entry.messages]
