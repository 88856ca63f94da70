"""Taking a decided action: the intent and the debts are written down first, then XAPI is asked.

Between the two a crash may fall. The intent is then open without a task, and the next driver looks whether the
effect happened before it asks again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from bot.rollout.action import (
    Action,
    AskEvacuation,
    AskHealth,
    BackUp,
    CloseDebt,
    DrainHost,
    KeepHost,
    PauseHere,
    RebootHost,
    RestartToolstack,
    TakeStock,
    parameters,
)
from bot.rollout.backups import plan_of
from bot.rollout.decision import Step
from bot.rollout.gate import health_of
from bot.rollout.kind import Kind
from bot.rollout.lifecycle import State
from bot.rollout.model import PoolSnapshot
from bot.rollout.reason import Reason, because
from bot.rollout.stock import stock_of
from bot.rollouts import Rollouts
from bot.worker.backups import Backups
from bot.xen.errors import Unreachable, XenError, translate
from bot.xen.gateway import Gateway
from storage import audit, debts, intents, rollouts, specs, threads
from storage.actors import BOT
from storage.database import Session
from storage.errors import Conflict
from storage.tables import RolloutRow

#: Actions whose effect shows only in the host's start times: the call's return says nothing about it.
SEEN_LATER = (RebootHost, RestartToolstack)
#: Real seconds between two looks whether a transfer is still wanted.
_STILL_WANTED_S = 2.0


class Hands:
    """Executes the steps of one round for as long as `fence` holds and the rollout is in the state of its `row`.

    `owner` is our claim on the pool: an effect is never asked for while another installation's is there.
    """

    def __init__(
        self, desk: Rollouts, gateway: Gateway, row: RolloutRow, fence: str, stop: threading.Event, owner: str
    ) -> None:
        self.desk = desk
        self.gateway = gateway
        self.row = row
        self.fence = fence
        self.stop = stop
        self.owner = owner

    def take(self, step: Step, snapshot: PoolSnapshot) -> None:
        """Carry out one step. Errors of XAPI are written to the intent; errors of our database are raised."""
        action = step.action
        if isinstance(action, CloseDebt):
            self._close(action, step)
            return
        if isinstance(action, (DrainHost, KeepHost, PauseHere)):
            self._book(action, step, snapshot)
            return
        self._write_down(step, snapshot)
        try:
            if isinstance(action, AskEvacuation):
                self._ask_evacuation(action)
                return
            if isinstance(action, (TakeStock, AskHealth)):
                self._look(action)
                return
            if isinstance(action, BackUp):
                self._back_up(action, snapshot)
                return
            self.gateway.check_claim(self.owner)
            # Asked last: this process may have been frozen since it wrote the intent down.
            self._check_fence()
            task = self.gateway.begin(action, snapshot)
        except XenError as error:
            # Told to stop, we leave the intent open: whoever takes over looks what became of it.
            if not self.stop.is_set():
                self._failed(action, error)
            return
        with self.desk.database.transaction() as tx:
            # Whoever took over meanwhile has looked at the pool and knows better than our call's answer.
            rollouts.check_fence(tx, self.row.id, self.fence)
            if task:
                intents.set_task(tx, self.row.id, action.key, task)
            elif not isinstance(action, SEEN_LATER):
                intents.finish(tx, self.row.id, action.key, self.desk.time.now())

    def _write_down(self, step: Step, snapshot: PoolSnapshot) -> None:
        with self.desk.database.transaction() as tx:
            self._intend(tx, step, snapshot)

    def _intend(self, tx: Session, step: Step, snapshot: PoolSnapshot) -> None:
        action, now = step.action, self.desk.time.now()
        host = snapshot.host(action.subject)
        self._still_wanted(tx)
        intents.open_intent(
            tx,
            self.row.id,
            action.key,
            at=now,
            boot_time=host.boot_time if host is not None else 0.0,
            agent_start_time=host.agent_start_time if host is not None else 0.0,
        )
        for debt in action.debts:
            owed = because("debt.opened", kind=debt.kind.value, subject=debt.subject, label=debt.label)
            told = self.desk.say(owed)
            debts.open_debt(tx, self.row.pool_uuid, debt, self.row.id, now, reason=owed, sentence=told)
        self._record(tx, step)
        if step.milestone:
            self._line(tx, step)

    def _book(self, action: DrainHost | KeepHost | PauseHere, step: Step, snapshot: PoolSnapshot) -> None:
        """What concerns only our own books has happened when it is written down."""
        now = self.desk.time.now()
        with self.desk.database.transaction() as tx:
            self._intend(tx, step, snapshot)
            result = action.vms if isinstance(action, DrainHost) else None
            intents.finish(tx, self.row.id, action.key, now, result)
            if isinstance(action, PauseHere):
                rollouts.transition(
                    tx,
                    self.row.id,
                    State.PAUSED,
                    frm=self.row.state,
                    actor=BOT,
                    reason=step.reason,
                    sentence=self.desk.say(step.reason),
                    at=now,
                )
                threads.redraw_progress(tx, self.row.id, now)

    def _check_fence(self) -> None:
        with self.desk.database.reading() as tx:
            rollouts.check_fence(tx, self.row.id, self.fence)

    def _still_wanted(self, tx: Session) -> None:
        """Raise `Conflict` when another driver took over, or people paused, ended or amended the rollout or skip
        another host since the decision."""
        rollouts.check_fence(tx, self.row.id, self.fence)
        present = rollouts.get(tx, self.row.id)
        unchanged = present.skipped == self.row.skipped and present.digest == self.row.digest
        if present.state is not self.row.state or not unchanged:
            raise Conflict(
                f"Rollout {self.row.id} is {present.state.value} now.", "Nothing to do: it is looked at again."
            )

    def _close(self, action: CloseDebt, step: Step) -> None:
        with self.desk.database.transaction() as tx:
            self._still_wanted(tx)
            closed = debts.close_debt(
                tx,
                self.row.pool_uuid,
                action.debt.kind,
                action.debt.subject,
                action.outcome,
                self.desk.time.now(),
                rollout_id=self.row.id,
                reason=step.reason,
                sentence=self.desk.say(step.reason),
            )
            if closed and step.milestone:
                self._line(tx, step)

    def _ask_evacuation(self, action: AskEvacuation) -> None:
        answer = {
            host: [[blocker.vm, blocker.code, *blocker.params] for blocker in self.gateway.evacuation_blockers(host)]
            for host in action.hosts
        }
        with self.desk.database.transaction() as tx:
            rollouts.check_fence(tx, self.row.id, self.fence)
            intents.finish(tx, self.row.id, action.key, self.desk.time.now(), answer)

    def _look(self, action: TakeStock | AskHealth) -> None:
        """A full look at the pool, of which the intent keeps what is asked for."""
        seen = self.gateway.snapshot()
        with self.desk.database.reading() as tx:
            spec = specs.of(tx, self.row.id)[0]
            checksum = spec.checksum if spec.kind == Kind.CDN else ""
            before = intents.all_intents(tx, self.row.id).get(TakeStock(moment="before").key)
            left_alone = debts.subjects_left_alone(tx, self.row.id)
        if isinstance(action, TakeStock):
            answer = stock_of(seen)
        else:
            known = before.result if before is not None and isinstance(before.result, dict) else None
            answer = health_of(known, seen, action.host, checksum, left_alone)
        with self.desk.database.transaction() as tx:
            rollouts.check_fence(tx, self.row.id, self.fence)
            intents.finish(tx, self.row.id, action.key, self.desk.time.now(), answer)

    def _back_up(self, action: BackUp, snapshot: PoolSnapshot) -> None:
        """Fetch the backup here and now: it may take minutes, and people can pause or end the rollout meanwhile."""
        place = self.desk.settings.backup
        if place.directory is None:
            raise translate(["XSBOT_BACKUP_DIRECTORY"])
        backups = Backups(place.directory, self.row.pool_alias, self.row.id, place.keep)
        taken = backups.take(self.gateway, action, snapshot, self._now_and_then())
        told = because(
            "backup.taken", kind=action.what, file=taken.path.name, size=taken.size, checksum=taken.sha256[:12]
        )
        result = {"file": str(taken.path), "size": taken.size, "sha256": taken.sha256}
        now = self.desk.time.now()
        with self.desk.database.transaction() as tx:
            rollouts.check_fence(tx, self.row.id, self.fence)
            intents.finish(tx, self.row.id, action.key, now, result)
            self._audit(tx, "backup.taken", told, result)
            threads.enqueue_line(tx, self.row.id, told, now)

    def _now_and_then(self) -> Callable[[], None]:
        """Asked at every piece of a long transfer; looks every few seconds whether the rollout still wants it.

        It raises `Conflict` when not; the intent then stays open, and whoever goes on takes the backup anew.
        """
        last = monotonic()

        def still() -> None:
            nonlocal last
            if self.stop.is_set():
                raise Conflict(f"Rollout {self.row.id} is left for another process.", "Nothing to do.")
            if monotonic() - last > _STILL_WANTED_S:
                last = monotonic()
                with self.desk.database.reading() as tx:
                    self._still_wanted(tx)

        return still

    def _tell_backup_failed(self, tx: Session, action: BackUp, error: XenError) -> None:
        """A backup that may fail says so in the thread; one that blocks asks people, which says it as well."""
        told = because("backup.failed", kind=action.what, sentence=error.sentence, hint=error.hint)
        self._audit(tx, "backup.failed", told, {"code": error.code})
        if plan_of(specs.of(tx, self.row.id)[0].backups).go_on and not error.transient:
            threads.enqueue_line(tx, self.row.id, told, self.desk.time.now())

    def _failed(self, action: Action, error: XenError) -> None:
        now = self.desk.time.now()
        with self.desk.database.transaction() as tx:
            rollouts.check_fence(tx, self.row.id, self.fence)
            if isinstance(error, Unreachable):
                # Whether XAPI got the call before the connection broke is unknown; only looking tells.
                intents.lose(tx, self.row.id, action.key, now)
            else:
                intents.fail(tx, self.row.id, action.key, now, (error.code, *error.params), error.transient)
            if isinstance(action, BackUp):
                self._tell_backup_failed(tx, action, error)

    def _record(self, tx: Session, step: Step) -> None:
        self._audit(tx, f"step.{type(step.action).__name__}", step.reason, parameters(step.action))

    def _audit(self, tx: Session, what: str, reason: Reason, details: Mapping[str, Any]) -> None:
        audit.append(
            tx,
            actor=BOT,
            action=what,
            reason=reason,
            sentence=self.desk.say(reason),
            at=self.desk.time.now(),
            rollout_id=self.row.id,
            pool_uuid=self.row.pool_uuid,
            details=details,
            announce=False,
        )

    def _line(self, tx: Session, step: Step) -> None:
        threads.enqueue_line(tx, self.row.id, step.reason, self.desk.time.now())
