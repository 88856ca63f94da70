"""A pool's records, kept up to date by XAPI's events, so that a look costs what has changed since the last one.

It must never show less than a reading of everything would. So it asks XAPI at each look (``event.from`` with the place
of the last answer and no waiting gives at once what changed since, and a place of its own), and begins anew with
everything when there is a doubt: another session (a place means nothing to the next one, and a restarted coordinator
has forgotten what was deleted), an error, counts of objects that differ from XAPI's own, or ten minutes gone. Where
even that does not add up it says so, and everything is read in the ordinary way.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.time import Time
from bot.xen import wire
from bot.xen.connection import Link, PoolConnection
from bot.xen.errors import XenError
from bot.xen.wire import Record, Records

_log = logging.getLogger(__name__)

#: However well the events add up, everything is delivered anew after so long.
_ANEW_AFTER = timedelta(minutes=10)
_PLACE_FORGOTTEN = "EVENT_FROM_TOKEN_PARSE_FAILURE"


class Mirror:
    """The records of some classes. Safe for use by many threads."""

    def __init__(self, connection: PoolConnection, classes: Collection[str], time: Time) -> None:
        self._connection = connection
        self._time = time
        self._classes = {name.lower(): name for name in classes}
        self._lock = threading.Lock()
        self._unusable: Link | None = None
        self._forget()

    def look(self) -> Mapping[str, Records] | None:
        """All records as they were at the beginning of this call or later; None when events do not tell.

        Raises XenError when the pool does not answer.
        """
        with self._lock:
            if not self._refresh():
                return None
            self._stirred = False
            return {name: dict(records) for name, records in self._records.items()}

    def stirred(self, tasks: Collection[str]) -> bool | None:
        """Whether anything that a look shows has changed since the last look, or one of the tasks is over.

        Other tasks come and go and do not count. None when events do not tell. Raises XenError.
        """
        with self._lock:
            if not self._refresh():
                return None
            if self._stirred:
                return True
            known = self._records["task"]
            return any(ref not in known or wire.text(known[ref], "status") != "pending" for ref in tasks)

    def forget(self) -> None:
        """Nobody will look for a while: let the records go."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._link: Link | None = None
        self._token = ""
        self._records: dict[str, dict[str, Record]] = {name: {} for name in self._classes.values()}
        self._begun: datetime | None = None
        self._stirred = True

    def _refresh(self) -> bool:
        """Take in what changed; whether the records can be relied on."""
        trouble: XenError | None = None
        for _ in range(2):
            link = self._connection.link()
            if link is self._unusable:
                return False
            if link is not self._link or self._is_old():
                self._forget()
            anew = not self._token
            try:
                batch = self._connection.once(link, "event.from", list(self._classes.values()), self._token, 0.0)
            except XenError as error:
                self._forget()
                if not self._connection.lost(link, error) and error.code != _PLACE_FORGOTTEN:
                    raise
                trouble = error
                continue
            if self._take(batch):
                self._link = link
                self._begun = self._begun or self._time.now()
                return True
            self._forget()
            if anew:
                # Everything was delivered and still it is not everything: this account is not shown it all.
                _log.info("%s: its events do not tell everything, so everything is read", self._connection.name)
                self._unusable = link
                return False
        if trouble is not None:
            raise trouble
        return False

    def _is_old(self) -> bool:
        return self._begun is not None and self._time.now() - self._begun >= _ANEW_AFTER

    def _take(self, batch: Any) -> bool:
        """Apply the events; whether they were understood and leave as many objects as XAPI has."""
        try:
            for event in batch["events"]:
                name = self._classes.get(event["class"])
                if name is not None:
                    self._apply(name, str(event["ref"]), event)
            counts = {name: int(batch["valid_ref_counts"][lower]) for lower, name in self._classes.items()}
            self._token = str(batch["token"])
        except (KeyError, TypeError, ValueError):
            return False
        return bool(self._token) and counts == {name: len(records) for name, records in self._records.items()}

    def _apply(self, name: str, ref: str, event: Mapping[str, Any]) -> None:
        records = self._records[name]
        before = records.get(ref)
        if event["operation"] == "del":
            records.pop(ref, None)
            changed = before is not None
        else:
            record: Record = event["snapshot"]
            changed = record != before
            if changed:
                # An equal record stays the same object, and what was made of it stays good.
                records[ref] = record
        self._stirred = self._stirred or (changed and name != "task")
