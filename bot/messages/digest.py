"""The weekly digest: which pools are behind and since when, what is pending, frozen or planned; the rest in a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.messages.blocks import Block, button, context, header, section
from bot.messages.language import _, several
from bot.messages.message import Message, message
from bot.messages.notice import DETAILS
from bot.messages.schedule import freeze_words, span_words, waiting_words
from bot.messages.text import escape, lines_within, moment, name, names, one_line
from bot.messages.updates import counts, severities
from bot.messages.work import state_mark, state_name
from bot.rollout.lifecycle import State

if TYPE_CHECKING:
    from bot.rollouts import Digest, DigestPool

#: Pools in a paragraph of their own; further ones are counted.
_SHOWN = 40
#: Ages up to so many days are told in days, greater ones in months.
_DAYS = 60
_MONTH = 365.25 / 12


def digest(told: Digest) -> Message:
    """How the pools are. A pool of which there is nothing to say is named and no more; where that is so of all of them,
    one line says it, so that silence never means "all is well"."""
    loud = [pool for pool in told.pools if not pool.quiet]
    quiet = [pool.standing.alias for pool in told.pools if pool.quiet]
    title, summary = _("Weekly digest"), _summary(told.pools)
    lines = [_pool(pool) for pool in loud[:_SHOWN]]
    rest = [_("… and {count} more").format(count=len(loud) - _SHOWN)] if len(loud) > _SHOWN else []
    well = _("✓ Up to date, nothing pending: {pools}").format(pools=names(quiet, 30)) if quiet and loud else ""
    blocks: list[Block] = [header(title), section(summary)]
    blocks += [section(text, _opener(pool)) for text, pool in zip(lines, loud, strict=False)]
    blocks += [context(text) for text in rest]
    if well:
        blocks.append(section(well))
    small = [_("`/xs pools --digest` shows this at any time.")]
    if loud:
        small.insert(0, _("`/xs update &lt;pool&gt;` plans an update, `/xs windows` says when pools may be worked on."))
    blocks.append(context(" ".join(small)))
    return message(lines_within([f"{title}: {summary}", *lines, *rest, *([well] if well else [])], 3_500), blocks)


def _summary(pools: Sequence[DigestPool]) -> str:
    if not pools:
        return _("No pool is configured. An operator adds one to the configuration file.")
    everything = several(len(pools), "pool", "pools")
    if all(pool.quiet for pool in pools):
        return _("✓ {pools} up to date, nothing pending, nothing planned.").format(pools=everything)

    def having(holds: Callable[[DigestPool], object]) -> str:
        count = sum(bool(holds(pool)) for pool in pools)
        return several(count, "pool", "pools") if count else ""

    behind = sum(bool(pool.behind) for pool in pools)
    told = [
        _("{behind} of {all} behind").format(behind=behind, all=everything)
        if behind
        else _("none of {all} is known to be behind").format(all=everything)
    ]
    if some := having(lambda pool: pool.nearly_too_old):
        told.append(_("⚠ {pools} soon too old, or too old already, for updates to be supported").format(pools=some))
    if some := having(lambda pool: pool.pending):
        told.append(_("tasks pending on {pools}").format(pools=some))
    if some := having(lambda pool: pool.standing.open_rollout):
        told.append(_("rollouts open on {pools}").format(pools=some))
    if some := having(lambda pool: pool.freeze):
        told.append(_("{pools} frozen").format(pools=some))
    if some := having(lambda pool: pool.standing.debts):
        told.append(_("⚠ something still to restore on {pools}").format(pools=some))
    if some := having(lambda pool: pool.failed):
        told.append(_("⚠ {pools} not reached").format(pools=some))
    return "; ".join(told) + "."


def _pool(pool: DigestPool) -> str:
    standing, row = pool.standing, pool.standing.row
    alias = name(standing.alias)
    if row is None:
        return _("*{alias}*: not reached yet; xsbot knows it from its configuration only").format(alias=alias)
    called = "" if one_line(row.name) in ("", standing.alias) else f" ({name(row.name)})"
    facts = []
    if pool.age is not None and pool.behind:
        warning = "⚠ " if pool.nearly_too_old else ""
        facts.append(warning + _("last updated {age} ago").format(age=_age(pool.age)))
    if pool.pending:
        facts.append(_("tasks pending on {hosts}").format(hosts=several(pool.pending, "host", "hosts")))
    if pool.old_sync:
        facts.append(
            _("last sync {when}").format(when=moment(row.last_update_sync))
            if row.last_update_sync is not None
            else _("never synced")
        )
    if standing.mode != "act":
        facts.append(_("notify mode: xsbot changes nothing here"))
    lines = [f"*{alias}*{called}: {_updates(pool)}", "; ".join(facts), _rollout(pool)]
    if pool.openings:
        lines.append(_("maintenance windows: {spans}").format(spans="; ".join(map(span_words, pool.openings))))
    if pool.freeze is not None:
        lines.append("⚠ " + freeze_words(pool.freeze))
    if standing.debts:
        owed = several(len(standing.debts), "setting or VM", "settings or VMs")
        lines.append(_("⚠ {owed} still to restore (`/xs status`)").format(owed=owed))
    if row.last_error:
        lines.append(_("⚠ last look failed: {error}").format(error=escape(row.last_error, 200)))
    return "\n".join(line for line in lines if line)


def _updates(pool: DigestPool) -> str:
    known = pool.updates
    if known is None:
        return _("updates unknown")
    if not pool.behind:
        return _("up to date")
    told = _("{counts}, for {behind} of {all}").format(
        counts=counts(known), behind=pool.behind, all=several(len(known.hosts), "host", "hosts")
    )
    worst = severities(known)
    return f"{told}; " + _("severity: {severities}").format(severities=worst) if worst else told


def _rollout(pool: DigestPool) -> str:
    row = pool.standing.open_rollout
    if row is None:
        return ""
    state = State(row.state)
    if row.due_at is not None and state in (State.APPROVED, State.PAUSED):
        return waiting_words(row, row.due_at)
    return _("{mark} rollout {id}: {state}").format(mark=state_mark(state), id=row.id, state=state_name(state).lower())


def _age(age: timedelta) -> str:
    """How long ago, in the unit that says enough: ``3 days``, ``5 months``."""
    days = max(1, age.days)
    return several(days, "day", "days") if days <= _DAYS else several(round(days / _MONTH), "month", "months")


def _opener(pool: DigestPool) -> Block | None:
    if not pool.behind:
        return None
    alias = pool.standing.alias
    return button(_("Show updates"), DETAILS, alias, label=_("Show updates of pool {alias}").format(alias=alias))
