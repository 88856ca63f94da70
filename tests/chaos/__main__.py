"""``python -m tests.chaos``: one run of the chaos suite; the last line is its figures as JSON."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from typing import Any

from tests.chaos import paper
from tests.chaos.run import Result, Size, carry_out


def main(words: list[str]) -> int:
    """Run it; 1 when a promise was broken."""
    # Whoever ends a run from outside leaves no server and no process behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser(prog="make chaos ARGS=…", description="Everything goes wrong, on many pools.")
    parser.add_argument("--pools", type=int, help="default: 3; none, where pools are tried on paper only")
    parser.add_argument("--pools-on-paper", type=int, default=0, help="random pools for each property of rollouts")
    parser.add_argument("--hosts", type=int, default=3, help="of each pool")
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--faults", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--database", default="", help="a PostgreSQL address, or own: a private server (default: SQLite, one process)"
    )
    parser.add_argument("--rounds", type=int, default=2, help="updates of each pool at most")
    parser.add_argument("--speed", type=float, default=0.0, help="simulated seconds in a real one (default: what fits)")
    parser.add_argument("--span", type=float, default=0.0, help="real seconds over which everything goes wrong")
    parser.add_argument("--patience", type=float, default=3600.0, help="real seconds until a run counts as stuck")
    parser.add_argument("--json", action="store_true", help="the figures in one line of JSON")
    parser.add_argument("--verbose", action="store_true", help="print plan and logs of a run without faults, too")
    chosen = parser.parse_args(words)
    figures: dict[str, Any] = {}
    if chosen.pools_on_paper:
        figures |= paper.carry_out(chosen.pools_on_paper, say)
    broken = bool(figures.get("properties_broken"))
    pools = chosen.pools if chosen.pools is not None else 0 if chosen.pools_on_paper else 3
    if pools:
        result = run_of(chosen, pools)
        figures |= result.figures
        broken = broken or bool(result.broken)
        if result.broken or chosen.verbose:
            print(result)
    if chosen.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:20} {value}")
    return 1 if broken else 0


def run_of(chosen: argparse.Namespace, pools: int) -> Result:
    """One run on simulated pools."""
    size = Size(
        pools=pools,
        hosts=chosen.hosts,
        kills=chosen.kills,
        faults=chosen.faults,
        seed=chosen.seed,
        database=chosen.database,
        rounds=chosen.rounds,
        speed=chosen.speed,
        span=chosen.span,
    )
    return carry_out(size, patience_s=chosen.patience, say=say)


def say(text: str) -> None:
    """What goes on, beside the figures."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
