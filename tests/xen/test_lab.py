"""The gateway against a simulated pool that speaks XAPI over real HTTPS."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.lab.pool import LabPool
from bot.lab.time import SteppedTime
from bot.rollout.action import (
    Action,
    ApplyUpdates,
    ClaimPool,
    CloseDebt,
    DisableHa,
    DisableHost,
    EnableHa,
    EnableHost,
    EvacuateHost,
    MigrateVm,
    RebootHost,
    ReleasePool,
    RestartDeviceModel,
    RestartToolstack,
    RestartVm,
    ResumeVm,
    SetAutoPoweron,
    SetHaFailures,
    SetSyncSchedule,
    SetWlb,
    ShutdownVm,
    StartVm,
    SuspendVm,
)
from bot.rollout.guidance import Level, Task
from bot.rollout.memory import Debt, DebtKind
from bot.rollout.model import Host, PoolSnapshot, PowerState
from bot.xen.address import PoolAddress
from bot.xen.errors import (
    HostNotEmpty,
    LoginRefused,
    PoolClaimed,
    Refused,
    RoleMissing,
    SessionLost,
    TlsRefused,
    Unreachable,
    XenError,
)
from bot.xen.gateway import Gateway
from bot.xen.tasks import task_value


class Pool:
    """A simulated pool, a gateway to it and a participant that waits."""

    def __init__(self, scenario: str) -> None:
        self.time = SteppedTime()
        self.lab = LabPool.start(scenario=scenario, time=self.time)
        self.address = PoolAddress(
            (self.lab.coordinator_url,),
            self.lab.username,
            self.lab.password,
            fingerprints={host.uuid: host.fingerprint for host in self.lab.hosts},
        )
        self._made: list[Gateway] = []
        self.gateway = self.connect()

    def connect(self, **changes: Any) -> Gateway:
        gateway = Gateway(replace(self.address, **changes), time=self.time, name=self.lab.name)
        self._made.append(gateway)
        return gateway

    def close(self) -> None:
        for gateway in self._made:
            gateway.close()
        self.lab.stop()

    def wait(self, seconds: float) -> None:
        self.time.wait_until(self.time.now() + timedelta(seconds=seconds))

    def finish(self, ref: str | None) -> str:
        """Wait for a task and hand back its result; a failed one raises its error."""
        assert ref is not None
        while (status := self.gateway.task(ref)).state == "pending":
            self.wait(5)
        if status.error is not None:
            raise status.error
        assert status.state == "success", status
        self.gateway.forget_task(ref)
        assert self.gateway.task(ref).state == "gone"
        return status.result

    def do(self, action: Action) -> str:
        """Carry an action out to its end."""
        ref = self.gateway.begin(action, self.gateway.snapshot())
        return self.finish(ref) if ref is not None else ""

    def do_when_possible(self, action: Action) -> None:
        """Carry an action out, trying again while the reason against it is one that passes."""
        for _ in range(100):
            try:
                self.do(action)
            except XenError as error:
                if not error.transient:
                    raise
                self.wait(10)
            else:
                return
        raise AssertionError("it never became possible")

    def host(self, name: str) -> Host:
        return next(host for host in self.gateway.snapshot().hosts if host.name == name)

    def vm_uuid(self, name: str) -> str:
        return next(vm.uuid for vm in self.gateway.snapshot().vms if vm.name == name)

    def look_until_back(self) -> tuple[PoolSnapshot, int]:
        """Look until the coordinator answers again; also how often it did not."""
        missed = 0
        while True:
            try:
                return self.gateway.snapshot(), missed
            except XenError as error:
                if not error.transient or missed > 500:
                    raise
                missed += 1
                self.wait(10)


@pytest.fixture
def small() -> Iterator[Pool]:
    yield from _pool("small")


@pytest.fixture
def pinned() -> Iterator[Pool]:
    yield from _pool("pinned")


@pytest.fixture
def livepatch() -> Iterator[Pool]:
    yield from _pool("livepatch")


def _pool(scenario: str) -> Iterator[Pool]:
    pool = Pool(scenario)
    try:
        with pool.time.participant():
            yield pool
    finally:
        pool.close()


# --- looking ----------------------------------------------------------------------------------------------------------


def test_a_snapshot_shows_the_pool_as_it_is(small: Pool) -> None:
    found = small.gateway.snapshot()
    assert (found.pool.uuid, found.pool.name) == (small.lab.uuid, small.lab.name)
    assert [host.uuid for host in found.hosts] == [host.uuid for host in small.lab.hosts]
    assert found.coordinator == found.hosts[0]
    assert found.pool.ha.enabled
    assert len(found.vms) == 12
    assert {vm.name: found.host(vm.resident_on or "").name for vm in found.vms} == {  # type: ignore[union-attr]
        vm.name: vm.resident_on for vm in small.lab.vms
    }
    assert all(vm.memory > 0 for vm in found.vms)
    assert abs((found.taken_at - small.time.now()).total_seconds()) < 5
    assert [sr.name for sr in found.srs if sr.uuid in found.pool.ha.heartbeat_srs] == ["Shared iSCSI"]


def test_the_list_of_updates(small: Pool) -> None:
    found = small.gateway.updates()
    assert found.checksum == small.gateway.snapshot().checksum == small.gateway.repository_state().hash
    assert {entry.host for entry in found.hosts} == {host.uuid for host in small.lab.hosts}
    assert all(entry.anything for entry in found.hosts)
    assert Task.REBOOT_HOST in found.hosts[0].guidance.at(Level.RECOMMENDED)
    assert any(update.cves for update in found.updates)


def test_polling_sees_that_hosts_lag_behind(small: Pool) -> None:
    state = small.gateway.repository_state()
    assert (state.pool_uuid, state.pool_name, state.current) == (small.lab.uuid, small.lab.name, False)
    assert state.update_sync_enabled
    assert state.last_update_sync is not None


def test_what_keeps_vms_on_their_hosts_is_told_by_vm_and_with_names(pinned: Pool) -> None:
    if pinned.gateway.snapshot().pool.ha.enabled:
        pinned.do(DisableHa())
    found = {
        blocker.code: blocker for host in pinned.lab.hosts for blocker in pinned.gateway.evacuation_blockers(host.uuid)
    }
    assert set(found) == {"VM_REQUIRES_SR", "VM_HAS_PCI_ATTACHED"}
    snapshot = pinned.gateway.snapshot()
    tied = snapshot.vm(found["VM_REQUIRES_SR"].vm)
    assert tied is not None
    assert tied.local_srs
    assert found["VM_REQUIRES_SR"].params[0] == tied.name
    assert "OpaqueRef" not in "".join(found["VM_REQUIRES_SR"].params)
    with_device = snapshot.vm(found["VM_HAS_PCI_ATTACHED"].vm)
    assert with_device is not None
    assert with_device.has_pci


# --- the way there ----------------------------------------------------------------------------------------------------


def test_a_member_leads_to_the_coordinator(small: Pool) -> None:
    member = small.connect(urls=(small.lab.hosts[2].url,))
    assert member.snapshot().pool.uuid == small.lab.uuid
    asked = [call.host for call in small.lab.calls if call.method == "session.login_with_password"]
    assert asked[-2:] == ["xs-03", "xs-01"]


def test_every_way_to_trust_the_pool(small: Pool) -> None:
    assert small.gateway.member_certificates() == {host.uuid: host.fingerprint for host in small.lab.hosts}
    ways: list[dict[str, Any]] = [
        {"fingerprints": tuple(host.fingerprint for host in small.lab.hosts)},
        {"fingerprints": (), "ca_file": str(small.lab.ca_file)},
        {"fingerprints": (), "ignore_tls": True},
    ]
    for way in ways:
        assert small.connect(**way).repository_state().pool_uuid == small.lab.uuid


def test_fingerprints_of_the_wrong_host_are_refused(small: Pool) -> None:
    first, second, third = small.lab.hosts
    swapped = {first.uuid: second.fingerprint, second.uuid: first.fingerprint, third.uuid: third.fingerprint}
    with pytest.raises(TlsRefused):
        small.connect(fingerprints=swapped).repository_state()
    with pytest.raises(TlsRefused):
        small.connect(fingerprints=(second.fingerprint,)).repository_state()


def test_a_wrong_password(small: Pool) -> None:
    with pytest.raises(LoginRefused) as caught:
        small.connect(password="not-the-one").repository_state()
    assert "not-the-one" not in str(caught.value)


def test_an_account_that_may_only_look(small: Pool) -> None:
    viewer = small.connect(username="viewer")
    snapshot = viewer.snapshot()
    with pytest.raises(RoleMissing) as caught:
        viewer.begin(DisableHost(host=small.lab.hosts[0].uuid), snapshot)
    assert caught.value.permission == "host.disable"
    with pytest.raises(RoleMissing):
        viewer.updates()


def test_dropped_connections_go_unnoticed_while_looking(small: Pool) -> None:
    small.gateway.snapshot()
    small.lab.host("xs-01").drop_connections()
    assert small.gateway.snapshot().pool.uuid == small.lab.uuid


def test_a_pool_whose_coordinator_stays_away(small: Pool) -> None:
    small.do(DisableHa())
    coordinator = small.host("xs-01")
    small.do(DisableHost(host=coordinator.uuid))
    small.do(EvacuateHost(host=coordinator.uuid))
    snapshot = small.gateway.snapshot()
    small.lab.host("xs-01").never_returns()
    small.do(RebootHost(host=coordinator.uuid))
    small.wait(600)
    for look in (small.gateway.snapshot, small.gateway.updates, small.gateway.repository_state):
        with pytest.raises(Unreachable) as caught:
            look()
        assert caught.value.transient
    with pytest.raises(Unreachable):
        small.gateway.begin(EnableHost(host=coordinator.uuid), snapshot)
    small.lab.host("xs-01").never_returns(on=False)
    back, _ = small.look_until_back()
    assert back.coordinator is not None


# --- a coordinator's turn ---------------------------------------------------------------------------------------------


def test_a_whole_turn_of_the_coordinator_over_its_reboot(small: Pool) -> None:
    coordinator = small.host("xs-01")
    checksum = small.gateway.snapshot().checksum
    ha = small.gateway.snapshot().pool.ha
    small.do(ClaimPool(owner="here/1"))
    small.do(SetSyncSchedule(enabled=False))
    small.do(DisableHa())
    assert small.gateway.evacuation_blockers(coordinator.uuid) == ()
    small.do(DisableHost(host=coordinator.uuid))
    with pytest.raises(HostNotEmpty):
        small.do(RebootHost(host=coordinator.uuid))
    small.do(EvacuateHost(host=coordinator.uuid))
    assert small.gateway.snapshot().residents(coordinator.uuid) == ()
    task = small.gateway.begin(ApplyUpdates(host=coordinator.uuid, checksum=checksum), small.gateway.snapshot())
    assert task is not None
    running = small.gateway.snapshot()
    assert [(found.name, found.ours) for found in running.tasks] == [("Async.host.apply_updates", True)]
    assert running.pool.current_operations == {"apply_updates"}
    with pytest.raises(XenError, match="one at a time") as caught:
        small.do(ApplyUpdates(host=small.lab.hosts[1].uuid, checksum=checksum))
    assert caught.value.transient
    assert small.gateway.livepatch_failures(small.finish(task)) == ()
    applied = small.host("xs-01")
    assert applied.last_update_hash == checksum
    assert Task.REBOOT_HOST in applied.pending.at(Level.FULL)

    old_session = small.gateway._connection.link()
    small.do(RebootHost(host=coordinator.uuid))
    small.wait(60)
    back, missed = small.look_until_back()
    assert missed > 0
    assert small.gateway._connection.link() != old_session
    while (host := back.host(coordinator.uuid)) is None or host.boot_time <= coordinator.boot_time:
        small.wait(10)
        back, _ = small.look_until_back()
    assert not host.pending
    assert host.version.xapi != coordinator.version.xapi
    assert small.gateway.task(task).state == "gone"
    small.do(EnableHost(host=coordinator.uuid))
    assert small.host("xs-01").enabled
    # Members take a minute or two to find the new coordinator process; until then XAPI calls them offline.
    small.do_when_possible(EnableHa(settings=ha))
    assert small.gateway.snapshot().pool.ha == ha
    small.do(ReleasePool(owner="here/1"))
    assert small.gateway.snapshot().pool.claim is None
    assert small.lab.verdict().reboots == 1


def test_effects_over_a_restart_of_the_coordinator_are_not_repeated(small: Pool) -> None:
    snapshot = small.gateway.snapshot()
    coordinator = small.host("xs-01")
    small.do(RestartToolstack(host=coordinator.uuid))
    small.wait(20)
    with pytest.raises(Unreachable):
        small.gateway.begin(SetWlb(enabled=True), snapshot)
    back, _ = small.look_until_back()
    host = back.host(coordinator.uuid)
    assert host is not None
    assert host.agent_start_time > coordinator.agent_start_time
    assert host.boot_time == coordinator.boot_time
    assert sum(call.method == "host.restart_agent" for call in small.lab.calls) == 1
    assert not back.pool.wlb_enabled


def test_a_session_that_the_restart_ended_is_told_to_effects(small: Pool) -> None:
    snapshot = small.gateway.snapshot()
    small.do(RestartToolstack(host=snapshot.pool.coordinator))
    other = small.connect()
    small.wait(120)
    other.snapshot()
    with pytest.raises((SessionLost, Unreachable)):
        small.gateway.begin(SetSyncSchedule(enabled=False), snapshot)
    small.gateway.begin(SetSyncSchedule(enabled=False), snapshot)
    assert not small.gateway.snapshot().pool.update_sync_enabled


# --- verbs ------------------------------------------------------------------------------------------------------------


def test_settings_of_the_pool(small: Pool) -> None:
    ha = small.gateway.snapshot().pool.ha
    small.do(DisableHa())
    assert not small.gateway.snapshot().pool.ha.enabled
    small.do(EnableHa(settings=ha))
    small.do(SetHaFailures(failures=ha.failures_to_tolerate))
    assert small.gateway.snapshot().pool.ha == ha
    for value in ("true", "false", None):
        small.do(SetAutoPoweron(value=value))
        assert small.gateway.snapshot().pool.auto_poweron == value
    for enabled in (False, True):
        small.do(SetSyncSchedule(enabled=enabled))
        assert small.gateway.snapshot().pool.update_sync_enabled is enabled
    with pytest.raises(Refused) as caught:
        small.do(SetWlb(enabled=True))
    assert caught.value.code == "WLB_NOT_INITIALIZED"


def test_vms_move_stop_and_come_back(small: Pool) -> None:
    small.do(DisableHa())
    vm = small.vm_uuid("web-01")
    home = small.gateway.snapshot().vm(vm)
    assert home is not None
    target = next(host.uuid for host in small.lab.hosts if host.uuid != home.resident_on)

    def now() -> tuple[PowerState, str | None]:
        found = small.gateway.snapshot().vm(vm)
        assert found is not None
        return found.power_state, found.resident_on

    small.do(MigrateVm(vm=vm, to=target))
    assert now() == (PowerState.RUNNING, target)
    small.do(SuspendVm(vm=vm))
    assert now() == (PowerState.SUSPENDED, None)
    small.do(ResumeVm(vm=vm, on=target))
    small.do(ShutdownVm(vm=vm))
    assert now() == (PowerState.HALTED, None)
    small.do(StartVm(vm=vm, on=home.resident_on or ""))
    small.do(RestartVm(vm=vm))
    small.do(RestartDeviceModel(vm=vm))
    assert now() == (PowerState.RUNNING, home.resident_on)


def test_a_migration_that_fails_says_why(small: Pool) -> None:
    small.lab.vm("web-01").migration_fails(times=1)
    vm = small.vm_uuid("web-01")
    host = next(host for host in small.lab.hosts if host.name != small.lab.vm("web-01").resident_on)
    with pytest.raises(XenError) as caught:
        small.do(MigrateVm(vm=vm, to=host.uuid))
    assert caught.value.code
    small.do(MigrateVm(vm=vm, to=host.uuid))


def test_a_live_patch_that_fails_is_in_the_result(livepatch: Pool) -> None:
    host = livepatch.lab.hosts[0]
    host.livepatch_fails()
    snapshot = livepatch.gateway.snapshot()
    if snapshot.pool.ha.enabled:
        livepatch.do(DisableHa())
    promised = livepatch.gateway.updates().for_host(host.uuid)
    assert promised is not None
    assert promised.livepatches
    livepatch.do(DisableHost(host=host.uuid))
    result = livepatch.do(ApplyUpdates(host=host.uuid, checksum=snapshot.checksum))
    assert livepatch.gateway.livepatch_failures(result) == promised.livepatches


def test_a_sync_gives_the_checksum(small: Pool) -> None:
    ref = small.gateway.sync()
    assert "sync_updates" in small.gateway.repository_state().pool_operations
    assert task_value(small.finish(ref)) == small.gateway.repository_state().hash


def test_a_sync_that_fails_points_to_the_update_servers(small: Pool) -> None:
    small.lab.fault("sync_fails")
    with pytest.raises(Refused, match="vendor's update servers"):
        small.finish(small.gateway.sync())


def test_two_installations_cannot_both_hold_the_pool(small: Pool) -> None:
    other = small.connect()
    small.gateway.claim("here/1")
    small.gateway.claim("here/1")
    with pytest.raises(PoolClaimed, match="here/1"):
        other.claim("there/9")
    with pytest.raises(PoolClaimed):
        other.release("there/9")
    assert small.gateway.snapshot().pool.claim == "here/1"
    small.gateway.release("here/1")
    other.claim("there/9")


def test_of_many_that_claim_at_once_one_wins(small: Pool) -> None:
    outcomes: list[str] = []

    def claim(owner: str) -> None:
        gateway = small.connect()
        try:
            gateway.claim(owner)
            outcomes.append("won")
        except PoolClaimed:
            outcomes.append("lost")

    threads = [threading.Thread(target=claim, args=(f"site-{number}/1",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["lost", "lost", "lost", "won"]


def test_bookkeeping_is_no_call(small: Pool) -> None:
    with pytest.raises(TypeError):
        small.gateway.begin(CloseDebt(debt=Debt(DebtKind.HA), outcome="settled"), small.gateway.snapshot())
