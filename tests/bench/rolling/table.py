"""The figures and pictures of docs/performance.md: a matrix of pools, run and written between two marks of the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.bench.rolling import pictures
from tests.bench.rolling.bench import OURS, PEERS, Row, run, summary
from tests.bench.rolling.kept import Kept
from tests.bench.rolling.ours import offers
from tests.bench.rolling.outcome import Outcome
from tests.bench.rolling.pools import Shape, draw

BEGIN, END = "<!-- bench-rolling: begin -->", "<!-- bench-rolling: end -->"
#: The preset whose aims are named where a line does not name another.
AIMED = "standard"
_TOOLS = (*PEERS, OURS)
_MIXES = {
    "half": "half reboot",
    "quarter": "a quarter reboots",
    "toolstack": "toolstack only",
    "evacuate": "evacuate only",
    "none": "no task",
}


@dataclass(frozen=True, slots=True)
class Aims:
    """What we want to reach at most; None where nothing is aimed at. `extra_moves` is counted from the bound."""

    xencenter: float | None = None
    xen_orchestra: float | None = None
    lower_bound: float | None = None
    moves: float | None = None
    extra_moves: float | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One line of the table; an empty preset is the one that the command line names."""

    shape: Shape
    preset: str = ""
    placement: str = "leave"
    aims: Aims = Aims()

    @property
    def name(self) -> str:
        """The pools in words."""
        shape = self.shape
        words = [f"{shape.hosts} hosts", f"{shape.memory} %"]
        words += {"reboot": [], "half": ["half reboot"], "quarter": ["a quarter reboots"]}.get(
            shape.guidance,
            [{"toolstack": "toolstack only", "evacuate": "evacuate only"}.get(shape.guidance, "no task")],
        )
        words += [f"{shape.pinned} % of VMs pinned"] if shape.pinned else []
        words += [f"{shape.failing} % of migrations fail"] if shape.failing else []
        words += ["bad update"] if shape.bad else []
        words += [f"VMs ≤ {shape.largest} GiB"] if shape.largest != Shape().largest else []
        return ", ".join(words)


def matrix(largest: int) -> list[Cell]:
    """The lines of the table, for pools of at most so many hosts."""
    cells = [
        Cell(Shape(2, 45)),
        Cell(Shape(4), aims=Aims(0.60, 0.62, 1.30, 1.26)),
        Cell(Shape(8), aims=Aims(0.37, 0.40, 1.60, 1.25)),
        Cell(Shape(16), aims=Aims(0.23, 0.27, 1.30, 1.16)),
        Cell(Shape(32), aims=Aims(0.18, 0.21, 1.20, 1.10)),
        Cell(Shape(64), aims=Aims(0.17, 0.19, 1.12, 1.06)),
        Cell(Shape(16), placement="balance", aims=Aims(moves=1.32)),
        Cell(Shape(16), placement="home", aims=Aims(moves=2.15)),
        Cell(Shape(16, 30)),
        Cell(Shape(16, 75)),
        Cell(Shape(16, 85), aims=Aims(moves=1.2)),
        Cell(Shape(16, 85, largest=16)),
        Cell(Shape(16, 90), aims=Aims(moves=1.2)),
        Cell(Shape(16, guidance="toolstack"), aims=Aims(0.90, 0.18, 1.05, 0.0)),
        Cell(Shape(16, guidance="half"), aims=Aims(0.30, None, 1.10, None, 0.03)),
        Cell(Shape(16, guidance="quarter")),
        Cell(Shape(16, guidance="evacuate")),
        Cell(Shape(16, guidance="none")),
        Cell(Shape(16, pinned=5)),
        Cell(Shape(16, failing=3)),
        Cell(Shape(16, bad=True)),
        *(Cell(Shape(hosts), "gentle", aims=Aims(0.72, extra_moves=0.01)) for hosts in (4, 8, 16, 32)),
        Cell(Shape(16), "fast"),
    ]
    return [cell for cell in cells if cell.shape.hosts <= largest and (not cell.preset or offers(cell.preset))]


Result = tuple[Cell, list[Row]]


def write(
    page: Path, cells: list[Cell], *, preset: str, seeds: range, jobs: int, kept: Kept, ready: bool = False
) -> None:
    """Run these lines and put figures and pictures into the page; `ready`: only those of which every run is kept."""
    results: list[Result] = []
    for cell in cells:
        wanted = replace(cell, preset=cell.preset or preset)
        if wanted.preset == "serial" or not offers(wanted.preset):
            wanted = replace(wanted, placement="")
        if not cell.preset and preset != AIMED:
            wanted = replace(wanted, aims=Aims())
        if ready and not all(kept.has(wanted.shape, seed, _TOOLS, wanted.preset, wanted.placement) for seed in seeds):
            continue
        results.append((wanted, _run(wanted, seeds, jobs, kept)))
        print(_line(*results[-1]), flush=True)
    first = results[0][0]
    drawn = draw(Shape(min(8, max(cell.shape.hosts for cell in cells))), seeds[0])
    two = [run(drawn, tool, first.preset, first.placement)[0] for tool in (OURS, "xencenter")]
    publish(page, results, two, preset, seeds)


def publish(page: Path, results: list[Result], two: list[Outcome], preset: str, seeds: range) -> None:
    """Write the figures between the page's marks, and the pictures beside it."""
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n{_figures(results, seeds)}\n{END}{after}", encoding="utf-8")
    by_size = {
        cell.shape.hosts: {
            tool: figure["of_bound"]
            for tool, figure in summary(cell.shape, found)["tools"].items()
            if figure["of_bound"] is not None
        }
        for cell, found in results
        if sizes_only(cell) and cell.preset == preset
    }
    pages = page.parent / "pictures"
    title = "Makespan as a multiple of the lower bound, every host reboots"
    (pages / "rolling-makespans.svg").write_text(pictures.makespans(by_size, title), encoding="utf-8")
    hosts = len({span.host for outcome in two for span in outcome.spans})
    title = f"One pool of {hosts} hosts, preset {preset}"
    (pages / "rolling-gantt.svg").write_text(pictures.gantt(two, title), encoding="utf-8")


def sizes_only(cell: Cell) -> bool:
    """Whether the line is one of those that differ in nothing but the number of hosts."""
    return (
        cell.shape == Shape(cell.shape.hosts, cell.shape.memory)
        and cell.placement in ("leave", "")
        and (cell.shape.memory == Shape().memory or cell.shape.hosts == 2)
    )


def _run(cell: Cell, seeds: Iterable[int], jobs: int, kept: Kept) -> list[Row]:
    work = [(kept, cell, seed) for seed in seeds]
    if jobs == 1:
        return [_one(one) for one in work]
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(_one, work))


def _one(work: tuple[Kept, Cell, int]) -> Row:
    kept, cell, seed = work
    return kept.row(cell.shape, seed, _TOOLS, cell.preset, cell.placement)


_HEAD = (
    "| pools | preset, placement | completed | XenCenter | Xen Orchestra | vendor | 2014 | cloudstackOps | bound | "
    "moves per VM | host-hours | violations |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def _figures(results: list[Result], seeds: range) -> str:
    lines = [f"Seeds {seeds[0]} to {seeds[-1]}.", "", _HEAD]
    lines += [_line(cell, found) for cell, found in results]
    lines += ["", *_missed(results), "", *_stops(results), "", *_tools(results), "", *_costs(results)]
    return "\n".join(lines)


def _line(cell: Cell, found: list[Row]) -> str:
    result = summary(cell.shape, found)
    ratios, ours = result["ratios"], result["tools"][OURS]
    wanted = {"xencenter": cell.aims.xencenter, "xen_orchestra": cell.aims.xen_orchestra}
    cells = [cell.name, ", ".join(filter(None, (cell.preset, cell.placement)))]
    cells.append(f"{result['completed'][OURS]} of {result['of']}")
    cells += [_figure(ratios[tool], wanted.get(tool)) for tool in PEERS]
    cells.append(_figure(ratios["lower_bound"], cell.aims.lower_bound))
    bound, moves = result["moves_bound"], _aimed_moves(cell, result)
    cells.append(f"{_figure(result['moves_per_vm'], moves)} (bound {_figure(bound)})")
    cells.append(_figure(ours["host_hours_of_bound"]))
    cells.append(str(result["violations"].get(OURS, 0)))
    return f"| {' | '.join(cells)} |"


def _aimed_moves(cell: Cell, result: dict[str, Any]) -> float | None:
    if cell.aims.extra_moves is not None and result["moves_bound"] is not None:
        return round(float(result["moves_bound"]) + cell.aims.extra_moves, 3)
    return cell.aims.moves


def _figure(value: float | None, aim: float | None = None) -> str:
    if value is None:
        return "–"
    text = f"{value:.2f}"
    return f"**{text}**" if aim is not None and value > aim + 0.005 else text


def _missed(results: list[Result]) -> Iterator[str]:
    for cell, found in results:
        result = summary(cell.shape, found)
        pairs = {
            "XenCenter's time": (result["ratios"]["xencenter"], cell.aims.xencenter),
            "Xen Orchestra's time": (result["ratios"]["xen_orchestra"], cell.aims.xen_orchestra),
            "the bound": (result["ratios"]["lower_bound"], cell.aims.lower_bound),
            "moves per VM": (result["moves_per_vm"], _aimed_moves(cell, result)),
        }
        for name, (value, aim) in pairs.items():
            if aim is not None and (value is None or value > aim + 0.005):
                reached = "nothing" if value is None else f"{value:.2f}"
                yield f"- Aim missed ({cell.name}, {cell.preset}): {name} {reached} instead of at most {aim:.2f}."


def _stops(results: list[Result]) -> Iterator[str]:
    for cell, found in results:
        for tool in _TOOLS:
            stopped = [row.outcomes[tool] for row in found if not row.outcomes[tool].completed]
            if stopped:
                why = stopped[0].error or "not every host is updated and in service"
                lost = max(outcome.lost for outcome in stopped)
                hosts = f", at most {lost} hosts lost" if lost else ""
                yield (
                    f"- {pictures.TOOLS[tool][1]} does not come to its end ({cell.name}) in {len(stopped)} of "
                    f"{len(found)} pools{hosts}: {_short(why)}"
                )


def _short(why: str) -> str:
    text = " ".join(why.split()).replace("|", "/").replace("<", "‹").replace(">", "›")
    return text if len(text) <= 160 else f"{text[:157]}…"


def _tools(results: list[Result]) -> Iterator[str]:
    for cell, found in results:
        if cell.shape not in (Shape(16), Shape(8)) or cell.placement not in ("leave", "") or cell.preset == "gentle":
            continue
        yield f"{cell.name}, each tool by itself ({cell.preset} for ours):"
        yield ""
        yield "| tool | hours | of the bound | moves per VM | host-hours | VMs elsewhere at the end | errors reported |"
        yield "|---|---|---|---|---|---|---|"
        for tool, figure in summary(cell.shape, found)["tools"].items():
            hours = figure["makespan_s"] / 3600 if figure["makespan_s"] is not None else None
            away = figure["away_per_vm"]
            cells = [pictures.TOOLS[tool][1], _figure(hours), _figure(figure["of_bound"])]
            cells += [_figure(figure["moves_per_vm"]), _figure(figure["host_hours_of_bound"])]
            cells += ["–" if away is None else f"{away:.0%}", str(figure["complaints"])]
            yield f"| {' | '.join(cells)} |"
        yield ""


def _costs(results: list[Result]) -> Iterator[str]:
    yield "What one run of ours costs this machine, in seconds of real time (several things run on it):"
    yield ""
    yield "| pools | preset | all | the lab | looking | deciding | rounds | longest decision |"
    yield "|---|---|---|---|---|---|---|---|"
    for cell, found in results:
        if cell.shape != Shape(cell.shape.hosts) or cell.placement not in ("leave", ""):
            continue
        cost, count = summary(cell.shape, found)["ours_cost"], len(found)
        cells = [cell.name, cell.preset]
        cells += [f"{cost[name] / count:.1f}" for name in ("wall_s", "lab_s", "looking_s", "deciding_s")]
        cells += [f"{cost['rounds'] / count:.0f}", f"{cost['longest_decision_ms']:.0f} ms"]
        yield f"| {' | '.join(cells)} |"
