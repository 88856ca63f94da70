"""What changed between two specs, for the card that replaces another one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from bot.rollout.difference import compare
from bot.rollout.guidance import Level, Task
from bot.rollout.spec import (
    HostCeiling,
    Livepatch,
    OnLivepatchFailure,
    Spec,
    StoppedVms,
    VmAllowance,
    VmTreatment,
    canonical_bytes,
)
from tests.unit.rollout.specs import specs

ONE = HostCeiling("host-1", "xs-01", frozenset({Task.RESTART_TOOLSTACK}))
TWO = HostCeiling("host-2", "xs-02", frozenset({Task.REBOOT_HOST, Task.EVACUATE_HOST}))
WEB = VmAllowance("vm-1", "web", VmTreatment.SUSPEND)
BEFORE = Spec("pool-1", "prod", "a" * 64, Level.RECOMMENDED, (ONE, TWO), (WEB,))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"level": Level.FULL}, {"spec.level": {"old": "recommended", "new": "full"}}),
        ({"checksum": "b" * 64}, {"spec.checksum": {"old": "a" * 12, "new": "b" * 12}}),
        ({"pool_uuid": "pool-2", "pool_name": "test"}, {"spec.pool": {"old": "prod", "new": "test"}}),
        ({"pool_name": "test"}, {"spec.pool_renamed": {"old": "prod", "new": "test"}}),
        ({"stopped_vms": StoppedVms.SHUTDOWN}, {"spec.stopped_vms": {"old": "refuse", "new": "shutdown"}}),
        ({"livepatch": Livepatch.REBOOT_ANYWAY}, {"spec.livepatch": {"old": "accept", "new": "reboot_anyway"}}),
        (
            {"on_livepatch_failure": OnLivepatchFailure.REBOOT},
            {"spec.on_livepatch_failure": {"old": "ask", "new": "reboot"}},
        ),
        ({"fixes": ("ha_off",)}, {"spec.fixes": {"old": "none", "new": "ha_off"}}),
        ({"backups": ("database",)}, {"spec.backups": {"old": "none", "new": "database"}}),
        ({"preset": "fast"}, {"spec.preset": {"old": "serial", "new": "fast"}}),
        ({"kind": "upgrade"}, {"spec.kind": {"old": "cdn", "new": "upgrade"}}),
        ({"schema": 2}, {"spec.schema": {"old": 1, "new": 2}}),
        ({"hosts": (ONE,)}, {"spec.host_removed": {"host": "xs-02"}}),
        (
            {"hosts": (ONE, TWO, replace(ONE, uuid="host-3", name="xs-03"))},
            {"spec.host_added": {"host": "xs-03", "tasks": "RestartToolstack"}},
        ),
        ({"hosts": (replace(ONE, name="xs-1"), TWO)}, {"spec.host_renamed": {"old": "xs-01", "new": "xs-1"}}),
        (
            {"hosts": (replace(ONE, tasks=TWO.tasks), TWO)},
            {
                "spec.host_more": {"host": "xs-01", "tasks": "EvacuateHost, RebootHost"},
                "spec.host_less": {"host": "xs-01", "tasks": "RestartToolstack"},
            },
        ),
        ({"vms": ()}, {"spec.vm_removed": {"vm": "web", "treatment": "suspend"}}),
        (
            {"vms": (WEB, VmAllowance("vm-2", "db", VmTreatment.RESTART))},
            {"spec.vm_added": {"vm": "db", "treatment": "restart"}},
        ),
        (
            {"vms": (replace(WEB, treatment=VmTreatment.SHUTDOWN),)},
            {"spec.vm_changed": {"vm": "web", "old": "suspend", "new": "shutdown"}},
        ),
        ({"vms": (replace(WEB, name="web-1"),)}, {"spec.vm_renamed": {"old": "web", "new": "web-1"}}),
    ],
)
def test_each_change_is_said_once_with_both_sides(change: dict[str, Any], said: dict[str, Any]) -> None:
    found = compare(BEFORE, replace(BEFORE, **change))
    assert {reason.code: dict(reason.params) for reason in found} == said


@given(specs, specs)
def test_specs_with_different_bytes_never_look_the_same(one: Spec, other: Spec) -> None:
    assert bool(compare(one, other)) == (canonical_bytes(one) != canonical_bytes(other))


@given(specs)
def test_a_spec_does_not_differ_from_itself(spec: Spec) -> None:
    assert compare(spec, spec) == ()
