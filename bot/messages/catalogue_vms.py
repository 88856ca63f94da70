"""English sentences about VMs that are treated in ways of their own."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # Checks
    "check.vm_left": ("VM {vm} is to be left as it is, so {host} is not touched and keeps the updates that it has."),
    "check.vm_left_on_coordinator": (
        "VM {vm} is to be left as it is, and {host} must be emptied: the coordinator cannot be left out, because its "
        "members would get newer versions than it has. Choose otherwise for the VM."
    ),
    "check.vm_rule.stops": "VM {vm} stops while {host} is updated, because that was chosen for it.",
    "check.vm_rule.cannot_suspend": (
        "VM {vm} on {host} is to be suspended, which XenServer cannot do to it as it is. Choose otherwise for the VM."
    ),
    "check.vm_rule.cannot_shutdown": (
        "VM {vm} on {host} is to be shut down, which XenServer cannot do cleanly as it is. Choose otherwise for the VM."
    ),
    "check.evacuation.must_move": (
        "VM {vm} is only ever to be moved, and it cannot leave {host} ({code}). Choose otherwise for the VM, or remove "
        "what keeps it."
    ),
    "check.network_unknown": (
        "VMs are to move over the network {network}, and the pool has none of that name. Have an operator change "
        "pools.<alias>.vms.network."
    ),
    "check.network_without_address": (
        "VMs are to move over the network {network}, and {count:a host has|hosts have} no address on it: {hosts}. Give "
        "them one, or have an operator change pools.<alias>.vms.network."
    ),
    "check.passed.migration_network": "Every host has an address on the network over which VMs move.",
    "spec.network": "VMs move over {new} instead of {old}.",
    "spec.evacuate_at_once": "VMs that leave a host at a time: {new} instead of {old} (0: as XenServer thinks right).",
    "check.passed.vm_rules": "No VM has a rule of its own that would have to be told.",
    # Differences between two specs
    "spec.vm_restarts": "Where VMs restart: {new} instead of {old}.",
    "spec.vms_at_once": "VMs at a time: {new} instead of {old} (0: as many as usual).",
    "spec.rule_added": "VM {vm} has a rule of its own now: {rule}.",
    "spec.rule_removed": "VM {vm} has no rule of its own any more ({rule}).",
    "spec.rule_changed": "The rule of VM {vm} is {new} instead of {old}.",
}
