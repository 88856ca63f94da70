"""Whether what would be done now still lies within what was approved."""

from __future__ import annotations

from dataclasses import replace

from bot.rollout.difference import compare
from bot.rollout.guidance import Task
from bot.rollout.reason import Reason
from bot.rollout.spec import Spec, VmTreatment


def beyond(approved: Spec, present: Spec) -> tuple[Reason, ...]:
    """How the present spec goes beyond the approved one; empty when the approval covers it.

    Less work than approved is covered. So is a VM that came up since and would have to restart: it is simply left
    pending, because the approved spec does not list it.
    """
    hosts = {host.uuid: host for host in approved.hosts}
    vms = {vm.uuid: vm for vm in approved.vms}
    covered = replace(
        present,
        pool_name=approved.pool_name,
        # How a spec is written down is no substance: an amended one is compared with a proposal made anew.
        schema=approved.schema,
        # VMs that are gone have no rule any more; no other can have got one.
        rules=approved.rules,
        fixes=tuple(sorted({*approved.fixes, *present.fixes})),
        hosts=tuple(
            replace(
                host,
                name=hosts[host.uuid].name,
                tasks=hosts[host.uuid].tasks | _more(host.tasks, hosts[host.uuid].tasks),
            )
            if host.uuid in hosts
            else host
            for host in present.hosts
        )
        + tuple(host for uuid, host in hosts.items() if present.host(uuid) is None),
        vms=tuple(
            replace(vm, name=vms[vm.uuid].name) if vm.uuid in vms else vm
            for vm in present.vms
            if vm.treatment is not VmTreatment.RESTART
        )
        + tuple(vm for uuid, vm in vms.items() if _restart_or_absent(present, uuid)),
    )
    return compare(approved, covered)


def _more(present: frozenset[Task], approved: frozenset[Task]) -> frozenset[Task]:
    """The tasks that go beyond the approved ones; whoever approved a reboot approved what it includes."""
    included = frozenset({Task.RESTART_TOOLSTACK, Task.EVACUATE_HOST, Task.RESTART_DEVICE_MODEL})
    extra = present - approved
    return extra - included if Task.REBOOT_HOST in approved else extra


def _restart_or_absent(present: Spec, uuid: str) -> bool:
    vm = present.vm(uuid)
    return vm is None or vm.treatment is VmTreatment.RESTART
