"""What a machine lacks is named in one line; under XSBOT_REQUIRE=all it fails the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUITE = """
import pytest

@pytest.mark.browser
def test_with_a_browser():
    raise SystemExit("must not run")

@pytest.mark.postgresql
@pytest.mark.parametrize("number", [1, 2])
def test_with_a_server(number):
    raise SystemExit("must not run")

def test_without():
    pass
"""


def run(folder: Path, *options: str, require: str = "") -> subprocess.CompletedProcess[str]:
    """Run a little suite under our conftest on a machine that has neither a browser nor PostgreSQL."""
    (folder / "test_suite.py").write_text(SUITE, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  browser\n  postgresql\n", encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-q", *options, str(folder)],
        cwd=folder,
        env={"PATH": str(folder), "PYTHONPATH": str(ROOT), "HOME": os.environ["HOME"], "XSBOT_REQUIRE": require}
        | {"XSBOT_POSTGRES": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_what_is_missing_is_said_in_a_line_each(tmp_path: Path, options: tuple[str, ...]) -> None:
    result = run(tmp_path, *options)
    assert result.returncode == 0, result.stdout + result.stderr
    lines = [line for line in result.stdout.splitlines() if line.startswith("NOT RUN: ")]
    assert lines == [
        "NOT RUN: 1 browser test(s), for want of a Chromium (apt install chromium)",
        "NOT RUN: 2 postgresql test(s), for want of a PostgreSQL (apt install postgresql)",
    ]


def test_what_is_missing_fails_where_everything_is_required(tmp_path: Path) -> None:
    result = run(tmp_path, require="all")
    assert result.returncode == 1
    assert "there is no Chromium for this test" in result.stdout
    assert "there is no PostgreSQL for this test" in result.stdout
    assert "1 passed, 3 errors" in result.stdout
    assert "NOT RUN" not in result.stdout


def test_some_may_be_required_and_others_not(tmp_path: Path) -> None:
    result = run(tmp_path, require="postgresql")
    assert result.returncode == 1
    assert "1 passed, 1 deselected, 2 errors" in result.stdout
    assert "NOT RUN: 1 browser test(s)" in result.stdout
