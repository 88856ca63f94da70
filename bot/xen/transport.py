"""XML-RPC over HTTPS, on top of the official `XenAPI` module.

Three things of the stock parts are replaced. Answers are decoded by `bot.xen.decoding`, because of what looking at a
large pool would cost otherwise; the other two because of what they do behind one's back. The module logs in again and
repeats a call when the session is gone, and the standard library's transport repeats a request when the connection
broke: harmless for looking, but a reboot must never be sent twice. And neither has timeouts.
"""

from __future__ import annotations

import http.client
import select
import ssl
import threading
import time
import xmlrpc.client
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import XenAPI

from bot.xen.address import Endpoint
from bot.xen.decoding import decode
from bot.xen.errors import XenError, translate, unreachable
from bot.xen.fields import FIELDS
from bot.xen.trust import Trust

#: Constant per release: an administrator may slow callers down by their user agent.
USER_AGENT = f"xsbot/{version('xsbot')}"

#: Answers that are decoded at the same time. It is all computing, and Python uses one core for it: a herd of looks at
#: once, as at the start of a process with hundreds of rollouts, would keep everybody else from it.
_DECODING = threading.BoundedSemaphore(2)

#: A kept connection that idled longer is not used again: the other side may be closing it at this very moment.
_FRESH_S = 3.0


class HttpsConnection(http.client.HTTPConnection):
    """One HTTPS connection to one trusted host, with separate limits for connecting and for waiting."""

    default_port = http.client.HTTPS_PORT

    def __init__(self, endpoint: Endpoint, trust: Trust, connect_s: float, read_s: float) -> None:
        super().__init__(endpoint.host, endpoint.port)
        self._endpoint = endpoint
        self._trust = trust
        self._connect_s = connect_s
        self._read_s = read_s
        self.certificate = b""

    def connect(self) -> None:
        """Connect and check the certificate; raises TlsRefused, Unreachable or OSError."""
        try:
            tls = self._trust.connect(self._endpoint, self._connect_s)
        except TimeoutError as error:
            raise unreachable(self._endpoint.url, f"no connection within {self._connect_s:g} s") from error
        self.certificate = tls.getpeercert(binary_form=True) or b""
        tls.settimeout(self._read_s)
        self.sock = tls

    def wait_at_most(self, read_s: float) -> None:
        """How long an answer may take from now on."""
        self._read_s = read_s
        if self.sock is not None:
            self.sock.settimeout(read_s)

    @property
    def broken(self) -> bool:
        """Whether the other side has closed the connection (or sent what nobody asked for)."""
        if self.sock is None:
            return False
        readable, _, _ = select.select([self.sock], [], [], 0)
        return bool(readable)


class _Transport(xmlrpc.client.Transport):
    """Sends each request exactly once."""

    user_agent = USER_AGENT
    accept_gzip_encoding = False

    def __init__(self, connection: HttpsConnection) -> None:
        super().__init__()
        self._only = connection
        #: What is being asked, so that the answer is decoded no further than anybody wants.
        self.method = ""

    def make_connection(self, host: Any) -> HttpsConnection:
        return self._only

    def request(self, host: Any, handler: str, request_body: Any, verbose: Any = False) -> Any:
        return self.single_request(host, handler, request_body, bool(verbose))

    def parse_response(self, response: Any) -> Any:
        body = response.read()
        with _DECODING:
            return (decode(body, self.method, FIELDS),)

    def close(self) -> None:
        self._only.close()


class Session(XenAPI.Session):  # type: ignore[misc]
    """The official session, without its silent second login, for use by one thread at a time."""

    def __init__(self, endpoint: Endpoint, trust: Trust, connect_s: float, read_s: float) -> None:
        self.connection = HttpsConnection(endpoint, trust, connect_s, read_s)
        self.endpoint = endpoint
        self._read_s = read_s
        self._used = time.monotonic()
        self._sender = _Transport(self.connection)
        super().__init__(endpoint.url, transport=self._sender)

    def invoke(self, method: str, params: Sequence[Any], read_s: float | None = None) -> Any:
        """Send one call once; returns the value.

        Raises XenAPI.Failure with XAPI's own words, and the errors of `reach` for everything on the way there.
        """
        self.connection.wait_at_most(self._read_s if read_s is None else read_s)
        self._sender.method = method
        try:
            answer = getattr(self, method)(*params)
        except XenError:
            raise
        except (OSError, http.client.HTTPException, xmlrpc.client.Error, ValueError) as error:
            self.shut()
            raise reach(self.endpoint, error) from error
        self._used = time.monotonic()
        return _value(self.endpoint, answer)

    @property
    def fresh(self) -> bool:
        """Whether the kept connection may carry another call."""
        return time.monotonic() - self._used < _FRESH_S and not self.connection.broken

    def shut(self) -> None:
        """Close the connection."""
        self.connection.close()


def reach(endpoint: Endpoint, error: Exception) -> XenError:
    """The error for whatever went wrong between us and XAPI; never quotes what was sent."""
    if isinstance(error, TimeoutError):
        return unreachable(endpoint.url, "", timed_out=True)
    if isinstance(error, xmlrpc.client.ProtocolError):
        return unreachable(endpoint.url, f"it answered HTTP {error.errcode}")
    if isinstance(error, xmlrpc.client.Fault):
        # XAPI's own failures are no faults: this is a call that it cannot even take apart, now and later.
        return translate(["INTERNAL_ERROR", f"XML-RPC fault {error.faultCode}"])
    if isinstance(error, ssl.SSLError):
        return unreachable(endpoint.url, f"TLS failed: {error.reason or 'connection closed'}")
    if isinstance(error, (OSError, http.client.HTTPException)):
        return unreachable(endpoint.url, str(error) or type(error).__name__)
    return unreachable(endpoint.url, "it does not answer like XAPI")


def _value(endpoint: Endpoint, answer: Any) -> Any:
    # XAPI's failures are ordinary answers with Status "Failure"; SESSION_INVALID is one of them and nothing special.
    if isinstance(answer, dict):
        if answer.get("Status") == "Success" and "Value" in answer:
            return answer["Value"]
        details = answer.get("ErrorDescription")
        if isinstance(details, list) and details:
            raise XenAPI.Failure([str(detail) for detail in details])
    raise unreachable(endpoint.url, "it does not answer like XAPI")
