"""Where a pool is and how we prove who we are and who it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class PoolAddress:
    """One pool's addresses, account and trust.

    `urls` are https addresses of any of its hosts (best several: while the coordinator restarts, the others tell
    where it is). `fingerprints` are SHA-256 fingerprints of host certificates, by host uuid or, where uuids are not
    known, just as a set. Exactly one of `ca_file`, `fingerprints` and `ignore_tls` should be given; with none of them
    the system's certificate authorities decide. Timeouts are real seconds. Secrets stay out of ``repr``.
    """

    urls: tuple[str, ...]
    username: str
    password: str = field(repr=False)
    ca_file: str | None = None
    fingerprints: Mapping[str, str] | tuple[str, ...] = ()
    ignore_tls: bool = False
    sync_token: str = field(default="", repr=False)
    sync_token_id: str = field(default="", repr=False)
    timeout_s: float = 60.0
    connect_timeout_s: float = 10.0

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        return tuple(secret for secret in (self.password, self.sync_token) if secret)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One host's HTTPS address."""

    host: str
    port: int = 443

    @staticmethod
    def parse(url: str) -> Endpoint:
        """The endpoint behind a configured url.

        Raises ValueError when it is no https address: over plain HTTP the password could be read on the way.
        """
        parts = urlsplit(url if "//" in url else f"https://{url}")
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError(f"{parts.scheme}://{parts.hostname or ''} is not an https address of a host")
        return Endpoint(parts.hostname, parts.port or 443)

    def at(self, host: str) -> Endpoint:
        """The same port on another host: XAPI names hosts by address alone, HOST_IS_SLAVE carries no port."""
        return Endpoint(host.strip("[]"), self.port)

    @property
    def authority(self) -> str:
        """``host:port``, with brackets around an IPv6 address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address as people write it."""
        return f"https://{self.authority}"

    def __str__(self) -> str:
        return self.url
