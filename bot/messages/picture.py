"""The picture of a rollout: its hosts over time, with VM moves and spare memory below.

Drawn on white with patterns beside colours, so that it reads on dark screens, in print and without colour vision.
`alternative` says in words what it shows.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from bot.messages.language import _, several
from bot.messages.text import clip, duration, one_line, plain_moment
from bot.messages.work import phase_name
from bot.rollout.lifecycle import State
from bot.rollout.memory import TurnPhase
from bot.rollout.timeline import Span, Timeline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GIB = 1024**3
_NAME = 28
#: Colours that people without colour vision can tell apart (Okabe and Ito), each with a pattern of its own.
_LOOKS: dict[TurnPhase, tuple[str, str]] = {
    TurnPhase.DISABLING: ("#999999", ""),
    TurnPhase.EVACUATING: ("#56B4E9", "////"),
    TurnPhase.APPLYING: ("#0072B2", ""),
    TurnPhase.RESTARTING_TOOLSTACK: ("#F0E442", "...."),
    TurnPhase.REBOOTING: ("#D55E00", ""),
    TurnPhase.VM_TASKS: ("#CC79A7", "xxxx"),
    TurnPhase.ENABLING: ("#666666", "...."),
    TurnPhase.RETURNING_VMS: ("#009E73", "\\\\\\\\"),
    TurnPhase.FAILED: ("#000000", ""),
}
_INK = "#1d1c1d"
_FAINT = "#8a8a8a"


def picture(timeline: Timeline, title: str) -> bytes:
    """The timeline as PNG, about 1 600 pixels wide; its height grows with the hosts.

    `title` is foreign text made harmless by drawing it. Raises `ValueError` for a rollout that never began.
    """
    # Some tenths of a second and thirty megabytes that only a process pays which really draws.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if timeline.began is None:
        raise ValueError("a rollout that never began has no picture")
    rows = max(1, len(timeline.hosts))
    lanes = 0.34 * rows + 0.5
    figure = Figure(figsize=(10.5, lanes + 3.6), dpi=150, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    above, moves, memory = figure.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": [lanes, 1.0, 1.0]})
    unit, factor = _unit(timeline)
    _draw_hosts(above, timeline, factor)
    _draw_moves(moves, timeline, factor)
    _draw_memory(memory, timeline, factor)
    for axes in (above, moves, memory):
        _draw_standstills(axes, timeline, factor)
        axes.spines[["top", "right"]].set_visible(False)
    above.set_title(_plain(title, 90), loc="left", fontsize=13, color=_INK, fontweight="bold")
    started = plain_moment(timeline.began)
    memory.set_xlabel(_("{unit} since the start at {moment}").format(unit=unit, moment=started), color=_INK)
    memory.set_xlim(0, max(_at(timeline, _end(timeline), factor), 0.01))
    _explain(figure, timeline)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", metadata={"Software": None})
    return drawn.getvalue()


def alternative(timeline: Timeline) -> str:
    """What the picture shows, in words, for those who cannot see it (Slack takes 1 000 characters)."""
    told = [_("Timeline of {hosts}.").format(hosts=several(len(timeline.hosts), "host", "hosts"))]
    for host, name in timeline.hosts:
        spans = [span for span in timeline.spans if span.host == host and span.phase in _LOOKS]
        if not spans:
            told.append(_("{host}: not begun.").format(host=_plain(name)))
            continue
        first = _seconds(timeline, spans[0].began)
        last = _seconds(timeline, spans[-1].ended or _end(timeline))
        away = [span for span in spans if span.phase is TurnPhase.REBOOTING]
        line = _("{host}: from {first} to {last}").format(host=_plain(name), first=duration(first), last=duration(last))
        if away:
            seconds = sum(((span.ended or _end(timeline)) - span.began).total_seconds() for span in away)
            line += ", " + _("rebooting for {time}").format(time=duration(seconds))
        told.append(line + ".")
    told.append(_("{moves} in all.").format(moves=several(timeline.moves, "VM move", "VM moves")))
    least = timeline.lowest_spare
    if least is not None:
        told.append(
            _("Least spare memory on hosts in service: {spare} GiB of {capacity} GiB.").format(
                spare=round(least.spare / _GIB), capacity=round(least.capacity / _GIB)
            )
        )
    return clip(" ".join(told), 1_000)


def _draw_hosts(axes: Axes, timeline: Timeline, factor: float) -> None:
    names = []
    for row, (host, name) in enumerate(timeline.hosts):
        names.append(_plain(name) + (" ★" if host == timeline.coordinator else ""))
        for span in timeline.spans:
            if span.host == host and span.phase in _LOOKS:
                _draw_span(axes, timeline, span, row, factor)
    axes.set_yticks(range(len(names)), names, color=_INK)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e8e8e8", linewidth=0.8)
    axes.set_axisbelow(True)


def _draw_span(axes: Axes, timeline: Timeline, span: Span, row: int, factor: float) -> None:
    begin = _at(timeline, span.began, factor)
    end = _at(timeline, span.ended or _end(timeline), factor)
    colour, pattern = _LOOKS[span.phase]
    axes.barh(row, end - begin, left=begin, height=0.62, color=colour, hatch=pattern, edgecolor="white", linewidth=0.4)


def _draw_moves(axes: Axes, timeline: Timeline, factor: float) -> None:
    times, counts, total = [0.0], [0], 0
    for sample in timeline.samples:
        total += sample.moved
        times.append(_at(timeline, sample.at, factor))
        counts.append(total)
    times.append(_at(timeline, _end(timeline), factor))
    counts.append(total)
    axes.step(times, counts, where="post", color="#009E73", linewidth=2)
    axes.set_ylim(0, max(1, total) * 1.15)
    axes.set_ylabel(_("VM moves\nso far"), color=_INK, fontsize=9)
    axes.annotate(
        str(total), (times[-1], total), textcoords="offset points", xytext=(-4, 4), ha="right", color=_INK, fontsize=9
    )


def _draw_memory(axes: Axes, timeline: Timeline, factor: float) -> None:
    if timeline.samples:
        times = [_at(timeline, sample.at, factor) for sample in timeline.samples]
        spare = [sample.spare / _GIB for sample in timeline.samples]
        times.append(_at(timeline, _end(timeline), factor))
        spare.append(spare[-1])
        axes.step(times, spare, where="post", color="#0072B2", linewidth=2)
        axes.fill_between(times, spare, step="post", color="#0072B2", alpha=0.15)
        lowest = min(range(len(spare)), key=lambda index: spare[index])
        axes.annotate(
            _("lowest {spare} GiB").format(spare=round(spare[lowest])),
            (times[lowest], spare[lowest]),
            textcoords="offset points",
            xytext=(4, 6),
            color=_INK,
            fontsize=9,
        )
        axes.set_ylim(min(0.0, *spare) * 1.1, max(1.0, *spare) * 1.3)
    axes.set_ylabel(_("spare memory\nin service, GiB"), color=_INK, fontsize=9)


def _draw_standstills(axes: Axes, timeline: Timeline, factor: float) -> None:
    for still in timeline.standstills:
        begin = _at(timeline, still.began, factor)
        end = _at(timeline, still.ended or _end(timeline), factor)
        axes.axvspan(begin, end, facecolor="#f3e9d2", edgecolor=_FAINT, linewidth=0.5, zorder=0)


def _explain(figure: Figure, timeline: Timeline) -> None:
    """The legend: only what occurs, in the order a turn goes."""
    from matplotlib.patches import Patch

    occurring = {span.phase for span in timeline.spans}
    patches: list[Patch] = [
        Patch(facecolor=colour, hatch=pattern, edgecolor="white", label=phase_name(phase))
        for phase, (colour, pattern) in _LOOKS.items()
        if phase in occurring
    ]
    states = dict.fromkeys(still.state for still in timeline.standstills)
    if states:
        words = {State.PAUSED: _("paused"), State.NEEDS_ATTENTION: _("waiting for people")}
        label = ", ".join(words[state] for state in states)
        patches.append(Patch(facecolor="#f3e9d2", edgecolor=_FAINT, label=label))
    if timeline.coordinator in dict(timeline.hosts):
        patches.append(Patch(facecolor="none", edgecolor="none", label=_("★ coordinator")))
    figure.legend(handles=patches, loc="outside lower center", ncols=4, frameon=False, fontsize=9, labelcolor=_INK)


def _plain(text: str, limit: int = _NAME) -> str:
    """Foreign text as it is drawn: matplotlib reads `$…$` as mathematics."""
    return clip(one_line(text), limit).replace("$", "\\$")


def _unit(timeline: Timeline) -> tuple[str, float]:
    seconds = _seconds(timeline, _end(timeline))
    return (_("hours"), 3600.0) if seconds > 4 * 3600 else (_("minutes"), 60.0)


def _end(timeline: Timeline) -> datetime:
    moments: Sequence[datetime | None] = (
        timeline.ended,
        timeline.began,
        *(span.ended or span.began for span in timeline.spans),
        *(sample.at for sample in timeline.samples),
    )
    return timeline.ended or max(moment for moment in moments if moment is not None)


def _seconds(timeline: Timeline, moment: datetime) -> float:
    assert timeline.began is not None
    return max(0.0, (moment - timeline.began).total_seconds())


def _at(timeline: Timeline, moment: datetime, factor: float) -> float:
    return _seconds(timeline, moment) / factor
