"""Rollouts and updates made by hand, small or as large and nasty as they can get."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.rollout.amendment import AmendmentState, Offer, amended
from bot.rollout.amendment import changes as differences
from bot.rollout.checks import Finding, Report, Severity
from bot.rollout.forecast import Forecast, TurnForecast
from bot.rollout.guidance import Guidance, Level, Task
from bot.rollout.lifecycle import State
from bot.rollout.memory import Debt, DebtKind, TurnPhase
from bot.rollout.model import AvailableUpdates, HostUpdates, Update
from bot.rollout.policy import ApprovalPolicy, Quorum
from bot.rollout.reason import because
from bot.rollout.spec import HostCeiling, Spec, StoppedVms, VmAllowance, VmTreatment, canonical_bytes, digest_of
from bot.rollout.vm_progress import VmProgress, VmStep
from bot.rollouts import AmendmentStanding, Standing
from storage.tables import AmendmentRow, RolloutRow, TurnRow

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
NASTY = "<!channel> *bold* _it_ `x` ~s~ @here :fire: <https://evil.example|click> & \u202egnp "
REBOOT = frozenset({Task.EVACUATE_HOST, Task.REBOOT_HOST})


def nasty(number: int, length: int = 255) -> str:
    """A name of the greatest length XAPI gives, full of things that act in Slack."""
    return f"{number} {NASTY * 8}"[:length]


def updates_for(hosts: int = 3, *, count: int = 3, named: bool = True) -> AvailableUpdates:
    """Some updates for `hosts` hosts: every third is a security fix."""
    guidance = Guidance(frozenset({Task.RESTART_TOOLSTACK}), REBOOT, frozenset({Task.RESTART_VM}))
    updates = tuple(
        Update(
            id=f"UPD-{number:04}",
            title=f"Update number {number}" if named else nasty(number),
            description=f"What update {number} changes." if named else nasty(number, 2000),
            url="https://support.example/KB1" if named else nasty(number),
            type="SecurityFix" if number % 3 == 0 else "Improvement",
            severity="High" if number % 3 == 0 else "None",
            issued=NOW - timedelta(days=number),
            cves=(f"CVE-2026-{1000 + number}",) if number % 3 == 0 else (),
        )
        for number in range(count)
    )
    entries = tuple(
        HostUpdates(host=f"host-{number}", guidance=guidance, rpms=("xen-hypervisor-4.17-13.x86_64.rpm",))
        for number in range(hosts)
    )
    return AvailableUpdates("c0ffee" * 10, entries, updates)


def standing_of(
    state: State = State.AWAITING_APPROVAL,
    *,
    hosts: int = 3,
    vms: int = 0,
    wild: bool = False,
    findings: int = 1,
    debts: int = 0,
    approvals: tuple[str, ...] = (),
    required: int = 2,
    unreviewed: bool = False,
    phases: tuple[TurnPhase, ...] = (),
    moving: int = 0,
    **changes: Any,
) -> Standing:
    """A rollout in that state. `wild` gives everything the longest and nastiest names; so many VMs of each host are
    under way."""

    def named(plain: str, number: int) -> str:
        return nasty(number) if wild else f"{plain}-{number + 1:02}"

    host_names = [named("xs", number) for number in range(hosts)]
    vm_names = [named("vm", number) for number in range(vms)]
    spec = Spec(
        pool_uuid="pool-uuid",
        pool_name=nasty(0) if wild else "lab",
        checksum="c0ffee" * 10,
        level=Level.RECOMMENDED,
        hosts=tuple(HostCeiling(f"host-{number}", name, REBOOT) for number, name in enumerate(host_names)),
        vms=tuple(VmAllowance(f"vm-{number}", name, VmTreatment.SUSPEND) for number, name in enumerate(vm_names)),
        stopped_vms=StoppedVms.SUSPEND if vms else StoppedVms.REFUSE,
        fixes=("ha_off", "sync_schedule_off"),
    )
    forecast = Forecast(
        turns=tuple(
            TurnForecast(
                host=f"host-{number}",
                name=name,
                tasks=(Task.EVACUATE_HOST, Task.REBOOT_HOST),
                evacuates=True,
                vms_moved=4,
                vms_stopped=tuple(vm_names[:20]) if number == 0 else (),
                seconds=1200.0,
                reason=because("forecast.turn.reboot", host=name, vms=4, stopped=0),
            )
            for number, name in enumerate(host_names)
        ),
        reboots=hosts,
        migrations=8 * hosts,
        vms_stopped=tuple(vm_names),
        minutes=(14 * hosts, 26 * hosts),
        headlines=(because("forecast.versions_change", coordinator=host_names[0]),),
    )
    report = Report(
        tuple(
            Finding("ha", Severity.WARNS, because("check.made_up", host=named("xs", number)), f"host-{number}")
            for number in range(findings)
        ),
        ("hosts_live", "last_sync"),
    )
    row = RolloutRow(
        id=42,
        pool_uuid="pool-uuid",
        pool_alias="lab",
        state=state,
        digest=digest_of(canonical_bytes(spec)),
        requester_kind="slack",
        requester_id="U0ALICE",
        requester_name="alice",
        reason_text=nasty(1, 500) if wild else "CHG-1234, the November fixes",
        channel="C0UPDATES",
        created_at=NOW,
        expires_at=NOW + timedelta(hours=24),
        forecast=forecast.as_dict(),
        checks=report.as_dict(),
        updates={},
        **changes,
    )
    shown = [*phases, *([TurnPhase.WAITING] * hosts)][:hosts] if phases else []
    moved = VmProgress("vm", "", percent=95, error=("E" * 99, nasty(1)), tries=2)
    turns = tuple(
        TurnRow(
            rollout_id=42,
            host=f"host-{number}",
            position=number,
            name=host_names[number],
            phase=phase,
            left=3,
            total=7,
            vms=[
                replace(moved, name=named("vm", of), step=list(VmStep)[of % 7], to=named("xs", of)).as_dict()
                for of in range(moving)
            ],
            started_at=NOW if phase is TurnPhase.DONE else None,
            finished_at=NOW + timedelta(minutes=21) if phase is TurnPhase.DONE else None,
        )
        for number, phase in enumerate(shown)
    )
    owed = tuple(Debt(DebtKind.VM_HOME, f"vm-{number}", label=named("vm", number)) for number in range(debts))
    given = tuple((user, user.title(), NOW) for user in approvals)
    counted = Quorum(len(given) >= required, approvals, required, because("approval.quorum", have=0, need=required))
    return Standing(
        row=row,
        spec=spec,
        digest=row.digest,
        approvals=given,
        quorum=counted,
        policy=ApprovalPolicy(required=required, allow_unreviewed=unreviewed),
        report=report.as_dict(),
        forecast=forecast,
        turns=turns,
        debts=owed,
        updates=updates_for(hosts, named=not wild),
    )


def amendment_of(
    standing: Standing, offer: Offer, approvals: tuple[str, ...] = (), **changes: Any
) -> AmendmentStanding:
    """What bob proposed for that rollout."""
    spec = amended(standing.spec, offer, 1)
    row = AmendmentRow(
        id=7,
        rollout_id=42,
        number=1,
        digest=digest_of(canonical_bytes(spec)),
        replaces=standing.digest,
        proposer_kind="slack",
        proposer_id="U0BOB",
        proposer_name="bob",
        offer=offer.as_dict(),
        why=because("livepatch.failed", host=standing.spec.hosts[0].name).as_dict(),
        created_at=NOW,
        **{"state": AmendmentState.OPEN, **changes},
    )
    given = tuple((user, user.title(), NOW) for user in approvals)
    counted = Quorum(False, approvals, 2, because("approval.quorum", have=len(approvals), need=2))
    return AmendmentStanding(row, spec, differences(standing.spec, spec), given, counted)


def extreme(state: State = State.AWAITING_APPROVAL, **changes: Any) -> Standing:
    """The largest pool XenServer supports, with a thousand VMs to be stopped and names of the greatest length."""
    made = standing_of(state, hosts=64, vms=1000, wild=True, findings=300, debts=300, approvals=("U0BOB",), **changes)
    return replace(made, updates=updates_for(64, count=300, named=False))
