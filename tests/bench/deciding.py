"""What one decision costs: every round of a whole rollout of a large pool, and the same rollout on paper.

The pool is simulated beside the rules in this process (`TimedPool`), so that nothing but `decide` is measured: the
observed pool made into the planner's view, the plan, and all rules around it. The figures are CPU seconds, with the
collector of cycles set as in a process of the product.
"""

from __future__ import annotations

import time
from random import Random
from typing import Any

from bot.app import tune_python
from bot.rollout.decide import decide
from bot.rollout.decision import Decision, Estimates
from bot.rollout.expected import expected
from bot.rollout.lifecycle import State
from bot.rollout.proposal import Choices, propose
from bot.rollout.spec import Placement, Preset
from bot.rollout.whatif import course_of
from tests.bench.child import BenchError
from tests.bench.figures import Figure, quantile
from tests.rollout.timed_pool import TimedPool
from tests.unit.rollout.pools import GIB, NO_BLOCKERS, host, pool_of, updates_of, vm

_HOSTS, _VMS = 64, 1000
#: 13 GiB on average: two thirds of the memory.
_SIZES = (4, 4, 8, 8, 16, 16, 32)
_ROUNDS = 20_000
#: The rest of the rollout is foreseen at every so manieth round.
_FORESEEN = 100


def run() -> list[Figure]:
    """64 hosts, 1,000 VMs, every host reboots, preset `standard`, VMs stay where they went."""
    tune_python()
    pool, luck = _pool(), Random(1)
    pool.finds_back = lambda host: luck.uniform(0.0, 60.0)
    began = time.thread_time()
    course_of(pool.spec, pool.snapshot, pool.updates, pool.estimates)
    on_paper = time.thread_time() - began
    deciding: list[float] = []
    foreseeing: list[float] = []

    def timed(*given: Any) -> Decision:
        began = time.thread_time()
        decision = decide(*given)
        deciding.append(time.thread_time() - began)
        if len(deciding) % _FORESEEN == 1:
            began = time.thread_time()
            expected(*given)
            foreseeing.append(time.thread_time() - began)
        return decision

    pool.clock = timed
    for _ in range(_ROUNDS):
        verdict = pool.round().verdict
        if verdict is not None:
            break
    else:
        raise BenchError("the rollout did not come to an end")
    if verdict.state is not State.SUCCEEDED:
        raise BenchError(f"the rollout stopped: {verdict.reason}")
    name = f"decide_{_HOSTS}x{_VMS}"
    return [
        Figure(f"{name}_ms_p50", 1000 * quantile(deciding, 0.5), "ms"),
        Figure(f"{name}_ms_p99", 1000 * quantile(deciding, 0.99), "ms", aim=50),
        Figure(f"{name}_ms_longest", 1000 * max(deciding), "ms"),
        Figure(f"{name}_rounds", len(deciding)),
        Figure(f"{name}_whole_rollout_s", sum(deciding), "s"),
        Figure(f"on_paper_{_HOSTS}x{_VMS}_s", on_paper, "s", aim=5),
        Figure(f"expected_{_HOSTS}x{_VMS}_s_longest", max(foreseeing), "s"),
    ]


def _pool() -> TimedPool:
    luck = Random(1)
    hosts = [
        host(number, boot_time=1.0, agent_start_time=1.0, memory_total=256 * GIB) for number in range(1, _HOSTS + 1)
    ]
    vms = [vm(f"v{number}", number % _HOSTS + 1, memory=luck.choice(_SIZES) * GIB) for number in range(_VMS)]
    snapshot = pool_of(hosts, vms)
    updates = updates_of(snapshot)
    spec = propose(snapshot, updates, NO_BLOCKERS, Choices(preset=Preset.STANDARD, placement=Placement.LEAVE))
    return TimedPool(spec, updates, snapshot, snapshot.taken_at, estimates=Estimates())
