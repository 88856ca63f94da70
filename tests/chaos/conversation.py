"""Every message that should be in Slack, compared with those that are there: none missing, none twice, in order.

What should be there is read from the outbox, whose rows are written in the transactions that cause them; what is there,
from the workspace. Each kill with a message in hand excuses that message once more, and no other: not necessarily right
behind itself, because Slack may carry out what the dead sender asked for when its successor is already further.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlmodel import col, select

from bot.delivery.rendering import render
from bot.lab.slack import LabSlack
from bot.lab.slack.directory import BOT_USER
from bot.lab.slack.records import Post
from bot.messages.message import line
from bot.messages.sentences import sentence
from bot.rollout.reason import Reason
from bot.settings import Settings
from storage import posted, threads
from storage.columns import Topic
from storage.database import Database, Session
from storage.tables import AuditRow, OutboxRow, RolloutRow

_AMENDMENT = re.compile(r"[Aa]mendment \d+")
_PROGRESS = re.compile(r"^Rollout \d+, pool [^:]+: [^.]*, \d+ of \d+ hosts? done")
#: What is posted once and edited from then on, and how it begins.
_DRAWN: dict[Topic, Callable[[Post], bool]] = {
    Topic.PROGRESS: lambda post: bool(_PROGRESS.match(post.text)),
    Topic.AMENDMENT: lambda post: bool(_AMENDMENT.search(post.text)),
}
_NOTICE_POOL = re.compile(r"[Pp]ool (pool-\d+)")


@dataclass
class Compared:
    """What the comparison found. `in_windows` are messages that stand twice because their sender was killed between
    "sent" and "recorded"; `left` are the rows that may still stand once more for that reason, and how often."""

    expected: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    in_windows: int = 0
    out_of_order: list[str] = field(default_factory=list)
    left: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Expected:
    """One new message that a row of the outbox asks for."""

    row: OutboxRow
    told: str
    fits: Callable[[Post], bool]


def compare(database: Database, slack: LabSlack, settings: Settings, windows: Mapping[int, int]) -> Compared:
    """Compare them. `windows` are the rows that were in hand when their sender was killed, and how often."""
    found = Compared(left=Counter(windows))
    with database.reading() as tx:
        rows = list(tx.exec(select(OutboxRow).order_by(col(OutboxRow.id))).all())
        found.lost += [
            f"{row.topic.value} {row.key} (row {row.id}) was never sent: {row.error}" for row in _unsent(rows)
        ]
        found.lost += _unannounced(tx, rows)
        everything = _posts(slack, "xs-updates")
        for rollout in tx.exec(select(RolloutRow).order_by(col(RolloutRow.id))).all():
            lane = [row for row in rows if row.lane == f"rollout:{rollout.id}"]
            lane += [row for row in rows if row.topic is Topic.REPORT and row.payload["rollout_id"] == rollout.id]
            _look_at_rollout(tx, rollout, lane, everything, settings, found)
        _look_at_notices(rows, everything, found)
        audit = [_audit_line(row) for row in rows if row.topic is Topic.AUDIT]
        _in_order(audit, _posts(slack, "xs-audit"), found)
    return found


def _posts(slack: LabSlack, channel: str) -> list[Post]:
    place = slack.workspace.place(channel)
    posts = [post for post in slack.workspace.visible(place.id) if post.user == BOT_USER]
    return sorted(posts, key=lambda post: post.ts)


def _unsent(rows: Iterable[OutboxRow]) -> list[OutboxRow]:
    return [row for row in rows if row.sent_at is None]


def _unannounced(tx: Session, rows: Iterable[OutboxRow]) -> list[str]:
    """Transitions of rollouts that no row announces in the audit channel."""
    announced = {int(row.payload["seq"]) for row in rows if row.topic is Topic.AUDIT}
    query = select(AuditRow).where(col(AuditRow.action).startswith("rollout."))
    return [
        f"audit {row.seq} ({row.action}) was never queued" for row in tx.exec(query).all() if row.seq not in announced
    ]


def _look_at_rollout(
    tx: Session,
    rollout: RolloutRow,
    lane: Sequence[OutboxRow],
    everything: Sequence[Post],
    settings: Settings,
    found: Compared,
) -> None:
    title = f"Rollout {rollout.id}, pool {rollout.pool_alias}"
    cards = [post for post in everything if post.thread_ts is None and _heading(post) == title]
    first = [row for row in lane if row.topic is Topic.CARD][:1]
    _in_order([_Expected(row, f"the card of {title}", lambda post: True) for row in first], cards, found)
    place = posted.find(tx, threads.card_key(rollout.id))
    if place is None:
        return
    thread = [post for post in everything if post.thread_ts == place.ts]
    # Files have a lane of their own: they hold up no message.
    reports = [_Expected(row, "the report", lambda post: True) for row in lane if row.topic is Topic.REPORT]
    _in_order(reports, [post for post in thread if post.files], found)
    _in_order(_thread_of(rollout, lane), [post for post in thread if not post.files], found)
    for topic, key in ((Topic.CARD, threads.card_key), (Topic.PROGRESS, threads.progress_key)):
        newest = [row for row in lane if row.topic is topic][-1:]
        where = posted.find(tx, key(rollout.id))
        shown = next((post for post in everything if where is not None and post.ts == where.ts), None)
        for row in newest:
            wanted = render(tx, row, settings, plan=True, permalink=lambda _: "").message.text
            if shown is None or shown.text != wanted:
                found.lost.append(f"{topic.value} of {title} shows an old state: {shown.text if shown else None!r}")


def _heading(post: Post) -> str:
    first = post.blocks[0] if post.blocks else {}
    return str(first["text"]["text"]) if first.get("type") == "header" else ""


def _thread_of(rollout: RolloutRow, lane: Sequence[OutboxRow]) -> list[_Expected]:
    expected = []
    drawn = set()
    for row in lane:
        if row.topic in _DRAWN:
            # Posted once, then edited.
            if row.key not in drawn:
                expected.append(_Expected(row, row.topic.value, _DRAWN[row.topic]))
            drawn.add(row.key)
        elif row.topic is Topic.LINE:
            text = line(sentence(Reason.from_dict(row.payload["reason"]), mrkdwn=True)).text
            expected.append(_Expected(row, text, lambda post, text=text: post.text == text))  # type: ignore[misc]
        elif row.topic is Topic.ATTENTION:
            expected.append(_Expected(row, "a call for attention", lambda post: _asks(rollout, post)))
        elif row.topic is Topic.OUTCOME:
            expected.append(_Expected(row, "the outcome", lambda post: post.broadcast))
    return expected


def _asks(rollout: RolloutRow, post: Post) -> bool:
    asks = f"Rollout {rollout.id}, pool {rollout.pool_alias}: needs attention. "
    return post.text.startswith((asks, f"Rollout {rollout.id} needed attention"))


def _audit_line(row: OutboxRow) -> _Expected:
    number = f"(Audit {row.payload['seq']}, "
    return _Expected(row, f"audit line {row.payload['seq']}", lambda post: number in post.text)


def _look_at_notices(rows: Sequence[OutboxRow], everything: Sequence[Post], found: Compared) -> None:
    """Notices are edited all the time, so they are counted: one message for each."""
    keys: dict[str, list[OutboxRow]] = {}
    for row in rows:
        if row.topic is Topic.NOTICE:
            keys.setdefault(row.key, []).append(row)
    roots = [post for post in everything if post.thread_ts is None and not _heading(post).startswith("Rollout ")]
    shown = [post for post in roots if _NOTICE_POOL.search(post.text) and "is owed something" not in post.text]
    found.expected += len(keys)
    if len(shown) < len(keys):
        found.lost.append(f"{len(keys) - len(shown)} notices")
    repeated = sum(found.left[row.id] for group in keys.values() for row in group)
    for _ in range(len(shown) - len(keys)):
        if repeated > 0:
            repeated -= 1
            found.in_windows += 1
        else:
            found.doubled.append("a notice")


def _in_order(expected: Sequence[_Expected], posts: Sequence[Post], found: Compared) -> None:
    """Walk through what is there beside what should be, both in order."""
    found.expected += len(expected)
    position = 0
    for post in posts:
        if position < len(expected) and expected[position].fits(post):
            position += 1
            continue
        again = [one for one in expected[:position] if one.fits(post)]
        excused = next((one for one in reversed(again) if found.left[one.row.id]), None)
        if excused is not None:
            found.left[excused.row.id] -= 1
            found.in_windows += 1
        elif again:
            found.doubled.append(f"{again[-1].told} (row {again[-1].row.id}, posted at {post.ts})")
        elif any(one.fits(post) for one in expected[position:]):
            found.out_of_order.append(post.text[:200])
        else:
            found.doubled.append(f"a message that nobody asked for: {post.text[:200]}")
    found.lost += [f"{one.told} (row {one.row.id})" for one in expected[position:]]
