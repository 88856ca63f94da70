"""Random pools on paper: what pytest says of them is understood."""

from __future__ import annotations

import pytest

from tests.chaos.paper import FILES, ROOT, carry_out, failures


def test_a_few_pools_are_tried_with_each_property() -> None:
    said: list[str] = []
    figures = carry_out(1, said.append)
    assert (figures["pools_on_paper"], figures["properties_broken"], said) == (4, 0, [])


@pytest.mark.parametrize("file", FILES)
def test_each_file_has_as_many_properties_as_are_counted(file: str) -> None:
    assert (ROOT / file).read_text("utf-8").count("@settings(max_examples=_EXAMPLES") == FILES[file]


@pytest.mark.parametrize(
    ("output", "status", "broken"),
    [
        ("....\n4 passed in 2.10s", 0, 0),
        ("FAILED x - 7 failed\n1 failed, 3 passed in 2.10s", 1, 1),
        ("2 failed, 1 passed, 1 error in 9s", 1, 3),
        ("ERROR: file or directory not found", 4, 1),
        ("", -9, 1),
    ],
)
def test_what_failed_is_counted(output: str, status: int, broken: int) -> None:
    assert failures(output, status) == broken
