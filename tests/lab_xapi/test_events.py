"""event.from."""

from __future__ import annotations

import threading
import time as wall
from typing import Any

import pytest

from .client import AWAY, Client, refused


def test_an_empty_token_delivers_everything_as_added(small: Client) -> None:
    batch = small("event.from", ["vm", "Host"], "", 0.0)
    assert {event["operation"] for event in batch["events"]} == {"add"}
    assert {event["class"] for event in batch["events"]} == {"vm", "host"}
    assert batch["valid_ref_counts"] == {"vm": 15, "host": 3}
    names = {event["snapshot"]["name_label"] for event in batch["events"]}
    assert {"web-01", "xs-01"} <= names


def test_a_long_poll_ends_empty_after_its_timeout(small: Client) -> None:
    token = small("event.from", ["vm"], "", 0.0)["token"]
    before = small.clock.now()
    batch = small("event.from", ["vm"], token, 30.0)
    assert batch["events"] == []
    assert (small.clock.now() - before).total_seconds() == 30


def test_changes_coalesce_into_the_newest_state(small: Client) -> None:
    token = small("event.from", ["host"], "", 0.0)["token"]
    small("host.disable", small.host("xs-02"))
    small("host.enable", small.host("xs-02"))
    small("host.disable", small.host("xs-02"))
    batch = small("event.from", ["host"], token, 10.0)
    assert [(event["operation"], event["snapshot"]["enabled"]) for event in batch["events"]] == [("mod", False)]
    assert batch["token"] > token


def test_a_task_can_be_watched_alone_and_its_end_wakes_the_poll(small: Client) -> None:
    task = small("Async.host.evacuate", small.host("xs-02"))
    watch = [f"task/{task}"]
    token = ""
    while True:
        batch = small("event.from", watch, token, 600.0)
        token = batch["token"]
        assert {event["ref"] for event in batch["events"]} == {task}
        if batch["events"][-1]["snapshot"]["status"] == "success":
            break
    assert small.pool.host("xs-02").resident_vms == []


def test_a_deleted_object_arrives_without_snapshot(small: Client) -> None:
    task = small("Async.host.disable", small.host("xs-02"))
    token = small("event.from", ["task"], "", 0.0)["token"]
    small("task.destroy", task)
    (event,) = small("event.from", ["task"], token, 5.0)["events"]
    assert (event["operation"], event["ref"]) == ("del", task)
    assert "snapshot" not in event


def test_bad_tokens_and_subscriptions_are_refused(small: Client) -> None:
    with refused("EVENT_FROM_TOKEN_PARSE_FAILURE", "yesterday"):
        small("event.from", ["vm"], "yesterday", 1.0)
    with refused("EVENT_SUBSCRIPTION_PARSE_FAILURE", "v m"):
        small("event.from", ["v m"], "", 1.0)


def test_a_logout_elsewhere_ends_the_poll(small: Client) -> None:
    other = Client(small.pool, small.clock)
    other.ref = small.ref
    token = small("event.from", ["task"], "", 0.0)["token"]
    caught: list[Any] = []

    def poll() -> None:
        with small.clock.participant(), refused("SESSION_INVALID", small.ref):
            other("event.from", ["task"], token, 3600.0)
        caught.append("SESSION_INVALID")

    with small.clock.participant():
        thread = threading.Thread(target=poll)
        thread.start()
        while not small.pool.run(lambda: len(small.pool.world.bells)):
            wall.sleep(0.005)
        small("session.logout")
        thread.join(timeout=10)
    other.close()
    assert caught == ["SESSION_INVALID"]


def test_the_poll_breaks_when_the_coordinator_goes(small: Client) -> None:
    token = small("event.from", ["vm"], "", 0.0)["token"]
    small("host.restart_agent", small.host("xs-01"))
    with pytest.raises(AWAY):
        small("event.from", ["vm"], token, 3600.0)
