"""The notice: updates exist for a pool, what they fix, what they cost. Or: the pool's knowledge of updates is old."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.messages.blocks import Block, View, actions, button, confirm, context, divider, header, modal, section
from bot.messages.language import _, several
from bot.messages.message import Message, message
from bot.messages.text import escape, lines_within, moment, name, one_line
from bot.messages.updates import (
    counts,
    cves,
    kind_of,
    level_cost,
    level_lines,
    security_first,
    update_details,
    update_line,
)
from bot.rollout.guidance import Level
from bot.rollout.model import AvailableUpdates

PLAN = "notice_plan"
DETAILS = "notice_details"
SYNC = "notice_sync"


@dataclass(frozen=True, slots=True)
class NoticeFacts:
    """What a notice is made of.

    `kind` is ``updates``, ``never_synced`` or ``stale_sync``; `state` is ``open``, ``superseded`` or ``done``; `acts`
    is whether the pool's configuration lets rollouts change it; `rollout` is the one that ended it, if any.
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


def notice(facts: NoticeFacts) -> Message:
    """The channel message for one pool and checksum, edited when it is superseded or done."""
    if facts.state != "open":
        return _closed(facts)
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
    blocks: list[Block] = [
        header(_("{count} available for pool {alias}").format(count=count, alias=facts.alias)),
        section(f"{told}." + _identity(facts)),
    ]
    if security:
        lines = [update_line(update) for update in security]
        blocks.append(section(_("*Security fixes*") + "\n" + lines_within(lines, 2_400)))
    if others:
        lines = [update_line(update) for update in others[:5]]
        if len(others) > 5:
            lines.append(_("… and {count} more (see Details)").format(count=len(others) - 5))
        blocks.append(section(_("*Also*") + "\n" + lines_within(lines, 1_500)))
    blocks.append(section(_("*What it takes, by guidance level*") + "\n" + level_lines(updates)))
    found = cves(updates)
    named = _(" CVEs named: {ids}.").format(ids=", ".join(escape(cve, 30) for cve in found[:20])) if found else ""
    elements = []
    if facts.acts:
        elements.append(
            button(
                _("Plan update…"),
                PLAN,
                facts.alias,
                style="primary",
                label=_("Plan the update of pool {alias}").format(alias=facts.alias),
            )
        )
        steps = _("*Plan update…* shows the plan; you can then request approval. Nothing changes until it is approved.")
    else:
        steps = _(
            "This pool is in notify mode: xsbot tells about updates but changes nothing."
            ' An operator sets `mode = "act"` for it in the configuration to plan updates from here.'
        )
    label = _("Details of the updates of pool {alias}").format(alias=facts.alias)
    elements.append(button(_("Details"), DETAILS, facts.alias, label=label))
    costs = level_cost(updates, Level.RECOMMENDED)
    text = _("{told}. Recommended guidance: {costs}.{named}").format(told=told, costs=costs, named=named)
    return message(text, [*blocks, actions(*elements, block_id="notice"), context(steps)])


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


def details(alias: str, updates: AvailableUpdates | None) -> View:
    """Every update of the pool with its description, as a modal."""
    if updates is None or not updates.updates:
        blocks = [section(_("Nothing is known about updates of pool {alias}.").format(alias=alias))]
    else:
        listed = security_first(updates)
        blocks = [section(f"*{alias}*: {counts(updates)}")]
        for update in listed[:45]:
            blocks += [divider(), section(update_details(update))]
        if len(listed) > 45:
            blocks.append(context(_("… and {count} more").format(count=len(listed) - 45)))
    return modal(_("Updates"), blocks, callback_id="details", close=_("Close"))
