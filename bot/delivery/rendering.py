"""Outbox row to what is sent and where, always from the newest state in the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlmodel import Session

from bot.errors import XsbotError
from bot.messages.amendment import amendment_card
from bot.messages.attention import attention
from bot.messages.audit_line import audit_line
from bot.messages.card import Ask, approval_reminder, card, emergency, title
from bot.messages.debts import debts_asked
from bot.messages.digest import digest
from bot.messages.language import _, speaking
from bot.messages.message import Message, line
from bot.messages.notice import NoticeFacts, notice
from bot.messages.outcome import Done, outcome
from bot.messages.picture import alternative, picture
from bot.messages.progress import progress
from bot.messages.report import Evidence, report
from bot.messages.schedule import announcement
from bot.messages.sentences import sentence
from bot.messages.text import person
from bot.rollout.action import (
    DrainHost,
    EvacuateHost,
    MigrateVm,
    RebootHost,
    RestartToolstack,
    RestartVm,
    ResumeVm,
    ShutdownVm,
    StartVm,
    SuspendVm,
    TakeStock,
)
from bot.rollout.lifecycle import TERMINAL, State
from bot.rollout.memory import DebtKind, Intent, IntentState
from bot.rollout.outlook import Outlook
from bot.rollout.reason import Reason
from bot.rollout.stock import compare_stocks
from bot.rollouts.digest import digest_of
from bot.rollouts.standing import AmendmentStanding, Standing, amendment_standing, approvers_of, standing_of
from bot.settings import Settings
from storage import (
    amendments,
    approvals,
    audit,
    debts,
    intents,
    notices,
    pools,
    posted,
    rollouts,
    specs,
    threads,
    timeline,
)
from storage.outbox import OutboxRow, Topic
from storage.tables import PoolRow, Posted, RolloutRow
from storage.updates_codec import updates_from_json

#: Outcomes after which the audit channel gets the head of the chain.
_ENDS = frozenset(f"rollout.{state.value}" for state in TERMINAL)


class Unrenderable(XsbotError):
    """What the message is about is gone or no longer configured; it can never be sent."""


class Overtaken(XsbotError):
    """What the message announces is no longer to come; nothing is lost when nobody reads it."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file to be uploaded with the message; `alternative` says in words what a picture shows."""

    name: str
    title: str
    content: bytes
    alternative: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message ready to go.

    `edits` is the posted message to be edited instead of posting a new one, `remember` the key under which a new one
    is remembered, `thread` the time stamp of the message it replies to. `draw` makes its files, which takes seconds: to
    be called by `with_files`, when nobody waits for the database.
    """

    channel: str
    message: Message
    remember: str = ""
    edits: Posted | None = None
    thread: str = ""
    broadcast: bool = False
    files: tuple[Attachment, ...] = ()
    draw: Callable[[], tuple[Attachment, ...]] | None = None

    def with_files(self) -> Outgoing:
        """The same with its files made."""
        return self if self.draw is None else replace(self, files=self.draw(), draw=None)


def ask_of(settings: Settings, standing: Standing) -> Ask:
    """Who can still be asked to approve: configured approvers without the requester and those who did."""
    done = {user for user, _name, _at in standing.approvals} | {standing.row.requester_id}
    approvers = approvers_of(settings, standing.row)
    return Ask(tuple(entry for entry in approvers if entry not in done))


def ask_about(settings: Settings, standing: Standing, amendment: AmendmentStanding) -> Ask:
    """Who can still be asked to approve the amendment: not its proposer either."""
    row = standing.row
    done = {user for user, _name, _at in amendment.approvals} | {row.requester_id, amendment.row.proposer_id}
    return Ask(tuple(entry for entry in approvers_of(settings, row) if entry not in done))


def render(
    tx: Session, row: OutboxRow, settings: Settings, *, plan: bool, permalink: Callable[[Posted], str]
) -> Outgoing:
    """What the row asks to be sent. `plan` is whether Slack takes plan blocks.

    Raises `Unrenderable`, `NotFound` for rows whose subject is gone, and `Overtaken` for those that would say now what
    is no longer so.
    """
    if row.topic is Topic.NOTICE:
        return _notice(tx, row, settings)
    if row.topic is Topic.DEBTS:
        return _debts(tx, row, settings)
    if row.topic is Topic.DIGEST:
        return _digest(tx, row, settings)
    if row.topic is Topic.AUDIT:
        with speaking(settings.slack.language):
            return _audit(tx, row, settings, permalink)
    record = rollouts.get(tx, int(row.payload["rollout_id"]))
    with speaking(_language(settings, record.pool_alias)):
        return _of_rollout(tx, row, record, settings, plan=plan)


def _language(settings: Settings, alias: str) -> str:
    """The language of a pool's channel; a pool that is no longer configured still has messages to be edited."""
    return settings.language_for(alias) if alias in settings.pools else settings.slack.language


def _of_rollout(tx: Session, row: OutboxRow, record: RolloutRow, settings: Settings, *, plan: bool) -> Outgoing:
    standing = standing_of(tx, record, settings, None)
    root = posted.find(tx, threads.card_key(record.id))
    channel = root.channel if root is not None else record.channel or _channel(settings, record.pool_alias)
    if row.topic is Topic.CARD:
        key = threads.card_key(record.id)
        return Outgoing(channel, card(standing, ask_of(settings, standing)), remember=key, edits=root)
    thread = root.ts if root is not None else ""
    if row.topic is Topic.PROGRESS:
        key = threads.progress_key(record.id)
        shown = progress(standing, plan=plan)
        return Outgoing(channel, shown, remember=key, edits=posted.find(tx, key), thread=thread)
    if row.topic is Topic.ATTENTION:
        problem = _reason(row.payload.get("reason"))
        asked = settings.roles_for(record.pool_alias).approver
        return Outgoing(channel, attention(standing, problem, asked), remember=attention_key(record.id), thread=thread)
    if row.topic is Topic.AMENDMENT:
        proposed = amendments.get(tx, int(row.payload["amendment_id"]))
        key = amendments.card_key(proposed.id)
        amendment = amendment_standing(tx, record, proposed, settings, None)
        asked_too = ask_about(settings, standing, amendment)
        shown = amendment_card(standing, amendment, asked_too)
        return Outgoing(channel, shown, remember=key, edits=posted.find(tx, key), thread=thread)
    if row.topic is Topic.EMERGENCY:
        if not settings.slack.audit_channel:
            raise Unrenderable("slack.audit_channel is not configured.", "Name the channel in the configuration.")
        return Outgoing(settings.slack.audit_channel, emergency(standing, ask_of(settings, standing)))
    if row.topic is Topic.REMINDER:
        return Outgoing(channel, approval_reminder(standing, ask_of(settings, standing)), thread=thread)
    if row.topic is Topic.ANNOUNCEMENT:
        _check_coming(row, record)
        return Outgoing(channel, announcement(standing), thread=thread, broadcast=bool(thread))
    if row.topic is Topic.OUTCOME:
        others = debts.left_alone(tx, record.id)
        told = outcome(standing, done_of(intents.all_intents(tx, record.id), others))
        return Outgoing(channel, told, thread=thread, broadcast=bool(thread))
    if row.topic is Topic.REPORT:
        language, evidence = _language(settings, record.pool_alias), evidence_of(tx, standing)
        return Outgoing(
            channel,
            line(_("Timeline and report.")),
            thread=thread,
            draw=lambda: _in(language, lambda: files_of(standing, evidence)),
        )
    return Outgoing(channel, line(_line(row.payload)), thread=thread)


def _check_coming(row: OutboxRow, record: RolloutRow) -> None:
    """Raise `Overtaken` unless the rollout still waits for the moment that was to be announced.

    A row that an earlier release queued names none: any that the rollout waits for will do.
    """
    begins, announced = record.begins_at, row.payload.get("begins")
    if begins is None or (announced is not None and datetime.fromisoformat(announced) != begins):
        raise Overtaken(f"Rollout {record.id} no longer waits for what was to be announced.")


def _in(language: str, make: Callable[[], tuple[Attachment, ...]]) -> tuple[Attachment, ...]:
    with speaking(language):
        return make()


def files_of(standing: Standing, evidence: Evidence) -> tuple[Attachment, ...]:
    """The picture (of a rollout that began) and the report of a rollout, as files; drawing them takes a while."""
    number, line_ = standing.row.id, evidence.timeline
    files = [Attachment(f"rollout-{number}.html", _("Report"), report(standing, evidence).encode())]
    if line_.began is not None and line_.hosts:
        drawn = picture(line_, title(standing))
        files.insert(0, Attachment(f"rollout-{number}.png", _("Timeline"), drawn, alternative(line_)))
    return tuple(files)


def evidence_of(tx: Session, standing: Standing) -> Evidence:
    """What the report puts together, from the database."""
    number = standing.row.id
    names = approvals.names(tx, number)
    return Evidence(
        spec_bytes=specs.of(tx, number)[1],
        timeline=timeline.of(tx, standing.row),
        events=tuple(audit.exported(tx, number)),
        head=audit.head(tx),
        approvals=tuple(
            (names.get(entry.user, entry.user), entry.at, entry.digest, entry.revoked)
            for entry in approvals.of(tx, number)
        ),
    )


def attention_key(rollout_id: int) -> str:
    """The key under which the last call for attention is remembered, until it is dealt with."""
    return f"rollout:{rollout_id}:attention"


def settled_attention(tx: Session, rollout_id: int, settings: Settings) -> Outgoing | None:
    """The edit that takes the buttons off a call for attention that was dealt with, None when there is none."""
    asked = posted.find(tx, attention_key(rollout_id))
    record = rollouts.get(tx, rollout_id)
    if asked is None or record.state is State.NEEDS_ATTENTION:
        return None
    standing = standing_of(tx, record, settings, None)
    with speaking(_language(settings, record.pool_alias)):
        return Outgoing(asked.channel, attention(standing), edits=asked)


def _emptied(key: str, intent: Intent) -> bool:
    return intent.state is IntentState.DONE and key.startswith((f"{EvacuateHost.__name__}:", f"{DrainHost.__name__}:"))


def done_of(known: Mapping[str, Intent], left_alone: frozenset[DebtKind] = frozenset()) -> Done:
    """What XAPI confirmed, counted per kind of action. `left_alone` is what other people changed meanwhile."""
    kinds = [key.partition(":")[0] for key, intent in known.items() if intent.state is IntentState.DONE]

    def count(*actions: type) -> int:
        return sum(kinds.count(action.__name__) for action in actions)

    return Done(
        reboots=count(RebootHost),
        toolstacks=count(RestartToolstack),
        emptied=len({key.partition(":")[2] for key, intent in known.items() if _emptied(key, intent)}),
        homecomings=count(MigrateVm),
        stops=max(count(SuspendVm, ShutdownVm), count(ResumeVm, StartVm)),
        restarts=count(RestartVm),
        left_alone=left_alone,
        compared=_compared(known),
    )


def _compared(known: Mapping[str, Intent]) -> tuple[Reason, ...] | None:
    before, after = (known.get(TakeStock(moment=moment).key) for moment in ("before", "after"))
    if before is None or after is None or not isinstance(before.result, dict) or not isinstance(after.result, dict):
        return None
    return compare_stocks(before.result, after.result)


def notice_facts(pool: PoolRow, settings: Settings, known: notices.Notice) -> NoticeFacts:
    """What a notice shows, from its row, its pool's row and the configuration. Ages count up to the last poll."""
    payload = known.payload
    # The notice keeps what it told; the pool's row goes on to say what holds now.
    stored, prospect, aged = (payload.get(key) for key in ("updates", "outlook", "updated_at"))
    folder = notices.folded_by(known)
    updates = updates_from_json(stored) if isinstance(stored, Mapping) else pools.known_updates(pool)
    return NoticeFacts(
        alias=pool.alias,
        pool_name=pool.name,
        kind=known.kind,
        state=known.state.value,
        updates=updates,
        last_sync=pool.last_update_sync,
        days=int(payload.get("days", 0)),
        acts=settings.pool(pool.alias).mode == "act",
        rollout=payload.get("rollout_id"),
        id=known.id,
        outlook=Outlook.from_dict(prospect) if prospect else None,
        updated_at=datetime.fromisoformat(aged) if aged else None,
        now=pool.last_polled_at,
        folded_by=person(folder.kind, folder.id, folder.name) if folder is not None else "",
        folded_until=known.folded_until,
    )


def _notice(tx: Session, row: OutboxRow, settings: Settings) -> Outgoing:
    known = notices.get_notice(tx, int(row.payload["notice_id"]))
    pool = pools.pool_by_uuid(tx, known.pool_uuid)
    if pool is None:
        raise Unrenderable("The pool of this notice is no longer known.")
    channel = _channel(settings, pool.alias)
    key = notices.notice_key(known.id)
    edits = posted.find(tx, key)
    with speaking(_language(settings, pool.alias)):
        return Outgoing(channel, notice(notice_facts(pool, settings, known)), remember=key, edits=edits)


def _debts(tx: Session, row: OutboxRow, settings: Settings) -> Outgoing:
    pool = pools.pool_by_uuid(tx, str(row.payload["pool_uuid"]))
    if pool is None:
        raise Unrenderable("The pool of this message is no longer known.")
    channel = _channel(settings, pool.alias)
    owed = debts.open_debts(tx, pool.uuid)
    asked = settings.roles_for(pool.alias).admin
    with speaking(_language(settings, pool.alias)):
        return Outgoing(channel, debts_asked(pool.alias, owed, asked, int(row.payload["hours"])))


def _digest(tx: Session, row: OutboxRow, settings: Settings) -> Outgoing:
    channel = str(row.payload["channel"])
    aliases = settings.digest_channels(str(row.payload["name"])).get(channel)
    if aliases is None:
        raise Unrenderable("This digest is no longer configured.", "Nothing to do.")
    with speaking(settings.language_in(channel)):
        return Outgoing(channel, digest(digest_of(tx, settings, aliases, row.created_at)))


def _audit(tx: Session, row: OutboxRow, settings: Settings, permalink: Callable[[Posted], str]) -> Outgoing:
    event = audit.event(tx, int(row.payload["seq"]))
    if event is None:
        raise Unrenderable(f"Audit event {row.payload['seq']} is gone.", "Check the trail with `xsbot audit verify`.")
    if not settings.slack.audit_channel:
        raise Unrenderable("slack.audit_channel is not configured.", "Name the channel in the configuration.")
    root = posted.find(tx, threads.card_key(event.rollout_id)) if event.rollout_id is not None else None
    alias = next((pool.alias for pool in pools.pools(tx) if pool.uuid == event.pool_uuid), "")
    told = audit_line(
        event,
        alias=alias,
        permalink=permalink(root) if root is not None else "",
        head=event.hash if event.action in _ENDS else "",
    )
    return Outgoing(settings.slack.audit_channel, told)


def _channel(settings: Settings, alias: str) -> str:
    if alias not in settings.pools or not settings.pools[alias].channel:
        raise Unrenderable(f"Pool {alias} has no channel in the configuration.", "Set the channel of the pool.")
    return settings.pools[alias].channel


def _line(payload: Mapping[str, Any]) -> str:
    reason = _reason(payload.get("reason"))
    if reason is None:
        raise Unrenderable("A milestone without a reason was queued.")
    return sentence(reason, mrkdwn=True)


def _reason(stored: Any) -> Reason | None:
    return Reason.from_dict(stored) if isinstance(stored, Mapping) else None
