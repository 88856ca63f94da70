"""The prechecks: what must hold before a rollout, each with its reason and what is done about it.

One module per check; `run_checks` runs all of them on one set of facts. The list follows the vendor's page "Before
you start" and the preconditions of ``host.apply_updates``.
"""

from __future__ import annotations

from bot.rollout.checks.anti_affinity import AntiAffinity
from bot.rollout.checks.auto_poweron import AutoPoweron
from bot.rollout.checks.backups_running import BackupsRunning
from bot.rollout.checks.claim import Claim
from bot.rollout.checks.clocks import Clocks
from bot.rollout.checks.clustered_storage import ClusteredStorage
from bot.rollout.checks.coordinator_pending import CoordinatorPending
from bot.rollout.checks.cpu_levels import CpuLevels
from bot.rollout.checks.disabled_hosts import DisabledHosts
from bot.rollout.checks.discs_in_drives import DiscsInDrives
from bot.rollout.checks.disk_space import DiskSpace
from bot.rollout.checks.evacuation import EvacuationPossible
from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Check, Finding, Fix, Report, Severity
from bot.rollout.checks.guest_tools import GuestToolsPresent
from bot.rollout.checks.ha import HighAvailability
from bot.rollout.checks.ha_plan import HaPlan
from bot.rollout.checks.host_answers import HostAnswers
from bot.rollout.checks.hosts_live import HostsLive
from bot.rollout.checks.last_sync import LastSync
from bot.rollout.checks.licence import Licence
from bot.rollout.checks.live_patching import LivePatching
from bot.rollout.checks.livepatch_failed import LivepatchFailed
from bot.rollout.checks.memory_room import MemoryRoom
from bot.rollout.checks.migration_network import MigrationNetwork
from bot.rollout.checks.mixed_versions import MixedVersions
from bot.rollout.checks.network_links import NetworkLinks
from bot.rollout.checks.nothing_to_do import NothingToDo
from bot.rollout.checks.other_operations import OtherOperations
from bot.rollout.checks.pending_mandatory import PendingMandatory
from bot.rollout.checks.repository import RepositoryEnabled
from bot.rollout.checks.retired_features import RetiredFeatures
from bot.rollout.checks.room import Room
from bot.rollout.checks.secret_rotation import SecretRotation
from bot.rollout.checks.snapshot_schedules import SnapshotSchedules
from bot.rollout.checks.storage_plugged import StoragePlugged
from bot.rollout.checks.suspend_space import SuspendSpace
from bot.rollout.checks.sync_running import NoSyncRunning
from bot.rollout.checks.sync_schedule import SyncSchedule
from bot.rollout.checks.toolstack_version import ToolstackVersion
from bot.rollout.checks.update_age import UpdateAge
from bot.rollout.checks.update_levels import UpdateLevels
from bot.rollout.checks.updates_known import UpdatesKnown
from bot.rollout.checks.vm_rules import VmRules
from bot.rollout.checks.wlb import WorkloadBalancing

__all__ = ["CHECKS", "Check", "Facts", "Finding", "Fix", "Report", "Severity", "run_checks"]

#: Every check, in the order people read their findings.
CHECKS: tuple[Check, ...] = (
    RepositoryEnabled(),
    Licence(),
    ToolstackVersion(),
    LastSync(),
    UpdatesKnown(),
    NothingToDo(),
    HostsLive(),
    HostAnswers(),
    Claim(),
    NoSyncRunning(),
    OtherOperations(),
    BackupsRunning(),
    SecretRotation(),
    PendingMandatory(),
    CoordinatorPending(),
    MixedVersions(),
    UpdateLevels(),
    DisabledHosts(),
    LivepatchFailed(),
    LivePatching(),
    UpdateAge(),
    DiskSpace(),
    Clocks(),
    NetworkLinks(),
    MigrationNetwork(),
    StoragePlugged(),
    ClusteredStorage(),
    CpuLevels(),
    HighAvailability(),
    HaPlan(),
    MemoryRoom(),
    DiscsInDrives(),
    GuestToolsPresent(),
    VmRules(),
    EvacuationPossible(),
    Room(),
    SuspendSpace(),
    AntiAffinity(),
    WorkloadBalancing(),
    AutoPoweron(),
    SyncSchedule(),
    SnapshotSchedules(),
    RetiredFeatures(),
)

_WEIGHT = {severity: weight for weight, severity in enumerate(Severity)}


def run_checks(facts: Facts) -> Report:
    """The report of every check on one set of facts.

    A check that needs the available updates is not reported as passed while they are unknown.
    """
    findings: list[Finding] = []
    passed: list[str] = []
    for check in CHECKS:
        found = check.run(facts)
        findings += found
        if not found and (facts.spec is not None or not check.needs_updates):
            passed.append(check.name)
    ordered = sorted(findings, key=lambda finding: _WEIGHT[finding.severity])
    return Report(tuple(ordered), tuple(passed))
