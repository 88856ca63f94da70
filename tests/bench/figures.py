"""What a bench found: figures by name, each with its aim where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. `aim` is what it should stay below (None: no aim), `unit` is "" for a ratio or a count."""

    name: str
    value: float
    unit: str = ""
    aim: float | None = None

    @property
    def met(self) -> bool:
        """Whether it stays below its aim; true without one."""
        return self.aim is None or self.value < self.aim

    def line(self) -> str:
        """For people."""
        aim = "" if self.aim is None else f"   aim < {self.aim:g}{self.unit and ' ' + self.unit}"
        missed = "" if self.met else "   MISSED"
        return f"{self.name:58} {self.value:>10.4g} {self.unit:6}{aim}{missed}"


def quantile(values: Sequence[float], part: float) -> float:
    """The value that so great a part of all values does not exceed; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0
