"""Backups before the run: taken before anything is touched, checked to be whole, part of what people approve."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.lab.scenario import Scenario
from bot.messages.card import Ask, card
from bot.rollout.action import SetSyncSchedule
from bot.rollout.errors import RolloutError
from bot.rollout.lifecycle import State
from bot.rollout.memory import IntentState
from bot.settings import Settings, SettingsError, load_settings
from storage import intents
from tests.rollout.rehearsal import Killed, Rehearsal, actor, rehearse, small

COPIES = ["pool_database", "vm_metadata", "hosts"]


@contextmanager
def backing_up(
    place: Path, kinds: list[str], scenario: Scenario | None = None, username: str = "keeper", **pool: Any
) -> Iterator[Rehearsal]:
    settings = {"backups": kinds, "username": username, **pool}
    more = {"backup": {"directory": place, "keep": 2}}
    with rehearse(scenario or small(), pool_settings=settings, more_settings=more) as lab:
        yield lab


def stop_at_settings(lab: Rehearsal) -> State:
    """Let it run until it is about to switch the first setting off: backups are over then, one way or another."""
    lab.before(SetSyncSchedule, lambda: lab.desk.pause(lab.id, actor("bob")))
    return lab.drive()


def files(place: Path, rollout: int = 1) -> dict[str, Path]:
    return {entry.name: entry for entry in sorted((place / "lab" / f"rollout-{rollout}").iterdir())}


def test_copies_are_taken_first_checked_and_kept_from_others(tmp_path: Path) -> None:
    place = tmp_path / "backups"
    with backing_up(place, COPIES) as lab:
        assert lab.carry_out() is State.SUCCEEDED
        lab.assert_done()
        taken = files(place)
        hosts = [name for name in taken if name.startswith("host-xs-0")]
        assert len(hosts) == 2
        assert set(taken) == {"SHA256SUMS", "pool-database.xml", "vm-metadata.tar", *hosts}
        for path in taken.values():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for directory in (place, place / "lab", place / "lab" / "rollout-1"):
            assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        lines = [line.split("  ") for line in taken["SHA256SUMS"].read_text().splitlines()]
        sums = {name: digest for digest, name in lines}
        for name, digest in sums.items():
            assert hashlib.sha256(taken[name].read_bytes()).hexdigest() == digest
        assert sums.keys() == set(taken) - {"SHA256SUMS"}
        order = [call.method for call in lab.pool.calls]
        first_effect = order.index("pool.add_to_other_config")
        assert max(order.index(f"GET {page}") for page in ("/pool/xmldbdump", "/export_metadata")) < first_effect
        assert len(order) - 1 - order[::-1].index("GET /host_backup") < first_effect
        told = lab.told()
        assert "Backing up the pool's database, before anything is touched." in told
        assert any(line.startswith("Backed up: pool-database.xml, ") for line in told)
        assert [row.action for row in lab.audited()].count("backup.taken") == 4


def test_what_is_backed_up_is_approved_and_shown(tmp_path: Path) -> None:
    with backing_up(tmp_path / "b", COPIES) as lab:
        lab.ask()
        assert lab.standing.spec.backups == ("hosts", "pool_database", "vm_metadata")
        digest = lab.digest
        assert "Backed up first" in str(card(lab.standing, Ask()).blocks)
    with backing_up(tmp_path / "b", []) as lab:
        lab.ask()
        assert (lab.standing.spec.backups, lab.digest == digest) == ((), False)
        assert "Backed up first" not in str(card(lab.standing, Ask()).blocks)


def test_an_account_that_may_not_is_refused_before_anybody_approves(tmp_path: Path) -> None:
    with backing_up(tmp_path / "b", COPIES, username="xsbot") as lab:
        with pytest.raises(RolloutError, match="get_pool_xml_db_sync, http/get_host_backup"):
            lab.ask()
        lab.assert_untouched()


@pytest.mark.parametrize("fault", ["backup_truncated", "backup_fails"])
def test_a_backup_that_is_not_whole_stops_the_run_before_anything_is_touched(tmp_path: Path, fault: str) -> None:
    place = tmp_path / "b"
    with backing_up(place, COPIES) as lab:
        lab.ask().approve()
        lab.pool.fault(fault, times=1)
        assert lab.drive() is State.NEEDS_ATTENTION
        lab.assert_untouched()
        assert list(files(place)) == []
        assert any(row.action == "backup.failed" for row in lab.audited())
        lab.desk.retry(lab.id, actor("bob"))
        assert stop_at_settings(lab) is State.PAUSED
        assert "pool-database.xml" in files(place)


@pytest.mark.parametrize("kind", ["vm_metadata", "hosts"])
def test_an_archive_that_breaks_off_is_noticed(tmp_path: Path, kind: str) -> None:
    with backing_up(tmp_path / "b", [kind]) as lab:
        lab.ask().approve()
        lab.pool.fault("backup_truncated", times=1)
        assert lab.drive() is State.NEEDS_ATTENTION
        assert "is not whole" in str(lab.problem.params)


def test_where_the_spec_says_so_a_failure_is_told_and_the_run_goes_on(tmp_path: Path) -> None:
    with backing_up(tmp_path / "b", ["pool_database", "vm_metadata"], on_backup_failure="go_on") as lab:
        lab.ask().approve()
        assert "or_go_on" in lab.standing.spec.backups
        lab.pool.fault("backup_truncated", times=1)
        assert stop_at_settings(lab) is State.PAUSED
        assert any("The backup (pool database) failed" in line for line in lab.told())
        assert list(files(tmp_path / "b")) == ["SHA256SUMS", "vm-metadata.tar"]


def test_the_stub_of_a_pool_between_two_versions_is_no_backup(tmp_path: Path) -> None:
    with backing_up(tmp_path / "b", ["pool_database"]) as lab:
        world, fetch = lab.pool.world, lab.gateway.fetch

        def between_versions(*args: Any, **kwargs: Any) -> int:
            flag = ("other_config", "rolling_upgrade_in_progress", "true")
            lab.pool.run(lambda: world.db.put("pool", world.pool, *flag))
            return fetch(*args, **kwargs)

        lab.gateway.fetch = between_versions  # type: ignore[method-assign]
        assert lab.carry_out() is State.NEEDS_ATTENTION
        assert "empty database" in str(lab.problem.params)
        assert list(files(tmp_path / "b")) == []


def test_a_directory_that_cannot_be_written_stops_the_run(tmp_path: Path) -> None:
    place = tmp_path / "b"
    place.write_text("a file where a directory should be")
    with backing_up(place, ["pool_database"]) as lab:
        assert lab.carry_out() is State.NEEDS_ATTENTION
        assert "could not be written" in str(lab.problem.params)
        lab.assert_untouched()


def test_snapshots_by_tag_come_before_the_settings_are_touched(tmp_path: Path) -> None:
    with backing_up(tmp_path / "b", ["snapshots"], username="xsbot", snapshot_tag="keep") as lab:
        vm = lab.pool.run(lambda: lab.pool.world.db.find("VM", name_label="web-01"))
        lab.somebody("VM.add_tags", vm, "keep")
        lab.ask().approve()
        assert stop_at_settings(lab) is State.PAUSED
        assert [effect.vm for effect in lab.effects("vm_snapshot")] == ["web-01"]
        done = [effect.detail["name"] for effect in lab.pool.effects if effect.kind != "host_disabled"]
        assert done == ["other_config:xsbot:rollout", "before test/1", "update_sync_enabled"]
        assert lab.standing.spec.backups == ("snapshots:keep",)


def test_killed_in_the_middle_of_a_backup_it_is_taken_anew_once(tmp_path: Path) -> None:
    place = tmp_path / "b"
    with backing_up(place, ["pool_database", "vm_metadata"]) as lab:
        lab.ask().approve()
        fetch = lab.gateway.fetch

        def die(*args: Any, **kwargs: Any) -> int:
            fetch(*args, **kwargs)
            raise Killed

        lab.gateway.fetch = die  # type: ignore[method-assign]
        with pytest.raises(Killed):
            lab.drive()
        lab.new_process()
        assert stop_at_settings(lab) is State.PAUSED
        assert lab.intents()["BackUp:pool_database:"] == 2
        assert lab.intents()["BackUp:vm_metadata:"] == 1
        assert not [name for name in files(place) if name.endswith(".part")]


def test_people_can_end_the_rollout_while_a_backup_is_under_way(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("bot.worker.hands._STILL_WANTED_S", -1.0)
    with backing_up(tmp_path / "b", ["pool_database"]) as lab:
        lab.ask().approve()
        fetch = lab.gateway.fetch

        def meanwhile(*args: Any, **kwargs: Any) -> int:
            lab.abort()
            return fetch(*args, **kwargs)

        lab.gateway.fetch = meanwhile  # type: ignore[method-assign]
        assert lab.drive() is State.ABORTED
        lab.assert_untouched()
        assert list(files(tmp_path / "b")) == []
        with lab.database.reading() as tx:
            assert intents.all_intents(tx, lab.id)["BackUp:pool_database:"].state is not IntentState.DONE


def test_only_so_many_are_kept_and_nothing_else_is_deleted(tmp_path: Path) -> None:
    place = tmp_path / "b"
    for age, name in enumerate(("lab/rollout-12", "lab/rollout-7", "lab/notes", "other/rollout-1")):
        (place / name).mkdir(parents=True)
        (place / name / "pool-database.xml").write_text("old")
        os.utime(place / name, (1000 + age, 1000 + age))
    with backing_up(place, ["pool_database"]) as lab:
        lab.ask().approve()
        assert stop_at_settings(lab) is State.PAUSED
    assert {entry.name for entry in (place / "lab").iterdir()} == {"rollout-1", "rollout-7", "notes"}
    assert (place / "other" / "rollout-1").is_dir()


def test_backups_need_a_directory_outside_the_programs_own_files(tmp_path: Path) -> None:
    path = tmp_path / "xsbot.toml"
    pool = '[pools.lab]\nurls = ["https://xs-01"]\ninsecure_ignore_tls = true\nbackups = ["pool_database"]\n'
    secrets = {"XSBOT_POOL_LAB_PASSWORD": "x"}
    path.write_text(pool)
    with pytest.raises(SettingsError, match=r"no directory.*Set backup\.directory"):
        load_settings(path, secrets)
    path.write_text(f'[backup]\ndirectory = "kept"\n{pool}')
    assert load_settings(path, secrets).backup.directory == tmp_path / "kept"
    ours = Path(__file__).resolve().parents[2] / "backups"
    path.write_text(f'[backup]\ndirectory = "{ours}"\n{pool}')
    with pytest.raises(SettingsError, match="own files"):
        load_settings(path, secrets)
    path.write_text(pool.replace("pool_database", "everything"))
    with pytest.raises(SettingsError, match="nothing that can be backed up"):
        load_settings(path, secrets)
    assert Settings().backup.directory is None
