"""What became of a task, read from its record."""

from __future__ import annotations

import pytest

from bot.xen.errors import Busy, Refused, translate
from bot.xen.tasks import livepatch_failures, status_of, task_value

VECTOR = (
    "<value><array><data><value><array><data><value>APPLY_LIVEPATCH_FAILED</value><value>"
    '{"component":"kernel","base_build_id":"1","base_version":"4.19.19","base_release":"8",'
    '"to_version":"4.19.19","to_release":"9"}'
    "</value></data></array></value></data></array></value>"
)


@pytest.mark.parametrize("status", ["pending", "cancelling"])
def test_a_task_that_runs(status: str) -> None:
    found = status_of({"status": status, "progress": 0.25}, translate)
    assert (found.state, found.progress, found.error) == ("pending", 0.25, None)


def test_a_task_that_failed_carries_the_error() -> None:
    found = status_of({"status": "failure", "error_info": ["APPLY_UPDATES_IN_PROGRESS"], "progress": 1.0}, translate)
    assert found.state == "failure"
    assert isinstance(found.error, Busy)


def test_a_cancelled_task() -> None:
    found = status_of({"status": "cancelled", "error_info": [], "progress": 1.0}, translate)
    assert found.state == "cancelled"
    assert isinstance(found.error, Refused)
    assert found.error.code == "TASK_CANCELLED"


def test_a_task_that_succeeded_carries_its_result() -> None:
    found = status_of({"status": "success", "result": "<value>abc</value>"}, translate)
    assert (found.state, found.progress) == ("success", 1.0)
    assert task_value(found.result) == "abc"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("", ""),
        ("<value></value>", ""),
        ("<value>OpaqueRef:1</value>", "OpaqueRef:1"),
        ("<value><string>a &lt; b</string></value>", "a < b"),
        ("OpaqueRef:raw", "OpaqueRef:raw"),
        ("<value>broken", "<value>broken"),
    ],
)
def test_results_are_fragments_of_xml(written: str, value: str) -> None:
    assert task_value(written) == value


def test_failed_live_patches_are_in_the_result_of_a_successful_task() -> None:
    assert livepatch_failures(VECTOR) == ("kernel 4.19.19-8 -> 4.19.19-9",)
    assert livepatch_failures("<value><array><data></data></array></value>") == ()
    assert livepatch_failures("") == ()
