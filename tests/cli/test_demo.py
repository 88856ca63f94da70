"""`xsbot demo`: the page for people, the scripted conversation, and a verdict that is not the bot's own."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.cli.scripted import hold_conversation
from bot.cli.stage import Stage
from tests.cli.machine import Running, Said, process, xsbot

#: What other programs read from the last line.
KEYS = {
    "scenario",
    "outcome",
    "hosts",
    "vms",
    "migrations",
    "reboots",
    "makespan_s",
    "wall_s",
    "approvals",
    "messages",
    "audit_events",
    "audit_ok",
    "ha_restored",
    "vms_home",
}
FAST = ("--speed", 1000)


def scripted(*arguments: object) -> Said:
    return process("demo", "--scripted", "--json", *FAST, *arguments)


@pytest.fixture
def nonsense(tmp_path: Path) -> dict[str, str]:
    """An environment in which everything that can be configured is wrong."""
    broken = tmp_path / "xsbot.toml"
    broken.write_text("this is [not a configuration", encoding="utf-8")
    proxy = "http://127.0.0.1:9"
    return {
        "XSBOT_CONFIG": str(broken),
        "DATABASE_URL": "postgresql://nobody:nothing@127.0.0.1:9/nowhere",
        "SLACK_BOT_TOKEN": "xoxb-1-real-looking",
        "SLACK_APP_TOKEN": "xapp-1-real-looking",
        "SLACK_SIGNING_SECRET": "nonsense",
        "XSBOT_POOL_LAB_PASSWORD": "nonsense",
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), proxy),
    }


def test_the_whole_story_succeeds_whatever_the_environment_says(tmp_path: Path, nonsense: dict[str, str]) -> None:
    told = process("demo", "--scripted", "--json", *FAST, environ=nonsense, cwd=tmp_path)
    assert told.code == 0, told.err
    figures = told.last_json
    assert figures.keys() >= KEYS
    assert figures["scenario"] == "small"
    assert figures["outcome"] == "succeeded"
    assert (figures["hosts"], figures["vms"], figures["reboots"], figures["approvals"]) == (3, 12, 3, 2)
    assert figures["migrations"] >= 12
    assert figures["makespan_s"] > 3 * 480
    assert figures["wall_s"] < 60
    assert figures["messages"] > 5
    assert figures["audit_events"] > 10
    assert figures["audit_ok"] is figures["ha_restored"] is figures["vms_home"] is True
    assert "real-looking" not in told.out + told.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["xsbot.toml"]


def test_a_single_host_is_refused_and_nothing_was_touched() -> None:
    told = scripted("--scenario", "single")
    assert told.code == 1, told.err
    figures = told.last_json
    assert figures.keys() >= KEYS
    assert figures["outcome"] == "refused"
    assert (figures["migrations"], figures["reboots"], figures["makespan_s"], figures["approvals"]) == (0, 0, 0, 0)
    for named in ("mail-01", "web-01", "db-01", "suspend"):
        assert named in figures["refused_because"]


def test_a_single_host_succeeds_when_its_vms_may_be_suspended() -> None:
    told = scripted("--scenario", "single", "--stopped-vms", "suspend")
    assert told.code == 0, told.err
    figures = told.last_json
    assert figures.keys() >= KEYS
    assert figures["outcome"] == "succeeded"
    assert (figures["migrations"], figures["reboots"]) == (0, 1)
    assert figures["vms_home"] is True


def _moves_away(stage: Stage) -> None:
    """Somebody starts a VM elsewhere, after the bot had brought everything home."""
    vm = stage.pool.vms[0]
    elsewhere = next(host.name for host in stage.pool.hosts if host.name != vm.resident_on)
    vm.started_by_somebody(elsewhere)
    stage.slack.wait_for(lambda: vm.resident_on == elsewhere, timeout=20)


def _syncs(stage: Stage) -> None:
    """The pool's list of updates has changed under the outcome: no host is on it."""
    began = stage.pool.state()["pool"]["checksum"]
    stage.pool.fault("foreign_sync")
    stage.slack.wait_for(lambda: stage.pool.state()["pool"]["checksum"] != began, timeout=20)


@pytest.mark.parametrize("tampers", [_moves_away, _syncs])
def test_a_pool_that_is_not_as_the_bot_claims_fails_the_run(monkeypatch: pytest.MonkeyPatch, tampers: Any) -> None:
    outcomes: list[str] = []

    def tampered(stage: Stage, *, stopped_vms: str, patience_s: float) -> dict[str, Any]:
        judge = stage.pool.verdict

        def late() -> Any:
            tampers(stage)
            return judge()

        monkeypatch.setattr(stage.pool, "verdict", late)
        figures = hold_conversation(stage, stopped_vms=stopped_vms, patience_s=patience_s)
        with stage.service.database.reading() as tx:
            from storage import rollouts

            outcomes.append(rollouts.recent(tx, limit=1)[0].state.value)
        return figures

    monkeypatch.setattr("bot.cli.rehearsal.hold_conversation", tampered)
    told = xsbot("demo", "--scripted", "--json", "--scenario", "toolstack-only", *FAST)
    assert outcomes == ["succeeded"]
    assert told.last_json["outcome"] == "not_as_claimed"
    assert told.code == 1


def test_the_page_is_served_on_another_port_when_its_own_is_taken(tmp_path: Path, nonsense: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with Running("demo", "--headless", "--port", port, environ=nonsense, cwd=tmp_path) as demo:
            assert str(port) in demo.line("is taken")
            url = demo.line("The page is at").split()[-1]
            assert not url.endswith(f":{port}")
            assert len(demo.lines["out"]) == 2
            with httpx.Client(trust_env=False, base_url=url) as browser:
                assert "<html" in browser.get("/").text
                programme = browser.get("/control/demo").json()
                assert programme["current"] == "small"
                # It is there for whoever types at once.
                body = {"as": "alice", "text": "/xs help"}
                answer = browser.post("/control/slack/say", json=body).json()
                assert answer["error"] is None
                assert "/xs update" in answer["text"]
            code, seconds = demo.terminate()
    assert code == 0
    assert seconds < 2


def test_people_are_told_how_to_reach_the_page() -> None:
    with Running("demo", "--port", 0, "--scenario", "single") as demo:
        url = demo.line("The page is at").split()[-1]
        port = url.rpartition(":")[2]
        assert f"ssh -L {port}:127.0.0.1:{port}" in demo.line("ssh -L")
        assert "/xs update lab" in demo.line("Start with")
