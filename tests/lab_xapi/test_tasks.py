"""Asynchronous calls and their task records."""

from __future__ import annotations

import xmlrpc.client

import pytest

from .client import Client, refused, text_of


def test_success_comes_with_its_result(small: Client) -> None:
    record = small.do("pool.sync_updates", small.pool_ref(), False)
    assert record["name_label"] == "Async.pool.sync_updates"
    assert record["progress"] == 1.0
    assert record["allowed_operations"] == []
    assert text_of(record["result"]) == small.checksum()


def test_a_void_result_is_empty_and_failures_carry_the_vector(small: Client) -> None:
    assert small.do("host.disable", small.host("xs-02"))["result"] in ("", "<value></value>")
    assert small.fails("host.reboot", small.host("xs-03")) == ["HOST_NOT_DISABLED"]


def test_arguments_are_checked_before_there_is_a_task(small: Client) -> None:
    with refused("HANDLE_INVALID", "host"):
        small("Async.host.evacuate", "OpaqueRef:nothing")
    assert small("task.get_all") == []


def test_getters_have_no_asynchronous_form(small: Client) -> None:
    with pytest.raises(xmlrpc.client.Fault):
        small("Async.host.get_name_label", small.host("xs-01"))


def test_an_evacuation_can_be_cancelled_and_moves_stop(small: Client) -> None:
    task = small("Async.host.evacuate", small.host("xs-02"))
    small.passes(5)
    small("task.cancel", task)
    record = small.finish(task)
    assert (record["status"], record["error_info"]) == ("cancelled", ["TASK_CANCELLED", task])
    small("task.destroy", task)
    with refused("HANDLE_INVALID", "task", task):
        small("task.get_record", task)


def test_an_apply_cannot_be_cancelled(small: Client) -> None:
    small("host.disable", small.host("xs-01"))
    small.do("host.evacuate", small.host("xs-01"))
    task = small("Async.host.apply_updates", small.host("xs-01"), small.checksum())
    with refused("OPERATION_NOT_ALLOWED"):
        small("task.cancel", task)


def test_finished_tasks_are_collected_after_65_minutes(small: Client) -> None:
    task = small("Async.host.disable", small.host("xs-02"))
    small.passes(64 * 60)
    assert small("task.get_status", task) == "success"
    small.passes(2 * 60)
    with refused("HANDLE_INVALID", "task"):
        small("task.get_status", task)
