"""The English sentences of checks, forecasts and differences between specs."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # What must hold before a rollout: what is wrong, where, what to do.
    "check.no_repository": "{pool} has no update channel, or more than one. Enable exactly one update repository.",
    "check.never_synced": "{pool} was never synchronised with its update channel. Run `/xs sync` for it first.",
    "check.sync_lost": (
        "{pool} was synchronised, but its coordinator has no copy of the updates, as after another host took over as "
        "coordinator. Run `/xs sync` for it."
    ),
    "check.sync_stale": (
        "{pool} was last synchronised {days:day|days} ago, so newer updates may exist. "
        "Run `/xs sync` for it to get them."
    ),
    "check.updates_unread": (
        "XenServer could not say which updates {pool} needs. Check that every host answers, then run `/xs sync` for it."
    ),
    "check.updates_of_another_sync": (
        "The updates of {pool} were read for checksum {read}, but the last sync returned {synced}. "
        "Somebody synchronised in between: ask again."
    ),
    "check.host_unknown": (
        "XenServer does not say which updates {host} needs, and unknown is not current. "
        "Run `/xs sync` for the pool once every host answers."
    ),
    "check.up_to_date": "Nothing is left to do on {pool} at the {level:words} level: every host is up to date.",
    "check.host_not_live": "{host} does not answer. Bring it back, or remove it from the pool, before updating.",
    "check.claimed": (
        "{pool} is held by another rollout ({owner}). Wait until that one has ended, or settle it there."
    ),
    "check.sync_running": "A sync or a change of the update channel ({operation}) is running on {pool}. Wait for it.",
    "check.pool_busy": "XenServer is busy with {operation} on {pool}. Wait until that has ended, then ask again.",
    "check.host_busy": "Somebody is working on {host} ({operation}). Wait until that has ended, then ask again.",
    "check.pending_host": (
        "{host} still has mandatory tasks of an earlier update: {tasks:words}. "
        "Carry them out first; XenServer refuses new updates until then."
    ),
    "check.pending_vm": (
        "VM {vm} still has mandatory tasks of an earlier update: {tasks:words}. Carry them out first."
    ),
    "check.pending_host_resumed": (
        "{host} has this update already but not its mandatory tasks: {tasks:words}. The rollout carries them out."
    ),
    "check.pending_vm_resumed": (
        "VM {vm} has mandatory tasks of this update left: {tasks:words}. They are carried out if the VM runs."
    ),
    "check.versions_mixed": (
        "The hosts of {pool} run different versions: an earlier rolling update was not finished. "
        "Until all hosts match, VMs can only move to hosts of the newer version and HA cannot be switched on."
    ),
    "check.host_disabled": (
        "{host} is disabled: no VM can move there, and it stays disabled afterwards. Enable it if that is not wanted."
    ),
    "check.livepatch_failed": (
        "{host} waits for a reboot because an earlier live patch could not be applied, and this rollout does not "
        "reboot it. Choose the recommended level and to reboot when a live patch fails if it should."
    ),
    "check.update_level_old": (
        "Last updated more than six months ago (up to {days:day|days}): {hosts}. "
        "The vendor does not assure updates from so old a level."
    ),
    "check.update_level_unknown": (
        "It is unknown when these hosts were last updated: {hosts}. "
        "The vendor does not assure updates from a level older than six months."
    ),
    "check.ha_on": "High availability is on, and XenServer installs no updates while it is.",
    "check.wlb_on": "Workload balancing is on and would move VMs in the middle of the rollout.",
    "check.auto_poweron_on": "Automatic power-on is on and would start VMs by itself when a host comes back.",
    "check.sync_schedule_on": "The sync schedule is on and would change the checksum in the middle of the rollout.",
    # VMs that cannot leave their host.
    "check.evacuation.not_asked": (
        "It is unknown whether the VMs on {host} can move away, because XenServer was not asked. Try again."
    ),
    "check.evacuation.asked_again": (
        "{vms:VM|VMs} can only be fully checked once HA is off. If one cannot move then, HA goes back on and the "
        "rollout stops there; no VM is stopped."
    ),
    "check.evacuation.storage": (
        "VM {vm} cannot leave {host}: it has a disk or CD on storage that not every other host has attached ({code})."
    ),
    "check.evacuation.network": (
        "VM {vm} cannot leave {host}: it uses a network that not every other host can offer ({code})."
    ),
    "check.evacuation.device": "VM {vm} cannot leave {host}: it uses a device of that host ({code}).",
    "check.evacuation.memory": "VM {vm} cannot leave {host}: the other hosts have too little free memory ({code}).",
    "check.evacuation.no_host": (
        "VM {vm} cannot leave {host}: no other host of the same or a newer version is in service ({code})."
    ),
    "check.evacuation.cpu": (
        "VM {vm} cannot leave {host}: another host's processors or platform do not suit it ({code})."
    ),
    "check.evacuation.pinned": "VM {vm} cannot leave {host}: its settings or its guest forbid moving it ({code}).",
    "check.evacuation.other": "VM {vm} cannot leave {host}: XenServer refuses to move it ({code}).",
    "check.evacuation.busy": "VM {vm} cannot leave {host} now because it is busy ({code}). Wait, then ask again.",
    "check.evacuation.power_state": (
        "VM {vm} on {host} is not running normally, so it can neither be moved nor suspended nor shut down cleanly "
        "({code}). Unpause it or shut it down first."
    ),
    "check.evacuation.no_tools": (
        "VM {vm} cannot leave {host}, be suspended or be shut down cleanly: it runs without XenServer VM Tools "
        "({code}). Install them, or shut the VM down yourself."
    ),
    "check.evacuation.host_state": (
        "VM {vm} cannot leave {host} because another host is not ready ({code}). "
        "Check the hosts of the pool, then ask again."
    ),
    "check.evacuation.mixed_versions": (
        "VM {vm} cannot leave {host} while the hosts run different versions ({code}). "
        "Finish the interrupted rolling update first, or shut the VM down yourself."
    ),
    "check.evacuation.cannot_stop": (
        "VM {vm} cannot leave {host} ({code}), and XenServer does not offer to suspend it or shut it down as chosen. "
        "Shut it down or move it yourself, then ask again."
    ),
    "check.evacuation.suspend": "VM {vm} cannot leave {host} ({code}).",
    "check.evacuation.shutdown": "VM {vm} cannot leave {host} ({code}).",
    "check.evacuation.shutdown_instead": "VM {vm} cannot leave {host} and cannot be suspended either ({code}).",
    "check.evacuation.shutdown_to_restart": (
        "VM {vm} cannot leave {host} ({code}), and the update asks it to restart, so suspending it is not enough."
    ),
    "check.snapshots_on": (
        "{count:A snapshot schedule is|Snapshot schedules are} on ({schedules}) and would hold up the moves of VMs."
    ),
    "check.snapshots_stay_on": (
        "{count:A snapshot schedule is|Snapshot schedules are} on ({schedules}), and the account may not switch that "
        "off: the move of a VM waits while a snapshot of it is taken. Give the account the role pool-operator."
    ),
    "fix.snapshots_off": "The rollout switches them off and, at the end, on again.",
    "fix.snapshots_off.undo": "Snapshot schedules are switched on again.",
    "check.passed.snapshot_schedules": "No snapshot schedule is on.",
    # What is done about a finding, and how that is undone.
    "fix.ha_off": "The rollout switches it off and, at the end, on again as it was.",
    "fix.ha_off.undo": "High availability is switched on again as it was.",
    "fix.wlb_off": "The rollout switches it off and, at the end, on again.",
    "fix.wlb_off.undo": "Workload balancing is switched on again.",
    "fix.auto_poweron_off": "The rollout switches it off and, at the end, on again.",
    "fix.auto_poweron_off.undo": "Automatic power-on is switched on again.",
    "fix.sync_schedule_off": "The rollout switches it off and, at the end, on again.",
    "fix.sync_schedule_off.undo": "The sync schedule is switched on again.",
    "fix.offer_suspend": "Choose to suspend such VMs, or to shut them down, while their host is updated.",
    "fix.offer_shutdown": (
        "It cannot be suspended: either of the other two choices shuts it down during its host's update and starts it "
        "afterwards."
    ),
    "fix.suspend": "It is suspended while {host} is updated and resumed afterwards.",
    "fix.suspend.undo": "VM {vm} is resumed.",
    "fix.shutdown": "It is shut down while {host} is updated and started again afterwards.",
    "fix.shutdown.undo": "VM {vm} is started again.",
    # What each check says when it passes.
    "check.passed.room": "The planner finds room for every VM, all the way through.",
    "check.passed.repository": "An update channel is enabled.",
    "check.passed.last_sync": "The last sync is not older than seven days.",
    "check.passed.updates_known": "The updates of every host are known.",
    "check.passed.licence": "The licence includes updates.",
    "check.passed.toolstack_version": "Every host runs a toolstack that is new enough.",
    "check.passed.host_answers": "The toolstack of every host answers.",
    "check.passed.backups_running": "No backup is at work.",
    "check.passed.secret_rotation": "No change of the pool secret is unfinished.",
    "check.passed.coordinator_pending": "The coordinator waits for no restart that is left out.",
    "check.passed.update_levels": "All hosts stand on the same update level.",
    "check.passed.live_patching": "Live patches can be applied where they are counted on.",
    "check.passed.disk_space": "No host says that its disk is full.",
    "check.passed.clocks": "The clocks agree.",
    "check.passed.network_links": "All network interfaces and bonds have their links.",
    "check.passed.storage_plugged": "Every host has its storage connected.",
    "check.passed.clustered_storage": "There is no clustered storage.",
    "check.passed.cpu_levels": "All hosts have the same processor features.",
    "check.passed.ha_plan": "High availability could do without a host, or is off.",
    "check.passed.memory_room": "The VMs of every host fit on the others at its turn.",
    "check.passed.discs_in_drives": "No disc in a drive ties a VM to its host.",
    "check.passed.guest_tools": "The VM Tools are there and up to date where VMs have to move.",
    "check.passed.suspend_space": "There is room for suspended VMs.",
    "check.passed.anti_affinity": "Groups of VMs that should stay apart can.",
    "check.passed.retired_features": "Nothing is in use that newer releases do not have.",
    "check.passed.nothing_to_do": "There is something to do.",
    "check.passed.hosts_live": "Every host answers.",
    "check.passed.claim": "No other installation holds the pool.",
    "check.passed.no_sync_running": "No sync is running.",
    "check.passed.other_operations": "Nobody else is working on the hosts.",
    "check.passed.pending_mandatory": "No mandatory task is left over from an earlier update.",
    "check.passed.evacuation_possible": "Every host that must be emptied can be emptied.",
    "check.passed.versions_mixed": "All hosts run the same version.",
    "check.passed.disabled_hosts": "Every host is enabled.",
    "check.passed.livepatch_failed": "No host waits for a reboot because of a failed live patch.",
    "check.passed.update_age": "Every host was updated in the last six months.",
    "check.passed.ha": "High availability is off.",
    "check.passed.wlb": "Workload balancing is off.",
    "check.passed.auto_poweron": "Automatic power-on is off.",
    "check.passed.sync_schedule": "The sync schedule is off.",
    # What one host's turn will be.
    "forecast.turn.reboot": "{host} reboots ({vms:VM moves|VMs move} away, {stopped:VM stops|VMs stop}).",
    "forecast.turn.evacuate": (
        "{host} is emptied but not rebooted ({vms:VM moves|VMs move} away, {stopped:VM stops|VMs stop})."
    ),
    "forecast.turn.evacuate_toolstack": (
        "{host} is emptied and its toolstack restarts ({vms:VM moves|VMs move} away, {stopped:VM stops|VMs stop})."
    ),
    "forecast.turn.toolstack": "{host} restarts its toolstack; its VMs keep running.",
    "forecast.turn.apply": "{host} restarts nothing; its VMs keep running.",
    # What the whole rollout will cost.
    "forecast.nothing": "Nothing is left to do on {pool}.",
    "forecast.past_deadline": (
        "That may not be enough until the deadline of {deadline}: hosts that would not be done by then are not begun,"
        " and people are asked."
    ),
    "forecast.duration": "About {low:minutes} to {high:minutes} for {hosts:host|hosts}.",
    "forecast.at_once": "Up to {count:host is|hosts are} out of service at one time.",
    "forecast.spare": "The hosts in service always keep at least {percent} % of their memory free.",
    "forecast.stopped_for": "A VM that cannot move is down for about {minutes:minute|minutes} for its host's update.",
    "forecast.stuck": (
        "It would come to a halt: {host} could not be emptied, because no other host has room for {vm} ({gib} GiB)."
    ),
    "check.room": (
        "{host} could not be emptied: there would be no room for {vm} ({gib} GiB) on any other host. Shut down or "
        "shrink some VMs, leave hosts out, or choose the serial preset, which lets XenServer squeeze VMs with "
        "dynamic memory."
    ),
    "forecast.reboots": "{count} of {hosts:host reboots|hosts reboot}.",
    "forecast.toolstacks": "{count:host restarts its|hosts restart their} toolstack; VMs keep running meanwhile.",
    "forecast.versions_change": (
        "This changes the XenServer version, so every host restarts its toolstack or reboots ({coordinator} first)."
    ),
    "forecast.migrations": "{vms:VM moves|VMs move} away live, with {count:migration|migrations} in all.",
    "forecast.vms_stopped": "{count:VM stops|VMs stop} while their host is updated: {vms}.",
    "forecast.vm_restarts": "{count:VM restarts|VMs restart} because the update asks for it.",
    "forecast.device_models": (
        "The device models of VMs on {count:host|hosts} restart: a short pause for each VM, without moving it."
    ),
    "forecast.no_interruption": "No host restarts and no VM moves.",
    "forecast.livepatch": "{count:host gets|hosts get} a live patch instead of a reboot: {hosts}.",
    "forecast.livepatch.failure_ask": "If a live patch fails, the rollout stops and asks.",
    "forecast.livepatch.failure_reboot": "If a live patch fails, its host is emptied and rebooted.",
    "forecast.livepatch.reboot_anyway": (
        "{count:host reboots|hosts reboot} although a live patch would do, because that was chosen: {hosts}."
    ),
    "forecast.ha_off": "High availability is off for the whole time, about {low:minutes} to {high:minutes}.",
    "forecast.left_pending": (
        "At the {level:words} level {count:host|hosts} will still recommend a restart afterwards: {hosts}."
    ),
    # What differs between two specs.
    "spec.pool": "The pool is {new} instead of {old}.",
    "spec.pool_renamed": "The pool {old} is now called {new}.",
    "spec.checksum": "The pool has other updates now: checksum {new} instead of {old}.",
    "spec.kind": "The kind of change is {new:words} instead of {old:words}.",
    "spec.updates_added": "{count:update|updates} more: {updates}.",
    "spec.updates_gone": "{count:update|updates} less: {updates}.",
    "spec.level": "The guidance level is {new:words} instead of {old:words}.",
    "spec.preset": "The order of work is {new:words} instead of {old:words}.",
    "spec.placement": "Where moved VMs end up is {new:words} instead of {old:words}.",
    "spec.max_out": "At most {new} hosts may be out of service at once instead of {old} (0: as many as the preset).",
    "spec.emergency": "It is an emergency: {new} instead of {old}.",
    "spec.start_at": "The start is not before {new} instead of {old} (none: as soon as it is approved).",
    "spec.deadline": "The deadline is {new} instead of {old}.",
    "spec.order": "The hosts wanted first are {new} instead of {old}.",
    "spec.left_out": "The hosts left out are {new} instead of {old}.",
    "spec.pause_points": "It pauses after {new:words} instead of {old:words}.",
    "spec.stopped_vms": "VMs that cannot move: {new:words} instead of {old:words}.",
    "spec.livepatch": "Live patches: {new:words} instead of {old:words}.",
    "spec.on_livepatch_failure": "When a live patch fails: {new:words} instead of {old:words}.",
    "spec.fixes": "Settings switched off meanwhile: {new:words} instead of {old:words}.",
    "spec.backups": "Backups: {new:words} instead of {old:words}.",
    "spec.schema": "The spec is written in schema {new} instead of {old}.",
    "spec.host_added": "{host} is added, with at most: {tasks:words}.",
    "spec.host_removed": "{host} no longer takes part.",
    "spec.host_renamed": "The host {old} is now called {new}.",
    "spec.host_more": "{host} may now also get: {tasks:words}.",
    "spec.host_less": "{host} no longer gets: {tasks:words}.",
    "spec.vm_added": "VM {vm} may now be stopped ({treatment:words}).",
    "spec.vm_removed": "VM {vm} may no longer be stopped ({treatment:words}).",
    "spec.vm_renamed": "The VM {old} is now called {new}.",
    "spec.vm_changed": "VM {vm}: {new:words} instead of {old:words}.",
}
