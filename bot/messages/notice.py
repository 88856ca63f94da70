"""The notice: updates exist for a pool, what they fix, what they cost. Or: the pool's knowledge of updates is old."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.messages.blocks import Block, Element, actions, button, confirm, context, header, option, overflow, section
from bot.messages.language import _, several
from bot.messages.message import Message, message
from bot.messages.outlook import age_line, cost_blocks, cost_line, livepatch_line
from bot.messages.text import escape, lines_within, moment, name, one_line
from bot.messages.updates import (
    counts,
    cves,
    kind_of,
    level_cost,
    note_of,
    security_first,
    severities,
    update_line,
    vendor_link,
)
from bot.rollout.guidance import Level
from bot.rollout.model import AvailableUpdates, Update
from bot.rollout.outlook import Outlook

PLAN = "notice_plan"
DETAILS = "notice_details"
SYNC = "notice_sync"
FOLD = "notice_fold"
UNFOLD = "notice_unfold"
#: Hours for which a notice can be folded away; 0 is until something newer is available.
HOURS = (24, 168, 0)


@dataclass(frozen=True, slots=True)
class NoticeFacts:
    """What a notice is made of.

    `kind` is ``updates``, ``never_synced`` or ``stale_sync``; `state` is ``open``, ``superseded`` or ``done``; `acts`
    is whether the pool's configuration lets rollouts change it; `rollout` is the one that ended it, if any.
    `folded_by` is who folded it away ("" nobody; a mention or a name, ready to be shown), `folded_until` until when
    (None: until something newer is available). `updated_at` is when the host that lags most was updated last, `now`
    the moment at which that counts.
    """

    alias: str
    pool_name: str
    kind: str
    state: str = "open"
    updates: AvailableUpdates | None = None
    last_sync: datetime | None = None
    days: int = 0
    acts: bool = True
    rollout: int | None = None
    id: int = 0
    outlook: Outlook | None = None
    updated_at: datetime | None = None
    now: datetime | None = None
    folded_by: str = ""
    folded_until: datetime | None = None


def fold_value(hours: int, notice_id: int) -> str:
    """What an entry of the menu carries."""
    return f"{hours}h:{notice_id}"


def parse_fold(value: str) -> tuple[int, int]:
    """The hours (0: until something newer) and the notice's id. Raises `ValueError` for what no menu of ours has."""
    hours, _colon, notice_id = value.partition("h:")
    if not (hours.isascii() and hours.isdigit() and notice_id.isascii() and notice_id.isdigit()):
        raise ValueError(value)
    return int(hours), int(notice_id)


def notice(facts: NoticeFacts) -> Message:
    """The channel message for one pool and checksum, edited when it is superseded or done."""
    if facts.state != "open":
        return _closed(facts)
    if facts.folded_by and facts.kind == "updates":
        return _folded(facts)
    if facts.kind == "never_synced":
        return _sync_first(
            facts,
            _("{pool} has never looked for updates").format(pool=_pool(facts)),
            _("Nobody knows which updates this pool lacks until it is synced with its update channel."),
        )
    if facts.kind == "stale_sync":
        when = moment(facts.last_sync) if facts.last_sync else _("unknown")
        age = several(facts.days, "day", "days")
        return _sync_first(
            facts,
            _("{pool} last looked for updates {age} ago").format(pool=_pool(facts), age=age),
            _("Last sync: {when}. Newer updates may exist that nobody here has heard of.").format(when=when),
        )
    return _updates(facts)


def _pool(facts: NoticeFacts) -> str:
    return _("Pool {alias}").format(alias=facts.alias)


def _updates(facts: NoticeFacts) -> Message:
    updates = facts.updates or AvailableUpdates("")
    hosts = sum(host.anything for host in updates.hosts)
    count = several(len(updates.updates), "update", "updates")
    on = several(hosts, "host", "hosts")
    told = _("Pool {alias}, {hosts}: {counts}").format(alias=facts.alias, counts=counts(updates), hosts=on)
    listed = security_first(updates)
    security = [update for update in listed if kind_of(update) == "security"]
    others = [update for update in listed if kind_of(update) != "security"]
    worst = severities(updates)
    shown = f"{told}; " + _("severity: {severities}").format(severities=worst) if worst else told
    blocks: list[Block] = [
        header(_("{count} available for pool {alias}").format(count=count, alias=facts.alias)),
        section(f"{shown}." + _identity(facts)),
    ]
    if old := age_line(facts.updated_at, facts.now):
        blocks.append(section(old))
    if security:
        lines = [line for update in security for line in _with_note(update)]
        blocks.append(section(_("*Security fixes*") + "\n" + lines_within(lines, 2_400)))
    if others:
        lines = [line for update in others[:5] for line in _with_note(update)]
        if len(others) > 5:
            lines.append(_("… and {count} more (see Details)").format(count=len(others) - 5))
        blocks.append(section(_("*Also*") + "\n" + lines_within(lines, 1_500)))
    blocks += cost_blocks(updates, facts.outlook)
    if patched := livepatch_line(facts.outlook):
        blocks.append(section(patched))
    found = cves(updates)
    named = _(" CVEs named: {ids}.").format(ids=", ".join(escape(cve, 30) for cve in found[:20])) if found else ""
    if facts.acts:
        steps = _("*Plan update…* shows the plan; you can then request approval. Nothing changes until it is approved.")
    else:
        steps = _(
            "This pool is in notify mode: xsbot tells about updates but changes nothing."
            ' An operator sets `mode = "act"` for it in the configuration to plan updates from here.'
        )
    if facts.id:
        steps += " " + _("⋯ folds this message away for a while.")
    known = facts.outlook
    costs = cost_line(known, Level.RECOMMENDED) if known is not None else level_cost(updates, Level.RECOMMENDED)
    text = _("{told}. Recommended guidance: {costs}.{named}").format(told=shown, costs=costs, named=named)
    if old:
        text += f" {old}"
    return message(text, [*blocks, actions(*_buttons(facts), block_id="notice"), context(steps)])


def _with_note(update: Update) -> list[str]:
    """An update in a line, and a line for what the vendor wants to be noted."""
    line = update_line(update)
    if link := vendor_link(update):
        line += f" · {link}"
    note = note_of(update)
    return [line, _("    ↳ Note: {text}").format(text=escape(note, 200))] if note else [line]


def _buttons(facts: NoticeFacts) -> list[Element]:
    elements = []
    if facts.acts:
        label = _("Plan the update of pool {alias}").format(alias=facts.alias)
        elements.append(button(_("Plan update…"), PLAN, facts.alias, style="primary", label=label))
    label = _("Details of the updates of pool {alias}").format(alias=facts.alias)
    elements.append(button(_("Details"), DETAILS, facts.alias, label=label))
    if facts.id:
        words = {24: _("Snooze for a day"), 168: _("Snooze for a week"), 0: _("Dismiss until something newer comes")}
        elements.append(overflow(FOLD, [option(words[hours], fold_value(hours, facts.id)) for hours in HOURS]))
    return elements


def _folded(facts: NoticeFacts) -> Message:
    """One line, and the way back to all of it."""
    updates = facts.updates or AvailableUpdates("")
    told = _("Pool {alias}: {counts} available.").format(alias=facts.alias, counts=counts(updates))
    if facts.folded_until is not None:
        why = _("Snoozed by {who} until {when}; then it is told anew.").format(
            who=facts.folded_by, when=moment(facts.folded_until)
        )
    else:
        why = _("Dismissed by {who}; told anew when something newer is available.").format(who=facts.folded_by)
    label = _("Show again the updates of pool {alias}").format(alias=facts.alias)
    back = button(_("Show again"), UNFOLD, str(facts.id), label=label)
    return message(f"{told} {why}", [section(f"{told}\n{why}", accessory=back)])


def _identity(facts: NoticeFacts) -> str:
    if one_line(facts.pool_name) in ("", facts.alias):
        return ""
    return " " + _("(In XenServer the pool is called {name}.)").format(name=name(facts.pool_name))


def _sync_first(facts: NoticeFacts, title: str, meaning: str) -> Message:
    blocks = [
        header(title),
        section(meaning),
        actions(
            button(
                _("Sync now"),
                SYNC,
                facts.alias,
                label=_("Sync pool {alias} now").format(alias=facts.alias),
                asks=confirm(
                    _("Sync pool {alias}?").format(alias=facts.alias),
                    _("The pool downloads the list of updates and their packages. Nothing is installed."),
                    _("Sync now"),
                    _("Not now"),
                ),
            ),
            block_id="notice",
        ),
        context(_("An admin may sync. It takes a few minutes and installs nothing.")),
    ]
    return message(f"{title}. {meaning}", blocks)


def _closed(facts: NoticeFacts) -> Message:
    if facts.state == "superseded":
        told = _("Pool {alias}: this notice is out of date; a newer one says what is available now.")
    elif facts.kind == "updates" and facts.rollout is not None:
        told = _("Pool {alias}: these updates are installed (rollout {rollout}).")
    elif facts.kind == "updates":
        told = _("Pool {alias}: these updates are installed or no longer offered; nothing is left to do.")
    else:
        told = _("Pool {alias} was synced; it knows its updates again.")
    told = told.format(alias=facts.alias, rollout=facts.rollout)
    return message(told, [section(told)])
