"""Being the one process that does something: the timers, the sending of messages.

On PostgreSQL the leader is whoever's session holds an advisory lock. A process that dies frees it at once, because its
connection breaks; one that is frozen frees it after a few seconds, because the server ends a session that shows no
sign of life. On SQLite there is one process, and it leads.
"""

from __future__ import annotations

import contextlib
import logging
import threading

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from storage.database import Database

log = logging.getLogger(__name__)

#: Seconds between two signs of life, and without one until the server frees the lock.
_SIGN_OF_LIFE_S = 1.0
_GIVEN_UP_AFTER_S = 6


class Leadership:
    """One process's claim to be the leader in `what`. `start` begins to try; `leads` says how it is now."""

    def __init__(self, database: Database, what: str) -> None:
        self.what = what
        self._database = database
        self._alone = database.engine.dialect.name != "postgresql"
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._session: Connection | None = None
        self._keeper = threading.Thread(target=self._keep, name=f"leader-{what}", daemon=True)

    def start(self) -> None:
        """Try to become the leader, and show signs of life while being it."""
        if not self._alone:
            self._keeper.start()

    def leads(self) -> bool:
        """Whether this process leads at this moment, as the database has it; becomes the leader when nobody is."""
        if self._alone:
            return True
        with self._lock:
            return not self._stop.is_set() and (self._still_leads() or self._becomes_leader())

    def end(self) -> None:
        """Step back, so that another process leads at once."""
        self._stop.set()
        if self._keeper.ident is not None:
            self._keeper.join(timeout=1.0)
        with self._lock:
            self._drop()

    def _keep(self) -> None:
        while not self._stop.wait(_SIGN_OF_LIFE_S):
            self.leads()

    def _still_leads(self) -> bool:
        if self._session is None:
            return False
        try:
            self._session.execute(text("SELECT 1"))
        except SQLAlchemyError:
            log.warning("this process no longer leads in %s: its session was lost", self.what)
            self._drop()
            return False
        return True

    def _becomes_leader(self) -> bool:
        try:
            self._session = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            taken = self._session.execute(
                text("SELECT pg_try_advisory_lock(hashtext(:what))"), {"what": f"leader in {self.what}"}
            ).scalar()
            if taken:
                self._session.execute(text(f"SET idle_session_timeout = '{_GIVEN_UP_AFTER_S}s'"))
                log.info("this process leads in %s now", self.what)
                return True
        except SQLAlchemyError as error:
            log.warning("the leader in %s cannot be told now: %s", self.what, type(error).__name__)
        self._drop()
        return False

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            # The session carries the lock and a time limit: it must not go back to the others.
            with contextlib.suppress(SQLAlchemyError):
                session.invalidate()
                session.close()
