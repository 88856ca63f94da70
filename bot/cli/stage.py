"""The rehearsal stage: a simulated pool, a local Slack workspace, and the unchanged bot between them.

Nothing of the environment is read: no configuration file, no DATABASE_URL, no credentials, no proxy. The database is
a temporary file, everything listens on loopback addresses only.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import Receive, Scope, Send

from bot.app import Service
from bot.lab.pool import LabPool
from bot.lab.scenario import scenario_names, scenario_titles
from bot.lab.slack import LabSlack
from bot.lab.time import ScaledTime
from bot.settings import Settings
from commands import VERBS
from storage.database import Database

#: What the configuration of the stage calls its pool.
ALIAS = "lab"

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


def stage_settings(pool: LabPool, slack: LabSlack, directory: Path, language: str = "en") -> Settings:
    """The configuration that points the bot at a simulated pool and a local workspace, with its language."""
    return Settings.model_validate(
        {
            "installation": "rehearsal",
            "database_url": f"sqlite:///{directory / 'xsbot.sqlite'}",
            "slack": {
                "bot_token": slack.bot_token,
                "app_token": slack.app_token,
                "audit_channel": "C0AUDIT",
                "base_url": slack.api_url,
                "language": language,
            },
            "roles": {
                "requester": ["S0REQUESTERS"],
                "approver": ["S0APPROVERS"],
                "admin": ["S0ADMINS"],
            },
            "approval": {"required": 2},
            "poll": {"every_s": 300},
            "pools": {
                ALIAS: {
                    "urls": [host.url for host in pool.hosts],
                    "username": pool.username,
                    "password": pool.password,
                    "fingerprints": {host.uuid: host.fingerprint for host in pool.hosts},
                    "channel": "C0UPDATES",
                    "mode": "act",
                    # The pool's clock runs fast: a pool that is being set is held by it for three times this.
                    "timeout_s": 300,
                }
            },
        }
    )


def _as_they_are(settings: Settings) -> Settings:
    return settings


class Stage:
    """Lab and bot together. `change_scenario` swaps the pool and begins anew with an empty workspace.

    Simulated time begins at `begins` (left out: now); `configured` makes the settings of a stage that needs others.
    """

    def __init__(
        self,
        scenario: str,
        speed: float,
        port: int,
        extra_routes: Sequence[BaseRoute] = (),
        language: str = "en",
        *,
        begins: datetime | None = None,
        configured: Callable[[Settings], Settings] = _as_they_are,
    ) -> None:
        for name in _PROXIES:
            os.environ.pop(name, None)
        self.speed = speed
        self.scenario = scenario
        self.language = language
        self._begins = begins
        self._configured = configured
        self._lock = threading.Lock()
        self._extra = extra_routes
        hints = [(verb.usage.replace("<pool>", ALIAS), verb.does) for verb in VERBS]
        self.slack = LabSlack.start(port=port, extra_routes=[*self._routes(), *extra_routes], hints=hints)
        try:
            self._raise_curtain()
        except BaseException:
            self.slack.stop()
            raise

    def _raise_curtain(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="xsbot-rehearsal-")
        self.time = ScaledTime(self.speed, self._begins)
        self.pool = LabPool.start(scenario=self.scenario, time=self.time)
        usual = stage_settings(self.pool, self.slack, Path(self._directory.name), self.language)
        self.settings = self._configured(usual)
        if self.language != "en":
            # People who talk in a channel of that language have it in their own Slack.
            self.slack.set_locale(self.language.replace("_", "-"))
        database = Database.open(self.settings.database_url)
        database.upgrade()
        database.close()
        self.service = Service(self.settings, time=self.time, beat_s=0.5)
        self.service.start()
        # The client opens its socket up to half a second after it was told to; a command before that reaches nobody.
        self.slack.wait_connected(timeout=30)

    def _lower_curtain(self) -> None:
        self.service.stop()
        self.pool.stop()
        self._directory.cleanup()

    def change_scenario(self, scenario: str) -> None:
        """Begin anew with another pool (or the same one, fresh)."""
        with self._lock:
            self._lower_curtain()
            self.slack.reset()
            self.scenario = scenario
            self._raise_curtain()

    def stop(self) -> None:
        """End everything and leave nothing behind."""
        with self._lock:
            self._lower_curtain()
            self.slack.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _routes(self) -> list[BaseRoute]:
        return [
            Route("/control/demo", self._programme, methods=["GET"]),
            Route("/control/demo", self._change, methods=["POST"]),
            Mount("/control/pool", app=self._pool_control),
        ]

    async def _pool_control(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The control API of whichever pool is on stage."""
        await Router(self.pool.control_routes())(scope, receive, send)

    async def _programme(self, _request: Request) -> Response:
        titles = scenario_titles()
        scenarios = [{"name": name, "title": titles[name]} for name in scenario_names()]
        return JSONResponse({"scenarios": scenarios, "current": self.scenario, "speed": self.speed})

    async def _change(self, request: Request) -> Response:
        body: Any = await request.json()
        wanted = body.get("scenario") if isinstance(body, dict) else None
        if wanted not in scenario_names():
            return JSONResponse({"error": f"There is no scenario {wanted!r}."}, status_code=400)
        await run_in_threadpool(self.change_scenario, str(wanted))
        return JSONResponse({"current": self.scenario})
