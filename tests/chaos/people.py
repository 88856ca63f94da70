"""Who works with the bot in a run: two people ask, two approve, and one of those answers when it needs attention.

They see what stands in Slack and act through it. What does not work is tried again later, as people do: a command may
fall into the moment in which nobody listens.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from random import Random

from bot.lab.slack import Message, Modal
from bot.lab.slack.conversation import names_of
from bot.lab.slack.refusal import LabError
from bot.messages.modal import BLOCKED
from bot.rollout.lifecycle import State
from storage import approvals, posted, threads
from storage.database import Database
from storage.errors import StorageError
from tests.chaos.site import Site
from tests.chaos.standing import Known, known

#: A pool that refuses so often refuses for good.
_REQUESTS = 60
#: The buttons that end a rollout.
_ENDS = ("Abort…", "Give up…")
#: Seconds that people try to approve a change of what was approved, before they decide otherwise.
_AMENDING_S = 20.0
#: After so many calls for attention of one rollout people give up on it.
_PATIENCE = 6


def _blocking(form: Modal) -> str:
    """What the form says keeps the rollout from starting."""
    shown = [block["text"]["text"] for block in form.blocks if block.get("block_id") == BLOCKED]
    return " ".join(" ".join(shown).split())


class People:
    """Three threads: one for each who asks, one for those who decide."""

    def __init__(self, site: Site, database: Database, seed: int, rounds: int) -> None:
        self.site, self.slack, self.database = site, site.slack, database
        self.seed, self.rounds = seed, rounds
        #: No new rollouts are asked for; what needs attention is mended first.
        self.peace = threading.Event()
        self.asked: Counter[int] = Counter()
        self.answers: Counter[str] = Counter()
        self.errors: list[BaseException] = []
        self.refused: dict[str, str] = {}
        self._answered: Counter[int] = Counter()
        self._tries: Counter[str] = Counter()
        self._waiting: dict[int, float] = {}
        self._stop = threading.Event()
        aliases = list(site.pools)
        self._threads = [
            threading.Thread(target=self._work, args=(step,), name=name, daemon=True)
            for name, step in (
                ("alice", lambda: self._requests("alice", aliases[::2])),
                ("erin", lambda: self._requests("erin", aliases[1::2])),
                ("deciders", self._decide),
            )
        ]

    def start(self) -> None:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Go home."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _work(self, step: Callable[[], None]) -> None:
        while not self._stop.is_set():
            try:
                step()
            except (LabError, StorageError):
                pass  # The bot or its database is away: what did not work is tried again.
            except BaseException as error:
                self.errors.append(error)
                raise
            self._stop.wait(0.2)

    # ------------------------------------------------------------------ asking

    def missing(self) -> set[str]:
        """The pools for which no rollout was asked yet, and which did not refuse every request."""
        asked = {rollout.alias for rollout in known(self.database)}
        return set(self.site.pools) - asked - set(self.refused)

    def _requests(self, person: str, aliases: list[str]) -> None:
        for alias in aliases:
            if self._stop.is_set() or not self._wanted(alias):
                continue
            why = self._request(person, alias)
            if "/xs sync" in why:
                # As they are told: XAPI does not know what a host needs that was away at the last sync.
                self.slack.say(f"/xs sync {alias}", as_="erin")
            self._tries[alias] += bool(why)
            if self._tries[alias] >= _REQUESTS:
                self.refused[alias] = why

    def _wanted(self, alias: str) -> bool:
        """Whether the pool should be asked for now."""
        mine = [rollout for rollout in known(self.database) if rollout.alias == alias]
        if alias in self.refused or any(rollout.open for rollout in mine):
            return False
        if not mine:
            return True
        if self.peace.is_set() or len(mine) >= self.rounds:
            return False
        if mine[0].state is not State.SUCCEEDED and not self.site.pools[alias].verdict().hosts_behind:
            # It was ended by people when every host was done: there is nothing to ask for.
            return False
        if mine[0].state is State.SUCCEEDED:
            # The vendor publishes more, and somebody syncs.
            self.site.pools[alias].fault("foreign_sync")
            time.sleep(self.site.sim(1.0))
        return True

    def _request(self, person: str, alias: str) -> str:
        """Fill in and send the form; what the bot said against it, "" when it took it or nobody answered."""
        self._close(person)
        if not self._wait(lambda: self.slack.sockets.connections, 30):
            return ""
        answer = self.slack.say(f"/xs update {alias}", as_=person)
        if answer.error:
            # Nobody listened just then.
            return ""
        if not self._wait(lambda: self._form(person), 8):
            return self._text(person)
        if self.site.kinds[alias] == "pinned":
            before = self._text(person)
            self.slack.select("stopped_vms", "suspend", as_=person)
            self._wait(lambda: self._form(person) and self._text(person) != before, 8)
        form = self._form(person)
        if form is None:
            return ""
        form.fill("reason", f"The monthly updates of {alias}")
        refused = form.submit().errors
        if refused:
            return " ".join([*dict.fromkeys(refused.values()), _blocking(form)])
        self._wait(lambda: self._has_open(alias), 8)
        told = self._text(person)
        self._close(person)
        return "" if self._has_open(alias) else told

    def _has_open(self, alias: str) -> bool:
        return any(rollout.alias == alias and rollout.open for rollout in known(self.database))

    def _form(self, person: str) -> Modal | None:
        modal = self.slack.modal(as_=person, wait=0)
        ready = modal is not None and any(block.get("block_id") == "reason" for block in modal.blocks)
        return modal if ready else None

    def _text(self, person: str) -> str:
        modal = self.slack.modal(as_=person, wait=0)
        return modal.text if modal is not None else ""

    def _close(self, person: str) -> None:
        while (modal := self.slack.modal(as_=person, wait=0)) is not None:
            self.slack.workspace.close_view(modal.view)

    def _wait(self, there: Callable[[], object], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not self._stop.is_set():
            if there():
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return False

    # ------------------------------------------------------------------ deciding

    def _decide(self) -> None:
        for rollout in known(self.database):
            if self._stop.is_set():
                return
            if rollout.state is State.AWAITING_APPROVAL:
                self._approve(rollout)
            elif rollout.state is State.NEEDS_ATTENTION:
                self._answer(rollout)
            else:
                self._waiting.pop(rollout.id, None)

    def _approve(self, rollout: Known) -> None:
        card = self._card(rollout.id)
        if card is None or "Approve" not in card.buttons:
            return
        with self.database.reading() as tx:
            done = {one.user for one in approvals.of(tx, rollout.id) if not one.revoked}
        for name in ("bob", "carol"):
            if f"U0{name.upper()}" not in done:
                self.slack.click("Approve", as_=name, message=card)

    def _card(self, rollout_id: int) -> Message | None:
        with self.database.reading() as tx:
            place = posted.find(tx, threads.card_key(rollout_id))
        post = self.slack.workspace.find(place.channel, place.ts) if place is not None else None
        return Message(post, names_of(self.slack.workspace)) if post is not None else None

    def _answer(self, row: Known) -> None:
        """Think for a moment, mend perhaps, and press a button of the call for attention."""
        now = time.monotonic()
        if row.id not in self._waiting:
            self.asked[row.id] += 1
            self._waiting[row.id] = now
        card = self._card(row.id)
        if card is None or now - self._waiting[row.id] < 0.3:
            return
        thread = self.slack.thread(card)
        asking = [
            message for message in thread if any(block.get("block_id") == "attention" for block in message.blocks)
        ]
        changes = [message for message in thread if "Withdraw" in message.buttons]
        if changes and now - self._waiting[row.id] < _AMENDING_S:
            for name in ("bob", "carol"):
                self.slack.click("Approve", as_=name, message=changes[-1])
            self._wait(lambda: self._state(row.id) is not State.NEEDS_ATTENTION, 3)
            return
        if not asking:
            # The call for attention has not come yet.
            return
        self._answered[row.id] += 1
        count = self._answered[row.id]
        chance = Random(f"{self.seed} {row.id} {count}")
        if self.peace.is_set() or count > 2 or chance.random() < 0.7:
            self.site.mend(row.alias)
        self._press(row, asking[-1], self._choice(chance.random(), count, asking[-1]))
        self._wait(lambda: self._state(row.id) is not State.NEEDS_ATTENTION, 3)

    def _choice(self, drawn: float, count: int, message: Message) -> str:
        buttons = message.buttons
        end = next(label for label in buttons if label in _ENDS)
        skip = next((label for label in buttons if label.startswith("Skip ")), end)
        change = next((label for label in buttons if label.endswith("…") and label not in _ENDS), "")
        if count > _PATIENCE:
            return end
        if change and drawn < 0.6:
            return change
        if "Retry" in buttons and (self.peace.is_set() or drawn < 0.7):
            return "Retry"
        return skip if drawn < 0.85 else end

    def _press(self, row: Known, message: Message, button: str) -> None:
        known_words = ("Retry", "Skip", "Abort", "Give")
        self.answers[next((word for word in known_words if button.startswith(word)), "Amend")] += 1
        self._close("bob")
        # Who proposes a change does not count among those who approve it.
        self.slack.click(
            button, as_="alice" if button.endswith("…") and button not in _ENDS else "bob", message=message
        )
        if button in _ENDS:
            self._wait(lambda: self._submittable("bob"), 5)
            modal = self.slack.modal(as_="bob", wait=0)
            if modal is not None and modal.submit_text:
                modal.submit()
            self._wait(lambda: self._state(row.id) is not State.NEEDS_ATTENTION, 3)
            self._close("bob")

    def _submittable(self, person: str) -> bool:
        modal = self.slack.modal(as_=person, wait=0)
        return modal is not None and bool(modal.submit_text)

    def _state(self, rollout_id: int) -> State:
        return next(rollout.state for rollout in known(self.database) if rollout.id == rollout_id)

    # ------------------------------------------------------------------ how far it is

    def unfinished(self) -> list[Known]:
        """The rollouts that are not over."""
        return [rollout for rollout in known(self.database) if not rollout.over]
