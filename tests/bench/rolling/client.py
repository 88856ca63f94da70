"""A plain client of a simulated pool through the official XenAPI module, and the ways in which the peers wait.

Peers poll. Here a poller is told by XAPI's events when there is something to see, and then waits for its next look:
it learns of everything exactly when its polling would have shown it, and the lab is spared the looks between.
"""

from __future__ import annotations

import json
import math
import re
import ssl
import urllib.request
import xmlrpc.client
from collections.abc import Callable
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any

import XenAPI

from bot.lab.pool import LabPool
from bot.lab.time import SteppedTime

#: What a client sees while a toolstack is away.
_AWAY = (OSError, HTTPException, xmlrpc.client.ProtocolError)
#: What XAPI answers while a host is on its way back; who asks again gets it later.
COMING_BACK = ("HOST_STILL_BOOTING", "CANNOT_CONTACT_HOST", "HOST_OFFLINE")
#: Nobody waits longer than this for a host, in seconds; where a peer would wait for ever it is said that it does.
PATIENCE = 2 * 3600.0

Record = dict[str, Any]


class Gone(Exception):
    """The coordinator broke the connection, or does not answer."""


class Refused(Exception):
    """XAPI said no."""

    def __init__(self, details: list[str]) -> None:
        # References mean nothing to a reader, and XAPI repeats itself for every VM.
        words = re.split(r"[ |]", re.sub(r",?OpaqueRef:[0-9a-f-]+", "", " ".join(details)))
        super().__init__(" ".join(dict.fromkeys(filter(None, words))))
        self.code = details[0]


class Stopped(Exception):
    """The tool ends here and leaves the rest to people."""


class Client:
    """One administrator's session, which survives the coordinator's restarts."""

    def __init__(self, pool: LabPool, time: SteppedTime) -> None:
        self._pool = pool
        self._time = time
        self._began = time.now()
        self._session = XenAPI.Session(pool.coordinator_url, ignore_ssl=True)
        self._handle = ""
        self._token = ""
        self._login()

    def close(self) -> None:
        """Close the connection."""
        self._session("close")()

    def now(self) -> datetime:
        """The simulated moment."""
        return self._time.now()

    # -- calls -----------------------------------------------------------------------------------------------

    def __call__(self, method: str, *params: Any) -> Any:
        """One call; it blocks until XAPI answers. Raises `Refused`, or `Gone` when the connection breaks."""
        try:
            answer = getattr(self._session, method)(self._handle, *params)
        except _AWAY as error:
            self.close()
            raise Gone(str(error)) from error
        if answer["Status"] == "Success":
            return answer["Value"]
        raise Refused([str(detail) for detail in answer["ErrorDescription"]])

    def updates(self) -> Record:
        """The document of ``GET /updates``."""
        url = f"{self._pool.coordinator_url}/updates?session_id={self._handle}"
        context = ssl.create_default_context(cafile=str(self._pool.ca_file))
        with urllib.request.urlopen(url, context=context) as answer:
            document: Record = json.load(answer)
        return document

    def guidance(self) -> dict[str, frozenset[str]]:
        """Host → its recommended guidance, as ``GET /updates`` has it; hosts with nothing to install are missing."""
        return {
            host["ref"]: frozenset(host["guidance"]["mandatory"]) | frozenset(host["guidance"]["recommended"])
            for host in self.updates()["hosts"]
            if host["updates"]
        }

    def checksum(self) -> str:
        """The hash of the update repository."""
        return next(str(entry["hash"]) for entry in self("Repository.get_all_records").values() if entry["update"])

    def hosts(self) -> list[str]:
        """The hosts, coordinator first, then by name."""
        coordinator = self("pool.get_all_records").popitem()[1]["master"]
        records = self("host.get_all_records")
        return sorted(records, key=lambda ref: (ref != coordinator, records[ref]["name_label"]))

    def running(self) -> dict[str, list[str]]:
        """Host → the VMs that run on it."""
        found: dict[str, list[str]] = {}
        for ref, vm in self("VM.get_all_records").items():
            if vm["power_state"] == "Running" and not vm["is_control_domain"]:
                found.setdefault(vm["resident_on"], []).append(ref)
        return found

    # -- waiting ---------------------------------------------------------------------------------------------

    def pause(self, seconds: float) -> None:
        """Do nothing for a while."""
        self._time.wait_until(self.now() + timedelta(seconds=seconds))

    def next_look(self, every: float) -> None:
        """Wait for the next of the moments at which somebody looks who looks every so many seconds."""
        passed = (self.now() - self._began).total_seconds()
        self._time.wait_until(self._began + timedelta(seconds=math.ceil(passed / every) * every))

    def changed(self, *things: str) -> list[Record]:
        """Wait until something of these (`class`, or `class/ref`) is not what it was at the last such wait."""
        try:
            batch = self("event.from", list(things), self._token, 600.0)
        except Refused as refusal:
            if refusal.code != "SESSION_INVALID":
                raise
            raise Gone(refusal.code) from refusal
        self._token = batch["token"]
        events: list[Record] = batch["events"]
        return events

    def host_until(self, host: str, ready: Callable[[Record], bool], every: float) -> None:
        """Look at a host every so many seconds until it is ready.

        Raises `Stopped` after `PATIENCE`, and `Gone` if the coordinator goes.
        """
        until = self.now() + timedelta(seconds=PATIENCE)
        while not ready(self("host.get_record", host)):
            if self.now() > until:
                raise Stopped(f"{self('host.get_name_label', host)} does not come back")
            self.changed(f"host/{host}")
        self.next_look(every)

    def done(self, method: str, *params: Any, every: float) -> Any:
        """Run something to its end, which is noticed by a look every so many seconds."""
        try:
            return self(method, *params)
        finally:
            self.next_look(every)

    def many(self, limit: int, wanted: list[Callable[[], str]]) -> list[Refused]:
        """Start tasks, at most `limit` at a time, the next as soon as one ends; what was refused."""
        waiting, running, refused = list(wanted), set[str](), list[Refused]()
        while waiting or running:
            while waiting and len(running) < limit:
                try:
                    running.add(waiting.pop(0)())
                except Refused as refusal:
                    refused.append(refusal)
            for event in self.changed("task") if running else ():
                if event["ref"] not in running or event["snapshot"]["status"] == "pending":
                    continue
                running.discard(event["ref"])
                if event["snapshot"]["status"] != "success":
                    refused.append(Refused(event["snapshot"]["error_info"]))
                self("task.destroy", event["ref"])
        return refused

    # -- restarts --------------------------------------------------------------------------------------------

    def restart(self, host: str, call: str, ready: Callable[[Record], bool], *, every: float, knock: float) -> None:
        """Restart a host (or its toolstack) and look every so many seconds until it is ready; where the coordinator
        goes with it, knock every so many seconds until it answers, and wait for its members.
        """
        self(call, host)
        try:
            self.host_until(host, ready, every)
            return
        except Gone:
            self.found_again(knock)
        self.host_until(host, ready, every)
        self._members_back()

    def newer(self, host: str, stamp: str) -> Callable[[Record], bool]:
        """Whether that time stamp of the host is another one than now."""
        before = self("host.get_other_config", host)[stamp]

        def changed(record: Record) -> bool:
            return bool(record["other_config"][stamp] != before)

        return changed

    def enable(self, host: str, *, again: float) -> None:
        """Enable a host, trying every so many seconds while it is still on its way back, sixty times at most."""
        for _ in range(60):
            try:
                self("host.enable", host)
                return
            except Refused as refusal:
                if refusal.code not in COMING_BACK:
                    raise
                self.pause(again)
        raise Stopped("the host cannot be enabled")

    def found_again(self, knock: float) -> None:
        """Knock at the coordinator until it lets us in. Raises `Stopped` after `PATIENCE`."""
        until = self.now() + timedelta(seconds=PATIENCE)
        while self.now() < until:
            self.pause(knock)
            try:
                self._login()
            except (Gone, Refused):
                continue
            return
        raise Stopped("the coordinator does not come back")

    def _login(self) -> None:
        try:
            self._session.xenapi.login_with_password("root", self._pool.password, "1.1", "bench")
        except XenAPI.Failure as failure:
            self.close()
            raise Refused(failure.details) from failure
        except _AWAY as error:
            self.close()
            raise Gone(str(error)) from error
        self._handle = self._session.handle
        self._token = ""

    def _members_back(self) -> None:
        """Wait until every member has found its restarted coordinator.

        A concession: none of the peers does this, and each would stop with CANNOT_CONTACT_HOST at its next call that
        a member has to carry out. Whoever runs them waits, or presses Retry.
        """
        waiting = set(self.hosts())
        while waiting:
            for host in sorted(waiting):
                try:
                    self("host.enable", host)
                except Refused as refusal:
                    if refusal.code not in COMING_BACK:
                        raise
                    continue
                waiting.discard(host)
            if waiting:
                self.pause(5)
