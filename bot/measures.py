"""What is measured while the bot works, for Prometheus.

Two kinds of figures. What one process does (calls to XAPI, acknowledgements to Slack) is counted here as it happens.
What the installation is (rollouts, turns, outbox, polls) is read from the database when somebody asks, so it is right
after a restart, and the same whichever process is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

#: Seconds; XAPI answers in milliseconds, or after the half minute that its long polls may take.
_CALL = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
#: Seconds; Slack gives up after three.
_ACK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3)


class _Read(Collector):
    """Figures that are read when they are asked for."""

    def __init__(self, read: Callable[[], Iterable[Metric]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        return self._read()

    def describe(self) -> Iterable[Metric]:
        # Without this the registry would read the database while the program is still being put together.
        return ()


class Measures:
    """The figures of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._calls = Histogram(
            "xsbot_xapi_call_seconds",
            "How long XAPI took to answer one call, refusals included.",
            ["method"],
            buckets=_CALL,
            registry=self._registry,
        )
        self._errors = Counter(
            "xsbot_xapi_errors",
            "Calls that XAPI refused or did not answer, by pool and XAPI's error code.",
            ["pool", "code"],
            registry=self._registry,
        )
        self._acks = Histogram(
            "xsbot_slack_ack_seconds",
            "From a click or command reaching the bot to its acknowledgement.",
            buckets=_ACK,
            registry=self._registry,
        )

    def call(self, pool: str, method: str, seconds: float, code: str) -> None:
        """One call to XAPI; `code` is its error, "" when it was answered."""
        self._calls.labels(method).observe(seconds)
        if code:
            self._errors.labels(pool, code).inc()

    def ack(self, seconds: float) -> None:
        """One acknowledgement to Slack."""
        self._acks.observe(seconds)

    def read_with(self, read: Callable[[], Iterable[Metric]]) -> None:
        """Ask `read` for more figures, each time somebody asks for all."""
        self._registry.register(_Read(read))

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)
