"""Logins, session records and who is behind them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from bot.lab.xapi.calls import Account
from bot.lab.xapi.failure import XapiFailure
from bot.lab.xapi.surface import SURFACE
from bot.lab.xapi.world import World

_IDLE = timedelta(hours=24)
_PER_ORIGINATOR = 500
#: The server thinks this long about a wrong password.
WRONG_PASSWORD_DELAY = 5.0

_OPERATORS = frozenset({"pool-admin", "pool-operator"})
_ADMINS = frozenset({"pool-admin"})
#: HTTP pages have permissions of their own, which the data model lacks: permission → roles.
HTTP_ROLES = {
    "http/get_updates": _OPERATORS,
    "http/put_bundle": _OPERATORS,
    "http/get_export_metadata": _OPERATORS | {"vm-power-admin", "vm-admin"},
    "http/get_pool_xml_db_sync": _ADMINS,
    "http/get_host_backup": _ADMINS,
}


@cache
def permissions_of(role: str) -> tuple[str, ...]:
    """What a role may do, as a session record lists it: `class.message` in lower case, sorted, with the HTTP pages."""
    messages = {
        f"{name}.{message.name}".lower()
        for name, entry in SURFACE.classes.items()
        for message in entry.messages.values()
        if role in message.roles
    }
    return tuple(sorted(messages | {page for page, roles in HTTP_ROLES.items() if role in roles}))


@dataclass(slots=True)
class _Session:
    account: Account
    originator: str
    last_active: datetime


class Sessions:
    """Sessions live in the coordinator's memory only."""

    def __init__(self, world: World, password: str) -> None:
        self._world = world
        self._password = password
        self._sessions: dict[str, _Session] = {}
        self.accounts = {
            "root": Account("root", "pool-admin", superuser=True),
            "xsbot": Account("xsbot", "pool-operator"),
            "viewer": Account("viewer", "read-only"),
            "keeper": Account("keeper", "pool-admin"),
        }

    def authenticate(self, username: str, password: str) -> Account | None:
        """The account, or None when name or password is wrong."""
        account = self.accounts.get(username)
        return account if account is not None and password == self._password else None

    def open(self, account: Account, originator: str) -> str:
        """A new session record; the oldest idle one of the same originator gives way at 500."""
        world = self._world
        same = [
            ref
            for ref, session in self._sessions.items()
            if session.originator == originator and session.account is account
        ]
        if len(same) >= _PER_ORIGINATOR:
            self.close(min(same, key=lambda ref: self._sessions[ref].last_active))
        now = world.now.replace(microsecond=0)
        ref = world.db.create(
            "session",
            this_host=world.coordinator.ref,
            last_active=now,
            validation_time=now,
            pool=False,
            is_local_superuser=account.superuser,
            auth_user_name=account.name,
            originator=originator,
            # Nobody looks up the local superuser's permissions, so real coordinators keep none in its session either.
            rbac_permissions=[] if account.superuser else list(permissions_of(account.role)),
        )
        self._sessions[ref] = _Session(account, originator, world.now)
        return ref

    def account(self, ref: str) -> Account:
        """Who a session belongs to, or SESSION_INVALID; counts as activity."""
        session = self._sessions.get(ref)
        if session is None or self._world.now - session.last_active > _IDLE:
            self.close(ref)
            raise XapiFailure("SESSION_INVALID", ref)
        session.last_active = self._world.now
        return session.account

    def close(self, ref: str) -> None:
        """Forget one session."""
        self._sessions.pop(ref, None)
        self._world.db.delete("session", ref)

    def clear(self) -> None:
        """The coordinator restarted: nobody is logged in any more."""
        self._sessions.clear()
        self._world.db.clear("session")
