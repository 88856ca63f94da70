"""Needs attention: what happened, what it means, what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

from bot.messages.amendment import amendment_briefly, offer_button
from bot.messages.blocks import Block, Element, actions, button, confirm, context, section
from bot.messages.card import title
from bot.messages.debts import debts_text
from bot.messages.language import _, several
from bot.messages.message import Message, line, message
from bot.messages.sentences import sentence, templates
from bot.messages.text import clip, mentions, name, names, one_line
from bot.rollout import answers
from bot.rollout.lifecycle import State
from bot.rollout.memory import DebtKind, TurnPhase
from bot.rollout.reason import Reason

if TYPE_CHECKING:
    from bot.rollouts import Standing

RETRY = "attention_retry"
ABORT = "attention_abort"
#: Both followed by the host's uuid: a button's value holds the rollout alone.
PROCEED = "attention_proceed."
SKIP = "attention_skip."


def attention(standing: Standing, problem: Reason | None = None, ask: Collection[str] = ()) -> Message:
    """The thread message that asks a person to decide.

    `problem` is what was wrong when the message was caused; a rollout that has moved on since gets one line without
    buttons. `ask` are the ids of those who may decide.
    """
    row = standing.row
    problem = problem or row.problem_reason
    if State(row.state) is not State.NEEDS_ATTENTION:
        settled = _("Rollout {id} needed attention; somebody has decided since.").format(id=row.id)
        return line(f"{settled} {sentence(problem, mrkdwn=True)}" if problem is not None else settled)
    problem = problem or Reason("attention.unknown")
    happened = sentence(problem, mrkdwn=True)
    means = _meaning(standing)
    advice = _advice(problem)
    asked = _("{who}: please decide.").format(who=mentions(ask)) if ask else ""
    blocks: list[Block] = [
        section(_("⚠ *{title}: needs attention*").format(title=title(standing))),
        section(_("*What happened*") + f"\n{happened}"),
        section(_("*What it means*") + f"\n{means}"),
        section(_("*What to do*") + f"\n{advice}" + (f"\n{asked}" if asked else "")),
    ]
    if standing.debts:
        blocks.append(section(debts_text(standing.debts, _host_names(standing))))
    if standing.amendment is not None:
        blocks.append(section(f"○ {amendment_briefly(standing.amendment)}"))
    blocks.append(actions(*_answers(standing), block_id="attention"))
    decides = _(
        "An approver of this pool decides. Until then, however long, xsbot changes nothing on the pool and reminds."
    )
    if _skip(standing):
        decides += " " + _("*Skip* leaves the host as it is and goes on with the others.")
    if row.problem_offers:
        decides += " " + _("A requester too may ask for a change of what was approved.")
    blocks.append(context(decides))
    told = _("{title}: needs attention. {happened} {means} {advice} {asked}").format(
        title=title(standing), happened=happened, means=means, advice=advice, asked=asked
    )
    return message(told.strip(), blocks)


def _answers(standing: Standing) -> list[Element]:
    """The buttons that fit the problem: what solves it first, then what is always left."""
    options = standing.row.problem_options or (answers.RETRY, answers.ABORT)
    buttons = [offer_button(standing, offer) for offer in standing.row.problem_offers]
    if answers.RETRY in options:
        buttons.append(_retry(standing))
    buttons += _proceed(standing)
    return [*buttons, *_skip(standing), _abort(standing)]


def _retry(standing: Standing) -> Element:
    row = standing.row
    asks = confirm(
        _("Retry rollout {id}?").format(id=row.id),
        _("What failed is tried again on pool {alias}, then the rollout goes on as approved.").format(
            alias=row.pool_alias
        ),
        _("Retry"),
        _("Not now"),
    )
    label = _("Retry rollout {id}").format(id=row.id)
    return button(_("Retry"), RETRY, str(row.id), style="primary", asks=asks, label=label)


def _abort(standing: Standing) -> Element:
    """Ends the rollout; of one that is being ended already, gives up what could not be given back."""
    row = standing.row
    if row.abort_requested_by:
        label = _("Give up what is left of rollout {id}").format(id=row.id)
        return button(_("Give up…"), ABORT, str(row.id), style="danger", label=label)
    return button(_("Abort…"), ABORT, str(row.id), style="danger", label=_("Abort rollout {id}").format(id=row.id))


def _proceed(standing: Standing) -> list[Element]:
    """The button that accepts a host as it is after its turn; only where the gate asks."""
    row = standing.row
    keys = row.problem.get("keys", ()) if row.problem is not None else ()
    looks = [key.partition(":")[2] for key in keys if key.startswith("AskHealth:")]
    if answers.PROCEED not in row.problem_options or not looks:
        return []
    uuid = looks[0]
    host = standing.spec.host(uuid)
    shown = clip(one_line(host.name if host is not None else uuid), 120)
    asks = confirm(
        _("Go on with rollout {id}?").format(id=row.id),
        _("{host} stays as it is. The next host of pool {alias} is taken out of service and updated.").format(
            host=shown, alias=row.pool_alias
        ),
        _("Go on anyway"),
        _("Not now"),
        style="danger",
    )
    label = _("Go on with rollout {id} anyway").format(id=row.id)
    return [button(_("Go on anyway"), PROCEED + uuid, str(row.id), asks=asks, label=label)]


def _skip(standing: Standing) -> list[Element]:
    """The button that leaves out the one host that the problem concerns; none where that is no way on."""
    row = standing.row
    host = standing.spec.host(row.problem_host)
    if host is None or answers.SKIP not in row.problem_options:
        return []
    shown = one_line(host.name)
    asks = confirm(
        _("Skip {host}?").format(host=clip(shown, 60)),
        _("{host} is left as it is once what is in hand there is restored. The other hosts go on.").format(
            host=clip(shown, 120)
        ),
        _("Skip it"),
        _("Not now"),
        style="danger",
    )
    label = _("Skip host {host} in rollout {id}").format(host=clip(shown, 40), id=row.id)
    text = _("Skip {host}").format(host=clip(shown, 40))
    return [button(text, SKIP + host.uuid, str(row.id), asks=asks, label=label)]


def _meaning(standing: Standing) -> str:
    done = [turn.name for turn in standing.turns if turn.phase is TurnPhase.DONE]
    waiting = [turn.name for turn in standing.turns if turn.phase is TurnPhase.WAITING]
    within = [turn for turn in standing.turns if turn.name not in done and turn.name not in waiting]
    parts = [_("The rollout has stopped and waits.")]
    if done:
        parts.append(_("Updated: {hosts}.").format(hosts=names(done)))
    for turn in within[:3]:
        parts.append(_("In the middle of its turn: {host}.").format(host=name(turn.name)))
    if waiting:
        count = several(len(waiting), "host", "hosts")
        parts.append(_("Not updated yet: {count} ({hosts}).").format(count=count, hosts=names(waiting)))
    parts += _vms_now(standing)
    if any(debt.kind is DebtKind.HA for debt in standing.debts):
        parts.append(_("High availability is off: a host failure now would not restart VMs."))
    return " ".join(parts)


def _host_names(standing: Standing) -> dict[str, str]:
    return {turn.host: turn.name for turn in standing.turns}


def _vms_now(standing: Standing) -> list[str]:
    """Where the VMs are that this rollout touched, as far as what is owed tells."""
    hosts = _host_names(standing)
    kinds = {
        DebtKind.VM_SUSPENDED: _("Suspended now: {vms}."),
        DebtKind.VM_STOPPED: _("Shut down now: {vms}."),
    }
    stopped = []
    for kind, told in kinds.items():
        labels = [debt.label or debt.subject for debt in standing.debts if debt.kind is kind]
        if labels:
            stopped.append(told.format(vms=names(labels)))
    homes = Counter(hosts.get(str(debt.original), "") for debt in standing.debts if debt.kind is DebtKind.VM_HOME)
    away = [
        _("{count} away from {host}").format(
            count=several(count, "VM is", "VMs are"), host=name(host) if host else _("its host")
        )
        for host, count in homes.items()
    ]
    if stopped:
        return [*stopped, *(f"{told}." for told in away)]
    if away:
        return [_("All VMs are running; {away}.").format(away=", ".join(away))]
    return []


def _advice(problem: Reason) -> str:
    code = "gate.advice" if problem.code.startswith("gate.") else f"{problem.code}.advice"
    if code in templates():
        return sentence(Reason(code, problem.params), mrkdwn=True)
    return _(
        "Look at the cause, fix it if you can, then *Retry*: the rollout looks at the pool again and goes on from"
        " there. *Abort…* shows first what it would restore and what would stay as it is."
    )
