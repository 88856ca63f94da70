"""The spec: one canonical form, one digest, and nothing that people approve stays outside of it."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rollout.errors import InvalidSpec
from bot.rollout.guidance import Level, Task
from bot.rollout.spec import (
    AMENDED_SCHEMA,
    SCHEMA,
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
    canonical_bytes,
    digest_of,
    parse_spec,
)
from tests.unit.rollout.specs import specs

GOLDEN = Spec(
    pool_uuid="9a6ee9d5-0000-4000-8000-000000000001",
    pool_name="Production – Zürich",
    checksum="a1" * 32,
    level=Level.RECOMMENDED,
    hosts=(
        HostCeiling("host-2", "xs-02", frozenset({Task.REBOOT_HOST, Task.EVACUATE_HOST})),
        HostCeiling("host-1", "xs-01", frozenset({Task.RESTART_TOOLSTACK, Task.EVACUATE_HOST, Task.REBOOT_HOST})),
    ),
    vms=(VmAllowance("vm-9", "license server", VmTreatment.SHUTDOWN), VmAllowance("vm-1", "db", VmTreatment.RESTART)),
    stopped_vms=StoppedVms.SHUTDOWN,
    livepatch=Livepatch.REBOOT_ANYWAY,
    on_livepatch_failure=OnLivepatchFailure.REBOOT,
    fixes=("wlb_off", "ha_off"),
)

GOLDEN_BYTES = (
    '{"backups":[],"checksum":"a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1",'
    '"fixes":["ha_off","wlb_off"],"hosts":['
    '{"name":"xs-01","tasks":["EvacuateHost","RestartToolstack","RebootHost"],"uuid":"host-1"},'
    '{"name":"xs-02","tasks":["EvacuateHost","RebootHost"],"uuid":"host-2"}],'
    '"kind":"cdn","level":"recommended","livepatch":"reboot_anyway","on_livepatch_failure":"reboot",'
    '"pool":{"name":"Production – Zürich","uuid":"9a6ee9d5-0000-4000-8000-000000000001"},'
    '"preset":"serial","schema":1,"stopped_vms":"shutdown","vms":['
    '{"name":"db","treatment":"restart","uuid":"vm-1"},'
    '{"name":"license server","treatment":"shutdown","uuid":"vm-9"}]}'
).encode()
GOLDEN_DIGEST = "4686d57798ca4f63f228bf2d7f19db6b7159acc499358213565b624651696a83"


def test_the_bytes_and_digest_of_a_known_spec_never_change() -> None:
    # Stored approvals belong to these bytes. If this test fails, raise SCHEMA instead of changing it.
    assert canonical_bytes(GOLDEN) == GOLDEN_BYTES
    assert digest_of(GOLDEN_BYTES) == GOLDEN_DIGEST


@given(specs)
def test_a_stored_spec_is_read_back_as_it_was_written(spec: Spec) -> None:
    stored = canonical_bytes(spec)
    read = parse_spec(stored)
    assert canonical_bytes(read) == stored
    assert read == replace(
        spec,
        hosts=tuple(sorted(spec.hosts, key=lambda host: host.uuid)),
        vms=tuple(sorted(spec.vms, key=lambda vm: vm.uuid)),
        fixes=tuple(sorted(spec.fixes)),
        backups=tuple(sorted(spec.backups)),
        left_out=tuple(sorted(spec.left_out)),
        pause_points=tuple(sorted(spec.pause_points)),
        rules=tuple(sorted(spec.rules, key=lambda rule: rule.uuid)),
    )


@given(specs, st.randoms())
def test_the_order_in_which_things_are_listed_does_not_matter(spec: Spec, chance: Any) -> None:
    def shuffled(items: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(chance.sample(items, len(items)))

    same = replace(
        spec,
        hosts=shuffled(spec.hosts),
        vms=shuffled(spec.vms),
        fixes=shuffled(spec.fixes),
        backups=shuffled(spec.backups),
        left_out=shuffled(spec.left_out),
        pause_points=shuffled(spec.pause_points),
        rules=shuffled(spec.rules),
    )
    assert digest_of(canonical_bytes(same)) == digest_of(canonical_bytes(spec))


CHANGES: dict[str, Any] = {
    "pool_uuid": "other",
    "pool_name": "Other",
    "checksum": "b2" * 32,
    "level": Level.FULL,
    "hosts": GOLDEN.hosts[:1],
    "vms": GOLDEN.vms[:1],
    "stopped_vms": StoppedVms.SUSPEND,
    "livepatch": Livepatch.ACCEPT,
    "on_livepatch_failure": OnLivepatchFailure.ASK,
    "preset": "parallel",
    "fixes": (),
    "backups": ("database",),
    "kind": "upgrade",
    "schema": SCHEMA + 1,
    "placement": Placement.LEAVE,
    "max_out": 2,
    "order": ("host-2",),
    "left_out": (("host-3", "xs-03"),),
    "pause_points": ("canary",),
    "deadline": datetime(2026, 3, 8, 5, 30, tzinfo=UTC),
    "amendment": 1,
    "rules": (VmRule("vm-9", "license server", VmWay.LEAVE),),
    "vm_restarts": VmRestarts.NOW,
    "vms_at_once": 2,
    "evacuate_at_once": 2,
    "network": ("network-1", "migration"),
}


def test_every_field_of_the_spec_is_tried_below() -> None:
    assert set(CHANGES) == {field.name for field in fields(Spec)}


@pytest.mark.parametrize("field", sorted(CHANGES))
def test_changing_anything_changes_the_digest(field: str) -> None:
    changed = replace(GOLDEN, **{field: CHANGES[field]})
    assert digest_of(canonical_bytes(changed)) != GOLDEN_DIGEST


@pytest.mark.parametrize(
    "host",
    [
        replace(GOLDEN.hosts[0], uuid="host-3"),
        replace(GOLDEN.hosts[0], name="xs-2"),
        replace(GOLDEN.hosts[0], tasks=GOLDEN.hosts[0].tasks | {Task.RESTART_VM}),
    ],
)
def test_changing_a_bound_of_a_host_changes_the_digest(host: HostCeiling) -> None:
    changed = replace(GOLDEN, hosts=(host, GOLDEN.hosts[1]))
    assert digest_of(canonical_bytes(changed)) != GOLDEN_DIGEST


def test_hosts_and_vms_are_found_by_uuid() -> None:
    assert GOLDEN.host("host-1") == GOLDEN.hosts[1]
    assert GOLDEN.vm("vm-9") == GOLDEN.vms[0]
    assert GOLDEN.host("vm-9") is None
    assert GOLDEN.vm("host-1") is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.pop("hosts"),
        lambda data: data.pop("schema"),
        lambda data: data.update(schema=AMENDED_SCHEMA + 1),
        lambda data: data.update(level="extreme"),
        lambda data: data.update(hosts=[{"uuid": "x"}]),
        lambda data: data.update(hosts=[{"uuid": "x", "name": "x", "tasks": ["FormatDisk"]}]),
        lambda data: data.update(pool="prod"),
        lambda data: data.update(vms=None),
    ],
)
def test_a_spec_that_makes_no_sense_is_refused_with_a_way_out(spoil: Any) -> None:
    data = json.loads(GOLDEN_BYTES)
    spoil(data)
    with pytest.raises(InvalidSpec) as refused:
        parse_spec(json.dumps(data).encode())
    assert refused.value.sentence
    assert refused.value.hint


@pytest.mark.parametrize("stored", [b"", b"{", b"[]", b"null", b"\xff"])
def test_bytes_that_are_no_spec_are_refused(stored: bytes) -> None:
    with pytest.raises(InvalidSpec):
        parse_spec(stored)
