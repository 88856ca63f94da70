"""Who may do what: roles, and where they are looked up."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from bot.rollout.errors import NotAllowed
from storage.actors import Actor


class Role(StrEnum):
    """What a person may do on a pool. No role includes another, except that whoever holds any may look."""

    VIEWER = "viewer"
    REQUESTER = "requester"
    APPROVER = "approver"
    ADMIN = "admin"


class Authority(Protocol):
    """Where roles are looked up (Slack's user groups and the configuration)."""

    def roles_of(self, user_id: str, pool: str) -> frozenset[Role]:
        """The roles a person holds on the pool with that alias, now."""
        ...

    def holders(self, role: Role, pool: str) -> frozenset[str]:
        """Everybody who holds a role on the pool, by user id, now."""
        ...


#: What each role lets people do, for the sentence that refuses.
_ALLOWS = {
    Role.VIEWER: "look at this pool",
    Role.REQUESTER: "ask for a rollout of this pool",
    Role.APPROVER: "decide about rollouts of this pool",
    Role.ADMIN: "change this pool's settings",
}


def require(authority: Authority, actor: Actor, role: Role, pool: str) -> None:
    """Refuse what the actor may not do on the pool.

    The bot itself and the operating-system user behind the command line pass: whoever can start `xsbot` next to its
    database and secrets could do all of this anyway, and each of these acts is audited. Approving is refused to them
    elsewhere, always.

    Raises `NotAllowed`.
    """
    if actor.kind in ("cli", "bot"):
        return
    roles = authority.roles_of(actor.id, pool)
    if role in roles or (role is Role.VIEWER and roles):
        return
    raise NotAllowed(f"You may not {_ALLOWS[role]}.", "Ask one of its administrators, or see `/xs help` for who may.")
