"""The card of an amendment: what a running rollout needs beyond what was approved, and who has to agree.

Its buttons carry the rollout's id and the amended spec's digest, like those of the rollout's own card.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.messages.blocks import Block, Element, View, actions, button, confirm, context, modal, section
from bot.messages.card import APPROVE, REJECT, Ask, title, value_of
from bot.messages.language import _, several
from bot.messages.message import Message, message
from bot.messages.sentences import sentence
from bot.messages.text import clip, lines_within, mentions, moment, name, names, one_line, person, plain
from bot.messages.work import treatment_name
from bot.rollout.amendment import AmendmentKind, AmendmentState, Offer
from bot.rollout.spec import VmTreatment

if TYPE_CHECKING:
    from bot.rollouts import AmendmentStanding, Standing

WITHDRAW = "amendment_withdraw"
#: Followed by what the amendment is about; the value holds the rollout and the offer's key.
AMEND = "attention_amend."


def amendment_card(standing: Standing, amendment: AmendmentStanding, ask: Ask) -> Message:
    """The message in the thread that carries an amendment from its proposal to its end."""
    blocks = _body(standing, amendment, ask)
    if amendment.row.state is AmendmentState.OPEN:
        blocks.append(actions(*_buttons(standing, amendment), block_id="amendment"))
    return message(_summary(standing, amendment, ask), blocks)


def amendment_modal(standing: Standing, amendment: AmendmentStanding, ask: Ask) -> View:
    """The same as a dialog with its Approve button; opening it approves nothing."""
    blocks = _body(standing, amendment, ask)
    blocks.append(actions(*_buttons(standing, amendment), block_id="amendment"))
    return modal(
        title(standing),
        blocks,
        callback_id="amendment",
        close=_("Close"),
        metadata={"rollout": standing.row.id},
    )


def amendment_name(standing: Standing, amendment: AmendmentStanding) -> str:
    """What messages call it."""
    return _("{title}: amendment {number}").format(title=title(standing), number=amendment.row.number)


def amendment_briefly(amendment: AmendmentStanding) -> str:
    """That an amendment waits, in one line."""
    who = amendment.row.proposer
    told = _("Amendment {number}, proposed by {who}, waits for approval: {have} of {need}. Its card is in the thread.")
    return told.format(
        number=amendment.row.number,
        who=person(who.kind, who.id, who.name),
        have=len(amendment.quorum.counted),
        need=amendment.quorum.required,
    )


def offer_button(standing: Standing, offer: Offer) -> Element:
    """The button of a call for attention that proposes the change."""
    row = standing.row
    people = several(standing.policy.required, "person approves", "people approve")
    asks = _("{meaning} This only asks for it: nothing is done until {people}.").format(
        meaning=plain(offer_meaning(standing, offer)), people=people
    )
    shown = offer_name(standing, offer)
    return button(
        f"{clip(shown, 60)}…",
        AMEND + offer.kind.value,
        value_of(row.id, offer.key),
        asks=confirm(_("Ask for this change?"), clip(asks, 280), _("Ask for it"), _("Not now")),
        label=_("Rollout {id}: {what}").format(id=row.id, what=clip(shown, 50)),
    )


def offer_name(standing: Standing, offer: Offer) -> str:
    """The change as an instruction, in plain text: ``Suspend db-01``."""
    return {
        AmendmentKind.REBOOT: _("Reboot {host}"),
        AmendmentKind.TOOLSTACK: _("Restart the toolstack of {host}"),
        AmendmentKind.SUSPEND: _("Suspend {vms}"),
        AmendmentKind.SHUTDOWN: _("Shut down {vms}"),
        AmendmentKind.SETTING: _("Switch off {settings}"),
        AmendmentKind.DEADLINE: _("Go on after the deadline"),
        AmendmentKind.CHECKSUM: _("Go on with the newer updates"),
    }[offer.kind].format(host=_host(standing, offer), vms=_vms(offer), settings=_settings(offer))


def offer_meaning(standing: Standing, offer: Offer) -> str:
    """What the change means for the pool, in a sentence or two."""
    host = name(_host(standing, offer))
    stopped = [vm for vm in offer.vms if vm.treatment is not VmTreatment.RESTART]
    told = {
        AmendmentKind.REBOOT: _("{host} is emptied and rebooted once, then its VMs come back."),
        AmendmentKind.TOOLSTACK: _("The toolstack of {host} restarts; VMs keep running."),
        AmendmentKind.SUSPEND: _("What keeps {host} from being emptied is stopped for its turn."),
        AmendmentKind.SHUTDOWN: _("What keeps {host} from being emptied is shut down for its turn."),
        AmendmentKind.SETTING: _("Switched off until the rollout ends, then restored: {settings}."),
        AmendmentKind.DEADLINE: _("What is left is begun although it will not be done by the deadline."),
        AmendmentKind.CHECKSUM: _(
            "The pool was synced to other updates. What is left is done with those; hosts that are done already get "
            "them too."
        ),
    }[offer.kind].format(host=host, settings=_settings(offer))
    for treatment in (VmTreatment.SUSPEND, VmTreatment.SHUTDOWN):
        vms = [vm.name for vm in stopped if vm.treatment is treatment]
        if vms:
            told += " " + _("{vms}: {treatment}.").format(vms=names(vms), treatment=treatment_name(treatment))
    return told


def _host(standing: Standing, offer: Offer) -> str:
    host = standing.spec.host(offer.host)
    return one_line(host.name) if host is not None else _("the host")


def _vms(offer: Offer) -> str:
    if len(offer.vms) == 1:
        return one_line(offer.vms[0].name)
    return several(len(offer.vms), "VM", "VMs")


def _settings(offer: Offer) -> str:
    known = {
        "ha_off": _("high availability"),
        "wlb_off": _("workload balancing"),
        "auto_poweron_off": _("automatic power-on"),
        "sync_schedule_off": _("the sync schedule"),
    }
    return ", ".join(known.get(fix, one_line(fix)) for fix in offer.fixes)


def _body(standing: Standing, amendment: AmendmentStanding, ask: Ask) -> list[Block]:
    offer, who = amendment.row.change, amendment.row.proposer
    lines = [f"• {sentence(reason, mrkdwn=True)}" for reason in amendment.changes]
    proposed = _("Proposed by {who}, {when}.").format(
        who=person(who.kind, who.id, who.name), when=moment(amendment.row.created_at)
    )
    return [
        section(f"*{amendment_name(standing, amendment)}*\n{_state(standing, amendment, ask)}"),
        section(_("*Why*") + "\n" + sentence(amendment.row.why_reason, mrkdwn=True) + f"\n{proposed}"),
        section(_("*What it means*") + "\n" + offer_meaning(standing, offer)),
        section(_("*What changes against what was approved*") + "\n" + lines_within(lines, 2_500)),
        context(
            _(
                "Everything else stays as approved. Digest `{digest}`: an approval counts for exactly this change, and "
                "neither the requester's nor the proposer's counts."
            ).format(digest=name(amendment.row.digest[:12]))
        ),
    ]


def _state(standing: Standing, amendment: AmendmentStanding, ask: Ask) -> str:
    outcome = amendment.row.outcome_reason
    if outcome is not None:
        marks = {AmendmentState.APPLIED: "✓", AmendmentState.SUPERSEDED: "»", AmendmentState.OVERTAKEN: "»"}
        return f"{marks.get(amendment.row.state, '✕')} {sentence(outcome, mrkdwn=True)}"
    told = _("○ Approvals: {have}, waiting for {who}. Until then nothing is done on pool {alias}.").format(
        have=_have(amendment), who=mentions(ask.approvers), alias=standing.row.pool_alias
    )
    if amendment.row.expires_at is not None:
        told += " " + _("It expires {when}.").format(when=moment(amendment.row.expires_at))
    return told


def _have(amendment: AmendmentStanding) -> str:
    counted = amendment.quorum.counted
    have = _("{have} of {need}").format(have=len(counted), need=amendment.quorum.required)
    return f"{have} ({', '.join(f'<@{user}>' for user in counted)})" if counted else have


def _summary(standing: Standing, amendment: AmendmentStanding, ask: Ask) -> str:
    meaning = offer_meaning(standing, amendment.row.change)
    return f"{amendment_name(standing, amendment)}: {meaning} {_state(standing, amendment, ask)}"


def _buttons(standing: Standing, amendment: AmendmentStanding) -> list[Element]:
    row = standing.row
    value = value_of(row.id, amendment.row.digest)
    number, need = len(amendment.quorum.counted) + 1, amendment.quorum.required
    which = (
        _("This is the last approval: the rollout goes on at once.")
        if number >= need
        else _("This is approval {number} of {need}.").format(number=number, need=need)
    )
    asks = f"{which} {plain(offer_meaning(standing, amendment.row.change))}"
    words = {"id": row.id, "number": amendment.row.number}
    return [
        button(
            _("Approve"),
            APPROVE,
            value,
            style="primary",
            asks=confirm(
                _("Approve amendment {number}?").format(number=amendment.row.number),
                clip(asks, 280),
                _("Approve"),
                _("Not now"),
            ),
            label=_("Approve amendment {number} of rollout {id}").format(**words),
        ),
        button(
            _("Reject…"),
            REJECT,
            value,
            style="danger",
            label=_("Reject amendment {number} of rollout {id}").format(**words),
        ),
        button(_("Withdraw"), WITHDRAW, value, label=_("Withdraw amendment {number} of rollout {id}").format(**words)),
    ]
