"""A whole installation that Slack calls over HTTP, with a simulated pool."""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from pydantic import SecretStr

from bot.app import Service
from bot.cli.stage import stage_settings
from bot.lab.pool import LabPool
from bot.lab.slack import LabSlack
from bot.lab.time import ScaledTime
from bot.settings import Settings
from bot.settings.sections import WebSettings
from storage.database import Database

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


class Mailbox(ThreadingHTTPServer):
    """Where private answers go: what Slack gives as `response_url`."""

    daemon_threads = True

    def __init__(self) -> None:
        self.letters: list[str] = []
        self.arrived = threading.Condition()
        super().__init__(("127.0.0.1", 0), _Letters)

    def wait(self) -> str:
        with self.arrived:
            assert self.arrived.wait_for(lambda: bool(self.letters), timeout=10), "no answer came"
            return self.letters.pop(0)


class _Letters(BaseHTTPRequestHandler):
    server: Mailbox

    def do_POST(self) -> None:
        letter = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.send_response(200)
        self.end_headers()
        with self.server.arrived:
            self.server.letters.append(letter)
            self.server.arrived.notify_all()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@dataclass
class House:
    """One installation, and Slack's side of the wire."""

    service: Service
    slack: LabSlack
    pool: LabPool
    mailbox: Mailbox
    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=10))

    @property
    def url(self) -> str:
        assert self.service.web is not None
        return f"http://127.0.0.1:{self.service.web.port}"

    def get(self, path: str) -> httpx.Response:
        return self.client.get(self.url + path)

    def command(self, text: str, *, secret: str = SECRET, at: float | None = None) -> httpx.Response:
        """`/xs text`, typed by dave, as Slack sends and signs it."""
        fields = {
            "command": "/xs",
            "text": text,
            "user_id": "U0DAVE",
            "user_name": "dave",
            "team_id": "T0LAB",
            "channel_id": "C0UPDATES",
            "trigger_id": "1.2.3",
            "response_url": f"http://127.0.0.1:{self.mailbox.server_port}/",
        }
        body = urlencode(fields)
        stamp = str(int(at if at is not None else time.time()))
        signature = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={signature}",
        }
        return self.client.post(f"{self.url}/slack/events", content=body, headers=headers)


def over_http(settings: Settings) -> Settings:
    """The same installation, called by Slack instead of calling it."""
    slack = settings.slack.model_copy(
        update={"mode": "http", "signing_secret": SecretStr(SECRET), "app_token": SecretStr("")}
    )
    return settings.model_copy(update={"slack": slack, "web": WebSettings(port=0)})


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    directory: Path = tmp_path_factory.mktemp("house")
    clock = ScaledTime(400)
    mailbox = Mailbox()
    reader = threading.Thread(target=mailbox.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    reader.start()
    slack, pool = LabSlack.start(), LabPool.start(scenario="small", time=clock)
    settings = over_http(stage_settings(pool, slack, directory))
    database = Database.open(settings.database_url)
    database.upgrade()
    database.close()
    service = Service(settings, time=clock, beat_s=0.5)
    with service:
        house = House(service, slack, pool, mailbox)
        yield house
        house.client.close()
    pool.stop()
    slack.stop()
    mailbox.shutdown()
    reader.join()
    mailbox.server_close()
