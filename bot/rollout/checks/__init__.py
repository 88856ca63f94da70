"""The prechecks: what must hold before a rollout, each with its reason and what is done about it.

One module per check; `run_checks` runs all of them on one set of facts. The list follows the vendor's page "Before
you start" and the preconditions of ``host.apply_updates``.
"""

from __future__ import annotations

from bot.rollout.checks.auto_poweron import AutoPoweron
from bot.rollout.checks.claim import Claim
from bot.rollout.checks.disabled_hosts import DisabledHosts
from bot.rollout.checks.evacuation import EvacuationPossible
from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Check, Finding, Fix, Report, Severity
from bot.rollout.checks.ha import HighAvailability
from bot.rollout.checks.hosts_live import HostsLive
from bot.rollout.checks.last_sync import LastSync
from bot.rollout.checks.livepatch_failed import LivepatchFailed
from bot.rollout.checks.mixed_versions import MixedVersions
from bot.rollout.checks.nothing_to_do import NothingToDo
from bot.rollout.checks.other_operations import OtherOperations
from bot.rollout.checks.pending_mandatory import PendingMandatory
from bot.rollout.checks.repository import RepositoryEnabled
from bot.rollout.checks.room import Room
from bot.rollout.checks.sync_running import NoSyncRunning
from bot.rollout.checks.sync_schedule import SyncSchedule
from bot.rollout.checks.update_age import UpdateAge
from bot.rollout.checks.updates_known import UpdatesKnown
from bot.rollout.checks.wlb import WorkloadBalancing

__all__ = ["CHECKS", "Check", "Facts", "Finding", "Fix", "Report", "Severity", "run_checks"]

#: Every check, in the order people read their findings.
CHECKS: tuple[Check, ...] = (
    RepositoryEnabled(),
    LastSync(),
    UpdatesKnown(),
    NothingToDo(),
    HostsLive(),
    Claim(),
    NoSyncRunning(),
    OtherOperations(),
    PendingMandatory(),
    MixedVersions(),
    DisabledHosts(),
    LivepatchFailed(),
    UpdateAge(),
    HighAvailability(),
    EvacuationPossible(),
    Room(),
    WorkloadBalancing(),
    AutoPoweron(),
    SyncSchedule(),
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
