"""One process of the bot in a chaos run: `xsbot serve` (or a part of it) as it is, on the clock of the run."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import bot.app
from bot.cli.main import main
from bot.lab.time import ScaledTime


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that several processes share (see `ScaledTime`)."""

    speed: float
    start: datetime
    origin: float

    @staticmethod
    def of(time: ScaledTime) -> Clock:
        """The clock as it can be handed to another process."""
        return Clock(time.speed, time.start, time.origin)


def live(command: str, environ: Mapping[str, str], clock: Clock, log: Path) -> None:
    """Be that process until it ends; what it says goes to the end of `log`."""
    with log.open("ab") as written:
        for stream in (1, 2):
            os.dup2(written.fileno(), stream)
    for name in [name for name in os.environ if name.startswith(("XSBOT_", "SLACK_", "DATABASE_URL"))]:
        del os.environ[name]
    os.environ.update(environ)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    # The composition root asks for the clock on the wall where nobody hands it another one.
    setattr(bot.app, "RealTime", partial(ScaledTime, clock.speed, clock.start, clock.origin))  # noqa: B010
    main([command])


def _end_with(parent: int) -> None:
    """A suite that was killed leaves nothing behind."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
