"""Whether the bot can do its work now: database, engine and Slack, asked and not remembered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from time import monotonic

from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError

from storage import audit
from storage.database import Database
from storage.errors import StorageError

#: Real seconds for which Slack's answer counts, so that a probe every second costs a few calls a minute.
_SLACK_COUNTS_S = 10.0


class Readiness:
    """Asks the parts of one process. `engine` and `slack` answer for themselves."""

    def __init__(self, database: Database, engine: Callable[[], bool], slack: Callable[[], bool]) -> None:
        self._database = database
        self._engine = engine
        self._slack = slack

    def ask(self) -> Mapping[str, bool]:
        """Part to whether it works. Blocks for seconds at most."""
        return {"database": self._database_answers(), "engine": self._engine(), "slack": self._slack()}

    def _database_answers(self) -> bool:
        try:
            with self._database.reading() as tx:
                # A real table: SQLite answers anything else without a look at its file.
                audit.head(tx)
        except StorageError:
            return False
        return True


class SlackAnswers:
    """Whether Slack's Web API takes our token; with HTTP there is no connection that could be looked at instead."""

    def __init__(self, client: WebClient) -> None:
        self._client = WebClient(client.token, base_url=client.base_url, timeout=3, retry_handlers=[])
        self._client.proxy = client.proxy
        self._lock = threading.Lock()
        self._asked_at = 0.0
        self._answered = False

    def __call__(self) -> bool:
        with self._lock:
            if self._asked_at and monotonic() - self._asked_at < _SLACK_COUNTS_S:
                return self._answered
            try:
                self._client.auth_test()
                self._answered = True
            except (SlackClientError, OSError):
                self._answered = False
            self._asked_at = monotonic()
            return self._answered
