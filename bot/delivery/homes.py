"""Home tabs: drawn when somebody opens theirs, and again for a while whenever something on it changes.

Slack tells of the opening and of nothing else. So a tab is kept up for a day after it was opened, for so many
people and no faster than Slack takes it; whoever comes back later opens it anew. Only the leader of the messages keeps
tabs up, whichever process was told of the opening.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time as real_time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError

from bot.delivery.refusal import RATE_LIMITED, code_of, retry_after
from bot.errors import XsbotError
from bot.messages.blocks import View
from bot.messages.home import dated, home, home_unavailable
from bot.messages.language import SOURCE, speaking
from bot.messages.retelling import retold
from bot.rollouts import Rollouts
from storage import homes
from storage.actors import Actor
from storage.errors import StorageError

log = logging.getLogger(__name__)

#: How long a tab is kept up after it was opened, and for how many people at most: those who opened theirs last.
KEPT_UP = timedelta(hours=24)
PEOPLE = 30
#: Real seconds between two looks, and tabs that are published after each at most: fewer than Slack takes.
_EVERY_S = 2.0
_AT_ONCE = 2
#: Real seconds after which tabs are compared although nothing seems to have happened: what a poll saw leaves no trace.
_ANYWAY_S = 60.0
#: Seconds that may be spent on comparing after each look; who is left comes first after the next.
_BUSY_S = 0.5
_NEVER = ((-1, -1, -1), 0.0)
#: Who has not looked for so long is forgotten.
_FORGOTTEN = timedelta(days=7)


class Homes:
    """Publishes Home tabs. `show` may be called from any thread; `run` has one of its own."""

    def __init__(
        self,
        rollouts: Rollouts,
        client: WebClient,
        *,
        leads: Callable[[], bool] = lambda: True,
        language: Callable[[str], str] = lambda user_id: SOURCE,
    ) -> None:
        self._rollouts = rollouts
        self._client = client
        self._leads = leads
        #: In which language somebody reads, by user id; see `bot.readers`.
        self._language = language
        #: By person: what the database's stamp was when their tab was compared last, and when that was.
        self._compared: dict[str, tuple[tuple[int, int, int], float]] = {}
        self._quiet_until = 0.0

    def show(self, user_id: str, user_name: str = "") -> None:
        """Somebody opened their tab: draw it now, and keep it up. Raises what Slack or the database raises."""
        now = self._rollouts.time.now()
        with self._rollouts.database.transaction() as tx:
            name = homes.note_opened(tx, user_id, user_name, now).user_name
        with speaking(self._language(user_id)):
            try:
                content = home(self._rollouts.home(Actor("slack", user_id, name)))
            except StorageError:
                raise
            except XsbotError as error:
                told = home_unavailable(retold(error.sentence), retold(error.hint))
                self._client.views_publish(user_id=user_id, view=told)
                return
            self._publish(user_id, content)

    def run(self, stop: threading.Event) -> None:
        """Keep tabs up until `stop` is set."""
        while not stop.wait(_EVERY_S):
            try:
                self.keep_up()
            except StorageError as error:
                log.warning("Home tabs are looked at again in a moment: %s", error)
            except Exception:
                # A tab that is old is no reason to stop; the log is the only place left to say it.
                log.exception("Home tabs could not be kept up; trying again")

    def keep_up(self) -> int:
        """Publish the tabs whose content has changed, as many as may be at once; how many."""
        moment = real_time.monotonic()
        if not self._leads() or moment < self._quiet_until:
            return 0
        now = self._rollouts.time.now()
        with self._rollouts.database.reading() as tx:
            stamp = homes.stamp(tx)
            people = homes.opened_since(tx, now - KEPT_UP, PEOPLE)
        published = 0
        # Whose turn is longest ago comes first, so that nobody is forgotten where many look and much happens.
        for person in sorted(people, key=lambda person: self._compared.get(person.user_id, _NEVER)[1]):
            seen, at = self._compared.get(person.user_id, _NEVER)
            if seen == stamp and moment < at + _ANYWAY_S:
                continue
            if published == _AT_ONCE or real_time.monotonic() > moment + _BUSY_S:
                break
            try:
                with speaking(self._language(person.user_id)):
                    published += self._keep_up(person)
            except StorageError:
                raise
            except (SlackClientError, OSError, XsbotError) as error:
                if code_of(error) in RATE_LIMITED:
                    self._quiet_until = moment + retry_after(error)
                    break
                log.warning("the Home tab of %s stays as it is for now: %s", person.user_id, code_of(error))
            self._compared[person.user_id] = (stamp, real_time.monotonic())
        self._forget(people, now)
        return published

    def _keep_up(self, person: homes.HomeRow) -> int:
        """Publish the tab if it would show something else than it does; how many tabs that makes."""
        content = home(self._rollouts.home(Actor("slack", person.user_id, person.user_name)))
        if _hash_of(content) == person.shown:
            return 0
        self._publish(person.user_id, content)
        return 1

    def _forget(self, people: Collection[homes.HomeRow], now: datetime) -> None:
        """Those who have not looked for long, once nobody looks."""
        if people or not self._compared:
            return
        self._compared.clear()
        with self._rollouts.database.transaction() as tx:
            homes.forget_opened_before(tx, now - _FORGOTTEN)

    def _publish(self, user_id: str, content: View) -> None:
        now = self._rollouts.time.now()
        self._client.views_publish(user_id=user_id, view=dated(content, now))
        with self._rollouts.database.transaction() as tx:
            homes.note_shown(tx, user_id, _hash_of(content), now)


def _hash_of(content: View) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
