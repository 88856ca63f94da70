"""The card: what is asked for, by whom, of whom; what it does and costs; Approve and Reject.

The buttons carry the rollout's id and the digest of what is shown, nothing else: whoever clicks approves exactly the
text they read, and the rules are applied to what the database knows.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bot.messages.backups import backups_line
from bot.messages.blocks import (
    Block,
    Element,
    View,
    actions,
    button,
    confirm,
    context,
    divider,
    fields,
    header,
    modal,
    section,
)
from bot.messages.card_buttons import (
    CANCEL,
    CHANGE,
    CHECK,
    again_button,
    cancel_button,
    change_button,
    check_button,
    parse_value,
    value_of,
)
from bot.messages.findings import findings_blocks, findings_summary, report_of
from bot.messages.forecast import (
    fixes_line,
    forecast_cost,
    forecast_time,
    order_blocks,
    rules_line,
    stopped_block,
    worth_knowing,
)
from bot.messages.language import _, several
from bot.messages.message import Message, line, message
from bot.messages.schedule import start_words, starts_at_once
from bot.messages.sentences import sentence
from bot.messages.text import clip, lines_within, mentions, moment, name, names, one_line, person, plain, quoted
from bot.messages.updates import counts
from bot.messages.work import level_name, state_mark, state_name, way_of_work
from bot.rollout.kind import Kind, kind_of
from bot.rollout.lifecycle import State
from bot.rollout.spec import Livepatch, OnLivepatchFailure, Spec

if TYPE_CHECKING:
    from bot.rollouts import Standing

__all__ = [
    "APPROVE",
    "CANCEL",
    "CHANGE",
    "CHECK",
    "OPEN",
    "REJECT",
    "Ask",
    "approvals_text",
    "asks_for",
    "card",
    "card_modal",
    "parse_value",
    "summary",
    "summary_line",
    "title",
    "value_of",
]

APPROVE = "card_approve"
REJECT = "card_reject"
OPEN = "card_open"
#: Ends after which somebody may want the same again, perhaps with other choices.
_AGAIN = frozenset({State.SUPERSEDED, State.EXPIRED, State.REJECTED})
#: Ends before anything was touched.
_VOID = _AGAIN | {State.CANCELLED}
#: Differences that a card shows at most.
_DIFFERENCES = 12


@dataclass(frozen=True, slots=True)
class Ask:
    """Who can still be asked to approve: ids of users and groups."""

    approvers: Collection[str] = ()


def card(standing: Standing, ask: Ask) -> Message:
    """The message that carries the request through its whole life."""
    row = standing.row
    state = State(row.state)
    told = summary(standing, ask)
    blocks: list[Block] = [
        header(title(standing)),
        section(_state_text(standing, ask)),
        *_changed(standing),
        *_request(standing),
    ]
    if state in (State.AWAITING_APPROVAL, State.APPROVED):
        blocks += _plan(standing)
    blocks.append(_ended(standing) if state in _VOID else _small_print(standing))
    if state is State.AWAITING_APPROVAL:
        blocks.append(actions(*_buttons(standing), block_id="card"))
    elif state is State.APPROVED:
        blocks.append(actions(check_button(standing), change_button(standing), cancel_button(standing)))
    elif state in _AGAIN:
        blocks.append(actions(again_button(standing), block_id="card"))
    elif row.started_at is not None:
        if standing.spec.amendment:
            told_more = _("Amended while it ran: amendment {number} is what is approved now.")
            blocks.append(context(told_more.format(number=standing.spec.amendment)))
        blocks.append(context(_("Progress and outcome are in this message's thread.")))
    return message(told, blocks)


def card_modal(standing: Standing, ask: Ask) -> View:
    """The card as a modal with an Approve button; opening it approves nothing."""
    row = standing.row
    blocks: list[Block] = [
        section(_state_text(standing, ask)),
        *_changed(standing),
        *_request(standing),
        *_plan(standing),
        _small_print(standing),
    ]
    if State(row.state) is State.AWAITING_APPROVAL:
        blocks.append(actions(*_buttons(standing), block_id="card"))
    return modal(
        title(standing),
        blocks,
        callback_id="card",
        close=_("Close"),
        metadata={"rollout": row.id},
    )


def title(standing: Standing) -> str:
    """What every message about a rollout calls it."""
    return _("Rollout {id}, pool {alias}").format(id=standing.row.id, alias=standing.row.pool_alias)


def summary(standing: Standing, ask: Ask) -> str:
    """The whole card in a few sentences: what notifications and screen readers get."""
    row = standing.row
    state = State(row.state)
    who = person(row.requester_kind, row.requester_id, row.requester_name)
    asked = asks_for(standing.spec.kind).format(
        id=row.id,
        who=who,
        alias=row.pool_alias,
        level=level_name(standing.spec.level).lower(),
        cost=forecast_cost(standing.forecast),
        time=forecast_time(standing.forecast),
        checks=findings_summary(report_of(standing.report)),
    )
    if state is State.AWAITING_APPROVAL:
        return f"{asked} {_waiting(standing, ask)}"
    return f"{asked} {state_name(state)}."


def summary_line(standing: Standing) -> str:
    """What it is for, in half a sentence."""
    spec = standing.spec
    hosts = several(len(spec.hosts), "host", "hosts")
    if kind_of(spec.kind) is Kind.TASKS:
        return _("carry out what is pending on {hosts}").format(hosts=hosts)
    if kind_of(spec.kind) is Kind.REBOOT:
        return _("reboot {hosts} in turn").format(hosts=hosts)
    return _("update {hosts}").format(hosts=hosts)


def approvals_text(standing: Standing) -> str:
    """``1 of 2`` with the approvers by name, or that none is needed."""
    if standing.policy.allow_unreviewed:
        return _("not needed: this pool is configured to start without review (`allow_unreviewed`)")
    counted = set(standing.quorum.counted)
    have = _("{have} of {need}").format(have=len(counted), need=standing.quorum.required)
    who = [f"<@{user}>" for user, _name, _at in standing.approvals if user in counted]
    return f"{have} ({', '.join(who)})" if who else have


def emergency(standing: Standing, ask: Ask) -> Message:
    """An emergency was declared: for everybody in the audit channel, whatever their settings of it."""
    row = standing.row
    who = person(row.requester_kind, row.requester_id, row.requester_name)
    told = _("⚠ EMERGENCY on pool {alias}: {who} asks for rollout {id}, past maintenance windows and freezes.")
    text = told.format(alias=name(row.pool_alias), who=who, id=row.id)
    waits = _waiting(standing, ask)
    blocks: list[Block] = [section(f"<!channel> *{text}*"), section(quoted(row.reason_text)), section(waits)]
    return message(f"<!channel> {text} {name(row.reason_text, 300)} {waits}", blocks)


def approval_reminder(standing: Standing, ask: Ask) -> Message:
    """The time for approving runs out."""
    told = _("Rollout {id} of pool {alias} still waits. {waiting}")
    return line(told.format(id=standing.row.id, alias=standing.row.pool_alias, waiting=_waiting(standing, ask)))


def _approvals_field(standing: Standing) -> str:
    told, state = approvals_text(standing), State(standing.row.state)
    if state in _VOID and standing.approvals:
        told += "\n" + _("They count no more.")
    if state is State.AWAITING_APPROVAL and (not_counted := _not_counted(standing)):
        told += f"\n{not_counted}"
    return told


def _waiting(standing: Standing, ask: Ask) -> str:
    counted = set(standing.quorum.counted)
    have = _("{have} of {need}").format(have=len(counted), need=standing.quorum.required)
    return _("Approvals: {have}, waiting for {who}; expires {when} (then nothing happens).").format(
        have=have, who=mentions(ask.approvers), when=moment(standing.row.expires_at)
    )


def _wish(standing: Standing) -> str:
    """What is wanted of whoever reads, before any detail."""
    row = standing.row
    cost = forecast_cost(standing.forecast)
    if not standing.spec.vms:
        cost = _("{cost}, no VM is stopped").format(cost=cost)
    return _("{who} asks: *{what}* of pool {alias}: {cost}; {time}.").format(
        who=person(row.requester_kind, row.requester_id, row.requester_name),
        what=summary_line(standing),
        alias=row.pool_alias,
        cost=cost,
        time=forecast_time(standing.forecast),
    )


def _then(standing: Standing) -> str:
    """What approving leads to."""
    people = several(standing.quorum.required, "person approves", "people approve")
    told = _("Nothing changes until {people}; it then starts {when}.")
    return told.format(people=people, when=start_words(standing))


def _state_text(standing: Standing, ask: Ask) -> str:
    row = standing.row
    state = State(row.state)
    told = f"{state_mark(state)} *{state_name(state)}*"
    if row.emergency:
        told = "⚠ *" + _("Emergency: past maintenance windows and freezes") + f"*\n{told}"
    if state is State.AWAITING_APPROVAL:
        return f"{told}\n{_wish(standing)}\n{_waiting(standing, ask)}\n{_then(standing)}"
    if state is State.RUNNING:
        # The card is not redrawn at every step: what happens at this moment is in the thread.
        return told if row.started_at is None else f"{told}\n" + _("Since {when}.").format(when=moment(row.started_at))
    if state is State.APPROVED and row.starts_at is not None:
        told = _("{mark} *Approved*: it starts {when}, and nothing changes before.").format(
            mark=state_mark(state), when=moment(row.starts_at)
        )
    why = row.problem_reason if state is State.NEEDS_ATTENTION else row.headline_reason
    return told if why is None else f"{told}\n{sentence(why, mrkdwn=True)}"


def _request(standing: Standing) -> list[Block]:
    row, spec = standing.row, standing.spec
    who = person(row.requester_kind, row.requester_id, row.requester_name)
    pairs = [
        (_("Asked for by"), f"{who}, {moment(row.created_at)}"),
        (_("Pool"), _pool(row.pool_alias, spec)),
        (_("Updates"), _installs(standing)),
        (_("Guidance level"), level_name(spec.level)),
        (_("Way of work"), way_of_work(spec)),
        (_("Expected cost"), f"{forecast_cost(standing.forecast)}; {forecast_time(standing.forecast)}"),
        (_("Approvals"), _approvals_field(standing)),
    ]
    waits = State(row.state) in (State.AWAITING_APPROVAL, State.APPROVED)
    if waits and (spec.start_at is not None or standing.windows):
        pairs.append((_("Start"), start_words(standing)))
    blocks = [fields(pairs)]
    if one_line(row.reason_text):
        blocks.append(section(_("*Reason for the request*") + "\n" + quoted(row.reason_text)))
    return blocks


def _changed(standing: Standing) -> list[Block]:
    """What is different from the request that this one takes the place of; nobody has to find it by comparing."""
    earlier = standing.row.replaces
    if earlier is None:
        return []
    if not standing.replaced:
        return [section(_("*Asked for again*, the same as rollout {id}.").format(id=earlier))]
    lines = [f"• {sentence(reason, mrkdwn=True)}" for reason in standing.replaced[:_DIFFERENCES]]
    if len(standing.replaced) > _DIFFERENCES:
        lines.append(_("… and {count} more").format(count=len(standing.replaced) - _DIFFERENCES))
    heading = _("*Takes the place of rollout {id}; what is different*").format(id=earlier)
    return [section(heading + "\n" + lines_within(lines, 2_000))]


def _not_counted(standing: Standing) -> str:
    """Whose approval does not count, and why; "" when that is nobody's question."""
    row = standing.row
    told = []
    if row.requester_kind == "slack":
        told.append(
            _("{who} asked for it and cannot approve it").format(
                who=person(row.requester_kind, row.requester_id, row.requester_name)
            )
        )
    counted = {*standing.quorum.counted, row.requester_id}
    lost = [f"<@{user}>" for user, _name, _at in standing.approvals if user not in counted]
    if lost:
        told.append(_("{who} approved and may no longer").format(who=", ".join(lost)))
    return "; ".join(told)


def asks_for(kind: str) -> str:
    """The sentence that says what a rollout of that kind is for."""
    if kind_of(kind) is Kind.TASKS:
        return _(
            "Rollout {id}: {who} asks to carry out what is pending on pool {alias} ({level} guidance): {cost}, {time};"
            " {checks}."
        )
    if kind_of(kind) is Kind.REBOOT:
        return _("Rollout {id}: {who} asks to reboot hosts of pool {alias} in turn: {cost}, {time}; {checks}.")
    return _("Rollout {id}: {who} asks to update pool {alias} ({level} guidance): {cost}, {time}; {checks}.")


def _installs(standing: Standing) -> str:
    if kind_of(standing.spec.kind) in (Kind.TASKS, Kind.REBOOT):
        return _("none are installed")
    return _("{counts}\nchecksum `{checksum}`").format(
        counts=counts(standing.updates), checksum=name(standing.spec.checksum[:12])
    )


def _pool(alias: str, spec: Spec) -> str:
    hosts = several(len(spec.hosts), "host", "hosts")
    shown = alias if spec.pool_name in ("", alias) else f"{alias} ({name(spec.pool_name)})"
    return f"{shown}, {hosts}"


def _plan(standing: Standing) -> list[Block]:
    spec = standing.spec
    extra = [backups_line(spec.backups), fixes_line(spec.fixes)]
    if spec.livepatch is Livepatch.REBOOT_ANYWAY:
        extra.append(_("Hosts reboot even where a live patch would do."))
    if spec.on_livepatch_failure is OnLivepatchFailure.REBOOT:
        extra.append(_("A host whose live patch fails is rebooted without asking again."))
    extra += [f"• {line}" for line in worth_knowing(standing.forecast)]
    said = "\n".join(line for line in extra if line)
    return [
        divider(),
        *order_blocks(standing.forecast),
        stopped_block(spec),
        *([section(rules)] if (rules := rules_line(spec)) else []),
        *([section(said)] if said else []),
        *findings_blocks(report_of(standing.report), fixes=spec.fixes),
        *_checked_again(standing),
    ]


def _checked_again(standing: Standing) -> list[Block]:
    at = standing.report.get("at")
    if not at:
        return []
    return [context(_("Checks ran again {when}.").format(when=moment(datetime.fromisoformat(str(at)))))]


def _small_print(standing: Standing) -> Block:
    return context(
        _(
            "Digest `{digest}`: an approval counts for exactly this request. Order and times are a forecast; hosts,"
            " level, checksum and stopped VMs are bounds that a rollout never exceeds without asking again."
        ).format(digest=name(standing.digest[:12]))
    )


def _ended(standing: Standing) -> Block:
    """What is left of a request that came to nothing, and the way on."""
    told = _("Nothing was changed on pool {alias}.").format(alias=name(standing.row.pool_alias))
    if State(standing.row.state) in _AGAIN:
        told += " " + _("Whoever may ask for updates can ask again: the form then begins with these choices.")
    return context(told)


def _which(standing: Standing) -> str:
    """Which approval this one would be, and what it leads to."""
    number, need = len(set(standing.quorum.counted)) + 1, standing.quorum.required
    if number >= need:
        if starts_at_once(standing):
            return _("This is the last approval: it starts now.")
        return _("This is the last approval: it starts {when}.").format(when=plain(start_words(standing)))
    last = {2: _("the second"), 3: _("the third"), 4: _("the fourth")}.get(need, _("the last one"))
    return _("This is approval {number} of {need}; it starts after {last}.").format(number=number, need=need, last=last)


def _buttons(standing: Standing) -> list[Element]:
    row, spec, forecast = standing.row, standing.spec, standing.forecast
    value = value_of(row.id, standing.digest)
    hosts = names([turn.name for turn in forecast.turns], most=3)
    asks = [
        _which(standing),
        _("Pool {alias}: {hosts}.").format(alias=row.pool_alias, hosts=clip(plain(hosts), 70)),
        _("{cost}, {time}.").format(cost=forecast_cost(forecast), time=forecast_time(forecast)),
    ]
    if spec.vms:
        asks.append(_("{count} may be stopped.").format(count=several(len(spec.vms), "VM", "VMs")))
    else:
        asks.append(_("No VM is stopped."))
    if "ha_off" in spec.fixes:
        asks.append(_("High availability is off meanwhile."))
    return [
        button(
            _("Approve"),
            APPROVE,
            value,
            style="primary",
            asks=confirm(_("Approve rollout {id}?").format(id=row.id), " ".join(asks), _("Approve"), _("Not now")),
            label=_("Approve rollout {id} of pool {alias}").format(id=row.id, alias=row.pool_alias),
        ),
        button(
            _("Reject…"),
            REJECT,
            value,
            style="danger",
            label=_("Reject rollout {id} of pool {alias}").format(id=row.id, alias=row.pool_alias),
        ),
        change_button(standing),
        check_button(standing),
        cancel_button(standing),
    ]
