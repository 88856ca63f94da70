"""The outcome: what changed, how long it took, what is still owed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.messages.blocks import Block, context, section
from bot.messages.debts import debts_text
from bot.messages.language import _, several
from bot.messages.message import Message, message
from bot.messages.sentences import sentence
from bot.messages.text import duration, names, person
from bot.messages.work import cost, state_mark, state_name
from bot.rollout.lifecycle import State
from bot.rollout.memory import TurnPhase

if TYPE_CHECKING:
    from bot.rollouts import Standing


@dataclass(frozen=True, slots=True)
class Done:
    """What was really done, counted from what XAPI confirmed."""

    reboots: int = 0
    toolstacks: int = 0
    emptied: int = 0
    homecomings: int = 0
    stops: int = 0
    restarts: int = 0


def outcome(standing: Standing, done: Done) -> Message:
    """How the rollout ended; it also goes to the channel, because people who did not follow the thread want to know."""
    row = standing.row
    state = State(row.state)
    title = _("Rollout {id}, pool {alias}: {state}").format(id=row.id, alias=row.pool_alias, state=state_name(state))
    why = row.headline_reason
    paragraphs = [_changed(standing), _counted(standing, done)]
    if why is not None:
        paragraphs.insert(0, sentence(why, mrkdwn=True))
    owed = debts_text(standing.debts)
    told = " ".join(part for part in paragraphs if part)
    blocks: list[Block] = [
        section(f"{state_mark(state)} *{title}*\n" + "\n".join(part for part in paragraphs if part)),
        section(owed),
    ]
    if standing.debts:
        alias = row.pool_alias
        blocks.append(context(_("It is tried again on its own. `/xs restore {alias}` tries now.").format(alias=alias)))
    who = person(row.requester_kind, row.requester_id, row.requester_name)
    approvers = [f"<@{user}>" for user, _name, _at in standing.approvals]
    small = _("Asked for by {who}").format(who=who)
    if approvers:
        small += _("; approved by {who}").format(who=", ".join(approvers))
    blocks.append(context(f"{small}. " + _("Record: `/xs audit {id}`").format(id=row.id)))
    return message(f"{title}. {told} {owed}", blocks)


def _changed(standing: Standing) -> str:
    done = [turn.name for turn in standing.turns if turn.phase is TurnPhase.DONE]
    skipped = [turn.name for turn in standing.turns if turn.phase is TurnPhase.SKIPPED]
    others = [turn.name for turn in standing.turns if turn.phase not in (TurnPhase.DONE, TurnPhase.SKIPPED)]
    if not done:
        told = _("No host was updated.")
        return told + (" " + _("Skipped: {hosts}.").format(hosts=names(skipped, most=8)) if skipped else "")
    count = several(len(done), _("host is"), _("hosts are"))
    told = _("{count} up to date at the chosen level: {hosts}.").format(count=count, hosts=names(done, most=8))
    if skipped:
        told += " " + _("Skipped: {hosts}.").format(hosts=names(skipped, most=8))
    if others:
        told += " " + _("Not finished: {hosts}.").format(hosts=names(others, most=8))
    return told


def _counted(standing: Standing, done: Done) -> str:
    row = standing.row
    parts = []
    if done.emptied:
        parts.append(several(done.emptied, _("host emptied by live moves"), _("hosts emptied by live moves")))
    if done.reboots or done.toolstacks or done.stops or done.restarts:
        parts.append(cost(reboots=done.reboots, toolstacks=done.toolstacks, stops=done.stops, restarts=done.restarts))
    if done.homecomings:
        parts.append(several(done.homecomings, _("VM moved back home"), _("VMs moved back home")))
    counted = ", ".join(parts) or _("no host restarted, no VM moved")
    if row.started_at is None or row.finished_at is None:
        return _("Done: {counted}.").format(counted=counted)
    taken = duration((row.finished_at - row.started_at).total_seconds())
    return _("Done in {time}: {counted}.").format(time=taken, counted=counted)
