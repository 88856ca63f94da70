"""The last look before anything is touched: authority, time and substance are checked again at start.

Between the quorum and the start an approver may have lost the right to approve, the approval may have grown old, and
the pool may have changed. In each case the rollout does not start, and people read why.
"""

from __future__ import annotations

from bot.rollout.bounds import beyond
from bot.rollout.checks import Severity
from bot.rollout.errors import RolloutError
from bot.rollout.lifecycle import State
from bot.rollout.proposal import choices_of
from bot.rollout.reason import Reason, because
from bot.rollouts import Rollouts
from bot.rollouts.preview import Preview
from bot.rollouts.standing import policy_of, standing_of
from storage import approvals, rollouts, threads, timing
from storage.actors import BOT
from storage.tables import RolloutRow


class NotYet(RolloutError):
    """Something keeps an approved rollout from starting that may pass."""


def start(desk: Rollouts, rollout_id: int) -> RolloutRow:
    """Move an approved rollout to running, or to the state that says why it does not start.

    Asks Slack for the approvers and XAPI for the pool. Raises `NotYet`, `bot.xen.errors.XenError` and
    `bot.authority.AuthorityUnknown` when it should be tried again, `storage.errors.Conflict` when somebody has moved
    it meanwhile.
    """
    with desk.database.reading() as tx:
        row = rollouts.get(tx, rollout_id)
    within = policy_of(desk.settings, row.pool_alias).start_within
    began = [at for at in (row.approved_at, row.starts_at) if at is not None]
    if began and desk.time.now() > max(began) + within:
        # Asked before anything that may fail, so that nothing holds the pool for ever.
        return _move(desk, row, State.EXPIRED, because("rollout.start_expired"))
    standing = desk.standing(rollout_id)
    if not standing.quorum.met:
        return _ask_again(desk, row, len(standing.quorum.counted), standing.quorum.required)
    if desk.settings.pool(row.pool_alias).mode != "act":
        return _move(desk, row, State.SUPERSEDED, because("rollout.superseded", why="the pool is in notify mode"))
    preview = desk.preview(row.pool_alias, choices_of(standing.spec), BOT, starting=True)
    differences = beyond(standing.spec, preview.spec)
    if differences:
        why = " ".join(desk.say(difference) for difference in differences)
        return _move(desk, row, State.SUPERSEDED, because("rollout.superseded", why=why))
    if not preview.spec.hosts:
        # Somebody else has done it meanwhile; waiting would only hold the pool.
        return _move(desk, row, State.SUPERSEDED, because("rollout.superseded", why="nothing is left to do"))
    if preview.blocked:
        # What was approved is still what would be done; it may become possible within the time it was approved for.
        why = " ".join(desk.say(finding.reason) for finding in preview.report.of(Severity.BLOCKS))
        raise NotYet(why, "It starts as soon as that has passed, if the approval is still fresh then.")
    waits = _wait_for_time(desk, row, preview)
    if waits is not None:
        return waits
    return _move(
        desk, row, State.RUNNING, because("rollout.started", hosts=len(standing.spec.hosts), pool=row.pool_alias)
    )


def _wait_for_time(desk: Rollouts, row: RolloutRow, preview: Preview) -> RolloutRow | None:
    """What becomes of a rollout whose time has not come: a window that is closed or has no room left for a host, a
    freeze. None when it may start."""
    now = desk.time.now()
    start = desk.may_start(row, preview, now)
    if start.at is not None and start.at <= now:
        return None
    if start.frozen is not None:
        within = policy_of(desk.settings, row.pool_alias).start_within
        if start.at is None or start.at > max(now, row.starts_at or now) + within:
            until, why = start.frozen.until.isoformat(), start.frozen.why
            return _move(desk, row, State.EXPIRED, because("rollout.frozen_out", until=until, why=why))
    if start.at is None:
        raise NotYet(
            f"No maintenance window of pool {row.pool_alias} is long enough for its first host.",
            "Longer windows in the configuration help.",
        )
    reason = because("rollout.waits", at=start.at.isoformat())
    with desk.database.transaction() as tx:
        # The look at the pool took its time: people, or the poll, may have ended it meanwhile.
        rollouts.still(tx, row.id, State.APPROVED)
        if start.frozen is None:
            row = timing.plan_start(tx, row.id, start.at, start.at)
        else:
            row = timing.set_due(tx, row.id, start.at)
        if rollouts.set_headline(tx, row.id, reason):
            threads.enqueue_line(tx, row.id, reason, now)
            threads.redraw(tx, row.id, now)
    return row


def _ask_again(desk: Rollouts, row: RolloutRow, have: int, need: int) -> RolloutRow:
    """Take back the approvals of people who may no longer approve, and wait for others."""
    allowed = desk.standing(row.id).quorum.counted
    with desk.database.transaction() as tx:
        present = standing_of(tx, rollouts.get(tx, row.id), desk.settings, None)
        for user, _, _ in present.approvals:
            if user not in allowed:
                approvals.revoke(tx, row.id, present.digest, user, desk.time.now())
    return _move(desk, row, State.AWAITING_APPROVAL, because("rollout.authority_lost", have=have, need=need))


def _move(desk: Rollouts, row: RolloutRow, to: State, reason: Reason) -> RolloutRow:
    with desk.database.transaction() as tx:
        return rollouts.transition(
            tx,
            row.id,
            to,
            frm=State.APPROVED,
            actor=BOT,
            reason=reason,
            sentence=desk.say(reason),
            at=desk.time.now(),
        )
