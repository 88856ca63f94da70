"""Random specs."""

from __future__ import annotations

from datetime import UTC

from hypothesis import strategies as st

from bot.rollout.guidance import Level, Task
from bot.rollout.spec import (
    HostCeiling,
    Livepatch,
    OnLivepatchFailure,
    Placement,
    Spec,
    StoppedVms,
    VmAllowance,
    VmRestarts,
    VmRule,
    VmTreatment,
    VmWay,
    with_schema,
)

names = st.text(max_size=12)
uuids = st.uuids().map(str)
ceilings = st.builds(HostCeiling, uuids, names, st.frozensets(st.sampled_from(list(Task))))
allowances = st.builds(VmAllowance, uuids, names, st.sampled_from(VmTreatment))
rules = st.builds(VmRule, uuids, names, st.sampled_from(VmWay), st.integers(0, 3))
specs = st.builds(
    Spec,
    pool_uuid=uuids,
    pool_name=names,
    checksum=st.text("0123456789abcdef", max_size=64),
    level=st.sampled_from(Level),
    hosts=st.lists(ceilings, max_size=5, unique_by=lambda host: host.uuid).map(tuple),
    vms=st.lists(allowances, max_size=5, unique_by=lambda vm: vm.uuid).map(tuple),
    stopped_vms=st.sampled_from(StoppedVms),
    livepatch=st.sampled_from(Livepatch),
    on_livepatch_failure=st.sampled_from(OnLivepatchFailure),
    preset=names,
    fixes=st.lists(names, max_size=3).map(tuple),
    backups=st.lists(names, max_size=3).map(tuple),
    amendment=st.integers(0, 3),
    placement=st.sampled_from(Placement),
    max_out=st.integers(0, 9),
    deadline=st.none() | st.datetimes(timezones=st.just(UTC)),
    order=st.lists(uuids, max_size=3).map(tuple),
    left_out=st.lists(st.tuples(uuids, names), max_size=3).map(tuple),
    pause_points=st.lists(st.sampled_from(["coordinator", "canary"]), max_size=2, unique=True).map(tuple),
    rules=st.lists(rules, max_size=3, unique_by=lambda rule: rule.uuid).map(tuple),
    vm_restarts=st.sampled_from(VmRestarts),
    vms_at_once=st.integers(0, 9),
    evacuate_at_once=st.integers(0, 9),
    network=st.one_of(st.just(("", "")), st.tuples(uuids, st.sampled_from(["migration", "storage"]))),
).map(with_schema)
