"""The engine of many processes: Procrastinate on PostgreSQL.

A job says "drive rollout 42" and nothing else; where the rollout stands is in our own tables. Jobs of one pool share a
lock, so at most one of them runs, and jobs of one rollout share a queueing lock, so at most one of them waits. A worker
that dies stops its heartbeat; another one puts its jobs back and takes them. Every process looks for rollouts without
a job every two seconds, so that a crash between "approved" and "job deferred" heals itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator
from functools import partial
from time import monotonic
from typing import Any

from procrastinate import App, JobContext, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import DeleteJobCondition, Job, Status
from psycopg_pool import PoolTimeout

from bot.rollouts import Rollouts
from bot.worker.engine import SWEEP_EVERY_S, Engine, rollout_name, settling_name
from bot.worker.threads import Work
from storage import rollouts
from storage.postgresql import SESSION_OPTIONS, libpq_address

log = logging.getLogger(__name__)

_QUEUE = "xsbot"
_DRIVE = "drive"
_SETTLE = "settle"
#: Seconds between two signs of life, and without one until a worker counts as dead. With the sweep on top, another
#: worker goes on after some seven seconds.
_HEARTBEAT_S = 1.0
_DEAD_AFTER_S = 5.0
#: Rollouts that one process drives at a time; each is a thread that waits.
_MOST = 1000
#: Seconds that the threads of ended jobs have, within the two seconds that a process has to leave.
_GOODBYE_S = 1.0


class Jobs(Engine):
    """Hands work to whichever process has time; with `works`, this process is one of them."""

    def __init__(self, desk: Rollouts, *, works: bool = True) -> None:
        super().__init__(desk)
        self.works = works
        self._pool: dict[str, Any] = {
            "conninfo": libpq_address(desk.settings.database_url),
            "kwargs": SESSION_OPTIONS,
            "min_size": 1,
            "timeout": 10.0,
        }
        self._sender = App(connector=SyncPsycopgConnector(max_size=2, **self._pool))
        self._worker = threading.Thread(target=lambda: asyncio.run(self._serve()), name="jobs", daemon=True)
        #: Jobs that this process is at, and under which numbers it took them.
        self._at_work: set[int | None] = set()
        self._known_as: set[int | None] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for work and, with `works`, to do it."""
        self._sender.open()
        super().start()
        if self.works:
            self._worker.start()

    def shut_down(self, deadline: float) -> None:
        """End the threads, give the jobs back, and close every connection."""
        self.stop.set()
        loop, serving = self._loop, self._serving
        if loop is not None and serving is not None:
            # No new jobs from here on; those under way are waited for while their threads end.
            with contextlib.suppress(RuntimeError):  # The loop has just ended by itself.
                loop.call_soon_threadsafe(serving.cancel)
        super().shut_down(deadline)
        if self._worker.ident is not None:
            self._worker.join(max(0.0, deadline - monotonic()))
        with contextlib.suppress(ConnectorException):
            self._sender.close()

    def sweep(self) -> None:
        """Defer a job for each rollout that has none."""
        rows = self.work.due()
        self._tell_drivers(rows)
        if not rows:
            return
        try:
            jobs = self._sender.job_manager.list_jobs(queue=_QUEUE)
        except (ConnectorException, PoolTimeout) as error:
            log.warning("jobs could not be looked at, trying again: %s", error)
            return
        known = {job.queueing_lock for job in jobs if job.status in ("todo", "doing")}
        for row in rows:
            # Debts of the pool that are being settled here: the settler steps aside when it sees the rollout.
            self.threads.wake(settling_name(row.pool_alias))
            if rollout_name(row.id) not in known:
                self._defer(_DRIVE, row.pool_uuid, rollout_name(row.id), rollout_id=row.id)

    def settle(self, alias: str) -> None:
        """Have the debts settled by whichever worker has time."""
        rollout_id = self.work.owing(alias)
        if rollout_id is None:
            return
        with self.desk.database.reading() as tx:
            pool_uuid = rollouts.get(tx, rollout_id).pool_uuid
        self._defer(_SETTLE, pool_uuid, settling_name(alias), alias=alias, rollout_id=rollout_id)

    def _defer(self, task: str, pool_uuid: str, name: str, **arguments: str | int) -> None:
        deferrer = self._sender.configure_task(task, queue=_QUEUE, lock=pool_uuid, queueing_lock=name)
        try:
            deferrer.defer(**arguments)
        except AlreadyEnqueued:
            log.debug("%s waits already", name)
        except (ConnectorException, PoolTimeout) as error:
            log.warning("%s could not be deferred, trying again: %s", name, error)

    # -- doing it --------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        """Take jobs until `shut_down`; begin anew when the database was away."""
        self._loop = asyncio.get_running_loop()
        while not self.stop.is_set():
            self._serving = asyncio.create_task(self._take_jobs())
            try:
                await self._serving
            except asyncio.CancelledError:
                return
            except Exception as error:
                log.warning("jobs cannot be taken now, trying again: %s: %s", type(error).__name__, error)
                await asyncio.sleep(1.0)

    async def _take_jobs(self) -> None:
        app = App(connector=PsycopgConnector(max_size=4, **self._pool))
        app.task(name=_DRIVE, queue=_QUEUE, pass_context=True)(self._drive)
        app.task(name=_SETTLE, queue=_QUEUE, pass_context=True)(self._settle)
        async with app.open_async():
            reviving = asyncio.create_task(self._revive(app))
            try:
                await app.run_worker_async(
                    queues=[_QUEUE],
                    concurrency=_MOST,
                    install_signal_handlers=False,
                    delete_jobs=DeleteJobCondition.ALWAYS,
                    fetch_job_polling_interval=SWEEP_EVERY_S,
                    update_heartbeat_interval=_HEARTBEAT_S,
                    stalled_worker_timeout=_DEAD_AFTER_S,
                    shutdown_graceful_timeout=_GOODBYE_S,
                )
            finally:
                reviving.cancel()

    async def _drive(self, context: JobContext, rollout_id: int) -> None:
        with self._at(context.job):
            await self._in_thread(rollout_name(rollout_id), partial(self.work.drive, rollout_id))

    async def _settle(self, context: JobContext, alias: str, rollout_id: int) -> None:
        with self._at(context.job):
            await self._in_thread(settling_name(alias), partial(self.work.settle, alias, rollout_id))

    @contextlib.contextmanager
    def _at(self, job: Job) -> Iterator[None]:
        """Remember that this process is at the job."""
        self._known_as.add(job.worker_id)
        self._at_work.add(job.id)
        try:
            yield
        finally:
            self._at_work.discard(job.id)

    async def _in_thread(self, name: str, work: Work) -> None:
        """Wait for the work without holding a thread of the event loop's own, of which there are few."""
        loop, over = asyncio.get_running_loop(), asyncio.Event()

        def ended() -> None:
            with contextlib.suppress(RuntimeError):  # Nobody waits any more: the loop was closed.
                loop.call_soon_threadsafe(over.set)

        self.threads.start(name, work, ended)
        await over.wait()

    async def _revive(self, app: App) -> None:
        """Put back the jobs of workers that died. One process at a time, or a job put back twice would run twice."""
        dropped: set[int | None] = set()
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            try:
                dropped = await self._put_back_dropped(app, dropped)
                if not await self._stalled(app):
                    continue
                with self.desk.database.alone("stalled jobs") as chosen:
                    for job in await self._stalled(app) if chosen else []:
                        log.warning("the process that had %s is gone; it is taken over", job.queueing_lock)
                        await self._put_back(app, job)
            except Exception as error:
                log.warning("stalled jobs could not be looked at, trying again: %s", error)

    async def _put_back_dropped(self, app: App, before: set[int | None]) -> set[int | None]:
        """Put back the jobs that are this process's by the database and that it is not at; which they are.

        That comes of a database that goes away just when the end of a job is to be written down: Procrastinate says so
        in the log and goes on, and the job would be ours for as long as we live. A job counts at the second look, when
        it has neither just been taken nor just been ended.
        """
        doing = await app.job_manager.list_jobs_async(queue=_QUEUE, status="doing")
        dropped = [job for job in doing if job.worker_id in self._known_as and job.id not in self._at_work]
        for job in dropped:
            if job.id in before:
                log.warning("the end of %s was never written down; it is taken up again", job.queueing_lock)
                await self._put_back(app, job)
        return {job.id for job in dropped}

    @staticmethod
    async def _put_back(app: App, job: Job) -> None:
        """Have a job taken anew that nobody is at."""
        try:
            await app.job_manager.retry_job(job)
        except UniqueViolation:
            # A process that looked while the first was being taken has deferred another one, which waits for the lock
            # that this one holds.
            await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)

    @staticmethod
    async def _stalled(app: App) -> list[Job]:
        return list(await app.job_manager.get_stalled_jobs(queue=_QUEUE, seconds_since_heartbeat=_DEAD_AFTER_S))
