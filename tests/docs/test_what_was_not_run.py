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

def test_without():
    pass
"""


def run(folder: Path, *options: str, require: str = "") -> subprocess.CompletedProcess[str]:
    """Run a little suite under our conftest on a machine whose PATH has no browser."""
    (folder / "test_suite.py").write_text(SUITE, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = browser\n", encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-q", *options, str(folder)],
        cwd=folder,
        env={"PATH": str(folder), "PYTHONPATH": str(ROOT), "HOME": os.environ["HOME"], "XSBOT_REQUIRE": require},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_a_missing_browser_is_said_in_one_line(tmp_path: Path, options: tuple[str, ...]) -> None:
    result = run(tmp_path, *options)
    assert result.returncode == 0, result.stdout + result.stderr
    lines = [line for line in result.stdout.splitlines() if line.startswith("NOT RUN: ")]
    assert lines == ["NOT RUN: 1 browser test(s), for want of a Chromium (apt install chromium)"]


def test_a_missing_browser_fails_where_everything_is_required(tmp_path: Path) -> None:
    result = run(tmp_path, require="all")
    assert result.returncode == 1
    assert "there is no Chromium for this test" in result.stdout
    assert "1 passed, 1 error" in result.stdout
    assert "NOT RUN" not in result.stdout
