"""`xsbot configure`: where a pool's updates come from, set from the machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.lab.pool import LabPool
from bot.lab.time import ScaledTime
from bot.lab.xapi.bundle import make_bundle
from storage.database import Database
from tests.cli.configuration import configured, secrets
from tests.cli.machine import Said, xsbot


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[LabPool]:
    database = Database.open(f"sqlite:///{tmp_path / 'xsbot.sqlite'}")
    database.upgrade()
    database.close()
    with LabPool.start(scenario="small", time=ScaledTime(400.0), number=3) as pool:
        yield pool


def configure(directory: Path, pool: LabPool, *words: object, answers: str = "") -> Said:
    path = configured(directory, pool)
    return xsbot("--config", path, "configure", *words, environ=secrets(pool.password), answers=answers)


def test_everything_the_vendors_page_sets(tmp_path: Path, pool: LabPool) -> None:
    shown = configure(tmp_path, pool, "show", "lab").out
    for words in ("channel normal", "weekly, Friday", "XenServer 8 Normal: enabled", "xs-01: has updates to install"):
        assert words in shown
    assert "schedule daily" in configure(tmp_path, pool, "schedule", "lab", "daily").out
    set_ = configure(tmp_path, pool, "proxy", "lab", "--url", "http://proxy", "--username", "joe", answers="hunter2\n")
    assert "http://proxy as joe" in set_.out
    assert "hunter2" not in set_.out
    assert "proxy         none" in configure(tmp_path, pool, "proxy", "lab", "--remove").out
    assert "channel offline" in configure(tmp_path, pool, "channel", "lab", "offline").out
    bundle = tmp_path / "november.xsbundle"
    bundle.write_bytes(make_bundle([update.id for update in pool.world.published]))
    told = configure(tmp_path, pool, "bundle", "lab", bundle)
    assert told.code == 0, told.err
    assert "taking it in" in told.out
    assert "offline_repo: enabled, uploaded " in told.out
    trail = xsbot("--config", tmp_path / "xsbot.toml", "audit", "export", environ=secrets(pool.password)).out
    assert trail.count("pool.") >= 10
    assert "hunter2" not in trail


def test_a_slip_is_told_before_anything_is_asked(tmp_path: Path, pool: LabPool) -> None:
    assert "early-access, normal, offline" in configure(tmp_path, pool, "channel", "lab", "beta").err
    assert "weekly tuesday" in configure(tmp_path, pool, "schedule", "lab", "hourly").err
    assert configure(tmp_path, pool, "proxy", "lab").code == 2
    assert pool.effects == []
