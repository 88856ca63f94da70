"""The pictures of docs/performance.md, drawn as SVG from results."""

from __future__ import annotations

from html import escape
from math import ceil, log2

from tests.bench.rolling.outcome import Outcome

#: Tool → its colour and what it is called.
TOOLS = {
    "ours": ("#0b7a75", "xsbot"),
    "xencenter": ("#b23a48", "XenCenter"),
    "vendor": ("#d17b0f", "vendor's recipe"),
    "xen_orchestra": ("#5b5ea6", "Xen Orchestra"),
    "legacy": ("#7a7a7a", "order of 2014"),
    "cloudstackops": ("#9bbb59", "cloudstackOps"),
}
_SPANS = {"out": "#cfd8dc", "apply": "#f2a541", "restart": "#3d5a80"}
_NAMES = {"out": "out of service", "apply": "installing", "restart": "restarting"}
_FONT = 'font-family="sans-serif" font-size="12"'


def _svg(width: int, height: int, parts: list[str], title: str) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" {_FONT}>\n<title>{escape(title)}</title>\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _text(x: float, y: float, text: str, anchor: str = "start", fill: str = "#222222", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}" {more}>{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, stroke: str = "#dddddd", width: float = 1) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" stroke-width="{width}"/>'


def makespans(found: dict[int, dict[str, float]], title: str) -> str:
    """Makespan as a multiple of the lower bound, by number of hosts, one line per tool; both axes logarithmic."""
    width, height, left, top, right, bottom = 760, 400, 60, 40, 150, 50
    sizes = sorted(found)
    values = [value for by_tool in found.values() for value in by_tool.values()]
    highest = 2 ** ceil(log2(max([*values, 2.0])))
    across = log2(max(sizes[-1], 2 * sizes[0]) / sizes[0])

    def x(hosts: int) -> float:
        return left + (width - left - right) * log2(hosts / sizes[0]) / across

    def y(value: float) -> float:
        return height - bottom - (height - top - bottom) * log2(max(value, 1.0)) / log2(highest)

    parts = [_text(left, 22, title, more='font-weight="bold"')]
    mark = 1
    while mark <= highest:
        parts += [_line(left, y(mark), width - right, y(mark)), _text(left - 8, y(mark) + 4, f"{mark}×", "end")]
        mark *= 2
    parts += [_text(x(hosts), height - bottom + 20, str(hosts), "middle") for hosts in sizes]
    parts.append(_text((left + width - right) / 2, height - 10, "hosts", "middle"))
    labels: list[float] = []
    for tool, (colour, name) in TOOLS.items():
        points = [(x(hosts), y(found[hosts][tool])) for hosts in sizes if tool in found[hosts]]
        if not points:
            continue
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{colour}"/>' for px, py in points]
        place = points[-1][1] + 4
        while any(abs(place - other) < 14 for other in labels):
            place += 1
        labels.append(place)
        parts.append(_text(width - right + 10, place, name, fill=colour))
    return _svg(width, height, parts, title)


def gantt(runs: list[Outcome], title: str) -> str:
    """What each host went through, run by run on one axis of time; ticks are VMs that arrive at a host."""
    hosts = sorted({span.host for run in runs for span in run.spans})
    width, left, top, row, gap = 900, 70, 60, 18, 44
    end = max(run.makespan for run in runs)
    height = top + len(runs) * (len(hosts) * row + gap) + 20

    def x(seconds: float) -> float:
        return left + (width - left - 20) * seconds / end

    parts = [_text(left, 20, title, more='font-weight="bold"')]
    place = float(left)
    for what, colour in _SPANS.items():
        parts += [
            f'<rect x="{place:.1f}" y="30" width="12" height="12" fill="{colour}"/>',
            _text(place + 18, 41, _NAMES[what]),
        ]
        place += 30 + 8 * len(_NAMES[what])
    parts += [_line(place, 30, place, 42, "#b23a48", 1.5), _text(place + 6, 41, "a VM arrives")]
    y = float(top)
    for run in runs:
        name = TOOLS[run.tool][1]
        parts.append(
            _text(left, y + 14, f"{name}: {run.makespan / 3600:.1f} h, {run.moves} migrations of {run.vms} VMs")
        )
        y += 22
        for index, host in enumerate(hosts):
            parts.append(_text(left - 8, y + index * row + 13, host, "end"))
            parts.append(_line(left, y + (index + 1) * row, width - 20, y + (index + 1) * row))
        for what, colour in _SPANS.items():
            for span in run.spans:
                if span.what != what:
                    continue
                parts.append(
                    f'<rect x="{x(span.since):.1f}" y="{y + hosts.index(span.host) * row + 2:.1f}" '
                    f'width="{max(0.5, x(span.until) - x(span.since)):.1f}" height="{row - 4}" fill="{colour}"/>'
                )
        for host, at in run.migrations:
            where = y + hosts.index(host) * row
            parts.append(_line(x(at), where + 5, x(at), where + row - 5, "#b23a48"))
        y += len(hosts) * row + gap - 22
    hours = 0
    while hours * 3600 <= end:
        parts.append(_text(x(hours * 3600), height - 8, f"{hours} h", "middle"))
        hours += 1
    return _svg(width, height, parts, title)
