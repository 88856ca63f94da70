"""Random pools on paper: many more than can be simulated over HTTPS, each carried out, aborted, and with answers lost.

They are the properties of `tests/rollout` with more examples: pools with every awkward property, where each action has
its effect at once (`test_any_pool`), and planned rollouts in which everything takes time (`test_timed_pool`).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: The files, each with how many of its properties draw pools of their own.
FILES = {"tests/rollout/test_any_pool.py": 3, "tests/rollout/test_timed_pool.py": 1}


def carry_out(pools: int, say: Callable[[str], None]) -> dict[str, float]:
    """Try so many random pools with each property; the figures. What broke is said with the smallest pool that does.

    `properties_broken` counts those for which a pool was found that breaks them, or that could not be tried at all.
    """
    began, broken = time.monotonic(), 0
    for file in FILES:
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=0", file],
            cwd=ROOT,
            env={**os.environ, "XSBOT_EXAMPLES": str(pools)},
            capture_output=True,
            text=True,
            check=False,
        )
        failed = failures(ended.stdout, ended.returncode)
        if failed:
            say(ended.stdout + ended.stderr)
        broken += failed
    drawn = sum(FILES.values()) * pools
    return {"pools_on_paper": drawn, "properties_broken": broken, "paper_s": round(time.monotonic() - began, 1)}


def failures(output: str, status: int) -> int:
    """How many tests failed, as pytest says in its last line; at least one when it did not end well."""
    counted = sum(
        int(number) for number in re.findall(r"(\d+) (?:failed|errors?)\b", output.strip().rpartition("\n")[2])
    )
    return counted if status == 0 else max(1, counted)
