"""The Home tab: what waits for the reader, what runs, how the pools are, what was lately.

Only blocks that Slack takes on a Home tab: headers, sections, context, buttons, lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from bot.messages.blocks import Block, Element, View, actions, button, context, divider, header, section
from bot.messages.card import OPEN, approvals_text, summary_line
from bot.messages.debts import owed_briefly
from bot.messages.forecast import forecast_cost, forecast_time
from bot.messages.language import _, several
from bot.messages.notice import DETAILS, PLAN
from bot.messages.sentences import sentence
from bot.messages.status import opener, past_line, rollout_text
from bot.messages.text import escape, lines_within, moment, name, names, one_line, person
from bot.messages.updates import counts, security_first, severities
from bot.messages.work import level_name, state_mark, state_name
from bot.rollout.lifecycle import State
from bot.rollout.memory import TurnPhase

if TYPE_CHECKING:
    from bot.rollouts import Standing
    from bot.rollouts.home import HomePool, HomeStanding

#: Blocks for pools, each of which takes one or two: with everything else they stay below Slack's hundred.
_POOLS = 60
#: Squares of a bar of progress.
_BAR = 10


def home(standing: HomeStanding) -> View:
    """One person's Home tab, to be compared with what they have; `dated` makes it fit to be shown."""
    blocks: list[Block] = [
        *_for_me(standing),
        divider(),
        *_under_way(standing.others, standing.more.others, alone=not (standing.for_me or standing.asking_me)),
        divider(),
        *_pools(standing.pools, standing.more.pools),
        divider(),
        *_lately(standing),
    ]
    return {"type": "home", "blocks": blocks}


def dated(content: View, at: datetime) -> View:
    """The tab with the moment of which it tells."""
    told = _("As of {when}. This page keeps itself up to date for a while after you open it.").format(when=moment(at))
    help_ = _("`/xs help` lists what you can type in a channel.")
    return {**content, "blocks": [*content["blocks"], context(f"{told} {help_}")]}


def home_unavailable(sentence_: str, hint: str) -> View:
    """What stands there when it cannot be told what the person may see."""
    told = _("*This page cannot be shown now*") + f"\n{escape(sentence_)} {escape(hint)}".rstrip()
    return {"type": "home", "blocks": [section(told)]}


def _for_me(standing: HomeStanding) -> list[Block]:
    waiting, asking = standing.for_me, standing.asking_me
    if not waiting and not asking:
        return [header(_("Nothing waits for you")), context(_("What needs your approval or decision stands here."))]
    more = standing.more.for_me + standing.more.asking_me
    blocks: list[Block] = [header(_("Waits for you ({count})").format(count=len(waiting) + len(asking) + more))]
    shown = [*((entry, _asks(entry)) for entry in asking), *((entry, _approval(entry)) for entry in waiting)]
    blocks += [section(text, accessory=_opener(entry)) for entry, text in shown]
    return blocks + _more(more, _("`/xs status` shows all of them."))


def _asks(standing: Standing) -> str:
    row = standing.row
    told = _("{mark} *Rollout {id}, pool {alias}, needs a decision*").format(
        mark=state_mark(State.NEEDS_ATTENTION), id=row.id, alias=name(row.pool_alias)
    )
    why = sentence(row.problem_reason, mrkdwn=True) if row.problem_reason is not None else ""
    where = _("Its thread has the buttons, next to what happened; nothing is changed until somebody decides.")
    return "\n".join(part for part in (told, why, where) if part)


def _approval(standing: Standing) -> str:
    row = standing.row
    who = person(row.requester_kind, row.requester_id, row.requester_name)
    if standing.amendment is not None:
        told = _("{mark} *Amendment {number} of rollout {id}, pool {alias}, waits for your approval*").format(
            mark=state_mark(State.AWAITING_APPROVAL),
            number=standing.amendment.row.number,
            id=row.id,
            alias=name(row.pool_alias),
        )
        return "\n".join([told, *(f"• {sentence(reason, mrkdwn=True)}" for reason in standing.amendment.changes[:5])])
    told = _("{mark} *Rollout {id}, pool {alias}, waits for your approval*").format(
        mark=state_mark(State.AWAITING_APPROVAL), id=row.id, alias=name(row.pool_alias)
    )
    what = _("{who} asks: {what}, {level} guidance: {cost}; {time}.").format(
        who=who,
        what=summary_line(standing),
        level=level_name(standing.spec.level).lower(),
        cost=forecast_cost(standing.forecast),
        time=forecast_time(standing.forecast),
    )
    asked = _("{have} approvals; expires {when}.").format(have=approvals_text(standing), when=moment(row.expires_at))
    why = _("Reason: {text}").format(text=escape(row.reason_text, 200)) if one_line(row.reason_text) else ""
    return "\n".join(part for part in (told, what, asked, why) if part)


def _opener(standing: Standing) -> Element:
    number = str(standing.row.id)
    if standing.amendment is None and standing.row.state is State.NEEDS_ATTENTION:
        return opener(standing)
    return button(
        _("Look and approve…"),
        OPEN,
        number,
        style="primary",
        label=_("Look and approve rollout {id}").format(id=number),
    )


def _under_way(standings: Sequence[Standing], more: int, *, alone: bool) -> list[Block]:
    if not standings:
        return [header(_("Nothing is under way") if alone else _("Nothing else is under way"))]
    blocks: list[Block] = [header(_("Under way"))]
    for standing in standings:
        told = rollout_text(standing)
        if bar := _bar(standing):
            told += f"\n{bar}"
        if standing.debts:
            told += f"\n{owed_briefly(standing.debts)}"
        blocks.append(section(told, accessory=opener(standing)))
    return blocks + _more(more, _("`/xs status` shows all of them."))


def _bar(standing: Standing) -> str:
    """The hosts that are done as squares; the words beside it say the same."""
    if not standing.turns:
        return ""
    done = sum(turn.phase is TurnPhase.DONE for turn in standing.turns)
    full = _BAR * done // len(standing.turns)
    bar = f"{'■' * full}{'□' * (_BAR - full)}"
    known = standing.row.expectation
    if known is None or State(standing.row.state) is not State.RUNNING:
        return bar
    return f"{bar} " + _("expected to be done {when}").format(when=moment(known.end))


def _pools(pools: Sequence[HomePool], more: int) -> list[Block]:
    if not pools:
        return [
            header(_("No pool for you")),
            context(_("You hold no role on any pool. Ask whoever runs xsbot to add you to its configuration.")),
        ]
    blocks: list[Block] = [header(_("Pools"))]
    shown = 0
    for pool in pools:
        part = _pool(pool)
        if len(blocks) + len(part) > _POOLS:
            break
        blocks += part
        shown += 1
    return blocks + _more(more + len(pools) - shown, _("`/xs pools` lists all of them."))


def _behind(pool: HomePool) -> int:
    return sum(host.anything for host in pool.updates.hosts) if pool.updates is not None else 0


def _pool(pool: HomePool) -> list[Block]:
    standing, row = pool.standing, pool.standing.row
    alias = standing.alias
    if row is None:
        told = _("*{alias}*: not reached yet; xsbot knows it from its configuration only")
        return [section(told.format(alias=alias))]
    called = "" if one_line(row.name) in ("", alias) else f" ({name(row.name)})"
    version = f", {name(row.version, 20)}" if row.version else ""
    lines = [f"*{alias}*{called}{version}", _updates(pool)]
    facts = []
    if row.last_update_sync is not None:
        facts.append(_("last sync {when}").format(when=moment(row.last_update_sync)))
    if row.ha_enabled is not None:
        facts.append(_("HA on") if row.ha_enabled else _("HA off"))
    if row.pending_hosts:
        facts.append(_("tasks pending on {hosts}").format(hosts=several(row.pending_hosts, "host", "hosts")))
    elif row.ha_enabled is not None:
        facts.append(_("no task pending on a host"))
    if pool.next_window is not None:
        facts.append(_("next window {when}").format(when=moment(pool.next_window)))
    if standing.mode != "act":
        facts.append(_("notify mode: xsbot changes nothing here"))
    if facts:
        lines.append("; ".join(facts))
    if standing.open_rollout is not None:
        state = State(standing.open_rollout.state)
        lines.append(
            _("{mark} rollout {id}: {state}").format(
                mark=state_mark(state), id=standing.open_rollout.id, state=state_name(state).lower()
            )
        )
    if standing.debts:
        owed = several(len(standing.debts), "setting or VM", "settings or VMs")
        lines.append(_("⚠ {owed} still to restore (`/xs status`)").format(owed=owed))
    if row.last_error:
        lines.append(_("⚠ last look failed: {error}").format(error=escape(row.last_error, 200)))
    blocks: list[Block] = [section("\n".join(lines))]
    if buttons := _buttons(pool):
        blocks.append(actions(*buttons))
    return blocks


def _updates(pool: HomePool) -> str:
    known = pool.updates
    if known is None:
        return _("updates unknown")
    behind = _behind(pool)
    if not behind:
        return _("✓ up to date")
    told = _("{counts}, for {behind} of {all}").format(
        counts=counts(known), behind=behind, all=several(len(known.hosts), "host", "hosts")
    )
    worst = severities(known)
    if worst:
        told += "; " + _("severity: {severities}").format(severities=worst)
    listed = [update.title or update.id for update in security_first(known)][:2]
    return told + (f"\n{names([one_line(title) for title in listed])}" if worst and listed else "")


def _buttons(pool: HomePool) -> list[Element]:
    alias = pool.standing.alias
    busy = pool.standing.open_rollout
    buttons = []
    if _behind(pool) and pool.may_plan and busy is None:
        label = _("Plan the update of pool {alias}").format(alias=alias)
        buttons.append(button(_("Plan update…"), PLAN, alias, style="primary", label=label))
    if _behind(pool):
        label = _("Show updates of pool {alias}").format(alias=alias)
        buttons.append(button(_("Show updates"), DETAILS, alias, label=label))
    return buttons


def _lately(standing: HomeStanding) -> list[Block]:
    if not standing.history:
        return [header(_("Lately")), context(_("No rollout has ended yet."))]
    lines = [past_line(row) for row in standing.history]
    return [header(_("Lately")), section(lines_within(lines, 2_900))]


def _more(count: int, where: str) -> list[Block]:
    return [context(_("… and {count} more.").format(count=count) + f" {where}")] if count > 0 else []
