"""A plain client of a simulated pool, on the official XenAPI module, that lets simulated time pass while it waits."""

from __future__ import annotations

import base64
import json
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.client import HTTPException
from typing import Any

import pytest
import XenAPI

from bot.lab.pool import LabPool
from bot.lab.time import SteppedTime

#: What a client sees while a toolstack is away.
AWAY = (OSError, HTTPException)
_TRANSIENT = {"HOST_STILL_BOOTING", "SESSION_INVALID", "CANNOT_CONTACT_HOST", "HOST_OFFLINE"}


class Client:
    """One logged-in session against a pool."""

    def __init__(self, pool: LabPool, clock: SteppedTime, user: str = "", url: str = "") -> None:
        self.pool = pool
        self.clock = clock
        self.user = user or pool.username
        self.session = XenAPI.Session(url or pool.coordinator_url, ignore_ssl=True)
        self.ref = ""

    def login(self) -> Client:
        """Log in (again)."""
        self.session.xenapi.login_with_password(self.user, self.pool.password, "1.1", "tests")
        self.ref = self.session.handle
        return self

    def close(self) -> None:
        """Close the connection."""
        self.session("close")()

    def __call__(self, method: str, *params: Any) -> Any:
        """One call, without the module's silent new login."""
        answer = getattr(self.session, method)(self.ref, *params)
        if answer["Status"] == "Success":
            return answer["Value"]
        raise XenAPI.Failure(answer["ErrorDescription"])

    def host(self, name: str) -> str:
        """A host's ref."""
        return self.pool.host(name).ref

    def vm(self, name: str) -> str:
        """A VM's ref."""
        return self.pool.vm(name).ref

    def pool_ref(self) -> str:
        """The pool's ref."""
        return str(self("pool.get_all")[0])

    def checksum(self) -> str:
        """The hash of the update repository."""
        return next(str(r["hash"]) for r in self("Repository.get_all_records").values() if r["update"])

    def passes(self, seconds: float) -> None:
        """Let simulated time pass."""
        self.clock.wait_until(self.clock.now() + timedelta(seconds=seconds))

    def finish(self, task: str) -> dict[str, Any]:
        """Wait for a task and answer its record."""
        while True:
            record: dict[str, Any] = self("task.get_record", task)
            if record["status"] != "pending":
                return record
            self.passes(2)

    def do(self, method: str, *params: Any) -> dict[str, Any]:
        """Run a message asynchronously and expect success."""
        record = self.finish(self(f"Async.{method}", *params))
        assert record["status"] == "success", record["error_info"]
        return record

    def fails(self, method: str, *params: Any) -> list[str]:
        """Run a message asynchronously and expect failure; answers the error vector."""
        record = self.finish(self(f"Async.{method}", *params))
        assert record["status"] == "failure", record
        return list(record["error_info"])

    def until_enabled(self, *names: str) -> None:
        """Wait until the hosts answer and are enabled, logging in again as often as needed."""
        for _ in range(1000):
            try:
                if not self.ref:
                    self.login()
                if all(self("host.get_enabled", self.host(name)) for name in names) and all(
                    self.pool.host(name).state == "up" for name in names
                ):
                    return
            except XenAPI.Failure as failure:
                if failure.details[0] not in _TRANSIENT:
                    raise
                if failure.details[0] == "SESSION_INVALID":
                    self.ref = ""
            except AWAY:
                self.close()
            self.passes(5)
        raise AssertionError(f"{names} did not come back")

    def get(self, path: str, user: str = "", password: str = "", host: int = 0) -> tuple[int, bytes]:
        """GET over HTTPS; with a user through HTTP Basic."""
        request = urllib.request.Request(self.pool.hosts[host].url + path)
        if user:
            token = base64.b64encode(f"{user}:{password or self.pool.password}".encode()).decode()
            request.add_header("Authorization", f"Basic {token}")
        context = ssl.create_default_context(cafile=str(self.pool.ca_file))
        try:
            with urllib.request.urlopen(request, context=context) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def updates(self) -> dict[str, Any]:
        """The document of GET /updates."""
        status, body = self.get(f"/updates?session_id={self.ref}")
        assert status == 200, body
        document: dict[str, Any] = json.loads(body)
        return document

    def guidance(self, name: str) -> dict[str, list[str]]:
        """One host's guidance in GET /updates."""
        return next(h["guidance"] for h in self.updates()["hosts"] if h["ref"] == self.host(name))

    def update_host(self, name: str, evacuate: bool = True) -> None:
        """disable, evacuate, apply."""
        self("host.disable", self.host(name))
        if evacuate:
            self.do("host.evacuate", self.host(name))
        self.do("host.apply_updates", self.host(name), self.checksum())


@contextmanager
def refused(code: str, *params: str) -> Iterator[None]:
    """Expect a refusal with this code (and these first parameters)."""
    with pytest.raises(XenAPI.Failure) as caught:
        yield
    assert caught.value.details[: 1 + len(params)] == [code, *params]


def text_of(result: str) -> str:
    """The text inside a task's `<value>…</value>`."""
    return re.sub(r"^<value>(.*)</value>$", r"\1", result)
