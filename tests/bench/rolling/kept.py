"""Runs that are kept in a directory: a whole table takes hours, and a peer does the same to a pool in each line."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from tests.bench.rolling.bench import OURS, Cost, Row, run
from tests.bench.rolling.bounds import bounds
from tests.bench.rolling.outcome import Outcome
from tests.bench.rolling.pools import Draw, Shape, draw


@dataclass(frozen=True, slots=True)
class Kept:
    """The runs in `directory`; None keeps nothing. Files of an earlier state of the code have to be removed by hand."""

    directory: Path | None

    def row(self, shape: Shape, seed: int, tools: Iterable[str], preset: str, placement: str) -> Row:
        """What the tools make of one pool; what is there already is not run again."""
        drawn = draw(shape, seed)
        outcomes, costs = {}, {}
        for tool in tools:
            outcomes[tool], costs[tool] = self._run(drawn, shape, seed, tool, preset, placement)
        return Row(seed, bounds(drawn), outcomes, costs)

    def has(self, shape: Shape, seed: int, tools: Iterable[str], preset: str, placement: str) -> bool:
        """Whether nothing of it would have to be run."""
        files = [self._file(shape, seed, tool, preset, placement) for tool in tools]
        return all(file is not None and file.exists() for file in files)

    def _run(
        self, drawn: Draw, shape: Shape, seed: int, tool: str, preset: str, placement: str
    ) -> tuple[Outcome, Cost]:
        file = self._file(shape, seed, tool, preset, placement)
        if file is None:
            return run(drawn, tool, preset, placement)
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            half = file.with_suffix(".half")
            half.write_bytes(pickle.dumps(run(drawn, tool, preset, placement)))
            half.rename(file)
        found: tuple[Outcome, Cost] = pickle.loads(file.read_bytes())
        return found

    def _file(self, shape: Shape, seed: int, tool: str, preset: str, placement: str) -> Path | None:
        if self.directory is None:
            return None
        choice = [preset, placement] if tool == OURS else []
        key = sha256(json.dumps([asdict(shape), seed, tool, *choice]).encode()).hexdigest()[:16]
        return self.directory / f"{shape.hosts:02}-{tool}-{seed}-{key}.pickle"
