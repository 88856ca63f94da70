"""Every table. What a column means is said here; how it changes, in the module of the same noun.

Partial unique indexes carry the promises that must hold between processes: one open rollout per pool, one open debt
per kind and subject, one open notice per pool, kind and checksum.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, MetaData, UniqueConstraint, false, text
from sqlmodel import Field, SQLModel

from bot.rollout.amendment import AmendmentState, Offer
from bot.rollout.expected import Expectation
from bot.rollout.lifecycle import OPEN, State
from bot.rollout.memory import DebtKind, IntentState, TurnPhase, TurnProgress
from bot.rollout.reason import Reason
from storage.actors import Actor
from storage.columns import (
    AmendmentStateWord,
    Bytes,
    DebtKindWord,
    Document,
    IntentStateWord,
    Moment,
    NoticeState,
    NoticeStateWord,
    StateWord,
    Topic,
    TopicWord,
    TurnPhaseWord,
)

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

OPEN_STATES = ", ".join(f"'{state.value}'" for state in sorted(OPEN))


def _only(name: str, *columns: str, where: str, unique: bool = True) -> Index:
    """An index over the rows for which `where` holds."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


class Table(SQLModel):
    """What all tables share."""

    metadata: ClassVar[MetaData] = METADATA


class PoolRow(Table, table=True):
    """One pool that was seen. Its key is XAPI's uuid, `alias` is its name in the configuration."""

    __tablename__ = "pools"

    uuid: str = Field(primary_key=True)
    alias: str = Field(index=True)
    name: str
    seen_at: datetime = Field(sa_type=Moment)
    last_hash: str = ""
    last_update_sync: datetime | None = Field(default=None, sa_type=Moment)
    updates_json: dict[str, Any] | None = Field(default=None, sa_type=Document)
    last_polled_at: datetime | None = Field(default=None, sa_type=Moment)
    last_error: str = ""
    ha_enabled: bool | None = None
    """None before the first poll of this release."""
    pending_hosts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Hosts with tasks that earlier updates left."""
    updated_at: datetime | None = Field(default=None, sa_type=Moment)
    """When the host that lags most was updated last, None while that is not known."""
    version: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    outlook: dict[str, Any] | None = Field(default=None, sa_type=Document)
    """What the updates would cost at each level (`bot.rollout.outlook`), None while that is not known."""


class Notice(Table, table=True):
    """One message that says updates are available, or that the pool was not synced (lately)."""

    __tablename__ = "notices"
    __table_args__ = (
        _only("uq_notices_open", "pool_uuid", "kind", "checksum", where="state = 'open'"),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    pool_uuid: str = Field(index=True)
    kind: str
    checksum: str
    payload: dict[str, Any] = Field(sa_type=Document)
    state: NoticeState = Field(default=NoticeState.OPEN, sa_type=NoticeStateWord)
    opened_at: datetime = Field(sa_type=Moment)
    closed_at: datetime | None = Field(default=None, sa_type=Moment)
    folded_by: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    """Who folded it away, "" while it is shown in full."""
    folded_until: datetime | None = Field(default=None, sa_type=Moment)
    """When a folded one is told again; None for one that stays folded until something newer is available."""


class HomeRow(Table, table=True):
    """One person's Home tab: when they looked at it last, and what it shows."""

    __tablename__ = "homes"

    user_id: str = Field(primary_key=True)
    user_name: str
    opened_at: datetime = Field(sa_type=Moment, index=True)
    shown_at: datetime | None = Field(default=None, sa_type=Moment)
    shown: str = ""
    """A hash of the content that Slack has."""


class RolloutRow(Table, table=True):
    """One requested change to one pool, from request to outcome."""

    __tablename__ = "rollouts"
    __table_args__ = (
        _only("uq_rollouts_open", "pool_uuid", where=f"state IN ({OPEN_STATES})"),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    pool_uuid: str = Field(index=True)
    pool_alias: str
    state: State = Field(sa_type=StateWord)
    digest: str
    requester_kind: str
    requester_id: str
    requester_name: str
    reason_text: str
    channel: str
    created_at: datetime = Field(sa_type=Moment)
    expires_at: datetime = Field(sa_type=Moment)
    approved_at: datetime | None = Field(default=None, sa_type=Moment)
    started_at: datetime | None = Field(default=None, sa_type=Moment)
    finished_at: datetime | None = Field(default=None, sa_type=Moment)
    fence: str = ""
    abort_requested_by: str = ""
    giving_up: bool = False
    headline: dict[str, Any] | None = Field(default=None, sa_type=Document)
    problem: dict[str, Any] | None = Field(default=None, sa_type=Document)
    forecast: dict[str, Any] = Field(sa_type=Document)
    checks: Any = Field(sa_type=Document, nullable=False)
    updates: dict[str, Any] = Field(sa_type=Document)
    forgiven: list[str] = Field(default_factory=list, sa_type=Document)
    skipped: list[str] = Field(default_factory=list, sa_type=Document)
    """The uuids of hosts that people skip."""
    coordinator: str = ""
    """The uuid of the coordinator as the worker last saw it, "" before its first look."""
    pool_synced_at: datetime | None = Field(default=None, sa_type=Moment)
    """The pool's last sync, as seen with that coordinator."""
    stale_sync: datetime | None = Field(default=None, sa_type=Moment)
    """The pool's last sync before its coordinator changed in mid-run, None when it did not."""
    waiting_since: datetime | None = Field(default=None, sa_type=Moment)
    """Since when it waits for people in its present state, None while it does not."""
    reminded_at: datetime | None = Field(default=None, sa_type=Moment)
    """When people were told last that it waits for them."""
    emergency: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Whether it waits for no window and no freeze, and those approve it who may declare an emergency."""
    starts_at: datetime | None = Field(default=None, sa_type=Moment)
    """When an approved rollout is to start that had to wait for its time; its approval grows old from then on."""
    due_at: datetime | None = Field(default=None, sa_type=Moment)
    """When the clock or the worker looks at it again: an approved one that waits for its start, a paused one that goes
    on by itself. Gone with the state."""
    announced_at: datetime | None = Field(default=None, sa_type=Moment)
    """When its start at that time, or that it goes on by itself, was announced."""
    working_since: datetime | None = Field(default=None, sa_type=Moment)
    """Since when it works without having waited for anybody."""
    approvers_reminded_at: datetime | None = Field(default=None, sa_type=Moment)
    """When approvers were told that the time for their approval runs out."""
    warned_at: datetime | None = Field(default=None, sa_type=Moment)
    """When people were told that this takes long."""
    replaces: int | None = None
    """The number of the request that this one takes the place of."""
    expected: dict[str, Any] | None = Field(default=None, sa_type=Document)
    """When it should be done, as the worker last worked it out; None where that cannot be told."""

    @property
    def requester(self) -> Actor:
        """Who asked for it."""
        return Actor(self.requester_kind, self.requester_id, self.requester_name)  # type: ignore[arg-type]

    @property
    def begins_at(self) -> datetime | None:
        """The time it waits for: that of its start, or when it goes on by itself after a pause; None when for none."""
        if self.state is State.APPROVED:
            return self.starts_at
        return self.due_at if self.state is State.PAUSED else None

    @property
    def expectation(self) -> Expectation | None:
        """When the rollout and its hosts should be done, None where that is not known."""
        return None if self.expected is None else Expectation.from_dict(self.expected)

    @property
    def headline_reason(self) -> Reason | None:
        """Why it stands where it stands."""
        return None if self.headline is None else Reason.from_dict(self.headline)

    @property
    def problem_reason(self) -> Reason | None:
        """What needs attention, None when nothing does."""
        return None if self.problem is None else Reason.from_dict(self.problem["reason"])

    @property
    def problem_host(self) -> str:
        """The uuid of the one host that the problem concerns, "" when it is none or several."""
        return "" if self.problem is None else str(self.problem.get("host", ""))

    @property
    def problem_options(self) -> tuple[str, ...]:
        """What a person may answer to the problem."""
        return () if self.problem is None else tuple(self.problem.get("options", ()))

    @property
    def problem_offers(self) -> tuple[Offer, ...]:
        """The amendments that would solve the problem."""
        return () if self.problem is None else tuple(map(Offer.from_dict, self.problem.get("offers", ())))


class SpecRow(Table, table=True):
    """The stored bytes of one spec. Triggers refuse to change them."""

    __tablename__ = "specs"

    rollout_id: int = Field(primary_key=True, foreign_key="rollouts.id")
    digest: str = Field(primary_key=True)
    body: bytes = Field(sa_type=Bytes)
    created_at: datetime = Field(sa_type=Moment)


class AmendmentRow(Table, table=True):
    """One proposed change of a running rollout's spec. Its spec is in `specs`, its approvals in `approvals`.

    `replaces` is the digest it was proposed against, `offer` what it changes, `why` the problem it solves. For another
    checksum `updates`, `forecast` and `checks` take the place of the rollout's own once it takes effect.
    """

    __tablename__ = "amendments"
    __table_args__ = (
        _only("uq_amendments_open", "rollout_id", where="state = 'open'"),
        UniqueConstraint("rollout_id", "number"),
        UniqueConstraint("rollout_id", "digest"),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    rollout_id: int = Field(foreign_key="rollouts.id")
    number: int
    digest: str
    replaces: str
    state: AmendmentState = Field(default=AmendmentState.OPEN, sa_type=AmendmentStateWord)
    proposer_kind: str
    proposer_id: str
    proposer_name: str
    offer: dict[str, Any] = Field(sa_type=Document)
    why: dict[str, Any] = Field(sa_type=Document)
    updates: dict[str, Any] | None = Field(default=None, sa_type=Document)
    forecast: dict[str, Any] | None = Field(default=None, sa_type=Document)
    checks: Any = Field(default=None, sa_type=Document, nullable=True)
    created_at: datetime = Field(sa_type=Moment)
    closed_at: datetime | None = Field(default=None, sa_type=Moment)
    outcome: dict[str, Any] | None = Field(default=None, sa_type=Document)

    @property
    def proposer(self) -> Actor:
        """Who proposed it."""
        return Actor(self.proposer_kind, self.proposer_id, self.proposer_name)  # type: ignore[arg-type]

    @property
    def change(self) -> Offer:
        """What it changes."""
        return Offer.from_dict(self.offer)

    @property
    def why_reason(self) -> Reason:
        """What the rollout needed attention for."""
        return Reason.from_dict(self.why)

    @property
    def outcome_reason(self) -> Reason | None:
        """What became of it, None while it is open."""
        return None if self.outcome is None else Reason.from_dict(self.outcome)


class ApprovalRow(Table, table=True):
    """One person's approval of one digest; `revoked_at` when it was taken back."""

    __tablename__ = "approvals"

    rollout_id: int = Field(primary_key=True, foreign_key="rollouts.id")
    digest: str = Field(primary_key=True)
    user_id: str = Field(primary_key=True)
    user_name: str
    at: datetime = Field(sa_type=Moment)
    revoked_at: datetime | None = Field(default=None, sa_type=Moment)


class FreezeRow(Table, table=True):
    """A time in which no rollout of a pool starts, because an administrator said so; `ended_at` when ended early."""

    __tablename__ = "freezes"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int = Field(default=None, primary_key=True)
    pool_alias: str = Field(index=True)
    begins: datetime = Field(sa_type=Moment)
    until: datetime = Field(sa_type=Moment)
    why: str
    by_kind: str
    by_id: str
    by_name: str
    ended_at: datetime | None = Field(default=None, sa_type=Moment)

    @property
    def by(self) -> Actor:
        """Who froze the pool."""
        return Actor(self.by_kind, self.by_id, self.by_name)  # type: ignore[arg-type]


class DigestRow(Table, table=True):
    """One weekly digest that was told: a channel hears the digest of that name once in each week (``2026-W47``)."""

    __tablename__ = "digests"

    name: str = Field(primary_key=True)
    channel: str = Field(primary_key=True)
    week: str = Field(primary_key=True)
    told_at: datetime = Field(sa_type=Moment)


class IntentRow(Table, table=True):
    """One effect that XAPI was asked for (see `bot.rollout.memory.Intent`)."""

    __tablename__ = "intents"

    rollout_id: int = Field(primary_key=True, foreign_key="rollouts.id")
    key: str = Field(primary_key=True)
    state: IntentState = Field(sa_type=IntentStateWord)
    started_at: datetime = Field(sa_type=Moment)
    finished_at: datetime | None = Field(default=None, sa_type=Moment)
    attempts: int = 1
    task_ref: str = ""
    boot_time: float = 0.0
    agent_start_time: float = 0.0
    error: list[str] = Field(default_factory=list, sa_type=Document)
    transient: bool = False
    result: Any = Field(default=None, sa_type=Document, nullable=True)


class DebtRow(Table, table=True):
    """Something owed to a pool (see `bot.rollout.memory.Debt`); open while `closed_at` is empty."""

    __tablename__ = "debts"
    __table_args__ = (
        _only("uq_debts_open", "pool_uuid", "kind", "subject", where="closed_at IS NULL"),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    pool_uuid: str = Field(index=True)
    kind: DebtKind = Field(sa_type=DebtKindWord)
    subject: str
    original: Any = Field(default=None, sa_type=Document, nullable=True)
    label: str
    rollout_id: int | None = Field(default=None, foreign_key="rollouts.id")
    opened_at: datetime = Field(sa_type=Moment)
    waiting_for: str = ""
    asked_at: datetime | None = Field(default=None, sa_type=Moment)
    closed_at: datetime | None = Field(default=None, sa_type=Moment)
    outcome: str = ""


class TurnRow(Table, table=True):
    """One host's part of a rollout, as people see it."""

    __tablename__ = "turns"

    rollout_id: int = Field(primary_key=True, foreign_key="rollouts.id")
    host: str = Field(primary_key=True)
    position: int
    name: str
    phase: TurnPhase = Field(sa_type=TurnPhaseWord)
    left: int = 0
    total: int = 0
    started_at: datetime | None = Field(default=None, sa_type=Moment)
    finished_at: datetime | None = Field(default=None, sa_type=Moment)

    @property
    def progress(self) -> TurnProgress:
        """The same as the rules say it."""
        return TurnProgress(self.host, self.name, self.phase, self.left, self.total)


class AuditRow(Table, table=True):
    """One immutable line of the audit trail.

    `body` is the canonical JSON that is chained; the other columns repeat parts of it for searching, and
    `storage.audit.verify` compares them. Triggers refuse UPDATE and DELETE.
    """

    __tablename__ = "audit_events"

    seq: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=Moment)
    action: str
    rollout_id: int | None = Field(default=None, index=True)
    pool_uuid: str = Field(default="", index=True)
    body: bytes = Field(sa_type=Bytes)
    hash: str

    @property
    def document(self) -> dict[str, Any]:
        """The body, read."""
        document: dict[str, Any] = json.loads(self.body)
        return document

    @property
    def actor(self) -> Actor:
        """Who did it."""
        actor = self.document["actor"]
        return Actor(actor["kind"], actor["id"], actor["name"])

    @property
    def reason(self) -> Reason:
        """Why, as data."""
        return Reason.from_dict(self.document["reason"])

    @property
    def sentence(self) -> str:
        """Why, in English."""
        return str(self.document["sentence"])

    @property
    def details(self) -> dict[str, Any]:
        """Whatever else was recorded."""
        return dict(self.document["details"])


class AuditHead(Table, table=True):
    """The one row that says where the audit chain ends; whoever appends locks it."""

    __tablename__ = "audit_head"

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int
    hash: str


class OutboxRow(Table, table=True):
    """One message to be sent. Unsent while neither `sent_at` nor `dead_at` is set; `claimed_at` while being sent."""

    __tablename__ = "outbox"
    __table_args__ = (
        _only("ix_outbox_unsent", "lane", "id", where="sent_at IS NULL AND dead_at IS NULL", unique=False),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    topic: Topic = Field(sa_type=TopicWord)
    lane: str
    key: str
    payload: dict[str, Any] = Field(sa_type=Document)
    created_at: datetime = Field(sa_type=Moment)
    not_before: datetime = Field(sa_type=Moment)
    claimed_at: datetime | None = Field(default=None, sa_type=Moment)
    sent_at: datetime | None = Field(default=None, sa_type=Moment)
    dead_at: datetime | None = Field(default=None, sa_type=Moment)
    attempts: int = 0
    error: str = ""
    channel: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    """The channel that it was posted to (or that Slack refused it for), "" when it edited a message."""
    edits: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How many edits of messages it took (or were refused)."""


class Posted(Table, table=True):
    """Where a message went: Slack's channel and time stamp, which together name it."""

    __tablename__ = "posted"

    key: str = Field(primary_key=True)
    channel: str
    ts: str
    at: datetime = Field(sa_type=Moment)


class DurationRow(Table, table=True):
    """One measurement of how long something took on a pool."""

    __tablename__ = "durations"
    __table_args__ = (Index("ix_durations_pool_what", "pool_uuid", "what", "id"), {"sqlite_autoincrement": True})

    id: int = Field(default=None, primary_key=True)
    pool_uuid: str
    what: str
    value: float
    at: datetime = Field(sa_type=Moment)
