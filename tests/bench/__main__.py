"""``python -m tests.bench [takeover] [ack] [click] [idle] [rollouts] [look] [decide] [--json]``: those named, or all.

Ends with 1 when an aim was missed. With ``--json`` the last line is one JSON object of figure → value.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping

from tests.bench import ack, click, deciding, idle, look, rollouts, takeover
from tests.bench.child import BenchError
from tests.bench.figures import Figure

BENCHES: Mapping[str, Callable[[], list[Figure]]] = {
    "look": look.run,
    "decide": deciding.run,
    "takeover": takeover.run,
    "ack": ack.run,
    "click": click.run,
    "idle": idle.run,
    "rollouts": rollouts.run,
}


def main(arguments: list[str]) -> int:
    """Run them; 0 when every aim was met, 1 when one was missed, 2 when a bench could not be run."""
    parser = argparse.ArgumentParser(prog="make bench", description="How fast the engine is and what it costs.")
    parser.add_argument("benches", nargs="*", metavar="bench", help=f"one of {', '.join(BENCHES)}; all by default")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on one line")
    chosen = parser.parse_args(arguments)
    for name in chosen.benches:
        if name not in BENCHES:
            parser.error(f"there is no bench {name!r}: choose from {', '.join(BENCHES)}")
    found: dict[str, object] = {"machine": _machine()}
    print(f"On {found['machine']}", flush=True)
    outcome = 0
    for name in chosen.benches or BENCHES:
        began = time.monotonic()
        try:
            figures = BENCHES[name]()
        except BenchError as error:
            print(f"\n{name}: NOT MEASURED: {error}", flush=True)
            outcome = 2
            continue
        print(f"\n{name} ({time.monotonic() - began:.0f} s)", flush=True)
        for figure in figures:
            print(f"  {figure.line()}", flush=True)
            found[figure.name] = round(figure.value, 4)
        if not outcome and not all(figure.met for figure in figures):
            outcome = 1
    if chosen.json:
        print(json.dumps(found), flush=True)
    return outcome


def _machine() -> str:
    """What it is measured on: cores, load before the first bench, Python."""
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), load {os.getloadavg()[0]:.1f}, "
        f"{platform.python_implementation()} {platform.python_version()}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
