"""Leaving out a host that people skip.

What is in hand on it is finished as at an abort: it gets back into service and its VMs come home. But nobody waits for
what a skipped host no longer does. Whatever cannot be given back stays owed, is listed, and is tried again later.
"""

from __future__ import annotations

from typing import Protocol

from bot.rollout.homecoming import home_of, settle_vms
from bot.rollout.memory import DebtKind, TurnPhase, TurnProgress
from bot.rollout.model import Host
from bot.rollout.pursuit import Problem, Round
from bot.rollout.settling import settle_host

_VM_DEBTS = (DebtKind.VM_HOME, DebtKind.VM_SUSPENDED, DebtKind.VM_STOPPED)


class Leaving(Protocol):
    """What is asked of a host's turn."""

    host: Host

    @property
    def touched(self) -> bool: ...
    def back_out(self) -> bool: ...


def set_aside(round_: Round, turn: Leaving, *, final: bool = False) -> bool:
    """Take the next steps to be rid of the host; True when nothing is left that can be done for it now.

    With `final` its VMs are tried once more that could not go home before.
    """
    if not turn.touched:
        return True
    known = len(round_.problems)
    clear = turn.back_out()
    stuck = round_.problems[known:]
    del round_.problems[known:]
    if stuck or (clear and final and not round_.steps):
        clear = settle_host(round_, turn.host) and settle_vms(round_, turn.host, final=final)
        refused = round_.problems[known:]
        del round_.problems[known:]
        stuck += refused
        clear = clear or bool(refused)
    if stuck:
        _list(round_, turn.host, stuck)
    return clear


def skipped(host: Host) -> TurnProgress:
    """How a skipped host is shown once nothing is done on it any more."""
    return TurnProgress(host.uuid, host.name, TurnPhase.SKIPPED)


def _list(round_: Round, host: Host, stuck: list[Problem]) -> None:
    """What is owed on the host waits for what XAPI said."""
    code = next((str(problem.reason.params["code"]) for problem in stuck if "code" in problem.reason.params), "")
    known = dict(round_.waiting)
    owed = [debt for debt in round_.memory.debts_of(*_VM_DEBTS) if home_of(debt) == host.uuid]
    enabled = round_.memory.debt(DebtKind.HOST_ENABLED, host.uuid)
    for debt in (*owed, *([enabled] if enabled is not None else [])):
        if code and debt.key not in known:
            round_.waiting.append((debt.key, code))
