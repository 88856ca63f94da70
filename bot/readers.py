"""Which language somebody reads: the locale they have set in Slack, as far as xsbot speaks it.

Slack is asked for it in the background of the first answer and then once a day. What must be said before that (a dialog
opens within three seconds) is in the installation's own language; so is everything for people whose language xsbot does
not speak, and for everybody while Slack does not answer: a language is never worth a missing answer.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timedelta

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.messages.language import nearest
from bot.settings import Settings
from bot.time import Time

log = logging.getLogger(__name__)

#: How long an answer about somebody's locale is used, and how long none is asked for after Slack gave none.
FRESH, AGAIN = timedelta(hours=24), timedelta(minutes=10)


class Readers:
    """The languages of people, by user id."""

    def __init__(self, client: WebClient, settings: Settings, time: Time) -> None:
        self._client = client
        self._usual = settings.slack.language
        self._time = time
        self._lock = threading.Lock()
        self._known: dict[str, tuple[datetime, str]] = {}

    def known(self, user_id: str) -> str:
        """The person's language without asking anybody."""
        with self._lock:
            known = self._known.get(user_id)
        return known[1] if known is not None else self._usual

    def language(self, user_id: str) -> str:
        """The person's language; asks Slack (`users.info`) when it is not known or a day old."""
        now = self._time.now()
        with self._lock:
            known = self._known.get(user_id)
        if known is not None and now < known[0]:
            return known[1]
        found = self._ask(user_id)
        # After a failure, what was known before is better than nothing.
        told = found or (known[1] if known is not None else self._usual)
        with self._lock:
            self._known[user_id] = (now + (FRESH if found else AGAIN), told)
        return told

    def _ask(self, user_id: str) -> str:
        """One of our languages, "" when Slack does not say which locale it is."""
        try:
            answer = self._client.users_info(user=user_id, include_locale=True)
        except SlackApiError as error:
            log.info("the language of %s is not known: %s", user_id, error.response.get("error"))
            return ""
        except (SlackClientError, OSError) as error:
            log.info("the language of %s is not known: %s", user_id, type(error).__name__)
            return ""
        user = answer.get("user")
        locale = str(user.get("locale") or "") if isinstance(user, dict) else ""
        return (nearest(locale) or self._usual) if locale else ""
