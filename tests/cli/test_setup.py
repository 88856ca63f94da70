"""`xsbot init`, `manifest`, `db upgrade`, and how the command line refuses."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from bot.manifest import SCOPES
from tests.cli.machine import process, xsbot
from tests.storage.scene import tamper


def test_init_writes_a_file_that_can_be_read_and_never_overwrites_one(tmp_path: Path) -> None:
    path = tmp_path / "here.toml"
    wrote = xsbot("init", path)
    assert wrote.code == 0
    assert str(path) in wrote.out
    tomllib.loads(path.read_text(encoding="utf-8"))

    path.write_text("# mine\n", encoding="utf-8")
    refused = xsbot("init", path)
    assert refused.code == 2
    assert f"{path} exists and was left as it is." in refused.err
    assert path.read_text(encoding="utf-8") == "# mine\n"


def test_what_init_wrote_is_a_configuration(tmp_path: Path) -> None:
    assert xsbot("init", tmp_path / "xsbot.toml").code == 0
    seen = process("doctor", "--no-slack", cwd=tmp_path)
    assert "configuration: 0 pool(s)" in seen.out
    assert "xsbot db upgrade" in seen.out


def test_the_manifest_asks_for_the_least(tmp_path: Path) -> None:
    printed = xsbot("manifest")
    assert printed.code == 0
    app = json.loads(printed.out)
    assert (
        set(app["oauth_config"]["scopes"]["bot"])
        == set(SCOPES)
        == {
            "channels:read",
            "chat:write",
            "commands",
            "files:read",
            "files:write",
            "users:read",
            "usergroups:read",
        }
    )
    assert [command["command"] for command in app["features"]["slash_commands"]] == ["/xs"]
    assert app["settings"]["socket_mode_enabled"] is True

    over_http = json.loads(xsbot("manifest", "--request-url", "https://bot.example/slack/events").out)
    assert over_http["settings"]["socket_mode_enabled"] is False
    assert over_http["settings"]["interactivity"]["request_url"] == "https://bot.example/slack/events"

    refused = xsbot("manifest", "--request-url", "http://bot.example")
    assert refused.code == 2
    assert "https://" in refused.err


def test_db_upgrade_makes_the_database_and_may_be_repeated(tmp_path: Path) -> None:
    environ = {"DATABASE_URL": f"sqlite:///{tmp_path / 'there.sqlite'}"}
    for _ in range(2):
        upgraded = xsbot("db", "upgrade", environ=environ)
        assert upgraded.code == 0
        assert "The database is at revision" in upgraded.out
    assert (tmp_path / "there.sqlite").is_file()


@pytest.mark.parametrize("command", [("rollouts", "list"), ("audit", "verify")])
def test_commands_need_a_database_of_this_release(tmp_path: Path, command: tuple[str, ...]) -> None:
    path = tmp_path / "old.sqlite"
    environ = {"DATABASE_URL": f"sqlite:///{path}"}
    empty = xsbot(*command, environ=environ)
    assert empty.code == 2
    assert "xsbot db upgrade" in empty.err

    assert xsbot("db", "upgrade", environ=environ).code == 0
    tamper(path, "UPDATE alembic_version SET version_num = 'r9999'", disarm=False)
    newer = xsbot(*command, environ=environ)
    assert newer.code == 2
    assert "newer release (r9999)" in newer.err


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("[slack]\naudit_chanel = 'C0AUDIT'\n", "audit_chanel"),
        ("[pools.lab]\nurls = ['http://xs-01']\ninsecure_ignore_tls = true\n", "XSBOT_POOL_LAB_PASSWORD"),
        ("[pools\n", "TOML"),
    ],
)
def test_a_wrong_setting_is_named_without_a_stack_trace(tmp_path: Path, written: str, named: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(written, encoding="utf-8")
    refused = xsbot("--config", path, "doctor")
    assert refused.code == 2
    assert refused.err.startswith("xsbot: ")
    assert named in refused.err
    assert "Traceback" not in refused.err


def test_a_missing_configuration_file_says_how_to_get_one(tmp_path: Path) -> None:
    refused = xsbot("--config", tmp_path / "none.toml", "plan", "lab")
    assert refused.code == 2
    assert "xsbot init" in refused.err


@pytest.mark.parametrize("part", ["web", "worker", "clock"])
def test_a_part_alone_needs_a_database_that_can_be_shared(tmp_path: Path, part: str) -> None:
    refused = process(part, cwd=tmp_path)
    assert refused.code == 2
    assert "SQLite is for one" in refused.err
    assert "DATABASE_URL=postgresql://" in refused.err
    assert "xsbot serve" in refused.err


def test_serve_without_tokens_names_them(tmp_path: Path) -> None:
    refused = process("serve", cwd=tmp_path)
    assert refused.code == 2
    assert "SLACK_BOT_TOKEN" in refused.err
