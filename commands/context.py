"""What every listener needs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from bot.delivery import Homes
from bot.readers import Readers
from bot.rollouts import Authority, Rollouts
from bot.settings import Settings
from bot.time import Time


@dataclass(frozen=True)
class Context:
    """The use-cases and where slow work goes.

    `background` takes whatever follows an acknowledgement: a listener that kept working would hold one of Bolt's few
    threads, and with all of them held, commands fail unanswered. `uploads` takes what lasts for hours. `deliver` has
    messages sent at once that somebody's click or command has changed.
    """

    rollouts: Rollouts
    authority: Authority
    settings: Settings
    time: Time
    readers: Readers
    background: Executor
    uploads: Executor
    homes: Homes
    deliver: Callable[[], None]
