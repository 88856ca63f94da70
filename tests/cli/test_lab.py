"""`xsbot lab` and `xsbot serve`, each in a process of its own, as other programs and operators run them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import XenAPI

from tests.cli.configuration import configure
from tests.cli.machine import Running, process, wait_for, xsbot

#: What other programs read from the line that the lab prints.
KEYS = {"coordinator_url", "hosts", "username", "password", "ca_file", "fingerprint", "slack_url", "control_url"}


@dataclass
class Lab:
    """A lab in a process of its own, and plain HTTP to control it."""

    running: Running
    described: dict[str, Any]
    http: httpx.Client

    def get(self, path: str, **query: Any) -> Any:
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **body: Any) -> Any:
        answer = self.http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def buttons(self) -> set[str]:
        messages = self.get("/slack/messages", channel="xs-updates")
        return {button for message in messages for button in message["buttons"]}


@contextmanager
def lab(*options: object) -> Iterator[Lab]:
    with Running("lab", *options) as running:
        described = json.loads(running.line("{"))
        with httpx.Client(base_url=described["control_url"], trust_env=False, timeout=30) as http:
            yield Lab(running, described, http)


def test_the_lab_describes_itself_on_one_line_and_serves_until_stopped() -> None:
    with lab("--scenario", "pinned", "--speed", 500) as there:
        described = there.described
        assert described.keys() >= KEYS
        assert len(there.running.lines["out"]) == 1
        assert [host["name"] for host in described["hosts"]] == ["xs-01", "xs-02", "xs-03"]
        assert described["coordinator_url"] == described["hosts"][0]["url"]
        assert Path(described["ca_file"]).read_text(encoding="ascii").startswith("-----BEGIN CERTIFICATE")

        session = XenAPI.Session(described["coordinator_url"], ignore_ssl=True)
        session.xenapi.login_with_password(described["username"], described["password"], "1.1", "tests")
        assert len(session.xenapi.host.get_all()) == 3
        session.xenapi.session.logout()
        session("close")()

        state = there.get("/pool/state")
        assert (state["scenario"], len(state["hosts"])) == ("pinned", 3)
        calls = there.get("/pool/calls")
        assert [call["method"] for call in calls][:2] == ["session.login_with_password", "host.get_all"]
        assert described["password"] not in json.dumps(calls)
        assert there.get("/pool/calls", **{"from": len(calls)}) == []

        there.post("/pool/fault", name="apply_fails", host="xs-02", times=1)
        assert [effect["kind"] for effect in there.get("/pool/effects")] == ["fault"]
        unknown = there.http.post("/pool/fault", json={"name": "gremlins"})
        assert unknown.status_code == 400
        assert "gremlins" in unknown.json()["error"]

        assert {channel["name"] for channel in there.get("/slack/channels")} >= {"xs-updates", "xs-audit"}
        # Nobody listens to the command: the lab is alone.
        assert there.post("/slack/say", **{"as": "alice", "text": "/xs help"})["error"] == "dispatch_failed"
        assert there.http.post("/slack/say", json={"as": "mallory", "text": "hi"}).status_code == 404
        assert there.get("/slack/modal", user="alice") is None

        code, seconds = there.running.terminate()
    assert code == 0
    assert seconds < 2
    assert not Path(described["ca_file"]).exists()


def test_the_lab_listens_where_it_is_told() -> None:
    with lab("--scenario", "single") as first:
        port = first.described["coordinator_url"].rpartition(":")[2]
        taken = process("lab", "--scenario", "single", "--xapi-port", port)
        assert taken.code == 2
        assert port in taken.err
        assert "Choose another port" in taken.err
        assert first.running.terminate()[0] == 0


def serving(there: Lab, directory: Path) -> tuple[Path, dict[str, str]]:
    """The configuration and the environment of a bot for that lab."""
    described = there.described
    config = configure(
        directory,
        urls=[host["url"] for host in described["hosts"]],
        fingerprints=described["fingerprints"],
        username=described["username"],
        base_url=f"{described['slack_url']}/api/",
    )
    environ = {
        "XSBOT_POOL_LAB_PASSWORD": described["password"],
        "SLACK_BOT_TOKEN": described["bot_token"],
        "SLACK_APP_TOKEN": described["app_token"],
    }
    return config, environ


def form_is_ready(there: Lab) -> bool:
    form = there.get("/slack/modal", user="alice")
    return form is not None and any(field["block_id"] == "reason" for field in form["fields"])


def switch_ha_off(there: Lab) -> None:
    """A pool without HA: the bot here lives in real time, and its patience with HA would be most of this test."""
    session = XenAPI.Session(there.described["coordinator_url"], ignore_ssl=True)
    session.xenapi.login_with_password("root", there.described["password"], "1.1", "tests")
    session.xenapi.pool.disable_ha()
    session.xenapi.session.logout()
    session("close")()


def test_serve_carries_out_what_people_agree_on_against_a_lab_elsewhere(tmp_path: Path) -> None:
    with lab("--scenario", "toolstack-only", "--speed", 1000) as there:
        switch_ha_off(there)
        config, environ = serving(there, tmp_path)
        with Running("--config", config, "serve", environ=environ, cwd=tmp_path) as bot:
            bot.line("xsbot is running. Pools: lab.", "err")
            wait_for(lambda: "Plan update…" in there.buttons())

            second = process("--config", config, "serve", environ=environ, cwd=tmp_path)
            assert second.code == 2
            assert f"Another xsbot is running on {tmp_path / 'xsbot.sqlite'}" in second.err

            assert there.post("/slack/say", **{"as": "alice", "text": "/xs update lab"})["error"] is None
            wait_for(lambda: form_is_ready(there))
            sent = there.post("/slack/submit", **{"as": "alice", "values": {"reason": "CHG-1234"}})
            assert sent["errors"] == {}
            wait_for(lambda: "Approve" in there.buttons())
            for person in ("bob", "carol"):
                there.post("/slack/click", **{"as": person, "button": "Approve"})

            def shown() -> str:
                return xsbot("--config", config, "rollouts", "show", 1, environ=environ).out

            wait_for(lambda: "pool lab: succeeded" in shown(), seconds=90)
            assert "approved by bob" in shown()
            verdict = there.get("/pool/verdict")
            assert verdict["all_updated"] is verdict["vms_home"] is verdict["settings_restored"] is True
            assert verdict["violations"] == []
            assert {call["user"] for call in there.get("/pool/calls") if call["user"]} == {"root", "xsbot"}
            wait_for(lambda: any("1" in line["plain"] for line in there.get("/slack/messages", channel="xs-audit")))

            code, seconds = bot.terminate()
            assert code == 0
            assert seconds < 2
            said = "\n".join(bot.lines["err"])
            assert "Traceback" not in said
            for secret in environ.values():
                assert secret not in said
        assert xsbot("--config", config, "audit", "verify", environ=environ).code == 0
        assert there.running.terminate()[0] == 0
