"""The progress message in the card's thread: one task per host, in a plan block or, where Slack refuses it, sections.

The plan's `block_id` never changes, because Slack folds a plan that comes back under another id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot.messages.blocks import Block, Element, actions, button, context, rich_text, section
from bot.messages.debts import owed_briefly
from bot.messages.language import _, several
from bot.messages.message import Message, message
from bot.messages.sentences import sentence
from bot.messages.text import clip, duration, lines_within, moment, name, one_line
from bot.messages.vm_progress import few
from bot.messages.work import phase_name, state_mark, state_name
from bot.rollout.expected import HostTimes
from bot.rollout.lifecycle import DRIVEN, TERMINAL, State
from bot.rollout.memory import TurnPhase
from bot.rollout.vm_progress import VmProgress
from bot.rollout.window import UNATTENDED

if TYPE_CHECKING:
    from bot.rollouts import Standing
    from storage.tables import TurnRow

ABORT = "progress_abort"
PAUSE = "progress_pause"
RESUME = "progress_resume"
#: Slack takes so many tasks in one plan; a pool may have 64 hosts.
TASKS = 50
#: Of a large pool so many hosts are shown with their times.
_NEXT = 16
#: And so many with the VMs that are under way.
_NAMED = 10
#: Lines with two moments each that fit into one section.
_LINES = 10
_OVER = frozenset({TurnPhase.DONE, TurnPhase.SKIPPED, TurnPhase.FAILED})


@dataclass(frozen=True, slots=True)
class _Drawn:
    """One host, when its turn should begin and end, its VMs as far as they are named, and whether somebody is at
    work."""

    turn: TurnRow
    times: HostTimes | None
    vms: tuple[VmProgress, ...]
    at_work: bool


def progress(standing: Standing, *, plan: bool = True) -> Message:
    """How far every host is; `plan` False shows the same as plain sections."""
    row = standing.row
    state = State(row.state)
    turns = sorted(standing.turns, key=lambda turn: turn.position)
    title = _title(standing, turns)
    times = _times(standing)
    named = {turn.host for turn in [turn for turn in turns if turn.vms][:_NAMED]}
    drawn = [
        _Drawn(turn, times.get(turn.host), turn.vms_progress if turn.host in named else (), at_work=state in DRIVEN)
        for turn in turns
    ]
    blocks: list[Block] = _plans(row.id, title, drawn) if plan else _sections(title, drawn)
    why = row.problem_reason if state is State.NEEDS_ATTENTION else row.headline_reason
    if why is not None:
        mark = _("Now:") if state is State.RUNNING else state_mark(state)
        blocks.append(context(f"{mark} {sentence(why, mrkdwn=True)}"))
    left = " ".join(part for part in (_since(standing), _time_left(standing)) if part)
    if left:
        blocks.append(context(left))
    owed = owed_briefly(standing.debts) if state is State.PAUSED and standing.debts else ""
    if owed:
        # A pause may last for days: what is switched off all the while should be read where it is asked about.
        blocks.append(context(owed))
    if state in (State.RUNNING, State.PAUSED, State.NEEDS_ATTENTION):
        blocks.append(
            actions(
                *_pause_or_resume(standing),
                button(
                    _("Abort…"),
                    ABORT,
                    str(row.id),
                    label=_("Abort rollout {id} of pool {alias}").format(id=row.id, alias=row.pool_alias),
                ),
                block_id="progress",
            )
        )
    busy = [turn for turn in turns if turn.phase not in _OVER and turn.phase is not TurnPhase.WAITING]
    active = [turn_words(turn, at_work=state in DRIVEN) for turn in busy]
    told = f"{title}. " + " ".join(f"{words}." for words in active[:3])
    if why is not None:
        told += f" {sentence(why, mrkdwn=True)}"
    told += "".join(f" {more}" for more in (left, owed) if more)
    return message(told.strip(), blocks)


def _since(standing: Standing) -> str:
    """When it began, so that everybody can tell how long it lasts; "" once it is over, when the outcome says it."""
    row = standing.row
    if row.started_at is None or row.state in TERMINAL:
        return ""
    return _("Began {moment}.").format(moment=moment(row.started_at))


def _time_left(standing: Standing) -> str:
    """How long it should still take, "" where that is not known or nothing goes on."""
    expectation = standing.row.expectation
    if expectation is None or standing.row.state is not State.RUNNING:
        return ""
    return _("About {time} left, until {moment}.").format(
        time=duration((expectation.end - expectation.at).total_seconds()), moment=moment(expectation.end)
    )


def _times(standing: Standing) -> Mapping[str, HostTimes]:
    """When each host's turn should begin and end: those in hand and the next ones, as far as a message holds."""
    expectation = standing.row.expectation
    if expectation is None or standing.row.state is not State.RUNNING:
        return {}
    found = sorted(expectation.hosts.items(), key=lambda item: (item[1].begins, item[1].ends))
    return dict(found[:_NEXT])


def _pause_or_resume(standing: Standing) -> list[Element]:
    row = standing.row
    state = State(row.state)
    if state is State.RUNNING:
        label = _("Pause rollout {id} of pool {alias}").format(id=row.id, alias=row.pool_alias)
        return [button(_("Pause"), PAUSE, str(row.id), label=label)]
    if state is State.PAUSED and not _goes_on_by_itself(standing):
        label = _("Resume rollout {id} of pool {alias}").format(id=row.id, alias=row.pool_alias)
        return [button(_("Resume"), RESUME, str(row.id), style="primary", label=label)]
    return []


def _goes_on_by_itself(standing: Standing) -> bool:
    """Whether it waits for its next window or the end of a freeze: a button to press would say the opposite. Where no
    window opens any more it waits for people."""
    why, due_at = standing.row.headline_reason, standing.row.due_at
    return why is not None and why.code in UNATTENDED and due_at is not None


def turn_words(turn: TurnRow, *, at_work: bool = True) -> str:
    """One host and what is happening to it, in mrkdwn: ``xs-02: moving its VMs away, 3 of 7 VMs still here: web-3
    40 %``. `at_work` says whether somebody is, so that the VMs are how they were seen last."""
    told = f"{name(turn.name)}: {_details(turn)}"
    vms = few(turn.vms_progress, at_work=at_work)
    return f"{told}: {vms}" if vms else told


def _title(standing: Standing, turns: Sequence[TurnRow]) -> str:
    row = standing.row
    state = State(row.state)
    done = sum(turn.phase is TurnPhase.DONE for turn in turns)
    return _("Rollout {id}, pool {alias}: {state}, {done} of {all}").format(
        id=row.id,
        alias=row.pool_alias,
        state=state_name(state).lower(),
        done=done,
        all=several(len(turns), "host done", "hosts done"),
    )


def _plans(rollout_id: int, title: str, drawn: Sequence[_Drawn]) -> list[Block]:
    chunks = [drawn[start : start + TASKS] for start in range(0, len(drawn), TASKS)] or [()]
    plans: list[Block] = []
    for number, chunk in enumerate(chunks):
        shown = title if len(chunks) == 1 else f"{title} ({number + 1}/{len(chunks)})"
        plans.append(
            {
                "type": "plan",
                "block_id": f"progress-{rollout_id}-{number}",
                "title": clip(shown, 256),
                "tasks": [_task(host) for host in chunk],
            }
        )
    return plans


def _task(drawn: _Drawn) -> dict[str, Any]:
    turn = drawn.turn
    # The word stands in the title too: a screen reader does not see the mark, and nobody should depend on a colour.
    task: dict[str, Any] = {
        "task_id": turn.host,
        "title": clip(f"{one_line(turn.name)[:120]}: {phase_name(turn.phase)}", 256),
        "status": _status(turn.phase),
    }
    if turn.phase in _OVER:
        if taken := _taken(turn):
            task["output"] = rich_text(_("took {time}").format(time=taken))
    elif details := _expected(drawn, mrkdwn=False):
        task["details"] = rich_text(*details)
    return task


def _expected(drawn: _Drawn, *, mrkdwn: bool) -> list[str | datetime]:
    """What is left of the phase, when the turn should begin or end as far as that is known, and the VMs in hand."""
    turn, times = drawn.turn, drawn.times
    pieces: list[str | datetime] = [left] if (left := _left(turn)) else []
    if times is not None and turn.phase is TurnPhase.WAITING:
        return [_("expected from about") + " ", times.begins, " " + _("to") + " ", times.ends]
    if times is not None:
        pieces = [f"{left}, {_('until about')} " if left else _("until about") + " ", times.ends]
    if vms := few(drawn.vms, at_work=drawn.at_work, mrkdwn=mrkdwn):
        pieces.append(f": {vms}" if pieces else vms)
    return pieces


def _status(phase: TurnPhase) -> str:
    if phase is TurnPhase.WAITING:
        return "pending"
    if phase in (TurnPhase.DONE, TurnPhase.SKIPPED):
        return "complete"
    return "error" if phase is TurnPhase.FAILED else "in_progress"


def _details(turn: TurnRow) -> str:
    words, left = phase_name(turn.phase), _left(turn)
    return f"{words}, {left}" if left else words


def _left(turn: TurnRow) -> str:
    """How much of the phase is left, "" where nothing is counted."""
    told = {
        TurnPhase.EVACUATING: _("{left} of {total} still here"),
        TurnPhase.RETURNING_VMS: _("{left} of {total} still away"),
        TurnPhase.VM_TASKS: _("{left} of {total} still to do"),
    }.get(turn.phase, "")
    if not (told and turn.total):
        return ""
    return told.format(left=turn.left, total=several(turn.total, "VM", "VMs"))


def _foreseen(drawn: _Drawn) -> str:
    """The same in mrkdwn, behind the phase."""
    pieces = (piece if isinstance(piece, str) else moment(piece) for piece in _expected(drawn, mrkdwn=True))
    return ", ".join(part for part in (phase_name(drawn.turn.phase), "".join(pieces)) if part)


def _outcome(turn: TurnRow) -> str:
    words, taken = phase_name(turn.phase), _taken(turn)
    return _("{state} after {time}").format(state=words, time=taken) if taken else words


def _taken(turn: TurnRow) -> str:
    """How long the turn took, "" when that is not known."""
    if turn.started_at is None or turn.finished_at is None:
        return ""
    return duration((turn.finished_at - turn.started_at).total_seconds())


def _sections(title: str, drawn: Sequence[_Drawn]) -> list[Block]:
    marks = {"pending": "○", "in_progress": "◐", "complete": "●", "error": "✕"}
    lines = [
        f"{marks[_status(host.turn.phase)]} *{name(host.turn.name)}*: "
        + (_outcome(host.turn) if host.turn.phase in _OVER else _foreseen(host))
        for host in drawn
    ]
    blocks = [section(f"*{title}*")]
    for start in range(0, len(lines), _LINES):
        blocks.append(section(lines_within(lines[start : start + _LINES], 2_900)))
    return blocks
