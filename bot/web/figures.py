"""What Prometheus reads from the database: the same in every process, and right after a restart."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric

from bot.rollout.lifecycle import State
from storage import outbox, pools, rollouts, turns
from storage.database import Database, Session
from storage.errors import StorageError

log = logging.getLogger(__name__)

#: Seconds; a host's turn takes minutes, or hours where many large VMs move.
_TURN = (60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)


def figures(database: Database) -> Iterable[Metric]:
    """The figures of the installation; only that the database is away, when it is."""
    up = GaugeMetricFamily("xsbot_database_up", "Whether the database answers.")
    try:
        with database.reading() as tx:
            found = [_states(tx), _turns(tx), _outbox(tx), _polls(tx)]
    except StorageError as error:
        log.warning("metrics without the database: %s", error)
        found = []
    up.add_metric([], 1 if found else 0)
    return [up, *found]


def _states(tx: Session) -> Metric:
    family = GaugeMetricFamily("xsbot_rollouts", "Rollouts by state.", labels=["state"])
    counted = rollouts.count_by_state(tx)
    for state in State:
        family.add_metric([state.value], counted.get(state, 0))
    return family


def _turns(tx: Session) -> Metric:
    counts, total = turns.durations(tx, _TURN)
    buckets = [(str(float(bound)), float(count)) for bound, count in zip(_TURN, counts, strict=False)]
    family = HistogramMetricFamily("xsbot_turn_seconds", "How long the turns of hosts took that are done.")
    family.add_metric([], [*buckets, ("+Inf", float(counts[-1]))], total)
    return family


def _outbox(tx: Session) -> Metric:
    family = GaugeMetricFamily("xsbot_outbox_depth", "Messages that wait to be sent to Slack.")
    family.add_metric([], outbox.depth(tx))
    return family


def _polls(tx: Session) -> Metric:
    family = GaugeMetricFamily(
        "xsbot_pool_last_poll_timestamp_seconds",
        "When the pool was last polled with success; it is not polled while a rollout is at work on it.",
        labels=["pool"],
    )
    for row in pools.pools(tx):
        if row.last_polled_at is not None:
            family.add_metric([row.alias], row.last_polled_at.timestamp())
    return family
