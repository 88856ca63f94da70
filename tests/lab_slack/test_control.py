"""The same conversation over HTTP, as a third party would hold it."""

from __future__ import annotations

import json
import threading
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from bot.lab.slack import LabSlack
from tests.lab_slack.conftest import Bot


@pytest.fixture
def http(slack: LabSlack) -> Any:
    with httpx.Client(base_url=slack.url + "/control/slack/", timeout=10) as client:
        yield client


def test_ask_approve_and_read_over_http(slack: LabSlack, bot: Bot, http: httpx.Client) -> None:
    assert [c["name"] for c in http.get("channels").json()] == ["xs-updates", "xs-audit", "random"]

    said = http.post("say", json={"as": "alice", "text": "/xs update lab", "wait": 0}).json()
    assert said["ack_ms"] < 3000
    slack.wait_for(slack.messages)
    card = http.get("messages", params={"channel": "xs-updates"}).json()[0]
    assert card["buttons"] == ["Approve"]
    refused = http.post("click", json={"as": "dave", "button": "Approve"}).json()
    assert refused["text"] == "You may not approve."
    assert http.get("ephemerals", params={"user": "dave"}).json()[0]["text"] == "You may not approve."

    clicked = http.post("click", json={"as": "bob", "button": "Approve", "ts": card["ts"], "wait": 0}).json()

    assert not clicked["timed_out"]
    slack.wait_for(lambda: slack.messages()[0].edited)
    missing = http.post("click", json={"as": "bob", "button": "Approve"})
    assert missing.status_code == 404
    assert missing.json()["error"] == "bob sees no button 'Approve'."


def test_a_modal_over_http(slack: LabSlack, bot: Bot, http: httpx.Client) -> None:
    http.post("say", json={"as": "alice", "text": "/xs form", "wait": 0})
    modal = http.get("modal", params={"user": "alice", "wait": 2}).json()
    assert modal["title"] == "Reject"
    assert [field["label"] for field in modal["fields"]] == ["Reason", "Rule"]

    short = http.post("submit", json={"as": "alice", "values": {"Reason": "no"}}).json()
    assert short["errors"]["reason"] == "Say a little more."
    done = http.post("submit", json={"as": "alice", "values": {"reason/why": "the freeze", "Rule": "Suspend"}})

    assert done.json()["closed"]
    assert http.get("modal", params={"user": "alice"}).json() is None
    values = bot.seen[-1]["view"]["state"]["values"]
    assert values["rule"]["rule_is"]["selected_option"]["value"] == "suspend"


def test_wrong_requests_are_told_what_is_wrong(slack: LabSlack, http: httpx.Client) -> None:
    assert http.post("say", json={"text": "hello"}).json()["error"] == "Missing: as."
    assert http.post("say", json={"as": "zoe", "text": "x"}).status_code == 404
    assert http.post("say", content=b"as=alice").status_code == 415
    assert http.post("fault", json={"name": "flood"}).status_code == 404
    assert http.post("fault", json={"name": "slow", "seconds": 0.1}).json() == {"ok": True}


def test_the_page_hears_of_every_change(slack: LabSlack) -> None:
    with httpx.stream("GET", slack.url + "/events", timeout=5) as stream:
        lines = stream.iter_lines()
        first = next(line for line in lines if line.startswith("data:"))
        slack.say("hello")
        second = next(line for line in lines if line.startswith("data:"))
    assert int(second[5:]) > int(first[5:])
    state = httpx.get(slack.url + "/control/slack/state", params={"user": "bob"}).json()
    assert [m["text"] for m in state["messages"]] == ["hello"]
    assert state["hints"] == [{"usage": "/xs update <pool>", "does": "ask for an update"}]


def test_stop_ends_open_event_streams() -> None:
    slack = LabSlack.start()
    with httpx.stream("GET", slack.url + "/events", timeout=5) as stream:
        lines = stream.iter_lines()
        next(line for line in lines if line.startswith("data:"))
        slack.stop()
        assert list(lines) is not None


def test_the_page_comes_whole_from_this_server(slack: LabSlack) -> None:
    page = httpx.get(slack.url).text
    assert "rehearsal stage, not Slack" in page
    for name in ("style.css", "app.js", "messages.js", "blocks.js", "modal.js", "mrkdwn.js", "composer.js", "hint.js"):
        body = httpx.get(f"{slack.url}/page/{name}")
        assert body.status_code == 200
        assert "innerHTML" not in body.text
        assert "://" not in body.text.replace("https?:", "")


def test_other_routes_live_on_the_same_server() -> None:
    async def demo(request: Request) -> Response:
        return JSONResponse({"current": "small"})

    with LabSlack.start(extra_routes=[Route("/control/demo", demo)]) as slack:
        assert httpx.get(slack.url + "/control/demo").json() == {"current": "small"}


def test_each_payload_goes_to_one_of_several_sockets(slack: LabSlack) -> None:
    def address() -> str:
        headers = {"authorization": f"Bearer {slack.app_token}"}
        return str(httpx.post(slack.api_url + "apps.connections.open", headers=headers).json()["url"])

    erin = slack.workspace.person("erin")
    with connect(address(), proxy=None) as one, connect(address(), proxy=None) as two:
        assert json.loads(one.recv())["type"] == "hello"
        assert json.loads(two.recv())["num_connections"] == 2
        looks = [threading.Thread(target=slack.interactions.open_home, args=(erin,)) for _ in range(2)]
        for look in looks:
            look.start()
        for socket in (one, two):
            envelope = json.loads(socket.recv(timeout=2))
            assert envelope["payload"]["event"]["type"] == "app_home_opened"
            socket.send(json.dumps({"envelope_id": envelope["envelope_id"]}))
        for look in looks:
            look.join()
    assert len(slack.acks) == 2


def test_a_ticket_is_good_for_one_socket(slack: LabSlack) -> None:
    headers = {"authorization": f"Bearer {slack.app_token}"}
    url = httpx.post(slack.api_url + "apps.connections.open", headers=headers).json()["url"]
    with connect(url, proxy=None) as first:
        first.recv()
        with pytest.raises(InvalidStatus):
            connect(url, proxy=None)
