"""The process of two local Slack workspaces: one for the bot, one for a bare app, and people who type commands."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bot.lab.slack import LabSlack
from tests.bench.child import serve

#: What people type; all of them look, none of them changes anything.
COMMANDS = ("/xs status", "/xs pools", "/xs help", "/xs history", "/xs updates pool-001")
PEOPLE = ("alice", "bob", "carol", "dave", "erin")


class Town:
    """The workspaces of this process, by name."""

    def __init__(self) -> None:
        self.slacks: dict[str, LabSlack] = {}
        self._people = ThreadPoolExecutor(64)

    def open(self, name: str) -> dict[str, str]:
        """Open a workspace; how an app reaches it."""
        slack = self.slacks[name] = LabSlack.start()
        return {"bot_token": slack.bot_token, "app_token": slack.app_token, "base_url": slack.api_url}

    def wait_connected(self, name: str) -> None:
        """Wait until the workspace's app is there."""
        self.slacks[name].wait_connected(timeout=30)

    def type(self, name: str, per_second: float, seconds: float) -> dict[str, Any]:
        """Commands at a steady pace; the milliseconds to each acknowledgement, and how many had none in time."""
        slack = self.slacks[name]
        gap, began = 1.0 / per_second, time.monotonic()
        waiting = []
        for number in range(round(per_second * seconds)):
            time.sleep(max(0.0, began + number * gap - time.monotonic()))
            text, person = COMMANDS[number % len(COMMANDS)], PEOPLE[number % len(PEOPLE)]
            waiting.append(self._people.submit(slack.say, text, as_=person))
        answers = [future.result() for future in waiting]
        return {
            "ms": [answer.ack_ms for answer in answers if answer.ack_ms is not None],
            "missed": sum(answer.ack_ms is None for answer in answers),
        }


if __name__ == "__main__":
    town = Town()
    serve({"open": town.open, "wait_connected": town.wait_connected, "type": town.type})
