"""Hosts that are out of service already: no VM can move there, and they stay out of service."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Fix, Severity
from bot.rollout.fixes import Remedy, can_enable, fix_for, is_chosen
from bot.rollout.model import Host
from bot.rollout.reason import because


class DisabledHosts:
    """Warns for each live host that is disabled before the rollout; informs when it will be put into service."""

    name = "disabled_hosts"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        return tuple(self._finding(facts, host) for host in facts.snapshot.hosts if host.live and not host.enabled)

    def _finding(self, facts: Facts, host: Host) -> Finding:
        if not can_enable(host):
            return Finding(self.name, Severity.WARNS, because("check.host_disabled", host=host.name), host.uuid)
        undo = because("fix.enable_host.undo", host=host.name)
        if is_chosen(facts.choices.fixes, Remedy.ENABLE_HOSTS, host):
            fix = Fix(fix_for(Remedy.ENABLE_HOSTS, host.uuid), because("fix.enable_host", host=host.name), undo)
            return Finding(self.name, Severity.INFORMS, because("check.host_lent", host=host.name), host.uuid, fix)
        fix = Fix(fix_for(Remedy.ENABLE_HOSTS, host.uuid), because("fix.enable_host.offer"), undo)
        return Finding(self.name, Severity.WARNS, because("check.host_disabled", host=host.name), host.uuid, fix)
