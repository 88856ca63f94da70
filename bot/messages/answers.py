"""Short private answers to a click or command that did something."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from bot.errors import XsbotError
from bot.messages.amendment import amendment_briefly, offer_meaning
from bot.messages.blocks import Block, context, section
from bot.messages.debts import debts_text
from bot.messages.errors import refusal
from bot.messages.findings import findings_summary, report_of
from bot.messages.language import _, several
from bot.messages.message import Message, line, message
from bot.messages.schedule import start_words, starts_at_once
from bot.messages.sentences import sentence
from bot.messages.text import clip, escape_usage, lines_within, moment, name, plain
from bot.messages.work import state_name
from bot.rollout.lifecycle import State
from bot.rollout.memory import Debt
from bot.rollout.reason import Reason

if TYPE_CHECKING:
    from bot.rollouts import Standing

MIN_REASON = 5


def approved(standing: Standing, digest: str) -> Message:
    """The approval of that digest was counted."""
    row = standing.row
    amendment = standing.amendment
    if amendment is not None and amendment.row.digest == digest:
        have, need = len(amendment.quorum.counted), amendment.quorum.required
        told = _("Approval recorded, {have} of {need}: amendment {number} of rollout {id} waits for {more}.")
        more = several(max(need - have, 1), "more approval", "more approvals")
        return line(told.format(number=amendment.row.number, id=row.id, have=have, need=need, more=more))
    if standing.spec.amendment and standing.digest == digest:
        told = _("Approval recorded: amendment {number} is in effect, and rollout {id} goes on.")
        return line(told.format(number=standing.spec.amendment, id=row.id))
    have, need = len(set(standing.quorum.counted)), standing.quorum.required
    if State(row.state) is State.AWAITING_APPROVAL:
        told = _("Approval recorded, {have} of {need}: rollout {id} waits for {more}.")
    else:
        told = _("Approval recorded, {have} of {need}: rollout {id} starts {when}.")
    more = several(max(need - have, 1), "more approval", "more approvals")
    when = _("now") if starts_at_once(standing) else start_words(standing)
    return line(told.format(id=row.id, have=have, need=need, more=more, when=when))


def revoked(standing: Standing) -> Message:
    """An approval was taken back."""
    have, need = len(set(standing.quorum.counted)), standing.quorum.required
    told = _("Your approval of rollout {id} is taken back; {have} of {need} are left: {state}.")
    state = state_name(State(standing.row.state)).lower()
    return line(told.format(id=standing.row.id, have=have, need=need, state=state))


def stale(error: XsbotError, differences: Sequence[Reason]) -> Message:
    """The click belonged to a card that has been replaced; what differs is shown."""
    refused = refusal(error)
    if not differences:
        return refused
    lines = [f"• {sentence(reason, mrkdwn=True)}" for reason in differences]
    blocks: list[Block] = [*refused.blocks, section(_("*What has changed*") + "\n" + lines_within(lines, 2_500))]
    return message(refused.text, blocks)


def proposed(standing: Standing) -> Message:
    """The change was proposed."""
    amendment = standing.amendment
    if amendment is None:
        return retrying(standing)
    told = _("Amendment {number} of rollout {id} is proposed. Its card in the thread asks for {need}.")
    need = approvals_needed(standing)
    told = told.format(number=amendment.row.number, id=standing.row.id, need=need)
    small = _("Nothing is done before that. Neither your approval nor the requester's would count.")
    return message(f"{told} {small}", [section(f"✓ {told}"), context(small)])


def withdrawn(standing: Standing) -> Message:
    """The change is no longer asked for."""
    told = _("The amendment of rollout {id} is withdrawn. The rollout still needs attention.")
    return line(told.format(id=standing.row.id))


def changes_offered(standing: Standing) -> Message:
    """Which changes of what was approved would let the rollout go on."""
    row = standing.row
    waits = f"\n{amendment_briefly(standing.amendment)}" if standing.amendment is not None else ""
    if not row.problem_offers:
        told = _("No change of what was approved would help rollout {id} now.").format(id=row.id)
        return line(told + waits)
    lines = [
        f"• `/xs amend {row.id} {offer.kind.value}`: {offer_meaning(standing, offer)}" for offer in row.problem_offers
    ]
    told = _("*Rollout {id} would go on with one of these*").format(id=row.id)
    return line("\n".join([told, *lines]) + waits)


def rejected(standing: Standing, digest: str = "") -> Message:
    """The rollout, or the amendment of that digest, was refused."""
    if digest and standing.digest != digest:
        told = _("The amendment of rollout {id} is rejected. The rollout still needs attention.")
        return line(told.format(id=standing.row.id))
    told = _("Rollout {id} is rejected. Nothing was changed on pool {alias}, and the card says why.")
    return line(told.format(id=standing.row.id, alias=standing.row.pool_alias))


def aborting(standing: Standing) -> Message:
    """The abort was taken up."""
    row = standing.row
    if State(row.state) is State.CANCELLED:
        told = _("Rollout {id} is cancelled. It had not started; nothing was changed on pool {alias}.")
    else:
        told = _("Rollout {id} on pool {alias} is being aborted. The thread shows what is finished and restored.")
    return line(told.format(id=row.id, alias=row.pool_alias))


def retrying(standing: Standing) -> Message:
    """The rollout goes on."""
    told = _("Rollout {id} goes on: {state}. The thread shows how far it gets.")
    return line(told.format(id=standing.row.id, state=state_name(State(standing.row.state)).lower()))


def checked(standing: Standing) -> Message:
    """The checks ran again; what they saw may have ended the request."""
    if State(standing.row.state) is State.SUPERSEDED:
        told = _("Rollout {id} is void: what would happen now is not what it asks for. Its card shows the difference.")
        return line(told.format(id=standing.row.id))
    told = _("The checks of rollout {id} ran again: {found}. Its card shows them.")
    return line(told.format(id=standing.row.id, found=findings_summary(report_of(standing.report))))


def paused(standing: Standing) -> Message:
    """The rollout stops."""
    told = _("Rollout {id} on pool {alias} is paused. What XenServer is doing now goes on; nothing new is begun.")
    return line(told.format(id=standing.row.id, alias=standing.row.pool_alias))


def skipping(standing: Standing, host: str) -> Message:
    """The host is left out."""
    told = _("Rollout {id} skips {host}. The thread shows what is restored there, and how far the others get.")
    return line(told.format(id=standing.row.id, host=name(host)))


def sync_started(alias: str) -> Message:
    """The sync has begun."""
    told = _("Pool {alias} is asking its update channel what is new.")
    small = _("That takes a few minutes. What it finds is announced in the pool's channel.")
    told = told.format(alias=alias)
    return message(f"{told} {small}", [section(told), context(small)])


def restoring(alias: str, owed: Sequence[Debt]) -> Message:
    """What will be restored on the pool now."""
    if not owed:
        return line(_("Pool {alias}: {nothing}").format(alias=alias, nothing=debts_text(())))
    told = _("xsbot now tries to restore what is left on pool {alias}.").format(alias=alias)
    small = _("`/xs status` shows what is left, and what XenServer does not allow yet.")
    return message(f"{told} {small}", [section(told), section(debts_text(owed)), context(small)])


def requested(standing: Standing, channel: str) -> Message:
    """The request was made. `channel` is where its card is."""
    row = standing.row
    where = f"<#{channel}>" if channel.startswith("C") else channel
    if standing.policy.allow_unreviewed:
        told = _("Rollout {id} for pool {alias} starts next, without review, as this pool is configured.")
    else:
        told = _("Rollout {id} for pool {alias} is requested. Its card in {where} asks for {need}.")
    need = approvals_needed(standing)
    told = told.format(id=row.id, alias=row.pool_alias, where=where, need=need)
    small = _("Nothing is changed before that. `/xs status` shows where it stands.")
    return message(f"{told} {small}", [section(f"✓ {told}"), context(small)])


def approvals_needed(standing: Standing) -> str:
    """``one approval`` or ``2 approvals``."""
    need = standing.quorum.required
    return _("one approval") if need == 1 else _("{count} approvals").format(count=need)


def folded(alias: str, until: datetime | None) -> Message:
    """The notice was folded away."""
    if until is None:
        told = _("The message about pool {alias} is folded away until something newer is available.")
        return line(told.format(alias=alias))
    told = _("The message about pool {alias} is folded away until {when}; then it is told anew.")
    return line(told.format(alias=alias, when=moment(until)))


def unfolded(alias: str) -> Message:
    """The notice is shown in full again."""
    return line(_("The message about pool {alias} is shown in full again.").format(alias=alias))


def retired(instead: str = "") -> Message:
    """A button that this release no longer has; `instead` is the line to type."""
    return _no_more(_("This button belongs to an older message and does nothing any more."), instead)


def retired_form(instead: str = "") -> Message:
    """A form that this release no longer has was sent; `instead` is the line to type."""
    return _no_more(_("This form belongs to an older release. It was not sent, and nothing was changed."), instead)


def _no_more(told: str, instead: str) -> Message:
    if instead:
        told += " " + _("Type {command} instead.").format(command=f"`{escape_usage(instead)}`")
    small = _("`/xs status` shows what is going on now, `/xs help` what you can do.")
    return message(f"{told} {small}", [section(told), context(small)])


def too_late() -> Message:
    """The dialog could not be opened, because Slack gives three seconds for it."""
    told = _("The dialog could not be opened in time. Please try again.")
    return line(told)


def reason_too_short() -> str:
    """Shown under the reason field."""
    return _("Please write at least {count} characters: the requester reads it.").format(count=MIN_REASON)


def still_blocked(shown: str) -> str:
    """Put under the choice that was sent although checks block. `shown` is the form's paragraph about them."""
    told = _("As it is, this cannot start. Change the choice, or fix what is named and open this form again.")
    return clip(f"{told}\n{plain(shown)}" if shown else told, 1_500)


def looked_at_again() -> str:
    """Put under a field that was changed since the preview, which still says that this cannot start."""
    return _("This has changed: the checks run again with it. Look at the result and request approval then.")


def abort_title(rollout_id: int) -> str:
    """The title of the abort dialog."""
    return _("Abort rollout {id}").format(id=rollout_id)


def reject_title(rollout_id: int) -> str:
    """The title of the reject dialog."""
    return _("Reject rollout {id}").format(id=rollout_id)


def not_the_name(alias: str) -> str:
    """Put under the field in which the name of the pool was to be typed."""
    return _("This is not the pool's name: {alias}.").format(alias=alias)
