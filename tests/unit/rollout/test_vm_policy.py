"""VMs with a rule of their own: how rules are written, resolved and kept in the spec, and what checks say of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.rollout.bounds import beyond
from bot.rollout.checks import Report, Severity, run_checks
from bot.rollout.errors import InvalidSpec
from bot.rollout.guidance import Level, guidance_of
from bot.rollout.model import PoolSnapshot, PowerState, VmBlocker
from bot.rollout.proposal import Choices, choices_of, propose
from bot.rollout.spec import (
    Spec,
    StoppedVms,
    VmRestarts,
    VmRule,
    VmTreatment,
    VmWay,
    canonical_bytes,
    digest_of,
    parse_spec,
)
from bot.rollout.vm_policy import VmWish, as_listed, by_name, last_of, require_vms, rules_for, wish_of, wishes_of
from tests.unit.rollout.pools import NO_BLOCKERS, facts_of, pool_of, updates_of, vm

POOL = pool_of()
TAGGED = pool_of(vms=[vm("web", 1), vm("db", 2, tags=frozenset({"database", "big"})), vm("ci", 3)])


def spec_of(pool: PoolSnapshot = POOL, blockers: Any = NO_BLOCKERS, guidance: Any = None, **choices: Any) -> Spec:
    updates = updates_of(pool) if guidance is None else updates_of(pool, guidance)
    return propose(pool, updates, blockers, Choices(**choices))


def report_of(pool: PoolSnapshot, blockers: Any = None, **choices: Any) -> Report:
    return run_checks(facts_of(pool, blockers=blockers, choices=Choices(**choices)))


def said(report: Report, check: str) -> list[tuple[Severity, str, str]]:
    return [(found.severity, found.reason.code, found.subject) for found in report.findings if found.check == check]


# -- how rules are written -----------------------------------------------------------------------------------


def test_a_rule_is_read_as_people_write_it_and_written_back() -> None:
    assert wish_of(" db-1=Shutdown:20 ") == VmWish("db-1", VmWay.SHUTDOWN, 20)
    assert wishes_of("a=leave, the web=server=migrate\n") == (
        VmWish("a", VmWay.LEAVE),
        VmWish("the web=server", VmWay.MIGRATE),
    )
    assert [str(wish) for wish in wishes_of("a=leave,b=suspend:7")] == ["a=leave", "b=suspend:7"]


@pytest.mark.parametrize("text", ["db", "=leave", "db=", "db=kill", "db=suspend:", "db=suspend:-1", "db=suspend:99999"])
def test_a_rule_that_means_nothing_is_refused_with_those_that_do(text: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        wish_of(text)
    assert "leave" in refused.value.hint


def test_a_vm_that_there_is_not_or_that_has_a_namesake_is_refused() -> None:
    with pytest.raises(InvalidSpec, match="no VM called db9"):
        require_vms(POOL, [wish_of("db9=leave")])
    twins = pool_of(vms=[vm("db", 1), vm("db", 2, uuid="vm-other")])
    with pytest.raises(InvalidSpec, match="Several VMs"):
        require_vms(twins, [wish_of("db=leave")])
    require_vms(twins, [wish_of("vm-other=leave")])
    # A spec that was approved names a VM that somebody has removed since.
    require_vms(POOL, [VmWish("vm-gone", VmWay.LEAVE, resolved=True)])


# -- resolved when the spec is proposed ------------------------------------------------------------------------


def test_a_named_vm_has_its_own_rule_and_others_the_first_tag_that_fits() -> None:
    tags = wishes_of("big=suspend, database=shutdown:20")
    assert rules_for(TAGGED, (), tags) == (VmRule("vm-db", "db", VmWay.SUSPEND),)
    assert rules_for(TAGGED, wishes_of("db=migrate"), tags) == (VmRule("vm-db", "db", VmWay.MIGRATE),)
    assert rules_for(TAGGED, wishes_of("db=usual"), tags) == ()
    assert rules_for(TAGGED, wishes_of("ci=usual:5"), ()) == (VmRule("vm-ci", "ci", VmWay.USUAL, 5),)


def test_the_spec_lists_the_vms_and_a_tag_set_later_changes_nothing() -> None:
    spec = spec_of(TAGGED, tags=wishes_of("database=shutdown"))
    assert [(entry.name, entry.treatment) for entry in spec.vms] == [("db", VmTreatment.SHUTDOWN)]
    later = replace(TAGGED, vms=tuple(replace(entry, tags=frozenset({"database"})) for entry in TAGGED.vms))
    again = propose(later, updates_of(later), NO_BLOCKERS, choices_of(spec))
    assert canonical_bytes(again) == canonical_bytes(spec)


def test_a_request_that_is_changed_names_its_vms_and_means_those_of_then() -> None:
    rules = (
        VmRule("uuid-1", "db 1=x", VmWay.SHUTDOWN, 20),
        VmRule("uuid-2", "twin", VmWay.LEAVE),
        VmRule("uuid-3", "twin", VmWay.SUSPEND),
        VmRule("uuid-4", "a, b", VmWay.MIGRATE),
        VmRule("uuid-5", "", VmWay.LEAVE),
    )
    given = tuple(VmWish(rule.uuid, rule.way, rule.order, resolved=True, called=rule.name) for rule in rules)
    written = ", ".join(map(str, by_name(given)))
    assert written == "db 1=x=shutdown:20, uuid-2=leave, uuid-3=suspend, uuid-4=migrate, uuid-5=leave"
    again = as_listed(wishes_of(written), rules)
    assert [wish.subject for wish in again] == [rule.uuid for rule in rules]
    assert all(wish.resolved for wish in again)
    # What somebody adds, or asks for where nothing was asked for before, is a name of now.
    assert as_listed(wishes_of("web=leave, db 1=x=usual"), rules) == (
        VmWish("web", VmWay.LEAVE),
        VmWish("uuid-1", VmWay.USUAL, resolved=True, called="db 1=x"),
    )
    assert as_listed(wishes_of("db 1=x=usual"), ()) == (VmWish("db 1=x", VmWay.USUAL),)
    # Another VM that is called so by now is not meant.
    renamed = pool_of(vms=[vm("db", 1, uuid="uuid-new"), vm("old", 2, uuid="uuid-old")])
    meant = as_listed(wishes_of("db=shutdown"), (VmRule("uuid-old", "db", VmWay.LEAVE),))
    assert rules_for(renamed, meant, ()) == (VmRule("uuid-old", "old", VmWay.SHUTDOWN),)


def test_rules_are_part_of_the_digest_and_a_spec_without_them_stays_what_it_was() -> None:
    plain = spec_of()
    assert plain.schema == 1
    assert b"vm_policy" not in canonical_bytes(plain)
    digests = {digest_of(canonical_bytes(plain))}
    for choices in (
        {"vms": wishes_of("db2=shutdown")},
        {"vms": wishes_of("db2=shutdown:1")},
        {"vms": wishes_of("db2=migrate")},
        {"vm_restarts": VmRestarts.NOW},
        {"vms_at_once": 1},
    ):
        spec = spec_of(**choices)
        assert parse_spec(canonical_bytes(spec)) == spec
        digests.add(digest_of(canonical_bytes(spec)))
    assert len(digests) == 6


@pytest.mark.parametrize(("way", "treatment"), [("suspend", VmTreatment.SUSPEND), ("shutdown", VmTreatment.SHUTDOWN)])
def test_a_vm_that_could_move_is_stopped_because_somebody_says_so(way: str, treatment: VmTreatment) -> None:
    spec = spec_of(vms=wishes_of(f"db2={way}"))
    assert [(entry.name, entry.treatment) for entry in spec.vms] == [("db2", treatment)]
    report = report_of(POOL, vms=wishes_of(f"db2={way}"))
    assert said(report, "vm_rules") == [(Severity.INFORMS, "check.vm_rule.stops", "vm-db2")]


def test_a_vm_of_a_host_that_is_not_emptied_is_not_stopped() -> None:
    toolstack = guidance_of(mandatory=["RestartToolstack"])
    assert spec_of(guidance=toolstack, vms=wishes_of("db2=shutdown")).vms == ()


def test_a_vm_that_is_only_to_be_moved_is_never_stopped_for_want_of_a_way() -> None:
    blockers = {"host-2": (VmBlocker("vm-db2", "VM_REQUIRES_SR"), VmBlocker("vm-web2", "VM_REQUIRES_SR"))}
    rule = wishes_of("db2=migrate")
    spec = spec_of(blockers=blockers, stopped_vms=StoppedVms.SUSPEND, vms=rule)
    assert [entry.name for entry in spec.vms] == ["web2"]
    report = report_of(POOL, blockers, stopped_vms=StoppedVms.SUSPEND, vms=rule)
    assert (Severity.BLOCKS, "check.evacuation.must_move", "vm-db2") in said(report, "evacuation_possible")


def test_a_rule_that_cannot_be_kept_blocks() -> None:
    tied = pool_of(vms=[vm("db", 2, has_pci=True), vm("ci", 3, allowed_operations=frozenset({"hard_shutdown"}))])
    report = report_of(tied, vms=wishes_of("db=suspend, ci=shutdown"))
    assert set(said(report, "vm_rules")) == {
        (Severity.BLOCKS, "check.vm_rule.cannot_suspend", "vm-db"),
        (Severity.BLOCKS, "check.vm_rule.cannot_shutdown", "vm-ci"),
    }


def test_a_vm_that_is_left_keeps_its_host_out_and_the_report_says_so() -> None:
    spec = spec_of(vms=wishes_of("db2=leave"))
    assert [host.name for host in spec.hosts] == ["xs-01", "xs-03"]
    assert spec.left_out == (("host-2", "xs-02"),)
    report = report_of(POOL, vms=wishes_of("db2=leave"))
    assert said(report, "vm_rules") == [(Severity.WARNS, "check.vm_left", "vm-db2")]
    assert not report.blocked
    # Run again from what was stored, the checks say the same.
    assert said(run_checks(facts_of(POOL, choices=choices_of(spec))), "vm_rules") == said(report, "vm_rules")


def test_a_host_that_need_not_be_emptied_takes_part_with_the_vm_that_is_left() -> None:
    toolstack = guidance_of(mandatory=["RestartToolstack"])
    assert len(spec_of(guidance=toolstack, vms=wishes_of("db2=leave")).hosts) == 3


def test_a_coordinator_cannot_be_left_out_of_a_new_version_for_a_vm() -> None:
    updates = updates_of(POOL, rpms=("xapi-core-26.1.3-1.xs8.x86_64.rpm",))
    choices = Choices(vms=wishes_of("db1=leave"))
    assert propose(POOL, updates, NO_BLOCKERS, choices).host("host-1") is not None
    report = run_checks(facts_of(POOL, updates, choices=choices))
    assert said(report, "vm_rules") == [(Severity.BLOCKS, "check.vm_left_on_coordinator", "vm-db1")]


def test_a_vm_that_is_left_is_not_restarted_either() -> None:
    restart = guidance_of(full=["RebootHost", "RestartVM"])
    spec = spec_of(guidance=restart, level=Level.FULL, vms=wishes_of("db2=leave"))
    assert "db2" not in {entry.name for entry in spec.vms}
    assert "web2" in {entry.name for entry in spec.vms}


def test_restarts_that_are_left_pending_are_no_part_of_the_spec() -> None:
    restart = guidance_of(full=["RebootHost", "RestartVM"])
    spec = spec_of(guidance=restart, level=Level.FULL, vm_restarts=VmRestarts.PENDING)
    assert spec.vms == ()
    assert all("RestartVM" not in {task.value for task in host.tasks} for host in spec.hosts)


def test_what_was_approved_covers_a_pool_whose_vm_is_gone_and_no_other_stop() -> None:
    spec = spec_of(TAGGED, tags=wishes_of("database=shutdown"))
    fewer = replace(TAGGED, vms=tuple(entry for entry in TAGGED.vms if entry.name != "db"))
    assert beyond(spec, propose(fewer, updates_of(fewer), NO_BLOCKERS, choices_of(spec))) == ()
    more = spec_of(TAGGED, tags=wishes_of("database=shutdown"), vms=wishes_of("ci=suspend"))
    assert {reason.code for reason in beyond(spec, more)} == {"spec.vm_added"}


def test_who_comes_back_last_goes_down_first() -> None:
    spec = spec_of(vms=wishes_of("db2=shutdown:20, web2=shutdown:10, db1=shutdown"))
    by_name = {entry.name: entry for entry in POOL.vms}
    assert [entry.name for entry in last_of(spec, [by_name["web2"], by_name["db2"]])] == ["db2"]
    assert [entry.name for entry in last_of(spec, [by_name["db1"], by_name["web1"]])] == ["db1", "web1"]


def test_a_halted_vm_keeps_its_rule_for_the_day_it_runs() -> None:
    halted = pool_of(vms=[vm("db", None)])
    assert halted.vms[0].power_state is PowerState.HALTED
    spec = spec_of(halted, vms=wishes_of("db=leave"))
    assert spec.rules == (VmRule("vm-db", "db", VmWay.LEAVE),)
    assert spec.left_out == ()
