"""Slack's side of HTTP mode: each click and command is signed and posted to one of several addresses in turn."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import httpx

from bot.lab.slack import LabSlack
from bot.lab.slack.socket_mode import Delivery

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


class SignedRequests:
    """Takes the place of the workspace's sockets; the load balancer before several `web` processes."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._turns = itertools.cycle(urls)
        self._lock = threading.Lock()
        self._client = httpx.Client(trust_env=False, timeout=10, limits=httpx.Limits(max_connections=100))
        self.delivered: list[str] = []

    def deliver(self, kind: str, payload: dict[str, Any], *, accepts_payload: bool = True) -> Delivery:
        """Post it, and wait for the acknowledgement."""
        body = urlencode(payload if kind == "slash_commands" else {"payload": json.dumps(payload)})
        stamp = str(int(time.time()))
        signature = hmac.new(SECRET.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={signature}",
        }
        with self._lock:
            url = next(self._turns)
        began = time.monotonic()
        answer = self._client.post(f"{url}/slack/events", content=body, headers=headers)
        with self._lock:
            self.delivered.append(url)
        if answer.status_code != 200:
            return Delivery(None, None, "dispatch_failed")
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return Delivery(1000 * (time.monotonic() - began), answer.json() if is_json else None)

    def close(self) -> None:
        """Close every connection."""
        self._client.close()


def over_http(slack: LabSlack, urls: Sequence[str]) -> SignedRequests:
    """Have the workspace call these addresses instead of its sockets."""
    requests = SignedRequests(urls)
    slack.interactions._sockets = requests  # type: ignore[assignment]
    return requests
