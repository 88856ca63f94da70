"""Opening the database, bringing it up to date, and the two kinds of session.

SQLite is opened so that a committed transaction survives a power cut (WAL with ``synchronous=FULL``) and so that a
writer takes the write lock when it *begins* (``BEGIN IMMEDIATE``): a compare-and-set that reads before it writes then
never fails half way with "database is locked".

PostgreSQL gives writers the same promise: a write transaction begins by taking one advisory lock, so that whatever
it reads still holds when it writes, numbers of the outbox are given in the order of commits, and no two transactions
can deadlock. Nearly every write appends to the one audit chain and would queue for its head anyway. Writers are short;
a process that is frozen in the middle of one loses its transaction after a few seconds. Readers never wait.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session

from storage.columns import document
from storage.errors import DatabaseOutdated, DatabaseUnavailable, StorageError
from storage.postgresql import SESSION_OPTIONS, prepare_postgresql, queue_up, sqlalchemy_address

__all__ = ["Database", "Session", "Transaction"]

#: What every function of this package takes first.
Transaction = Session

_WRITES, _LASTING = "xsbot_writes", "xsbot_lasting"
_BUSY_SECONDS = 30
#: Threads of one process queue in turn, so that everybody's comes: with hundreds of rollouts on a slow disk that takes
#: a while at their start, and whoever gives up then only has to queue again.
_TURN_SECONDS = 300
#: Threads of a process that read at the same time. On SQLite reading is computing, for which Python has one core: who
#: reads beside others only makes all of them slower, and acknowledgements most. PostgreSQL is waited for.
_READERS = {"sqlite": 1, "postgresql": 4}
# Any number will do as long as every process uses the same: it keeps two processes from upgrading at once.
_UPGRADE_LOCK = 7_304_252


class Database:
    """One database, shared by all threads of a process. Made by `Database.open`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writer = engine.execution_options(**{_WRITES: True, _LASTING: True})
        self._hasty_writer = engine.execution_options(**{_WRITES: True, _LASTING: False})
        options: dict[str, Any] = {_WRITES: False}
        if engine.dialect.name == "postgresql":
            options["postgresql_readonly"] = True
            # One moment of the database, however many statements look at it.
            options["isolation_level"] = "REPEATABLE READ"
        self._reader = engine.execution_options(**options)
        # Threads of one process queue here instead of polling SQLite's lock, which has no queue.
        self._turn: threading.Lock | None = threading.Lock() if engine.dialect.name == "sqlite" else None
        # Hundreds of drivers that read at once would keep each other, and the one that writes, from Python's one core:
        # between any two statements of a transaction all of them would have their turn. So most of them queue.
        self._readers = threading.BoundedSemaphore(_READERS[engine.dialect.name])
        self._mine = threading.local()

    @staticmethod
    def open(url: str) -> Database:
        """Open ``sqlite:///path`` or ``postgresql://…``; tables are made by `upgrade`.

        Raises `StorageError` when the address makes no sense or the database cannot be reached.
        """
        try:
            parsed = make_url(sqlalchemy_address(url))
            if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
                raise StorageError(
                    "A database in memory cannot be shared between threads.", "Name a file: sqlite:///xsbot.sqlite"
                )
            # Errors must not repeat the values of a statement: they end up in logs.
            # One thread per rollout and a few for people: none of them should wait for a connection.
            engine = create_engine(
                parsed,
                hide_parameters=True,
                pool_pre_ping=parsed.get_backend_name() != "sqlite",
                pool_size=20,
                max_overflow=60,
                json_deserializer=document,
                connect_args=SESSION_OPTIONS if parsed.get_backend_name() == "postgresql" else {},
            )
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise StorageError(
                f"The database address cannot be used: {type(error).__name__}.",
                "Write sqlite:///path/to/xsbot.sqlite, or postgresql://user@host/name.",
            ) from error
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        else:
            event.listen(engine, "connect", prepare_postgresql)
        database = Database(engine)
        try:
            with database.reading() as tx:
                tx.exec(text("SELECT 1"))  # type: ignore[call-overload]
        except StorageError:
            engine.dispose()
            raise
        return database

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def transaction(self, *, lasting: bool = True) -> Iterator[Session]:
        """A session that may write: committed on success, rolled back on any error.

        Without `lasting` it does not wait for the disk. It is there for everybody at once and outlives every process,
        but when the machine loses power (or PostgreSQL crashes) it may be gone, and nobody who wrote it is told. That
        is for what the next look finds out again; never for what is asked of a pool, nor for what became of it.

        Rows stay readable after it has ended. Raises `StorageError` when the database cannot be reached or written.
        """
        if getattr(self._mine, "writing", False):
            raise RuntimeError("a write transaction inside a write transaction would wait for itself")
        if self._turn is not None and not self._turn.acquire(timeout=_TURN_SECONDS):
            raise DatabaseUnavailable("The database was busy for too long.", "Look at what else this process is doing.")
        self._mine.writing = True
        try:
            writer = self._writer if lasting else self._hasty_writer
            with _translated(), Session(writer, expire_on_commit=False) as session, session.begin():
                # The lock is taken now, not at the first statement, so that everything read below still holds
                # when it is written.
                connection = session.connection()
                if connection.dialect.name == "postgresql":
                    queue_up(connection, lasting=lasting)
                yield session
        finally:
            self._mine.writing = False
            if self._turn is not None:
                self._turn.release()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one moment of the database and may not write; rows stay readable afterwards."""
        session = Session(self._reader, expire_on_commit=False, autoflush=False)
        with self._among_few(), _translated(), session:
            yield session

    @contextmanager
    def _among_few(self) -> Iterator[None]:
        """Wait until few others read. A thread that reads already, or writes, does not wait: it would for itself."""
        inside = getattr(self._mine, "writing", False) or getattr(self._mine, "reading", False)
        if inside:
            yield
            return
        if not self._readers.acquire(timeout=_TURN_SECONDS):
            raise DatabaseUnavailable("The database was busy for too long.", "Look at what else this process is doing.")
        self._mine.reading = True
        try:
            yield
        finally:
            self._mine.reading = False
            self._readers.release()

    @contextmanager
    def alone(self, what: str) -> Iterator[bool]:
        """Whether nobody else, in any process, is inside for the same `what`. Nobody waits."""
        if self.engine.dialect.name != "postgresql":
            yield True
            return
        with _translated(), self._reader.connect() as connection:
            taken = connection.execute(text("SELECT pg_try_advisory_xact_lock(hashtext(:what))"), {"what": what})
            yield bool(taken.scalar())

    def upgrade(self) -> None:
        """Bring the tables to this release; nothing happens when they are there already. Safe to run at once.

        Raises `DatabaseOutdated` when the tables were made by a newer release.
        """
        with _translated(), self._writer.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
            self._refuse_newer(connection)
            config = _alembic()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    @property
    def upgraded(self) -> bool:
        """Whether the tables are those of this release."""
        return self.revision == _head()

    @property
    def revision(self) -> str | None:
        """The revision of the tables, None for an empty database."""
        with _translated(), self._reader.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def require_upgraded(self) -> None:
        """Raise `DatabaseOutdated` unless the tables are those of this release."""
        present = self.revision
        if present == _head():
            return
        with _translated(), self._reader.connect() as connection:
            self._refuse_newer(connection)
        what = "has no tables yet" if present is None else f"has tables of an older release ({present})"
        raise DatabaseOutdated(f"The database {what}.", "Run `xsbot db upgrade`.")

    @staticmethod
    def _refuse_newer(connection: Connection) -> None:
        present = MigrationContext.configure(connection).get_current_revision()
        try:
            if present is not None:
                ScriptDirectory.from_config(_alembic()).get_revision(present)
        except CommandError as error:
            raise DatabaseOutdated(
                f"The database has tables of a newer release ({present}).", "Install that release of xsbot, or newer."
            ) from error


def _alembic() -> Config:
    config = Config()
    # Alembic interpolates "%" in options.
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    return config


def _head() -> str | None:
    return ScriptDirectory.from_config(_alembic()).get_current_head()


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what the database driver raises for reasons outside the program into an error people can read."""
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseUnavailable(
            "Every connection to the database is in use.", "Wait a moment; if it stays so, restart xsbot."
        ) from error
    except DBAPIError as error:
        cause = str(error.orig).strip().splitlines()
        first = cause[0] if cause else type(error).__name__
        away = isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
        raise (DatabaseUnavailable if away else StorageError)(
            f"The database refused: {first}.",
            "Check that it can be reached, that its disk has room, and that `xsbot db upgrade` was run.",
        ) from error


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not open transactions of its own: _begin_sqlite decides which kind is opened.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {_BUSY_SECONDS * 1000}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    writes = options.get(_WRITES, False)
    connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
    if writes:
        # NORMAL leaves the log of writes (WAL) to the system's own pace; the next FULL commit takes it along.
        connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if options[_LASTING] else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
