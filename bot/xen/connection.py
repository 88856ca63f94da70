"""The way to one pool: login, the coordinator found and found again, and what may be sent twice.

Looking (`read`) survives a restart of the coordinator: it logs in again, wherever the coordinator is now, and asks
once more. Effects (`effect`) are sent at most once; when the way breaks, a transient error says so and the caller
looks what happened. Safe for use by many threads: they share one XAPI session (XAPI limits their number), and each
call has a connection of its own.
"""

from __future__ import annotations

import http.client
import logging
import threading
import time as real
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import XenAPI

from bot.time import Time
from bot.xen.address import Endpoint, PoolAddress
from bot.xen.errors import (
    TIMEOUT,
    LoginRefused,
    NotCoordinator,
    RoleMissing,
    SessionLost,
    TlsRefused,
    Unreachable,
    XenError,
    translate,
    unreachable,
)
from bot.xen.transport import USER_AGENT, HttpsConnection, Session, reach
from bot.xen.trust import Trust

_log = logging.getLogger(__name__)

#: A refused login is not tried again for so long: repeated ones lock accounts of a directory.
_LOGIN_PAUSE = timedelta(seconds=60)
#: No further host is asked for the coordinator once a search has taken this long (real seconds).
_SEARCH_S = 45.0
_CLOSED = "XSBOT_CLOSED"
#: What a host says that has lost its coordinator, or that is kept out of the pool: it may have been the coordinator.
_EMERGENCY = frozenset(
    {
        "HOST_STILL_BOOTING",
        "HOST_BROKEN",
        "HOST_HAS_NO_MANAGEMENT_IP",
        "HOST_ITS_OWN_SLAVE",
        "HOST_MASTER_CANNOT_TALK_BACK",
        "HOST_UNKNOWN_TO_MASTER",
        "HOST_XAPI_VERSION_HIGHER_THAN_COORDINATOR",
    }
)

#: Told of every call: its method, the seconds it took, and XAPI's error code ("" when it was answered).
Observer = Callable[[str, float, str], None]


def _unobserved(method: str, seconds: float, code: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Link:
    """A session on the coordinator."""

    endpoint: Endpoint
    handle: str = field(repr=False)


class PoolConnection:
    """All calls to one pool go through here."""

    def __init__(self, address: PoolAddress, *, time: Time, name: str, observe: Observer = _unobserved) -> None:
        """Connects to nothing yet. Raises ValueError for an address that is not https, TlsRefused for bad pins."""
        self.name = name
        self._observe = observe
        self.address = address
        self.trust = Trust(address)
        self._configured = tuple(Endpoint.parse(url) for url in address.urls)
        if not self._configured:
            raise ValueError(f"pool {name} has no url")
        self._time = time
        self._names: Mapping[str, str] = {}
        self._members: tuple[str, ...] = ()
        self._pool_uuid = ""
        self._link: Link | None = None
        self._last_endpoint: Endpoint | None = None
        self._refused: tuple[datetime, XenError] | None = None
        self._closed = False
        self._idle: list[Session] = []
        self._lock = threading.Lock()
        self._login_lock = threading.Lock()

    def read(self, method: str, *params: Any, timeout_s: float | None = None) -> Any:
        """Ask something that changes nothing; asked once more when the session or the coordinator is gone.

        Raises XenError; Unreachable (transient) when no coordinator answers.
        """
        link = self.link()
        try:
            return self.once(link, method, *params, timeout_s=timeout_s)
        except XenError as error:
            if not self.lost(link, error):
                raise
            _log.info("%s: %s Looking for the coordinator again.", self.name, error.sentence)
        return self._attempt(method, params, timeout_s)

    def effect(self, method: str, *params: Any) -> Any:
        """Ask for something that changes the pool, at most once.

        Raises XenError; a transient one means that it may or may not have happened.
        """
        return self._attempt(method, params, None)

    def _attempt(self, method: str, params: tuple[Any, ...], timeout_s: float | None) -> Any:
        link = self.link()
        try:
            return self.once(link, method, *params, timeout_s=timeout_s)
        except XenError as error:
            self.lost(link, error)
            raise

    def once(self, link: Link, method: str, *params: Any, timeout_s: float | None = None) -> Any:
        """One call over a given session, translated errors, nothing repeated."""
        with self._borrowed(link.endpoint) as session:
            return self._invoke(session, method, (link.handle, *params), timeout_s)

    def link(self) -> Link:
        """The session on the coordinator, made when there is none.

        Raises Unreachable (transient) when no host leads to a coordinator, LoginRefused, RoleMissing or TlsRefused
        when a person has to do something.
        """
        with self._login_lock:
            if self._closed:
                raise translate([_CLOSED, self.name])
            if self._link is None:
                self._link = self._find()
                self._last_endpoint = self._link.endpoint
                _log.info("%s: logged in to the coordinator at %s", self.name, self._link.endpoint)
            return self._link

    def lost(self, link: Link, error: XenError) -> bool:
        """Whether the error means that the session is of no more use; it is dropped then (unless another thread has
        already replaced it), and the next call looks for the coordinator. A slow answer is no such error."""
        elsewhere = isinstance(error, (SessionLost, NotCoordinator, Unreachable)) and error.code != TIMEOUT
        if not elsewhere and error.code not in _EMERGENCY:
            return False
        with self._login_lock:
            if self._link is link:
                self._link = None
        return True

    def learn(self, names: Mapping[str, str], members: Iterable[str]) -> None:
        """Remember what an observation showed: names for references, and where the members are."""
        self._names = names
        self._members = tuple(members)

    @property
    def knows_names(self) -> bool:
        """Whether an observation has been learnt from."""
        return bool(self._names)

    def http_get(self, path: str, link: Link, timeout_s: float) -> tuple[int, bytes]:
        """The status and body of ``GET path`` on the coordinator, over a connection of its own."""
        connection = HttpsConnection(link.endpoint, self.trust, self.address.connect_timeout_s, timeout_s)
        try:
            # The session goes in a cookie, because paths end up in logs of proxies and in error texts.
            connection.request("GET", path, headers={"Cookie": f"session_id={link.handle}", "User-Agent": USER_AGENT})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise reach(link.endpoint, error) from error
        finally:
            connection.close()

    def translated(self, details: Iterable[str]) -> XenError:
        """The error for XAPI's words, with names for references and without secrets."""
        return translate([self._clean(str(detail)) for detail in details], self._names)

    def named(self, params: Iterable[str]) -> tuple[str, ...]:
        """Parameters with names in the place of references that we know."""
        return tuple(self._names.get(param, param) for param in params)

    def close(self) -> None:
        """Log out and close every connection; a long poll that is still out ends with an error. May be repeated."""
        with self._login_lock:
            link, self._link = self._link, None
            already, self._closed = self._closed, True
        if link is not None and not already:
            try:
                self.once(link, "session.logout")
            except XenError as error:
                _log.info("%s: could not log out: %s", self.name, error.sentence)
        self.rest()

    def rest(self) -> None:
        """Close the connections that nobody uses at this moment; the session on the coordinator stays."""
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.shut()

    def _find(self) -> Link:
        if self._refused is not None:
            when, refusal = self._refused
            if self._time.now() - when < _LOGIN_PAUSE:
                raise refusal.with_traceback(None)
            self._refused = None
        to_try = deque(self._candidates())
        tried: set[Endpoint] = set()
        errors: list[XenError] = []
        deadline = real.monotonic() + _SEARCH_S
        while to_try and real.monotonic() < deadline:
            endpoint = to_try.popleft()
            if endpoint in tried:
                continue
            tried.add(endpoint)
            try:
                return self._login(endpoint)
            except NotCoordinator as error:
                to_try.appendleft(endpoint.at(error.address))
            except (LoginRefused, RoleMissing) as error:
                self._refused = (self._time.now(), error)
                raise
            except XenError as error:
                _log.info("%s: %s", self.name, error.sentence)
                errors.append(error)
        raise self._nobody(errors)

    def _nobody(self, errors: list[XenError]) -> XenError:
        lasting = [error for error in errors if not error.transient]
        # While the coordinator restarts, members may answer anything; only a refusal by all of them needs a person.
        if lasting and len(lasting) == len(errors):
            return next((error for error in lasting if isinstance(error, TlsRefused)), lasting[0])
        said = "; ".join(error.sentence for error in errors) or "its members name no coordinator that answers"
        return unreachable(f"The coordinator of {self.name}", said.rstrip("."))

    def _candidates(self) -> Iterator[Endpoint]:
        if self._last_endpoint is not None:
            yield self._last_endpoint
        yield from self._configured
        base = self._last_endpoint or self._configured[0]
        yield from (base.at(address) for address in self._members if address)

    def _login(self, endpoint: Endpoint) -> Link:
        account = (self.address.username, self.address.password, "1.1", "xsbot")
        with self._borrowed(endpoint) as session:
            handle = str(self._invoke(session, "session.login_with_password", account))
            link = Link(endpoint, handle)
            try:
                self._check_identity(session, link)
            except XenError:
                self._invoke(session, "session.logout", (handle,))
                raise
            return link

    def _check_identity(self, session: Session, link: Link) -> None:
        # A member that was ejected becomes a pool of its own: an address list that is out of date would lead there.
        pools = self._invoke(session, "pool.get_all_records", (link.handle,))
        pool = next(iter(pools.values()))
        uuid, coordinator = str(pool["uuid"]), str(pool["master"])
        if self._pool_uuid and uuid != self._pool_uuid:
            raise translate(["XSBOT_WRONG_POOL", link.endpoint.url, uuid, self._pool_uuid])
        host = str(self._invoke(session, "host.get_uuid", (link.handle, coordinator)))
        self.trust.check_owner(link.endpoint, host, session.connection.certificate)
        self._pool_uuid = uuid

    def _invoke(self, session: Session, method: str, params: tuple[Any, ...], timeout_s: float | None = None) -> Any:
        began, code = real.monotonic(), ""
        try:
            return session.invoke(method, params, timeout_s)
        except XenAPI.Failure as failure:
            details = [str(detail) for detail in failure.details]
            code = details[0]
            if code == "SESSION_INVALID":
                details = details[:1]
        except XenError as error:
            code = error.code
            raise
        finally:
            self._observe(method, real.monotonic() - began, code)
        # Outside the handler, so that no traceback shows XAPI's unredacted words.
        raise self.translated(details)

    def _clean(self, text: str) -> str:
        for secret in self.address.secrets:
            text = text.replace(secret, "***")
        link = self._link
        return text.replace(link.handle, "***") if link is not None else text

    @contextmanager
    def _borrowed(self, endpoint: Endpoint) -> Iterator[Session]:
        session = self._take(endpoint) or Session(
            endpoint, self.trust, self.address.connect_timeout_s, self.address.timeout_s
        )
        try:
            yield session
        except BaseException as error:
            if not isinstance(error, XenError) or isinstance(error, (Unreachable, TlsRefused)):
                session.shut()
                raise
            self._give_back(session)
            raise
        self._give_back(session)

    def _take(self, endpoint: Endpoint) -> Session | None:
        with self._lock:
            kept, self._idle = self._idle, []
            chosen = None
            for session in kept:
                if not session.fresh:
                    session.shut()
                elif chosen is None and session.endpoint == endpoint:
                    chosen = session
                else:
                    self._idle.append(session)
            return chosen

    def _give_back(self, session: Session) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(session)
                return
        session.shut()
