"""What updates would cost, each level beside the others, for the notice: from the outlook, or from guidance alone."""

from __future__ import annotations

from datetime import datetime

from bot.messages.blocks import Block, context, fields, section
from bot.messages.language import _, several
from bot.messages.text import duration, moment, name, names
from bot.messages.updates import level_lines
from bot.messages.work import level_meaning, level_name, minutes, preset_name
from bot.rollout.checks.update_age import SUPPORTED_AGE
from bot.rollout.guidance import Level
from bot.rollout.model import AvailableUpdates
from bot.rollout.outlook import LevelOutlook, Outlook
from bot.rollout.spec import Preset


def cost_blocks(updates: AvailableUpdates, known: Outlook | None) -> list[Block]:
    """What each level costs; without an outlook, what guidance alone tells."""
    heading = _("*What it takes, by guidance level*")
    if known is None:
        return [section(heading + "\n" + level_lines(updates))]
    small = context(
        _(
            "Expected with the preset {preset} on the pool as it was found ({vms} running);"
            " the form works it out anew with your choices."
        ).format(preset=_preset(known.preset), vms=several(known.running, "VM", "VMs"))
    )
    told = {level: _lines(known.levels[level]) for level in Level if level in known.levels}
    if len({tuple(lines) for lines in told.values()}) == 1:
        levels = ", ".join(map(level_name, told))
        lines = next(iter(told.values()))
        return [
            section(
                heading + "\n" + _("*All levels alike* ({levels}): {cost}").format(levels=levels, cost="; ".join(lines))
            ),
            small,
        ]
    pairs = [
        (f"{level_name(level)}", "\n".join([f"_{level_meaning(level)}_", *lines])) for level, lines in told.items()
    ]
    return [section(heading), fields(pairs), small]


def cost_line(known: Outlook, level: Level) -> str:
    """One level in one line, for the text that notifications show."""
    return "; ".join(_lines(known.levels[level]))


def _lines(entry: LevelOutlook) -> list[str]:
    if not entry.hosts:
        return [_("nothing to do")]
    lines = [_("installs on {hosts}").format(hosts=several(entry.hosts, "host", "hosts"))]
    if entry.reboots:
        lines.append(several(entry.reboots, "host reboot", "host reboots"))
    if entry.toolstacks:
        lines.append(several(entry.toolstacks, "toolstack restart", "toolstack restarts"))
    if not (entry.reboots or entry.toolstacks):
        lines.append(_("no host restarts"))
    if entry.vms:
        moves = several(entry.moves, "live move", "live moves")
        lines.append(_("{vms} move, {moves} in all").format(vms=several(entry.vms, "VM", "VMs"), moves=moves))
    else:
        lines.append(_("no VM moves"))
    if entry.restarts:
        lines.append(several(entry.restarts, "VM restart", "VM restarts"))
    lines.append(minutes(*entry.minutes))
    return lines


def _preset(word: str) -> str:
    known = {preset.value: preset for preset in Preset}
    return preset_name(known[word]).lower() if word in known else name(word)


def livepatch_line(known: Outlook | None) -> str:
    """What live patches cover, "" where there is none."""
    if known is None or not known.patched:
        return ""
    told = _("*Live patches* for {what} take effect without a reboot on {hosts}.").format(
        what=names(known.livepatches), hosts=several(known.patched, "host", "hosts")
    )
    if known.rebooting:
        rest = several(known.rebooting, "host", "hosts")
        told += " " + _("Other updates ask for a reboot of {hosts} all the same.").format(hosts=rest)
    return told


def age_line(updated_at: datetime | None, now: datetime | None) -> str:
    """That the host which lags most comes near, or is beyond, the age from which updates are supported; "" before."""
    if updated_at is None or now is None:
        return ""
    until = updated_at + SUPPORTED_AGE
    age = duration((now - updated_at).total_seconds())
    told = _("⚠ *A host of this pool was last updated {age} ago.*").format(age=age)
    rule = _("Updates are only supported on a state that is less than six months old:")
    if now >= until:
        return " ".join([told, rule, _("update soon, and look closely at the checks.")])
    return " ".join([told, rule, _("update before {until}.").format(until=moment(until))])
