"""Servers and gateways for the tests of `bot.xen`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.time import RealTime
from bot.xen.address import PoolAddress
from bot.xen.gateway import Gateway
from tests.xen.certificates import Certificate, make_certificate
from tests.xen.scripted import ScriptedXapi

#: Distinct enough to be found anywhere it should not be.
PASSWORD = "hunter2-s3cr3t-pa55"

Connect = Callable[..., Gateway]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def xapi(certificate: Certificate) -> Iterator[ScriptedXapi]:
    server = ScriptedXapi(certificate)
    yield server
    server.stop()


@pytest.fixture
def connect(certificate: Certificate) -> Iterator[Connect]:
    """Makes gateways to any url, pinned to the tests' certificate unless said otherwise; closes them afterwards."""
    made: list[Gateway] = []

    def make(*urls: str, **changes: Any) -> Gateway:
        options: dict[str, Any] = {"username": "root", "password": PASSWORD, "fingerprints": (certificate.fingerprint,)}
        time = changes.pop("time", RealTime())
        options.update(changes)
        gateway = Gateway(PoolAddress(urls=urls, **options), time=time, name="lab")
        made.append(gateway)
        return gateway

    yield make
    for gateway in made:
        gateway.close()
