"""The one sender: claim, render, send, record.

A message is rendered when it is sent, so it shows what holds then. A row is marked only after Slack confirmed;
killing the process between the two doubles that message, and nothing else can. Of several processes on one database
only the leader sends.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.delivery.pace import UPDATE_WINDOW, Pace
from bot.delivery.refusal import BAD_BLOCKS, GONE, NO_FILES, PERMANENT, RATE_LIMITED, code_of, is_refusal, retry_after
from bot.delivery.rendering import Outgoing, Overtaken, Unrenderable, attention_key, render, settled_attention
from bot.log import concerning
from bot.rollout.errors import RolloutError
from bot.settings import Settings, SettingsError
from bot.time import Time
from storage import audit, outbox, posted, threads
from storage.database import Database
from storage.errors import Conflict, DatabaseUnavailable, NotFound, SpecDamaged
from storage.outbox import OutboxRow, Topic
from storage.tables import Posted, RolloutRow

log = logging.getLogger(__name__)

POLL = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=5)
#: How long the audit channel waits for a card to be posted, so that its line can link to it.
CARD_PATIENCE = timedelta(seconds=10)
#: How long a report's files are offered to a Slack that refuses them (a scope is missing, say).
REPORT_PATIENCE = timedelta(hours=24)
_BURST = 200
#: Seconds between two tries to write down that a message was sent.
_RECORD_AGAIN_S = 0.1
#: What the message is about is gone, damaged or no longer configured.
_UNSENDABLE = (Unrenderable, NotFound, SpecDamaged, RolloutError, SettingsError)


class Delivery:
    """Sends what waits in the outbox. One instance, one thread; it sends only while `leads` says so."""

    def __init__(
        self,
        database: Database,
        client: WebClient,
        settings: Settings,
        time: Time,
        *,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        self._database = database
        self._client = client
        self._settings = settings
        self._time = time
        self._pace = Pace()
        self._led = False
        self._plan = settings.slack.progress != "sections"
        self._links: dict[tuple[str, str], str] = {}
        self._leads = leads
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._aliases: dict[int, str] = {}
        #: Rows that had to wait for Slack's pace, and where they go.
        self._paced: dict[int, Outgoing] = {}

    def soon(self) -> None:
        """Look at the outbox now: somebody clicked and waits to see what it did, or `run` should look up and end."""
        self._wake.set()

    def run(self, stop: threading.Event) -> None:
        """Send until `stop` is set; `soon` has it noticed at once."""
        self._stop = stop
        while True:
            self._wake.clear()
            if stop.is_set():
                return
            now = self._time.now()
            try:
                due = self.run_once(now)
            except (DatabaseUnavailable, Conflict) as error:
                log.warning("the outbox is looked at again in a moment: %s", error)
                due = now + POLL
            except Exception:
                # The rows are still there; the log is the only place left to say it.
                log.exception("the outbox could not be read; trying again")
                due = now + timedelta(seconds=10)
            later = self._time.now() + POLL
            self._time.wait_until(min(due, later) if due is not None and due > now else later, self._wake)

    def run_once(self, now: datetime) -> datetime | None:
        """Send everything that may be sent at `now`; when the next message is due, None when nothing waits."""
        led, self._led = self._led, self._leads()
        if not self._led:
            return None
        if not led:
            with self._database.reading() as tx:
                self._pace = Pace.recalled(outbox.spent(tx, now - UPDATE_WINDOW, now), now)
        for _ in range(_BURST):
            with self._database.reading() as tx:
                due = outbox.next_due(tx, max(now, self._time.now()))
            # The oldest first, looked up anew each time: a lane in which much waits (the audit channel's, in which
            # every pool has its lines) is not served only once for each of the others. Who must wait for Slack's pace
            # is not claimed only to be put back: with many pools in one channel that would be a hundred writes.
            row = next((row for row in due if not self._must_wait(row)), None)
            if row is None:
                break
            if not self._still_leads():
                return None
            rollout_id = row.payload.get("rollout_id")
            with concerning(rollout=rollout_id, pool=self._pool_of(rollout_id)):
                self._deliver(row, self._time.now())
        with self._database.reading() as tx:
            return outbox.next_due_at(tx)

    def _must_wait(self, row: OutboxRow) -> bool:
        """Whether the message is known to go where nothing may go yet."""
        known = self._paced.get(row.id)
        return known is not None and self._allowed_at(known, self._time.now()) > self._time.now()

    def _still_leads(self) -> bool:
        """Whether to go on; who no longer leads recalls the pace of the others when it leads again."""
        self._led = self._leads()
        return self._led

    def _pool_of(self, rollout_id: int | None) -> str:
        """The alias of the rollout's pool, for the log."""
        if rollout_id is not None and rollout_id not in self._aliases:
            with self._database.reading() as tx:
                row = tx.get(RolloutRow, rollout_id)
            self._aliases[rollout_id] = row.pool_alias if row is not None else ""
        return self._aliases[rollout_id] if rollout_id is not None else ""

    def _deliver(self, row: OutboxRow, now: datetime) -> None:
        if row.topic is Topic.AUDIT and self._waits_for_card(row, now):
            self._postpone(row, now + timedelta(seconds=1), "the card is not posted yet")
            return
        if row.topic is Topic.REPORT and self._waits_for_outcome(row):
            self._postpone(row, now + timedelta(seconds=1), "the outcome is not posted yet")
            return
        with self._database.transaction() as tx:
            # Claimed before the state is read: whatever changes later makes a new row instead of being missed.
            attempts = outbox.claim(tx, row.id, now).attempts
        outgoing: Outgoing | None = None
        try:
            link = self._link(row)
            with self._database.reading() as tx:
                outgoing = render(tx, row, self._settings, plan=self._plan, permalink=lambda _: link)
            if (at := self._allowed_at(outgoing, now)) > now:
                self._paced[row.id] = outgoing
                self._postpone(row, at, "paced")
            elif self._still_leads():
                self._paced.pop(row.id, None)
                self._send(row, outgoing, now)
        except Overtaken as error:
            self._drop(row, error, now)
        except _UNSENDABLE as error:
            self._give_up(row, str(error), now)
        except (SlackClientError, OSError) as error:
            self._failed(row, error, attempts, now, outgoing)
        except (DatabaseUnavailable, Conflict):
            raise  # Nothing is wrong with the message.
        except Exception as error:
            # A mistake of ours in one message must not stop everybody else's; its lane waits, loudly.
            log.exception("message %s (%s) could not be made", row.id, row.key)
            self._failed(row, error, attempts, now)

    def _send(self, row: OutboxRow, outgoing: Outgoing, now: datetime) -> None:
        outgoing = outgoing.with_files()
        try:
            where = self._call(outgoing, now)
        except SlackApiError as error:
            if code_of(error) not in BAD_BLOCKS or row.topic is not Topic.PROGRESS or not self._may_fall_back():
                raise
            log.warning("this workspace refuses plan blocks; progress is shown as sections from now on")
            self._plan = False
            with self._database.reading() as tx:
                outgoing = render(tx, row, self._settings, plan=False, permalink=lambda _: "")
            where = self._call(outgoing, now)
        self._record(row, outgoing, where, now)
        if row.topic is Topic.CARD:
            self._settle_attention(row, now)

    def _record(self, row: OutboxRow, outgoing: Outgoing, where: tuple[str, str] | None, now: datetime) -> None:
        """Write down that it was sent. While the database is away, that is all there is to do."""
        while True:
            try:
                with self._database.transaction() as tx:
                    posted_to = outgoing.channel if where is not None or outgoing.files else ""
                    edits = int(outgoing.edits is not None)
                    outbox.mark_sent(tx, row.id, now, channel=posted_to, edits=edits)
                    if outgoing.remember and where is not None:
                        posted.remember(tx, outgoing.remember, *where, now)
                return
            except DatabaseUnavailable as error:
                log.warning("message %s was sent and is not written down yet: %s", row.id, error)
                if self._stop.wait(_RECORD_AGAIN_S):
                    raise

    def _call(self, outgoing: Outgoing, now: datetime) -> tuple[str, str] | None:
        """Send it: where a *new* message is now, None when one was edited."""
        blocks = list(outgoing.message.blocks)
        if outgoing.edits is not None:
            place = outgoing.edits
            self._pace.updated(now)
            try:
                self._client.chat_update(channel=place.channel, ts=place.ts, text=outgoing.message.text, blocks=blocks)
                return None
            except SlackApiError as error:
                if code_of(error) not in GONE:
                    raise
                log.warning("a message of ours is gone from %s; posting it anew", place.channel)
        self._pace.posted(outgoing.channel, now)
        if outgoing.files:
            self._upload(outgoing)
            return None
        answer = self._client.chat_postMessage(
            channel=outgoing.channel,
            text=outgoing.message.text,
            blocks=blocks,
            thread_ts=outgoing.thread or None,
            reply_broadcast=outgoing.broadcast or None,
            unfurl_links=False,
            unfurl_media=False,
        )
        return str(answer["channel"]), str(answer["ts"])

    def _upload(self, outgoing: Outgoing) -> None:
        """Slack's three steps: addresses for the files, their bytes, and one message that shares them."""
        self._client.files_upload_v2(
            channel=outgoing.channel,
            thread_ts=outgoing.thread or None,
            initial_comment=outgoing.message.text,
            file_uploads=[
                {
                    "content": file.content,
                    "filename": file.name,
                    "title": file.title,
                    **({"alt_txt": file.alternative} if file.alternative else {}),
                }
                for file in outgoing.files
            ],
        )

    def _allowed_at(self, outgoing: Outgoing, now: datetime) -> datetime:
        if outgoing.edits is not None:
            return self._pace.next_update(now)
        return self._pace.next_post(outgoing.channel, now)

    def _may_fall_back(self) -> bool:
        return self._plan and self._settings.slack.progress == "auto"

    def _settle_attention(self, row: OutboxRow, now: datetime) -> None:
        """Take the buttons off a call for attention that was dealt with.

        It is a courtesy: clicks on them are refused anyway. When Slack does not take it, the next card does it; where
        our share of edits is used up, a card is drawn once more when there is room again.
        """
        rollout_id = int(row.payload["rollout_id"])
        with self._database.reading() as tx:
            outgoing = settled_attention(tx, rollout_id, self._settings)
        if outgoing is None or outgoing.edits is None:
            return
        with self._database.transaction() as tx:
            if (room_at := self._pace.next_update(now)) > now:
                threads.redraw(tx, rollout_id, room_at)
                return
            outbox.count_edit(tx, row.id)
        try:
            self._pace.updated(now)
            self._client.chat_update(
                channel=outgoing.edits.channel,
                ts=outgoing.edits.ts,
                text=outgoing.message.text,
                blocks=list(outgoing.message.blocks),
            )
        except SlackApiError as error:
            if code_of(error) not in GONE:
                log.warning("a settled call for attention keeps its buttons for now: %s", code_of(error))
                if code_of(error) in RATE_LIMITED:
                    self._pace.hold("", now + timedelta(seconds=retry_after(error)))
                return
        except (SlackClientError, OSError) as error:
            log.warning("a settled call for attention keeps its buttons for now: %s", type(error).__name__)
            return
        with self._database.transaction() as tx:
            posted.forget(tx, attention_key(rollout_id))

    def _failed(
        self, row: OutboxRow, error: Exception, attempts: int, now: datetime, outgoing: Outgoing | None = None
    ) -> None:
        code, channel = code_of(error), ""
        if code in RATE_LIMITED:
            wait = timedelta(seconds=retry_after(error))
            if outgoing is not None:
                # Other messages to the same place would only be refused as well.
                channel = outgoing.channel if outgoing.edits is None else ""
                self._pace.hold(channel, now + wait)
            code = outbox.RATE_LIMITED
        elif code in PERMANENT or (row.topic is Topic.REPORT and self._hopeless(row, error, now)):
            self._give_up(row, code, now)
            return
        else:
            wait = min(timedelta(seconds=2 ** min(attempts, 12)), LONGEST_WAIT)
        log.warning("Slack did not take message %s (%s): %s; again in %s", row.id, row.topic.value, code, wait)
        self._postpone(row, now + wait, code, channel)

    @staticmethod
    def _hopeless(report: OutboxRow, error: Exception, now: datetime) -> bool:
        """Files are no message that anybody waits for: what Slack refuses for long is given up, and told."""
        return code_of(error) in NO_FILES or (is_refusal(error) and now - report.created_at > REPORT_PATIENCE)

    def _drop(self, row: OutboxRow, why: Overtaken, now: datetime) -> None:
        """Be done with a message that was never sent. Nobody misses it, so the audit trail has nothing to say."""
        log.info("message %s (%s) is not sent: %s", row.id, row.key, why)
        with self._database.transaction() as tx:
            outbox.mark_sent(tx, row.id, now)

    def _give_up(self, row: OutboxRow, why: str, now: datetime) -> None:
        log.error("message %s (%s, %s) can never be delivered: %s", row.id, row.topic.value, row.key, why)
        with self._database.transaction() as tx:
            outbox.give_up(tx, row.id, why, now)

    def _postpone(self, row: OutboxRow, until: datetime, why: str, channel: str = "") -> None:
        with self._database.transaction() as tx:
            outbox.postpone(tx, row.id, until, why, channel=channel)

    def _waits_for_card(self, row: OutboxRow, now: datetime) -> bool:
        if now - row.created_at > CARD_PATIENCE:
            return False
        with self._database.reading() as tx:
            event = audit.event(tx, int(row.payload["seq"]))
            rollout_id = None if event is None else event.rollout_id
            return rollout_id is not None and posted.find(tx, threads.card_key(rollout_id)) is None

    def _waits_for_outcome(self, row: OutboxRow) -> bool:
        """Files come after everything that the thread says in words."""
        with self._database.reading() as tx:
            return not outbox.empty(tx, outbox.rollout_lane(int(row.payload["rollout_id"])))

    def _link(self, row: OutboxRow) -> str:
        """Where the card stands that an audit line is about. Slack is asked before the line is made, because others
        wait while this process reads its database."""
        if row.topic is not Topic.AUDIT:
            return ""
        with self._database.reading() as tx:
            event = audit.event(tx, int(row.payload["seq"]))
            number = event.rollout_id if event is not None else None
            card = posted.find(tx, threads.card_key(number)) if number is not None else None
        return self._permalink(card) if card is not None else ""

    def _permalink(self, place: Posted) -> str:
        key = (place.channel, place.ts)
        if key not in self._links:
            try:
                answer = self._client.chat_getPermalink(channel=place.channel, message_ts=place.ts)
            except SlackApiError as error:
                if code_of(error) in RATE_LIMITED:
                    raise
                return ""  # The card was deleted: the line is as true without a link.
            self._links[key] = str(answer["permalink"])
        return self._links[key]
