"""When a rollout starts, in words; the announcement of a start; windows and freezes of pools."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from bot.messages.blocks import Block, context, header, section
from bot.messages.forecast import forecast_cost, forecast_time, stopped_block
from bot.messages.language import _, several
from bot.messages.message import Message, line, message
from bot.messages.text import lines_within, moment, name, one_line, person, quoted
from bot.messages.windows import window_words
from bot.rollout.lifecycle import State
from bot.rollout.memory import TurnPhase
from bot.rollout.window import Span

if TYPE_CHECKING:
    from bot.rollouts import Calendar, Standing
    from storage.tables import FreezeRow, RolloutRow


def starts_at_once(standing: Standing) -> bool:
    """Whether nothing keeps the rollout from starting with its last approval: no chosen time, no maintenance window."""
    row = standing.row
    return row.starts_at is None and standing.spec.start_at is None and (not standing.windows or bool(row.emergency))


def start_words(standing: Standing) -> str:
    """When the rollout starts once it is approved: ``at once`` where nothing keeps it."""
    row, spec = standing.row, standing.spec
    if row.starts_at is not None and row.started_at is None:
        return moment(row.starts_at)
    if spec.start_at is not None:
        return moment(spec.start_at)
    if not starts_at_once(standing):
        said = ", ".join(map(window_words, standing.windows[:5]))
        windows = _("{windows}, {zone}").format(windows=said, zone=name(standing.zone))
        return _("in the next maintenance window ({windows})").format(windows=windows)
    return _("at once")


def windows_words(shown: Standing | Calendar) -> str:
    """The configured windows, as code: their stars mean themselves there."""
    said = ", ".join(f"`{window}`" for window in shown.windows[:5])
    return _("{windows}, {zone}").format(windows=said, zone=name(shown.zone))


def announcement(standing: Standing) -> Message:
    """That an approved rollout starts, or a paused one goes on, told to the channel beforehand."""
    row, forecast = standing.row, standing.forecast
    alias, number = name(row.pool_alias), row.id
    if row.state is State.PAUSED and row.due_at is not None:
        told = _("Pool {alias}: rollout {id} goes on {when}.").format(alias=alias, id=number, when=moment(row.due_at))
        left = sum(turn.phase not in (TurnPhase.DONE, TurnPhase.SKIPPED) for turn in standing.turns)
        more = _("{left} of {all} left.").format(left=left, all=several(len(standing.turns), "host", "hosts"))
        small = _("By itself, if enough of those who approved still may. `/xs abort {id}` ends it.").format(id=number)
    else:
        told = _("Pool {alias}: rollout {id} begins {when}.").format(alias=alias, id=number, when=start_words(standing))
        more = _("Expected: {cost}; {time}.").format(cost=forecast_cost(forecast), time=forecast_time(forecast))
        small = _("Checks run again at the start. `/xs abort {id}` withdraws it.").format(id=number)
    blocks: list[Block] = [section(f"*{told}*\n{more}"), stopped_block(standing.spec)]
    if one_line(row.reason_text):
        blocks.append(section(quoted(row.reason_text)))
    blocks.append(context(small))
    return message(f"{told} {more}", blocks)


def calendars(shown: Sequence[Calendar]) -> Message:
    """When pools may be worked on."""
    if not shown:
        return line(_("No pool is configured. An operator adds one to the configuration file."))
    blocks: list[Block] = [header(_("Maintenance windows"))]
    texts = [_calendar(entry) for entry in shown]
    blocks += [section(text) for text in texts[:40]]
    if len(texts) > 40:
        blocks.append(context(_("… and {count} more").format(count=len(texts) - 40)))
    blocks.append(context(_("Times are shown in your own time zone. Administrators freeze a pool with `/xs freeze`.")))
    return message(lines_within(texts, 3_000), blocks)


def _calendar(shown: Calendar) -> str:
    lines = [f"*{name(shown.alias)}*: " + (windows_words(shown) if shown.windows else _("at any time"))]
    if shown.openings:
        lines.append(_("open {spans}").format(spans="; ".join(map(span_words, shown.openings))))
    elif shown.windows:
        lines.append(_("⚠ none of its windows opens within ten weeks"))
    if shown.freeze is not None:
        lines.append("⚠ " + freeze_words(shown.freeze))
    row = shown.waiting
    if row is not None and row.due_at is not None:
        lines.append(waiting_words(row, row.due_at))
    return "\n".join(lines)


def waiting_words(row: RolloutRow, due_at: datetime) -> str:
    """When an approved rollout starts, or a paused one goes on by itself."""
    told = _("rollout {id} starts {when}") if row.state is State.APPROVED else _("rollout {id} goes on {when}")
    return told.format(id=row.id, when=moment(due_at))


def span_words(span: Span) -> str:
    """From when to when."""
    return _("{begins} to {ends}").format(begins=moment(span.begins), ends=moment(span.ends))


def freeze_words(freeze: FreezeRow) -> str:
    """Until when a pool is frozen, by whom and why."""
    who = person(freeze.by_kind, freeze.by_id, freeze.by_name)
    told = _("frozen until {until} by {who}: {why}")
    return told.format(until=moment(freeze.until), who=who, why=name(freeze.why, 300))


def frozen(freeze: FreezeRow, running: bool) -> Message:
    """A pool was frozen."""
    told = _("Pool {alias} is {frozen}.").format(alias=name(freeze.pool_alias), frozen=freeze_words(freeze))
    if running:
        told += " " + _("The rollout that is under way is not cut; `/xs status` shows it.")
    return line(told)


def unfrozen(alias: str) -> Message:
    """A freeze was ended."""
    return line(_("Pool {alias} is no longer frozen. What was waiting for that starts now.").format(alias=name(alias)))
