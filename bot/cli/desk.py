"""The use-cases as the command line calls them: in the name of the operating-system user, without Slack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bot.app import gateways_of
from bot.cli.main import Session
from bot.messages.sentences import recorded
from bot.rollouts import Role, Rollouts
from bot.time import RealTime


class Nobody:
    """No authority is asked for here: the command line acts as the operating-system user."""

    def roles_of(self, user_id: str, pool: str) -> frozenset[Role]:
        return frozenset()

    def holders(self, role: Role, pool: str) -> frozenset[str]:
        return frozenset()


@contextmanager
def opened_desk(session: Session, *, reaching_pools: bool = False) -> Iterator[Rollouts]:
    """The use-cases; most of them need the database alone, and the pools may be out of reach from here.

    Raises what `Session.database` raises, and `TlsRefused` for unusable certificates of pools that are to be reached.
    """
    database = session.database()
    gateways = gateways_of(session.settings, RealTime()) if reaching_pools else {}
    try:
        yield Rollouts(database, gateways, session.settings, RealTime(), Nobody(), recorded)
    finally:
        for gateway in gateways.values():
            gateway.close()
        database.close()
