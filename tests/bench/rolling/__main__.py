"""`make bench-rolling`: rolling updates of random pools by xsbot and its peers."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.bench.rolling.bench import OURS, PEERS, Row, rows, summary
from tests.bench.rolling.kept import Kept
from tests.bench.rolling.pools import MIXES, Shape
from tests.bench.rolling.table import matrix, sizes_only, write


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-rolling", description=__doc__)
    parser.add_argument("--hosts", type=int, default=16)
    parser.add_argument("--memory", type=int, default=60, metavar="PERCENT", help="of the hosts' memory taken by VMs")
    parser.add_argument("--seeds", type=int, default=10, metavar="N", help="pools")
    parser.add_argument("--first-seed", type=int, default=1, metavar="N")
    parser.add_argument("--guidance", choices=MIXES, default="reboot")
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--placement", default="")
    parser.add_argument("--pinned", type=int, default=0, metavar="PERCENT", help="of the VMs cannot move")
    parser.add_argument(
        "--failing", type=int, default=0, metavar="PERCENT", help="of the VMs fail their first migration"
    )
    parser.add_argument("--bad", action="store_true", help="no member comes back from its reboot")
    parser.add_argument("--largest", type=int, default=64, metavar="GIB", help="the largest VM")
    parser.add_argument(
        "--driver",
        choices=("near", "product"),
        default="near",
        help="our rounds in this process, or by the product's worker with its database over HTTPS",
    )
    parser.add_argument("--tools", default=",".join((*PEERS, OURS)), help="which, separated by commas")
    parser.add_argument("--table", type=Path, metavar="PAGE", help="run the whole matrix and write it into the page")
    parser.add_argument("--up-to", type=int, default=64, metavar="HOSTS", help="with --table: no larger pools")
    parser.add_argument("--sizes-only", action="store_true", help="with --table: only lines of other sizes")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="with --table: so many pools at a time")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="with --table: go on from the runs kept there")
    parser.add_argument("--ready", action="store_true", help="with --keep: write only lines of which all is kept")
    parser.add_argument("--json", action="store_true", help="the result as JSON on the last line")
    return parser.parse_args()


def main() -> int:
    """Run what the command line asks for, and print it."""
    options = _arguments()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    if options.table is not None:
        write(
            options.table,
            [cell for cell in matrix(options.up_to) if not options.sizes_only or sizes_only(cell)],
            preset=options.preset,
            seeds=seeds,
            jobs=options.jobs,
            kept=Kept(options.keep),
            ready=options.ready,
        )
        return 0
    shape = Shape(
        options.hosts,
        options.memory,
        options.guidance,
        options.pinned,
        options.failing,
        options.bad,
        options.largest,
    )
    tools = options.tools.split(",")
    product = options.driver == "product"
    found: list[Row] = []
    for row in rows(shape, seeds, tools, options.preset, options.placement, product=product):
        found.append(row)
        print(_text(row), flush=True)
    result = summary(shape, found) | {"preset": options.preset, "placement": options.placement}
    print(json.dumps(result) if options.json else json.dumps(result, indent=2))
    return 0


def _text(row: Row) -> str:
    lines = [f"seed {row.seed}: bound {row.bounds.makespan:.0f} s, {row.bounds.moves:.0f} moves"]
    for tool, found in row.outcomes.items():
        moves = found.moves / max(1, found.vms)
        end = "" if found.completed else f"  STOPPED: {found.error or 'not everything is updated and in service'}"
        more = [f"{len(found.violations)} violations ({found.violations[0]})"] if found.violations else []
        more += [f"{found.complaints} complaints"] if found.complaints else []
        more += [f"{found.lost} hosts lost"] if found.lost else []
        lines.append(
            f"  {tool:14} {found.makespan:8.0f} s  {moves:5.2f} moves/VM  {found.host_seconds / 3600:6.2f} host-h  "
            f"{found.away:4} away  spare {found.lowest_spare:6.0f} GiB  {row.costs[tool].wall:6.1f} s real"
            f"{end}{'  ' + ', '.join(more) if more else ''}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
