"""A fresh, upgraded database file for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "xsbot.sqlite"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    """An empty database with its tables."""
    opened = Database.open(f"sqlite:///{path}")
    opened.upgrade()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def long_lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database for all examples of a property."""
    opened = Database.open(f"sqlite:///{tmp_path_factory.mktemp('property')}/xsbot.sqlite")
    opened.upgrade()
    yield opened
    opened.close()
