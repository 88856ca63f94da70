"""How often Slack lets us post and edit.

``chat.postMessage`` takes about one message a second and channel, ``chat.update`` fifty a minute for the whole
workspace, all pools together. We stay below both, because a refusal costs everybody's messages the wait.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

POST_GAP = timedelta(seconds=1)
UPDATES = 45
UPDATE_WINDOW = timedelta(minutes=1)


class Pace:
    """When the next post or edit may go out. Used by the one sender only, so it needs no lock."""

    def __init__(self) -> None:
        self._posts: dict[str, datetime] = {}
        self._updates: deque[datetime] = deque(maxlen=UPDATES)

    def next_post(self, channel: str, now: datetime) -> datetime:
        """When the channel may get its next message (`now` or earlier: at once)."""
        last = self._posts.get(channel)
        return now if last is None else last + POST_GAP

    def next_update(self, now: datetime) -> datetime:
        """When any message may be edited next."""
        return now if len(self._updates) < UPDATES else self._updates[0] + UPDATE_WINDOW

    def posted(self, channel: str, now: datetime) -> None:
        """A message went to the channel."""
        self._posts[channel] = now

    def updated(self, now: datetime) -> None:
        """A message was edited."""
        self._updates.append(now)
