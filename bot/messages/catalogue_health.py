"""English sentences about fixes being made and undone, the gate after each turn, and before compared with after."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # fixes
    "host.plugging": "{host}: connecting it to {storage}.",
    "host.plugging_again": "{host}: its storage has not come back by itself; connecting it again.",
    "host.lending": "{host}: putting it into service for the rollout, as approved.",
    "host.returning_to_people": "{host}: taking it out of service again, as it was before.",
    "host.returned": "{host} is out of service again.",
    "vm.ejecting": "VM {vm}: taking out the disc that keeps it on its host ({disc}).",
    "vm.inserting": "VM {vm}: putting its disc back.",
    "debt.disc_back": "The disc of VM {vm} is in its drive again.",
    "debt.disc_other": "Somebody put another disc into the drive of VM {vm}; it is left alone.",
    "debt.disc_vm_elsewhere": "VM {vm} was moved to a host that cannot read its disc; the drive stays empty.",
    "debt.opened.disc_ejected": "Disc taken out of the drive of VM {label}, to be put back.",
    "debt.opened.host_lent": "Host {label} put into service, to be taken out of it again.",
    "debt.settled.disc_ejected": "Disc of VM {label}: put back.",
    "debt.settled.host_lent": "Host {label}: out of service again.",
    # the gate
    "host.checking": "{host}: checking that all is as well as before its turn.",
    "gate.not_live": "{host} does not answer after its turn.",
    "gate.not_enabled": "{host} is not back in service after its turn.",
    "gate.old_level": "{host} does not have the updates after its turn.",
    "gate.storage": "{host} has not connected storage that it had before its turn: {storage}.",
    "gate.links": "{host} has lost network links that it had before its turn: {devices}.",
    "gate.bonds": "{host} has bonds that lost a link during its turn: {devices}.",
    "gate.vms_stopped": ("Of the VMs of {host}, {count:VM that|VMs that} ran before its turn stopped: {vms}."),
    "gate.agents_silent": (
        "The guest agents of {count:VM|VMs} of {host} reported before its turn and do not now: {vms}."
    ),
    "gate.failed": "{host} is not as well as before its turn in {count:respect|respects}: {what:words}.",
    "gate.advice": (
        "No other host is touched meanwhile. Put it right and *Retry*: the host is looked at again, then the rollout "
        "goes on. If it may stay like this, *Go on anyway*."
    ),
    "gate.accepted": "{user} lets it go on although {host} is not as well as before.",
    # before and after
    "stock.taking": "Writing down how the pool is {moment:words} the rollout.",
    "compared.same": "Compared with before: no setting, host, connection or VM is worse or elsewhere.",
    "compared.setting": "The setting {setting:words} is not as before.",
    "compared.hosts_gone": "{count:host|hosts} left the pool: {names}.",
    "compared.hosts_new": "{count:host|hosts} joined the pool: {names}.",
    "compared.hosts_silent": "{count:host no longer answers|hosts no longer answer}: {names}.",
    "compared.hosts_out": "Out of service and not so before, {count:host|hosts}: {names}.",
    "compared.hosts_in": "In service and not so before, {count:host|hosts}: {names}.",
    "compared.storage": "{count:host lacks|hosts lack} storage that was connected before: {names}.",
    "compared.links": "{count:host lacks|hosts lack} network links that were up before: {names}.",
    "compared.bonds": "{count:host has|hosts have} bonds that lost a link: {names}.",
    "compared.vms_gone": "{count:VM no longer exists|VMs no longer exist}: {names}.",
    "compared.vms_new": "{count:VM is|VMs are} new: {names}.",
    "compared.vms_stopped": "{count:VM ran before and does|VMs ran before and do} not now: {names}.",
    "compared.vms_started": "{count:VM runs and did|VMs run and did} not before: {names}.",
    "compared.vms_elsewhere": "{count:VM runs|VMs run} on another host than before: {names}.",
    "compared.schedules_gone": (
        "{count:snapshot schedule no longer exists|snapshot schedules no longer exist}: {names}."
    ),
    "compared.schedules_off": (
        "{count:snapshot schedule was on before and is|snapshot schedules were on before and are} off now: {names}."
    ),
    "compared.schedules_on": (
        "{count:snapshot schedule is on and was|snapshot schedules are on and were} not before: {names}."
    ),
    "compared.agents_silent": (
        "{count:guest agent that reported before is|guest agents that reported before are} silent: {names}."
    ),
}
