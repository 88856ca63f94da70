"""Nothing is in use that newer releases no longer have, so that the next update does not take it away unnoticed."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because


class RetiredFeatures:
    """Warns about old TLS versions, power-on through iLO, a vSwitch controller, paravirtual VMs and container
    management."""

    name = "retired_features"
    needs_updates = False

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        snapshot = facts.snapshot
        found = []
        if snapshot.pool.vswitch_controller:
            reason = because("check.retired.vswitch_controller", pool=snapshot.pool.name)
            found.append(Finding(self.name, Severity.WARNS, reason, snapshot.pool.uuid))
        for host in snapshot.hosts:
            if host.legacy_tls:
                reason = because("check.retired.legacy_tls", host=host.name)
                found.append(Finding(self.name, Severity.WARNS, reason, host.uuid))
            if host.power_on_mode == "iLO":
                reason = because("check.retired.ilo", host=host.name)
                found.append(Finding(self.name, Severity.WARNS, reason, host.uuid))
        for vm in snapshot.vms:
            if vm.paravirtual:
                found.append(
                    Finding(self.name, Severity.WARNS, because("check.retired.paravirtual", vm=vm.name), vm.uuid)
                )
            if vm.container_managed:
                found.append(
                    Finding(self.name, Severity.WARNS, because("check.retired.containers", vm=vm.name), vm.uuid)
                )
        return tuple(found)
