"""Amending a running rollout: somebody proposes a change of what was approved, and it needs a quorum of its own."""

from __future__ import annotations

from bot.rollout.amendment import (
    ASKED,
    AmendmentKind,
    AmendmentState,
    Offer,
    amended,
    rebased,
)
from bot.rollout.checks import Severity
from bot.rollout.errors import NotAllowed, StaleDigest
from bot.rollout.lifecycle import State
from bot.rollout.policy import check_approver, quorum
from bot.rollout.proposal import choices_of
from bot.rollout.reason import Reason, because
from bot.rollout.spec import Spec, canonical_bytes
from bot.rollouts.asking import Blocked
from bot.rollouts.preview import Preview
from bot.rollouts.roles import Role, not_an_approver, require, require_either
from bot.rollouts.standing import Standing, approvers_of, policy_of
from bot.rollouts.timing import Timing
from storage import amendments, approvals, intents, rollouts, specs, threads
from storage.actors import Actor
from storage.database import Session
from storage.tables import AmendmentRow, RolloutRow
from storage.updates_codec import updates_to_json

#: What says nothing any more once other updates are to be installed: each host has another turn then.
_OF_THE_OLD = ("ApplyUpdates:", "AskHealth:", "DrainHost:", "KeepHost:")
_PAST = {
    AmendmentState.APPLIED: "has been approved and is in effect",
    AmendmentState.REJECTED: "was rejected",
    AmendmentState.WITHDRAWN: "was withdrawn",
    AmendmentState.SUPERSEDED: "was replaced by another one",
    AmendmentState.OVERTAKEN: "is void, because the rollout went on in another way",
}


#: Checks that forbid a new request but not to go on in the middle of a run: while a host is out of service for its
#: turn it means nothing that others cannot be emptied, and mandatory tasks belong to turns that have begun.
_IN_HAND = frozenset({"evacuation_possible", "pending_mandatory", "room"})


class Amending(Timing):
    """What people do when a rollout needs more than was approved."""

    def amend(self, rollout_id: int, what: str, actor: Actor) -> Standing:
        """Propose one of the changes that the rollout's problem offers; `what` is its kind or its key.

        For another checksum XAPI is asked, which takes seconds. Raises `NotAllowed`, `Blocked`,
        `storage.errors.Conflict`, `bot.xen.errors.XenError`.
        """
        row = self._get(rollout_id)
        ask = self.settings.roles_for(row.pool_alias)
        either = (Role.REQUESTER, Role.APPROVER)
        require_either(self.authority, actor, either, row.pool_alias, (*ask.requester, *ask.approver))
        offer = _offered(row, what)
        fresh = self._fresh(row, offer) if offer.kind is AmendmentKind.CHECKSUM else None
        with self.database.transaction() as tx:
            row = rollouts.get(tx, rollout_id)
            # Meanwhile the rollout may have gone on, and the question may be another one.
            self._propose(tx, row, _offered(row, offer.key), fresh, actor)
        self._wake()
        return self.standing(rollout_id)

    def withdraw(self, rollout_id: int, actor: Actor, digest: str = "") -> Standing:
        """Take an open amendment back; its proposer or an approver may. `digest` is what the person saw."""
        row = self._get(rollout_id)
        with self.database.reading() as tx:
            amendment = _open(tx, row, digest)
        if (actor.kind, actor.id) != (amendment.proposer_kind, amendment.proposer_id):
            require(self.authority, actor, Role.APPROVER, row.pool_alias)
        with self.database.transaction() as tx:
            amendment = _open(tx, rollouts.get(tx, rollout_id), amendment.digest)
            reason = because("amendment.withdrawn", user=actor.name, number=amendment.number)
            self._close(tx, amendment, AmendmentState.WITHDRAWN, actor, reason)
        return self.standing(rollout_id)

    def redraw(self, rollout_id: int, digest: str) -> None:
        """Have the rollout's card and that of the amendment with the digest drawn anew; one of them looked old."""
        now = self.time.now()
        with self.database.transaction() as tx:
            rollouts.get(tx, rollout_id)
            threads.redraw(tx, rollout_id, now)
            amendment = amendments.by_digest(tx, rollout_id, digest)
            if amendment is not None:
                amendments.redraw(tx, amendment, now)

    def _fresh(self, row: RolloutRow, offer: Offer) -> Preview:
        """What an update to the pool's present checksum would be, proposed anew for what is left."""
        standing = self.standing(row.id)
        owner = f"{self.settings.installation}/{row.id}"
        preview = self._look(self._known(row.pool_alias), choices_of(standing.spec), owner)
        if preview.spec.checksum != offer.checksum:
            raise NotAllowed(
                f"Pool {row.pool_alias} was synced once more: it has checksum {preview.spec.checksum[:12] or 'none'}.",
                f"`/xs retry {row.id}` looks again and then offers that one.",
            )
        if any(finding.check not in _IN_HAND for finding in preview.report.of(Severity.BLOCKS)):
            raise Blocked(preview.report)
        return preview

    def _propose(self, tx: Session, row: RolloutRow, offer: Offer, fresh: Preview | None, actor: Actor) -> None:
        spec = specs.of(tx, row.id)[0]
        present = amendments.open_of(tx, row.id)
        if present is not None and present.change == offer:
            raise NotAllowed(
                f"{present.proposer_name} has proposed exactly this already.",
                "Its card in the rollout's thread waits for approvals.",
            )
        number = amendments.next_number(tx, row.id)
        new = amended(spec, offer, number) if fresh is None else rebased(spec, fresh.spec, number)
        reason = self._proposed(spec, offer, number, actor)
        amendment = amendments.propose(
            tx,
            row,
            spec_bytes=canonical_bytes(new),
            offer=offer,
            why=row.problem_reason or because("attention.unknown"),
            by=actor,
            at=self.time.now(),
            reason=reason,
            sentence=self.say(reason),
            updates=None if fresh is None else updates_to_json(fresh.updates),
            forecast=None if fresh is None else fresh.forecast.as_dict(),
            checks=None if fresh is None else fresh.report.as_dict(),
        )
        if policy_of(self.settings, row.pool_alias, emergency=row.emergency).allow_unreviewed:
            self._take_effect(tx, row, amendment, actor, "nobody: this pool starts without review")

    @staticmethod
    def _proposed(spec: Spec, offer: Offer, number: int, actor: Actor) -> Reason:
        host = spec.host(offer.host)
        return because(
            f"amendment.proposed.{offer.kind.value}",
            user=actor.name,
            number=number,
            host=host.name if host is not None else "",
            vms=", ".join(vm.name for vm in offer.vms) or "none",
            settings=", ".join(offer.fixes),
            checksum=offer.checksum[:12],
        )

    def _approve_amendment(
        self, tx: Session, row: RolloutRow, amendment: AmendmentRow, actor: Actor, approvers: frozenset[str]
    ) -> None:
        """Count an approval; the last one needed lets the amendment take effect.

        Whoever lost the authority since their approval is not counted: `approvers` are those who hold it now.
        """
        _check_open(row, amendment)
        if actor.id not in approvers and actor.id not in (row.requester_id, amendment.proposer_id):
            raise not_an_approver(row.id, row.pool_alias, approvers_of(self.settings, row))
        given = approvals.of(tx, row.id)
        proposer = amendment.proposer_id
        authorised = actor.id in approvers
        check_approver(actor.id, row.requester_id, amendment.digest, given, authorised, proposer=proposer)
        approvals.approve(tx, row.id, amendment.digest, actor, self.time.now())
        spec = specs.at(tx, row.id, amendment.digest)[0]
        policy = policy_of(self.settings, row.pool_alias, spec.level, spec.kind, emergency=row.emergency)
        given = approvals.of(tx, row.id)
        have = quorum(policy, amendment.digest, row.requester_id, given, approvers, proposer=proposer)
        counted = because(
            "amendment.approval_counted",
            user=actor.name,
            number=amendment.number,
            have=len(have.counted),
            need=have.required,
        )
        self._audit(tx, actor, "approval.given", counted, row, digest=amendment.digest)
        if have.met:
            names = approvals.names(tx, row.id)
            self._take_effect(tx, row, amendment, actor, ", ".join(names[user] for user in have.counted))

    def _take_effect(self, tx: Session, row: RolloutRow, amendment: AmendmentRow, actor: Actor, approvers: str) -> None:
        """The amended spec is the approved one from here on, and the rollout goes on with it."""
        now = self.time.now()
        reason = because("amendment.applied", number=amendment.number, approvers=approvers)
        row = amendments.take_effect(tx, amendment, actor, reason, self.say(reason), now)
        # What failed is tried anew, and XAPI says once more what keeps hosts from being emptied.
        forgotten = (ASKED, *(_OF_THE_OLD if amendment.change.kind is AmendmentKind.CHECKSUM else ()))
        known = intents.all_intents(tx, row.id)
        intents.forgive(tx, row.id, now, [key for key in known if key.startswith(forgotten)])
        self._move(tx, row, State.RUNNING, actor, because("rollout.amended", number=amendment.number))
        rollouts.set_problem(tx, row.id, None)
        threads.enqueue_line(tx, row.id, reason, now)
        threads.redraw_progress(tx, row.id, now)

    def _reject_amendment(self, tx: Session, row: RolloutRow, amendment: AmendmentRow, actor: Actor, why: str) -> None:
        _check_open(row, amendment)
        reason = because("amendment.rejected", user=actor.name, number=amendment.number, why=why)
        self._close(tx, amendment, AmendmentState.REJECTED, actor, reason)

    def _close(self, tx: Session, amendment: AmendmentRow, state: AmendmentState, actor: Actor, reason: Reason) -> None:
        now = self.time.now()
        amendments.close(tx, amendment, state, actor, reason, self.say(reason), now)
        threads.enqueue_line(tx, amendment.rollout_id, reason, now)


def _offered(row: RolloutRow, what: str) -> Offer:
    """The offer of that kind or key. Raises `NotAllowed` when the rollout does not ask for anything like it."""
    if row.state is not State.NEEDS_ATTENTION:
        raise NotAllowed(
            f"Rollout {row.id} is {row.state.value.replace('_', ' ')}: nothing outside what was approved is needed.",
            "`/xs status` shows where it stands.",
        )
    if row.abort_requested_by:
        raise NotAllowed(
            f"Rollout {row.id} is being ended; what was approved for it is not changed any more.",
            "Ask for a new rollout when it is over.",
        )
    offers = row.problem_offers
    found = next((offer for offer in offers if what in (offer.kind.value, offer.key)), None)
    if found is not None:
        return found
    known = ", ".join(offer.kind.value for offer in offers)
    if not known:
        raise NotAllowed(
            f"No change of what was approved would let rollout {row.id} go on.",
            f"Mend what its thread names and `/xs retry {row.id}`, or `/xs abort {row.id}`.",
        )
    raise NotAllowed(
        f"Rollout {row.id} does not ask for that change now.",
        f"`/xs amend {row.id}` with one of these proposes it: {known}.",
    )


def _open(tx: Session, row: RolloutRow, digest: str) -> AmendmentRow:
    """The open amendment, that of the digest when one is given. Raises `NotAllowed`, `StaleDigest`."""
    amendment = amendments.by_digest(tx, row.id, digest) if digest else amendments.open_of(tx, row.id)
    if amendment is None:
        raise NotAllowed(f"Rollout {row.id} has no open amendment.", "`/xs status` shows where it stands.")
    _check_open(row, amendment)
    return amendment


def _check_open(row: RolloutRow, amendment: AmendmentRow) -> None:
    if amendment.state is not AmendmentState.OPEN:
        raise StaleDigest(
            f"Amendment {amendment.number} of rollout {row.id} {_PAST[amendment.state]}.",
            "Look at the newest card in the rollout's thread.",
        )


def open_amendment(tx: Session, rollout_id: int, digest: str) -> AmendmentRow | None:
    """The amendment that a decision about `digest` is about; None when it is about the rollout itself."""
    row = rollouts.get(tx, rollout_id)
    return None if digest == row.digest else amendments.by_digest(tx, rollout_id, digest)
