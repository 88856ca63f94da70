"""Answers to the commands that only look: pools, updates, status, history, audit, help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.messages.amendment import amendment_briefly
from bot.messages.audit_line import audit_text
from bot.messages.blocks import Block, button, context, divider, header, section
from bot.messages.card import OPEN, approvals_text
from bot.messages.debts import debt_line, owed_briefly
from bot.messages.language import _, several
from bot.messages.message import Message, message
from bot.messages.progress import turn_words
from bot.messages.retelling import retold
from bot.messages.sentences import sentence
from bot.messages.text import escape, escape_usage, lines_within, moment, name, one_line, person
from bot.messages.updates import counts, level_lines, security_first, update_line
from bot.messages.vm_progress import vms_of_hosts
from bot.messages.words import in_words
from bot.messages.work import state_mark, state_name
from bot.rollout.lifecycle import DRIVEN, State
from bot.rollout.memory import Debt, TurnPhase
from bot.rollout.model import AvailableUpdates

if TYPE_CHECKING:
    from bot.rollouts import PoolStanding, Standing
    from storage.tables import AuditRow, PoolRow, RolloutRow


@dataclass(frozen=True, slots=True)
class CommandHelp:
    """One command as the help shows it."""

    usage: str
    does: str
    role: str = ""
    examples: Sequence[str] = ()


def pools(standings: Sequence[PoolStanding], updates: Mapping[str, AvailableUpdates | None]) -> Message:
    """Every configured pool in a line or two. `updates` by alias, None where nothing is known."""
    if not standings:
        told = _("No pool is configured. An operator adds one to the configuration file.")
        return message(told, [section(told)])
    blocks: list[Block] = [header(_("Pools"))]
    lines = []
    for standing in standings:
        text = _pool_text(standing, updates.get(standing.alias))
        lines.append(text)
        blocks.append(section(text))
    blocks.append(context(_("`/xs updates &lt;pool&gt;` says what is available, `/xs update &lt;pool&gt;` plans it.")))
    return message("\n".join(lines), blocks)


def _pool_text(standing: PoolStanding, known: AvailableUpdates | None) -> str:
    alias, row = standing.alias, standing.row
    if row is None:
        return _("*{alias}*: not reached yet; xsbot knows it from its configuration only").format(alias=alias)
    called = "" if one_line(row.name) in ("", alias) else f" ({name(row.name)})"
    parts = [_available(known)]
    if row.last_update_sync is not None:
        parts.append(_("synced {when}").format(when=moment(row.last_update_sync)))
    if standing.mode != "act":
        parts.append(_("notify mode: xsbot changes nothing here"))
    told = f"*{alias}*{called}: {'; '.join(parts)}"
    if standing.open_rollout is not None:
        state = State(standing.open_rollout.state)
        told += "\n" + _("{mark} rollout {id}: {state}").format(
            mark=state_mark(state), id=standing.open_rollout.id, state=state_name(state).lower()
        )
    if standing.debts:
        owed = several(len(standing.debts), "setting or VM", "settings or VMs")
        told += "\n" + _("⚠ {owed} still to restore (`/xs status`)").format(owed=owed)
    if row.last_error:
        told += "\n" + _("⚠ last look failed: {error}").format(error=escape(retold(row.last_error), 300))
    return told


def _available(known: AvailableUpdates | None) -> str:
    if known is None:
        return _("updates unknown")
    behind = sum(host.anything for host in known.hosts)
    if not behind:
        return _("up to date")
    return (
        counts(known)
        + ", "
        + _("for {behind} of {all}").format(behind=behind, all=several(len(known.hosts), "host", "hosts"))
    )


def updates(alias: str, known: AvailableUpdates | None, row: PoolRow | None, button_for_plan: Block | None) -> Message:
    """What is available for one pool, security first."""
    if known is None:
        told = _("Nothing is known about updates of pool {alias} yet.").format(alias=alias)
        hint = _("xsbot looks at every pool on a timer. `/xs sync {alias}` has the pool ask its update channel.")
        return message(told, [section(told), context(hint.format(alias=alias))])
    when = moment(row.last_update_sync) if row is not None and row.last_update_sync else _("at an unknown time")
    synced = _("Last synced {when}; checksum `{checksum}`.").format(when=when, checksum=name(known.checksum[:12]))
    if not known.updates and not any(host.anything for host in known.hosts):
        told = _("Pool {alias} is up to date.").format(alias=alias)
        return message(f"{told} {synced}", [section(told), context(synced)])
    lines = [update_line(update) for update in security_first(known)]
    told = f"*{alias}*: {counts(known)}"
    blocks = [
        section(told),
        section(lines_within(lines, 2_900)),
        section(_("*What it takes, by guidance level*") + "\n" + level_lines(known)),
        context(synced),
    ]
    if button_for_plan is not None:
        blocks.append(button_for_plan)
    return message(f"{told}. {synced}", blocks)


def status(standings: Sequence[Standing], debts: Mapping[str, Sequence[Debt]]) -> Message:
    """Every open rollout, and what is owed to pools (by alias) without one."""
    blocks: list[Block] = []
    lines = []
    for standing in standings:
        text = rollout_text(standing)
        lines.append(text)
        blocks.append(section(text, accessory=opener(standing)))
        if standing.debts:
            blocks.append(context(owed_briefly(standing.debts)))
    running = {standing.row.pool_alias for standing in standings}
    for alias, owed in debts.items():
        if owed and alias not in running:
            heading = _("⚠ *Pool {alias}: still to restore after earlier rollouts*").format(alias=name(alias))
            text = heading + "\n" + lines_within([debt_line(debt) for debt in owed], 1_500)
            text += "\n" + _("`/xs restore {alias}` tries now.").format(alias=name(alias))
            lines.append(text)
            blocks.append(section(text))
    if not blocks:
        told = _("Nothing is going on: no rollout is open, and nothing is left to restore on any pool.")
        return message(told, [section(told), context(_("`/xs pools` shows the pools, `/xs history` the past."))])
    return message("\n".join(lines), blocks)


def pool_status(alias: str, standings: Sequence[Standing], debts: Sequence[Debt]) -> Message:
    """The same of one pool, with every VM that is on its way, waits for its turn or is tried again."""
    told = status(standings, {alias: debts})
    at_work = [standing for standing in standings if standing.turns]
    vms = [vms_of_hosts(alias, standing.turns, at_work=State(standing.row.state) in DRIVEN) for standing in at_work]
    return message("\n".join([told.text, *(entry.text for entry in vms)]), [*told.blocks, *_all_blocks(vms)])


def _all_blocks(messages: Sequence[Message]) -> list[Block]:
    return [block for entry in messages for block in entry.blocks]


def opener(standing: Standing) -> Block:
    """The button that opens a rollout's card."""
    return button(
        _("Open"),
        OPEN,
        str(standing.row.id),
        label=_("Open the card of rollout {id}").format(id=standing.row.id),
    )


def rollout_text(standing: Standing) -> str:
    """One open rollout in a few lines: its state, what it waits for, which hosts are in hand."""
    row = standing.row
    state = State(row.state)
    told = _("{mark} *Rollout {id}*, pool {alias}: {state}").format(
        mark=state_mark(state), id=row.id, alias=row.pool_alias, state=state_name(state).lower()
    )
    if state is State.AWAITING_APPROVAL:
        return (
            told
            + "\n"
            + _("Approvals: {have}; expires {when}, then nothing happens").format(
                have=approvals_text(standing), when=moment(row.expires_at)
            )
        )
    if state is State.APPROVED and row.starts_at is not None:
        told += "\n" + _("Starts {when}").format(when=moment(row.starts_at))
    why = row.problem_reason if state is State.NEEDS_ATTENTION else row.headline_reason
    if why is not None:
        told += f"\n{sentence(why, mrkdwn=True)}"
    if standing.amendment is not None:
        told += f"\n{amendment_briefly(standing.amendment)}"
    busy = (TurnPhase.WAITING, TurnPhase.DONE, TurnPhase.SKIPPED)
    at_work = state in DRIVEN
    active = [turn_words(turn, at_work=at_work) for turn in standing.turns if turn.phase not in busy]
    done = sum(turn.phase is TurnPhase.DONE for turn in standing.turns)
    if standing.turns:
        told += "\n" + _("{done} of {all} done").format(done=done, all=several(len(standing.turns), "host", "hosts"))
    return "\n".join([told, *active[:3]])


def history(rows: Sequence[RolloutRow]) -> Message:
    """Past and present rollouts, newest first."""
    if not rows:
        told = _("There was no rollout yet.")
        return message(told, [section(told)])
    lines = [past_line(row) for row in rows]
    blocks = [
        header(_("Rollouts")),
        section(lines_within(lines, 2_900)),
        context(_("`/xs audit &lt;id&gt;` tells one story.")),
    ]
    return message("\n".join(lines), blocks)


def past_line(row: RolloutRow) -> str:
    """One rollout in one line: its state, who asked for it, when."""
    state = State(row.state)
    return _("{mark} *{id}* {alias}: {state}, asked for by {who}, {when}").format(
        mark=state_mark(state),
        id=row.id,
        alias=name(row.pool_alias),
        state=state_name(state).lower(),
        who=person(row.requester_kind, row.requester_id, row.requester_name),
        when=moment(row.finished_at or row.created_at),
    )


def audit(rows: Sequence[AuditRow], rollout_id: int | None = None) -> Message:
    """Lines of the audit trail, newest first."""
    if not rows:
        told = _("The audit trail has no line about that.")
        return message(told, [section(told)])
    lines = [f"`{row.seq}` {moment(row.at)} {audit_text(row)}" for row in rows]
    title = _("Audit trail") if rollout_id is None else _("Audit trail of rollout {id}").format(id=rollout_id)
    blocks: list[Block] = [header(title)]
    for start in range(0, len(lines), 8):
        blocks.append(section(lines_within(lines[start : start + 8], 2_900)))
    blocks.append(context(_("`xsbot audit verify` on the server checks the whole chain.")))
    return message("\n".join(lines), blocks)


def help_message(commands: Sequence[CommandHelp], asked: str = "", meant: str = "") -> Message:
    """All commands. `asked` is what somebody typed that is none, `meant` the nearest that is."""
    told = _("xsbot keeps XenServer pools up to date: it tells about updates, asks for approval, carries them out.")
    lines = [f"`{escape_usage(command.usage)}` {_(command.does)}" + _role(command) for command in commands]
    # All of them, however many: half of the list in one paragraph, half in another.
    half = len(lines) // 2
    more = context(_("`/xs help &lt;command&gt;` shows examples."))
    blocks: list[Block] = [
        section(told),
        *(section(lines_within(part, 2_900)) for part in (lines[:half], lines[half:]) if part),
        more,
    ]
    if not asked:
        return message("\n".join([told, *lines]), blocks)
    unknown = _("There is no command “{asked}”.").format(asked=escape(asked, 60))
    if meant:
        unknown += " " + _("Did you mean `/xs {meant}`?").format(meant=meant)
    return message("\n".join([unknown, told, *lines]), [section(unknown), divider(), *blocks])


def help_on(command: CommandHelp) -> Message:
    """One command: how it is typed, what it does, who may, and lines to copy."""
    does = _(command.does)
    who = _("For: {role}.").format(role=in_words(command.role)) if command.role else _("For everybody.")
    told = f"`{escape_usage(command.usage)}`\n{does} {who}"
    blocks: list[Block] = [section(told)]
    if command.examples:
        lines = [f"• `{escape_usage(example)}`" for example in command.examples]
        examples = _("*Examples*") + "\n" + "\n".join(lines)
        blocks.append(section(examples))
        told += f"\n{examples}"
    return message(told, [*blocks, context(_("`/xs help` lists all commands."))])


def _role(command: CommandHelp) -> str:
    return f" _({in_words(command.role)})_" if command.role else ""
