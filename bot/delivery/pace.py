"""How often Slack lets us post and edit.

``chat.postMessage`` takes about one message a second and channel, ``chat.update`` fifty a minute for the whole
workspace, all pools together. We stay below both, because a refusal costs everybody's messages the wait.

What was sent lately is in the outbox. Whoever begins to send, after a restart or because another process no longer
does, recalls it from there: Slack does not care which of our processes asks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta

from storage.outbox import Spent

POST_GAP = timedelta(seconds=1)
UPDATES = 45
UPDATE_WINDOW = timedelta(minutes=1)
#: The place, in the table of waits, of everything that edits.
_EDITS = ""


class Pace:
    """When the next post or edit may go out. Used by the one sender only, so it needs no lock."""

    def __init__(self) -> None:
        self._posts: dict[str, datetime] = {}
        self._updates: deque[datetime] = deque(maxlen=UPDATES)
        self._held: dict[str, datetime] = {}
        self._quiet_until: datetime | None = None

    @staticmethod
    def recalled(spent: Iterable[Spent], now: datetime) -> Pace:
        """The pace of whoever sent before, from what the outbox tells of it (oldest first)."""
        pace = Pace()
        for entry in spent:
            if entry.held_until is not None:
                pace.hold(entry.channel, entry.held_until)
                continue
            for _ in range(entry.edits):
                pace.updated(entry.at)
            if entry.channel:
                pace.posted(entry.channel, entry.at)
            if entry.unknown:
                # It was being sent when its sender was lost: it may have arrived just now, anywhere.
                pace.updated(now)
                pace._quiet_until = now + POST_GAP
        return pace

    def next_post(self, channel: str, now: datetime) -> datetime:
        """When the channel may get its next message (`now` or earlier: at once)."""
        last = self._posts.get(channel)
        free = now if last is None else last + POST_GAP
        return max(free, self._held.get(channel, free), self._quiet_until or free)

    def next_update(self, now: datetime) -> datetime:
        """When any message may be edited next."""
        free = now if len(self._updates) < UPDATES else self._updates[0] + UPDATE_WINDOW
        return max(free, self._held.get(_EDITS, free))

    def posted(self, channel: str, now: datetime) -> None:
        """A message went to the channel."""
        self._posts[channel] = now

    def updated(self, now: datetime) -> None:
        """A message was edited."""
        self._updates.append(now)

    def hold(self, channel: str, until: datetime) -> None:
        """Slack asked to wait: with posts to the channel, or with all edits when none is named."""
        self._held[channel or _EDITS] = until
