"""Asynchronous calls: the task record around a process."""

from __future__ import annotations

from typing import Any

from bot.lab.xapi.calls import Context, xapi
from bot.lab.xapi.failure import XapiFailure
from bot.lab.xapi.kernel import Process
from bot.lab.xapi.wire import value
from bot.lab.xapi.world import World

#: Finished tasks are collected after this long.
_KEPT = 65 * 60.0
_CANCELLABLE = {"host.evacuate", "VM.pool_migrate", "pool.sync_updates", "pool.disable_ha"}


class Tasks:
    """Which process is behind which task record."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._processes: dict[str, Process] = {}

    def create(self, method: str, host: str) -> str:
        """A pending task, named after the message as XAPI does."""
        world = self._world
        return world.db.create(
            "task",
            name_label=f"Async.{method}",
            created=world.now.replace(microsecond=0),
            resident_on=host,
            status="pending",
            type="<none/>",
            allowed_operations=["cancel"] if method in _CANCELLABLE else [],
        )

    def follow(self, ref: str, process: Process) -> None:
        """Write the process's end into the record: result before status, so that `success` implies a result."""
        self._processes[ref] = process
        process.when_done(lambda ended: self._finish(ref, ended))

    def _finish(self, ref: str, process: Process) -> None:
        self._processes.pop(ref, None)
        db, now = self._world.db, self._world.now.replace(microsecond=0)
        if ref not in db.tables["task"] or db.get("task", ref, "status") != "pending":
            return
        error = process.error
        if error is None:
            result = "" if process.result is None else value(process.result)
            db.set("task", ref, allowed_operations=[], finished=now, progress=1.0, result=result, status="success")
        else:
            description = describe(error)
            cancelled = description[0] == "TASK_CANCELLED"
            db.set(
                "task", ref, allowed_operations=[], finished=now, progress=1.0,
                error_info=["TASK_CANCELLED", ref] if cancelled else description,
                status="cancelled" if cancelled else "failure",
            )  # fmt: skip
        self._world.kernel.after(_KEPT, lambda: db.delete("task", ref))

    def cancel(self, ref: str) -> None:
        """Best effort: end the process behind the task."""
        if "cancel" not in self._world.db.get("task", ref, "allowed_operations"):
            raise XapiFailure("OPERATION_NOT_ALLOWED", f"The task {ref} cannot be cancelled")
        process = self._processes.get(ref)
        if process is not None:
            process.kill(XapiFailure("TASK_CANCELLED", ref))

    def clear(self) -> None:
        """The coordinator restarted: no task is remembered."""
        self._processes.clear()
        self._world.db.clear("task")


def describe(error: BaseException) -> list[str]:
    """The error vector of any exception; what is no XAPI failure is an internal error."""
    if isinstance(error, XapiFailure):
        return error.description
    return ["INTERNAL_ERROR", f"{type(error).__name__}: {error}"]


@xapi("task.destroy")
def destroy(ctx: Context, self: str) -> None:
    """Remove a finished task; a pending one is only marked in XAPI and stays."""
    if ctx.world.db.get("task", self, "status") != "pending":
        ctx.world.db.delete("task", self)


@xapi("task.set_progress")
def set_progress(ctx: Context, self: str, value: float) -> None:
    """A client's own task reports its progress."""
    ctx.world.db.set("task", self, progress=value)


@xapi("task.create")
def create(ctx: Context, label: str, description: str) -> Any:
    """A client's own task, for HTTP handlers."""
    world = ctx.world
    return world.db.create(
        "task", name_label=label, name_description=description, created=world.now.replace(microsecond=0),
        resident_on=world.coordinator.ref, status="pending", type="<none/>",
    )  # fmt: skip
