"""What PostgreSQL needs beyond what SQLite needs: its driver's options, and the queue of writers."""

from __future__ import annotations

from typing import Any

from psycopg.types.string import StrDumper
from sqlalchemy import Connection

#: Seconds until a server that does not answer counts as gone; a lost network must not hold a thread for ever.
_GONE_S = 20
# Seconds that a writer queues, and that a process may sit in the middle of a write without saying anything.
_QUEUE_S = 30
_IDLE_S = 8
#: Any number will do as long as every process uses the same.
_WRITERS = 7_304_253

#: For the driver, at every new connection.
SESSION_OPTIONS: dict[str, Any] = {
    "application_name": "xsbot",
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": _GONE_S * 1000,
}


def is_postgresql(url: str) -> bool:
    """Whether the address names a PostgreSQL database."""
    return url.startswith(("postgresql://", "postgres://"))


def libpq_address(url: str) -> str:
    """The address as libpq and psycopg read it."""
    return "postgresql://" + url.removeprefix("postgres://") if url.startswith("postgres://") else url


def sqlalchemy_address(url: str) -> str:
    """The address as SQLAlchemy reads it: with the driver's name, because its default is another one."""
    return "postgresql+psycopg://" + url.partition("://")[2] if is_postgresql(url) else url


class _WithoutNul(StrDumper):
    """Names from outside may hold a NUL, which PostgreSQL's text cannot."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "�"))


def prepare_postgresql(connection: Any, _record: Any) -> None:
    """Called for every new connection."""
    connection.adapters.register_dumper(str, _WithoutNul)


def queue_up(connection: Connection, *, lasting: bool = True) -> None:
    """Begin a write: wait for the writers before us. Ends with the transaction.

    Without `lasting` its commit does not wait for the server's disk.
    """
    if not lasting:
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
    connection.exec_driver_sql(
        f"SET LOCAL idle_in_transaction_session_timeout = '{_IDLE_S}s'; SET LOCAL lock_timeout = '{_QUEUE_S}s'; "
        f"SELECT pg_advisory_xact_lock({_WRITERS})"
    )
