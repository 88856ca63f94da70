"""A fresh, upgraded database for each test: once in an SQLite file, once on a PostgreSQL server.

A test that takes `path`, or is marked `sqlite`, looks into SQLite's file itself and runs on SQLite only.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database
from tests.postgres import PostgresServer

_KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that has a database runs on both kinds, unless it handles SQLite's file."""
    if "kind" in metafunc.fixturenames:
        file_only = "path" in metafunc.fixturenames or metafunc.definition.get_closest_marker("sqlite") is not None
        metafunc.parametrize("kind", ["sqlite"] if file_only else _KINDS, scope="module")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where SQLite's database is."""
    return tmp_path / "xsbot.sqlite"


@pytest.fixture
def url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The address of an empty database."""
    return f"sqlite:///{tmp_path / 'xsbot.sqlite'}" if kind == "sqlite" else _server(request).empty()


@pytest.fixture
def database(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """An empty database with its tables."""
    address = f"sqlite:///{tmp_path / 'xsbot.sqlite'}" if kind == "sqlite" else _server(request).upgraded()
    yield from _opened(address)


@pytest.fixture(scope="module")
def long_lived(
    kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Database]:
    """One database for all examples of a property."""
    file = tmp_path_factory.mktemp("property") / "xsbot.sqlite"
    yield from _opened(f"sqlite:///{file}" if kind == "sqlite" else _server(request).upgraded())


def _opened(address: str) -> Iterator[Database]:
    opened = Database.open(address)
    opened.upgrade()
    yield opened
    opened.close()


def _server(request: pytest.FixtureRequest) -> PostgresServer:
    server: PostgresServer = request.getfixturevalue("postgres")
    return server
