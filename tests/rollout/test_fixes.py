"""Fixes that people chose: made before the first host, undone after the turn that needed them and at every end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.rollout.action import ApplyUpdates, DisableHost, EjectDisc, InsertDisc, RebootHost
from bot.rollout.fixes import Remedy
from bot.rollout.lifecycle import State
from bot.rollout.memory import DebtKind

from .rehearsal import Killed, Rehearsal, rehearse, small


def disc_of(rollout: Rehearsal, vm: str) -> str:
    """What lies in the VM's drive now, "" for nothing."""
    record = next(entry for entry in rollout.gateway.snapshot().vms if entry.name == vm)
    return ", ".join(drive.name for drive in record.drives)


def place(rollout: Rehearsal, kind: str, *, host: str = "") -> int:
    """How many effects there were before that one happened for the first time."""
    effects = rollout.pool.effects
    return next(i for i, effect in enumerate(effects) if effect.kind == kind and host in ("", effect.host))


def with_disc(rollout: Rehearsal) -> Rehearsal:
    """dns-01 runs on xs-02 with a disc that only xs-02 can read."""
    rollout.pool.fault("local_cd", vm="dns-01")
    rollout.pool.begin_here()
    return rollout.ask(fixes=[Remedy.EJECT_CDS]).approve()


def test_a_disc_is_taken_out_and_put_back_after_its_hosts_turn() -> None:
    with rehearse(small()) as rollout:
        home = rollout.pool.vm("dns-01").resident_on
        with_disc(rollout).drive()
        rollout.assert_done()
        assert disc_of(rollout, "dns-01") == "driver-disc.iso"
        assert place(rollout, "disc_ejected") < place(rollout, "host_disabled")
        assert place(rollout, "host_booted", host=home) < place(rollout, "disc_inserted")
        assert rollout.calls("VBD.eject", "VBD.insert") == ["VBD.eject", "VBD.insert"]
        if home == "xs-01":
            # Undone after the turn that needed it, not at the end of the run.
            assert place(rollout, "disc_inserted") < place(rollout, "host_rebooted", host="xs-02")


def test_the_spec_names_the_vm_and_the_audit_trail_the_disc() -> None:
    with rehearse(small(ha=False)) as rollout:
        with_disc(rollout)
        (fix,) = [entry for entry in rollout.standing.spec.fixes if ":" in entry]
        assert fix == f"eject_cd:{next(vm.uuid for vm in rollout.gateway.snapshot().vms if vm.name == 'dns-01')}"
        rollout.drive()
        assert any(row.action == "step.EjectDisc" for row in rollout.audited())
        assert any("taking out the disc" in line for line in rollout.told())


@pytest.mark.parametrize("moment", [DisableHost, ApplyUpdates, RebootHost], ids=lambda kind: str(kind.__name__))
def test_an_abort_in_between_puts_the_disc_back(moment: type) -> None:
    with rehearse(small(ha=False)) as rollout:
        with_disc(rollout)
        rollout.before(moment, rollout.abort)
        assert rollout.drive() is State.ABORTED
        assert disc_of(rollout, "dns-01") == "driver-disc.iso"
        rollout.assert_as_it_was()


def test_a_failure_in_between_and_giving_up_leave_the_disc_owed_until_it_can_be_put_back() -> None:
    with rehearse(small(ha=False)) as rollout:
        with_disc(rollout)
        rollout.pool.fault("call_fails", method="VBD.insert", code="SR_BACKEND_FAILURE_46, , The SR is scanning,")
        rollout.drive()
        # The run ended well, but for the disc, which is listed.
        assert [debt.kind for debt in rollout.owed.values()] == [DebtKind.DISC]
        assert disc_of(rollout, "dns-01") == ""
        rollout.worker.settle("lab")
        assert disc_of(rollout, "dns-01") == "driver-disc.iso"
        assert rollout.owed == {}


def test_a_host_that_fails_its_update_still_gives_its_disc_back_at_the_abort() -> None:
    with rehearse(small(ha=False)) as rollout:
        with_disc(rollout)
        rollout.pool.fault("apply_fails", host="xs-01", times=1)
        assert rollout.drive() is State.NEEDS_ATTENTION
        rollout.abort()
        rollout.drive()
        assert disc_of(rollout, "dns-01") == "driver-disc.iso"
        rollout.assert_as_it_was()


def test_another_disc_that_somebody_put_in_is_left_alone() -> None:
    with rehearse(small(ha=False)) as rollout:
        with_disc(rollout)
        rollout.before(RebootHost, lambda: rollout.pool.fault("tools_cd", vm="dns-01"), subject="xs-01")
        rollout.drive()
        assert disc_of(rollout, "dns-01") == "guest-tools.iso"
        assert rollout.owed == {}
        assert rollout.calls("VBD.insert") == []


@pytest.mark.parametrize("action", [EjectDisc, InsertDisc], ids=lambda kind: str(kind.__name__))
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_around_a_fix_it_ends_the_same(action: type, when: str) -> None:
    with rehearse(small(ha=False)) as rollout:
        with_disc(rollout)
        killed: list[bool] = []

        def kill(asked: object) -> None:
            if isinstance(asked, action) and not killed:
                killed.append(True)
                raise Killed

        if when == "before":
            rollout.script.every_ask = kill
        else:
            rollout.script.every_asked = kill
        with pytest.raises(Killed):
            rollout.drive()
        rollout.new_process()
        rollout.drive()
        rollout.assert_done()
        assert disc_of(rollout, "dns-01") == "driver-disc.iso"
        assert len(rollout.effects("disc_ejected")) == len(rollout.effects("disc_inserted")) == 1


def test_storage_is_plugged_before_anything_else_and_stays_so() -> None:
    with rehearse(small(ha=False)) as rollout:
        rollout.pool.fault("storage_unplugged", host="xs-02")
        rollout.pool.begin_here()
        rollout.ask(fixes=[Remedy.PLUG_STORAGE]).approve().drive()
        rollout.assert_done()
        assert place(rollout, "storage_plugged") < place(rollout, "host_disabled")
        assert all(host.unplugged_srs == () for host in rollout.gateway.snapshot().hosts)


def test_storage_that_cannot_be_plugged_asks_people_before_any_host_is_touched() -> None:
    with rehearse(small(ha=False)) as rollout:
        rollout.pool.fault("storage_unplugged", host="xs-02")
        rollout.pool.fault("storage_broken_at_boot", host="xs-02")
        rollout.ask(fixes=[Remedy.PLUG_STORAGE]).approve()
        assert rollout.drive() is State.NEEDS_ATTENTION
        assert "iSCSI" in str(rollout.problem.params["sentence"])
        assert rollout.effects("host_disabled") == []
        rollout.pool.fault("storage_broken_at_boot", host="xs-02", on=False)
        rollout.retry()
        rollout.assert_done()


@pytest.mark.parametrize("end", ["success", "abort"])
def test_a_host_that_was_lent_goes_back_to_people(end: str) -> None:
    with rehearse(small(hosts=("xs-01", "xs-02", "xs-03"))) as rollout:
        rollout.pool.fault("host_in_maintenance", host="xs-03")
        rollout.pool.begin_here()
        rollout.ask(fixes=[Remedy.ENABLE_HOSTS]).approve()
        if end == "abort":
            rollout.before(RebootHost, rollout.abort, subject="xs-01")
        assert rollout.drive() is (State.SUCCEEDED if end == "success" else State.ABORTED)
        assert not rollout.pool.host("xs-03").enabled
        assert place(rollout, "host_enabled", host="xs-03") < place(rollout, "host_disabled")
        if end == "success":
            rollout.assert_as_it_was()


def test_a_lent_host_that_people_took_back_meanwhile_is_left_alone() -> None:
    with rehearse(small(ha=False, hosts=("xs-01", "xs-02", "xs-03"))) as rollout:
        rollout.pool.fault("host_in_maintenance", host="xs-03")
        rollout.ask(fixes=[Remedy.ENABLE_HOSTS]).approve()
        take: Callable[[], object] = lambda: rollout.pool.fault("host_in_maintenance", host="xs-03")  # noqa: E731
        rollout.when("host_ready", take, host="xs-03")
        rollout.drive()
        assert not rollout.pool.host("xs-03").enabled
        assert not any(debt.kind is DebtKind.HOST_LENT for debt in rollout.owed.values())


def test_without_the_choice_nothing_of_it_happens() -> None:
    with rehearse(small(ha=False, hosts=("xs-01", "xs-02", "xs-03"))) as rollout:
        rollout.pool.fault("host_in_maintenance", host="xs-03")
        rollout.pool.fault("tools_cd", vm="dns-01")
        rollout.carry_out()
        assert rollout.calls("VBD.eject", "PBD.plug") == []
        assert [key for key in rollout.intents() if key.startswith(("LendHost", "EjectDisc", "PlugStorage"))] == []


def test_of_two_hosts_in_maintenance_only_the_chosen_one_is_lent() -> None:
    with rehearse(small(ha=False, hosts=("xs-01", "xs-02", "xs-03"), vms=("web-01", "dns-01"))) as rollout:
        for name in ("xs-02", "xs-03"):
            rollout.pool.fault("host_in_maintenance", host=name)
        rollout.pool.begin_here()
        rollout.ask(fixes=["enable_host:xs-03"])
        uuids = {host.name: host.uuid for host in rollout.pool.hosts}
        assert [fix for fix in rollout.standing.spec.fixes if ":" in fix] == [f"enable_host:{uuids['xs-03']}"]
        rollout.approve()
        assert rollout.drive() is State.SUCCEEDED
        assert [key for key in rollout.intents() if key.startswith("LendHost")] == [f"LendHost:{uuids['xs-03']}"]
        assert not rollout.pool.host("xs-03").enabled
        assert rollout.effects("host_enabled", host="xs-02") == []
