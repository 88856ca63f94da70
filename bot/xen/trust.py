"""How a host's certificate is checked.

XenServer hosts make their own certificates, so the usual way is to pin their SHA-256 fingerprints; where the pool has
certificates of an authority, its file is the better way. Nothing is ignored unless somebody asks for it by name.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Mapping
from functools import cache

from bot.xen.address import Endpoint, PoolAddress
from bot.xen.errors import TlsRefused, plain, unreachable

_HINT_PIN = (
    "If the host got a new certificate on purpose, compare the fingerprint on its console and put the new one into "
    "the pool's fingerprints; otherwise somebody may be listening in."
)
_HINT_AUTHORITY = (
    "Point ca_file at the authority that signed the pool's certificates, or pin the fingerprints of the hosts."
)


def normalise(fingerprint: str) -> str:
    """A SHA-256 fingerprint in lower-case hex without separators, however it was written.

    Raises TlsRefused when it is none.
    """
    written = fingerprint.strip().lower()
    for prefix in ("sha256 fingerprint=", "sha256:", "sha256="):
        written = written.removeprefix(prefix)
    digits = written.replace(":", "").replace(" ", "")
    if len(digits) != 64 or any(c not in "0123456789abcdef" for c in digits):
        raise TlsRefused(
            f"{plain(fingerprint)!r} is no SHA-256 fingerprint.",
            "Write the 64 hexadecimal digits, with or without colons.",
            code="XSBOT_BAD_FINGERPRINT",
            params=(fingerprint,),
        )
    return digits


def fingerprint_of(certificate: bytes) -> str:
    """The SHA-256 fingerprint of a certificate in DER form, in lower-case hex."""
    return hashlib.sha256(certificate).hexdigest()


def open_tls(endpoint: Endpoint, context: ssl.SSLContext, timeout_s: float) -> ssl.SSLSocket:
    """A connected TLS socket; raises OSError (ssl.SSLError among them) and leaves nothing open behind it."""
    raw = socket.create_connection((endpoint.host, endpoint.port), timeout=timeout_s)
    try:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return context.wrap_socket(raw, server_hostname=endpoint.host)
    except BaseException:
        raw.close()
        raise


def seen_fingerprint(endpoint: Endpoint, timeout_s: float = 10.0) -> str:
    """The fingerprint of the certificate that a host shows to anybody, for pinning and for comparison.

    Nothing is sent to the host. Raises Unreachable.
    """
    try:
        with open_tls(endpoint, _without_checks(), timeout_s) as tls:
            certificate = tls.getpeercert(binary_form=True)
    except OSError as error:
        raise unreachable(endpoint.url, str(error), timed_out=isinstance(error, TimeoutError)) from error
    if not certificate:
        raise unreachable(endpoint.url, "it shows no certificate")
    return fingerprint_of(certificate)


class Trust:
    """Whom we talk to: the TLS context and the pinned fingerprints of one pool."""

    def __init__(self, address: PoolAddress) -> None:
        """Raises TlsRefused when the CA file or a fingerprint cannot be used."""
        pins = address.fingerprints
        self._by_uuid = {uuid: normalise(pin) for uuid, pin in pins.items()} if isinstance(pins, Mapping) else {}
        self._pins = frozenset(self._by_uuid.values() if isinstance(pins, Mapping) else map(normalise, pins))
        self.context = self._context(address)

    def _context(self, address: PoolAddress) -> ssl.SSLContext:
        if self._pins or address.ignore_tls:
            return _without_checks()
        try:
            return ssl.create_default_context(cafile=address.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise TlsRefused(
                f"The CA file {address.ca_file} cannot be used: {plain(str(error))}.",
                _HINT_AUTHORITY,
                code="XSBOT_CA_FILE",
                params=(str(address.ca_file),),
            ) from error

    def connect(self, endpoint: Endpoint, timeout_s: float) -> ssl.SSLSocket:
        """A TLS connection to a host that we trust.

        Raises TlsRefused before anything is sent to a host we do not, and OSError when it cannot be reached.
        """
        try:
            tls = open_tls(endpoint, self.context, timeout_s)
        except ssl.SSLCertVerificationError as error:
            raise TlsRefused(
                f"The certificate of {endpoint} is not trusted: {plain(error.verify_message or str(error))}.",
                _HINT_AUTHORITY,
                code="XSBOT_TLS",
                params=(endpoint.url,),
            ) from error
        if self._pins:
            seen = fingerprint_of(tls.getpeercert(binary_form=True) or b"")
            if seen not in self._pins:
                tls.close()
                raise _mismatch(endpoint, seen)
        return tls

    def check_owner(self, endpoint: Endpoint, uuid: str, certificate: bytes) -> None:
        """That the certificate is the one pinned for exactly this host, now that its uuid is known.

        Before the login only "one of the pool's" can be checked. Raises TlsRefused.
        """
        if self._by_uuid and self._by_uuid.get(uuid) != (seen := fingerprint_of(certificate)):
            raise _mismatch(endpoint, seen)


@cache
def _without_checks() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _mismatch(endpoint: Endpoint, seen: str) -> TlsRefused:
    return TlsRefused(
        f"{endpoint} shows a certificate that is not pinned for it (SHA-256 {seen}).",
        _HINT_PIN,
        code="XSBOT_TLS",
        params=(endpoint.url, seen),
    )
