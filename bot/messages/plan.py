"""What an update would do now, told to one person who asks for nothing yet; and the part of it that the form shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.messages.backups import backups_line
from bot.messages.blocks import Block, context, header, section
from bot.messages.findings import finding_lines, findings_blocks, findings_summary
from bot.messages.forecast import (
    fixes_line,
    forecast_cost,
    forecast_time,
    order_blocks,
    rules_line,
    stopped_block,
    worth_knowing,
)
from bot.messages.language import _
from bot.messages.message import Message, message
from bot.messages.text import lines_within, name
from bot.messages.updates import counts
from bot.messages.work import level_name, way_of_work
from bot.rollout.checks import Severity

if TYPE_CHECKING:
    from bot.rollouts import Preview


def plan(preview: Preview) -> Message:
    """What an update with these choices would do now, and what the checks say of it."""
    spec, forecast, alias = preview.spec, preview.forecast, name(preview.pool_alias)
    title = _("What an update of pool {alias} would do now").format(alias=preview.pool_alias)
    how = _("{counts}; {level} guidance; {way}").format(
        counts=counts(preview.updates), level=level_name(spec.level).lower(), way=way_of_work(spec)
    )
    blocks: list[Block] = [header(title), section(how)]
    found = findings_summary(preview.report)
    if preview.blocked:
        told = _("It cannot start as things are: {found}.").format(found=found)
        lines = finding_lines(preview.report.of(Severity.BLOCKS))
        blocks.append(section(f"✕ *{told}*\n{lines_within(lines, 2_500)}"))
        told += " " + lines_within(lines, 2_000)
    else:
        told = _("{cost}; {time}; {found}.").format(
            cost=forecast_cost(forecast), time=forecast_time(forecast), found=found
        )
        blocks += [section(f"*{told}*"), *doing_blocks(preview)]
    blocks += findings_blocks(preview.report, (Severity.WARNS, Severity.INFORMS), () if preview.blocked else spec.fixes)
    asks = _("Nothing was asked for. `/xs update {alias}` opens the form for it.").format(alias=alias)
    return message(f"{title}: {how}. {told} {asks}", [*blocks, context(asks)])


def doing_blocks(preview: Preview) -> list[Block]:
    """Everything that would be done: hosts in their order, VMs that may be stopped, what is switched off and put right,
    and what else people should know before they agree."""
    spec, forecast = preview.spec, preview.forecast
    blocks = [*order_blocks(forecast), stopped_block(spec)]
    more = (rules_line(spec), backups_line(spec.backups), fixes_line(spec.fixes))
    blocks += [section(text) for text in more if text]
    if known := worth_knowing(forecast):
        blocks.append(section(lines_within([f"• {line}" for line in known], 2_000)))
    return blocks
