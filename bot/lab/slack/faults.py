"""What can go wrong on purpose: rate limits and named faults."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass

from bot.lab.slack.refusal import LabError, Refused

FAULTS: dict[str, str] = {
    "ratelimited": "the next calls of the method (or of any) are answered with 429 and `seconds` to wait",
    "outage": "nothing of Slack answers, and its sockets close; until cleared",
    "disconnect": "Slack asks the bot to connect anew, as it does every few hours",
    "disconnect_abrupt": "the bot's sockets close without a word",
    "no_hello": "the next sockets open and are never greeted",
    "slow": "the next calls of the method (or of any) take `seconds` longer",
    "lost_reply": "the next calls are carried out, and their answers get lost",
    "plan_upgrade_required": "user groups cannot be read, as in a workspace without a paid plan",
    "error:<code>": "the next calls of the method (or of any) are refused with that code",
}
"""Fault name → what it does, for `Faults.add`, the documentation and the page."""

# Calls a minute by Slack's tier (t2 20, t3 50, t4 100). chat.postMessage is special: one a second and channel,
# with a short burst allowed.
_TIERS = {2: 20, 3: 50, 4: 100}
METHOD_TIER = {
    "chat.update": 3,
    "chat.delete": 3,
    "chat.postEphemeral": 4,
    "views.open": 4,
    "views.push": 4,
    "views.update": 4,
    "views.publish": 4,
    "usergroups.list": 2,
    "usergroups.users.list": 2,
    "users.info": 4,
    "users.list": 2,
    "conversations.list": 2,
    "conversations.info": 3,
    "conversations.open": 3,
    "conversations.members": 4,
    "files.getUploadURLExternal": 4,
    "files.completeUploadExternal": 4,
    "pins.add": 2,
    "reactions.add": 3,
    "apps.connections.open": 3,
}
POST_BURST = 5


class RateLimits:
    """Token buckets per method, and per channel for chat.postMessage."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, method: str, channel: str) -> int | None:
        """Count one call. None when it is allowed, else whole seconds to wait (for Retry-After)."""
        if method == "chat.postMessage":
            key, rate, burst = f"{method} {channel}", 1.0, float(POST_BURST)
        elif method in METHOD_TIER:
            per_minute = _TIERS[METHOD_TIER[method]]
            key, rate, burst = method, per_minute / 60, float(per_minute)
        else:
            return None
        with self._lock:
            now = time.monotonic()
            tokens, at = self._buckets.get(key, (burst, now))
            tokens = min(burst, tokens + (now - at) * rate)
            if tokens >= 1:
                self._buckets[key] = (tokens - 1, now)
                return None
            self._buckets[key] = (tokens, now)
            return max(1, math.ceil((1 - tokens) / rate))


@dataclass(slots=True)
class _Fault:
    name: str
    method: str | None
    times: int | None
    seconds: float


class Faults:
    """The faults that are switched on."""

    def __init__(self) -> None:
        self._active: list[_Fault] = []
        self._lock = threading.Lock()

    def add(self, name: str, method: str | None, times: int | None, seconds: float) -> None:
        """Switch a fault on, for `times` calls (None: until cleared) of `method` (None: of any)."""
        if name not in FAULTS and not name.startswith("error:"):
            raise LabError(f"There is no fault {name!r}.", f"There are {', '.join(FAULTS)}.")
        with self._lock:
            self._active.append(_Fault(name, method, times, seconds))

    def clear(self) -> None:
        """Switch everything off."""
        with self._lock:
            self._active.clear()

    def active(self, name: str) -> bool:
        """Whether a fault of that name is on; uses nothing up."""
        with self._lock:
            return any(f.name == name for f in self._active)

    def take(self, name: str, method: str) -> float | None:
        """Use one occurrence of the fault up: its seconds, or None when it is not on for this method."""
        with self._lock:
            for fault in self._active:
                if fault.name == name and fault.method in (None, method):
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times <= 0:
                            self._active.remove(fault)
                    return fault.seconds
        return None

    def refuse(self, method: str) -> None:
        """Raise what the faults on this method ask for."""
        seconds = self.take("ratelimited", method)
        if seconds is not None:
            raise Refused("ratelimited", retry_after=max(1, math.ceil(seconds)))
        if method.startswith("usergroups.") and self.take("plan_upgrade_required", method) is not None:
            raise Refused("plan_upgrade_required")
        with self._lock:
            codes = [f.name for f in self._active if f.name.startswith("error:")]
        for name in codes:
            if self.take(name, method) is not None:
                raise Refused(name.removeprefix("error:"))
