"""Who may do what: roles, and where they are looked up."""

from __future__ import annotations

from collections.abc import Collection
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
    EMERGENCY = "emergency"


class Authority(Protocol):
    """Where roles are looked up (Slack's user groups and the configuration)."""

    def roles_of(self, user_id: str, pool: str) -> frozenset[Role]:
        """The roles a person holds on the pool with that alias, now."""
        ...

    def holders(self, role: Role, pool: str) -> frozenset[str]:
        """Everybody who holds a role on the pool, by user id, now."""
        ...


class LacksRole(NotAllowed):
    """The person does not hold the role. `ask` are the ids of people and user groups who do."""

    def __init__(self, sentence: str, hint: str = "", ask: Collection[str] = ()) -> None:
        super().__init__(sentence, hint)
        self.ask = tuple(ask)


#: What is refused to whom, and why.
_CANNOT = {
    Role.VIEWER: "You cannot look at pool {pool}: you are not a viewer of it. Nothing was changed.",
    Role.REQUESTER: "You cannot ask for a rollout of pool {pool}: you are not a requester of it. Nothing was changed.",
    Role.APPROVER: (
        "You cannot decide about rollouts of pool {pool}: you are not an approver of it. Nothing was changed."
    ),
    Role.ADMIN: "You cannot change settings of pool {pool}: you are not an administrator of it. Nothing was changed.",
    Role.EMERGENCY: (
        "You cannot ask for an emergency rollout of pool {pool}: you are not among those who may declare an emergency "
        "of it. Nothing was changed."
    ),
}
_A = {
    Role.VIEWER: "a viewer",
    Role.REQUESTER: "a requester",
    Role.APPROVER: "an approver",
    Role.ADMIN: "an administrator",
    Role.EMERGENCY: "among those who may declare an emergency",
}


def require(authority: Authority, actor: Actor, role: Role, pool: str, ask: Collection[str] = ()) -> None:
    """Refuse what the actor may not do on the pool. `ask` are the configured holders of the role.

    The bot itself and the operating-system user behind the command line pass: whoever can start `xsbot` next to its
    database and secrets could do all of this anyway, and each of these acts is audited. Approving is refused to them
    elsewhere, always.

    Raises `LacksRole`.
    """
    if actor.kind in ("cli", "bot"):
        return
    roles = authority.roles_of(actor.id, pool)
    if role in roles or (role is Role.VIEWER and roles):
        return
    cannot = _CANNOT[role].format(pool=pool)
    raise LacksRole(cannot, "" if ask else "Ask one of its administrators, or see `/xs help` for who may.", ask)


def require_either(
    authority: Authority, actor: Actor, roles: Collection[Role], pool: str, ask: Collection[str] = ()
) -> None:
    """Refuse somebody who holds none of the roles on the pool; see `require`.

    Raises `LacksRole`.
    """
    if actor.kind in ("cli", "bot") or authority.roles_of(actor.id, pool) & frozenset(roles):
        return
    wanted = " nor ".join(_A[role] for role in roles)
    cannot = f"You cannot change what was approved for pool {pool}: you are neither {wanted} of it."
    raise LacksRole(f"{cannot} Nothing was changed.", "" if ask else "Ask one of its approvers.", ask)


def not_an_approver(rollout_id: int, pool: str, ask: Collection[str]) -> LacksRole:
    """The refusal of an approval by somebody who is no approver."""
    cannot = f"You cannot approve rollout {rollout_id}: you are not an approver of pool {pool}. Nothing was changed."
    return LacksRole(cannot, "" if ask else "Ask one of the pool's approvers.", ask)
