"""The English sentences about what production pools are like, and about the fixes that people choose."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # What production pools are like.
    "check.licence_without_updates": (
        "The licence of {pool} does not include installing updates. Assign one that does to every host."
    ),
    "check.licence_ended": "The licence of {host} ended on {day}. Renew it; features may stop working meanwhile.",
    "check.toolstack_old": (
        "{host} runs toolstack {version}, which updates in another way. Bring the pool to XAPI 24.10 or newer first."
    ),
    "check.host_silent": (
        "{host} counts as live, but its toolstack does not answer its coordinator ({code}). "
        "Look at its console; `xe-toolstack-restart` there often helps."
    ),
    "check.clock_off": (
        "The clock of {host} differs by {seconds:duration} from its coordinator's. Check its time servers; "
        "certificates and logins depend on it."
    ),
    "check.disk_little": (
        "The root disk of {host} has only {mib} MiB left. Make room (old logs, crash dumps), or the installation may "
        "end half-way."
    ),
    "check.disk_alarm": "{host} reported since yesterday that a disk of its control domain is nearly full. Make room.",
    "check.secret_rotation_pending": (
        "A change of the pool secret of {pool} is unfinished, and XenServer installs no updates meanwhile. "
        "Finish it with `xe pool-secret-rotate`."
    ),
    "check.link_down": "{host} has network interfaces without a link: {devices}. Check cables and switch ports.",
    "check.bond_degraded": (
        "{host} has bonds of which an interface has no link: {devices}. One more failure would cut it off."
    ),
    "check.storage_missing": (
        "{host} is not connected to storage that running VMs use: {storage}. No such VM can move there. "
        "Repair the storage."
    ),
    "check.storage_unplugged": "{host} is not connected to storage that it should have: {storage}.",
    "check.storage_clustered": (
        "{storage} is clustered storage (GFS2): while any member is away, XenServer restarts and updates no other host."
    ),
    "check.update_levels_differ": (
        "{count:host stands|hosts stand} on another update level than most: {hosts}. This brings all to the same one."
    ),
    "check.cpu_differs": (
        "The processors of {count:host|hosts} differ from the others': {hosts}. VMs that started on a newer processor "
        "may be unable to move to an older one."
    ),
    "check.ha_plan_broken": (
        "High availability should survive {wanted:host failure|host failures} and can survive {possible} now: "
        "the pool hardly has room to do without one host. It may not come back on as it was."
    ),
    "check.memory_short": (
        "{host} cannot be emptied: {vms:VM needs|VMs need} {need}, and the other hosts have {free} free in all. "
        "Choose to suspend VMs or stop some yourself."
    ),
    "check.memory_tight": (
        "It is tight when {host} is emptied: {vms:VM needs|VMs need} {need}, the other hosts have {free} free in all, "
        "and they may not fit as they are."
    ),
    "check.disc_in_drive": ("VM {vm} has a disc in its drive that only {host} can read ({disc}), so it cannot move."),
    "check.host_lent": "{host} is out of service now.",
    "check.tools_missing": (
        "{count:VM runs|VMs run} without the XenServer VM Tools: {vms}. Without them a VM can usually neither be moved "
        "nor suspended nor shut down cleanly. Install them."
    ),
    "check.tools_old": "The XenServer VM Tools are out of date in {count:VM|VMs}: {vms}.",
    "check.vm_busy": (
        "VM {vm} is busy ({operation}), as during a backup. The rollout does not start before that has ended."
    ),
    "check.task_running": (
        "{pool} is busy with {task}, as during a backup. The rollout does not start before that has ended."
    ),
    "check.coordinator_pending": (
        "The coordinator {host} still waits for tasks of an earlier update that this level leaves out: {tasks:words}. "
        "Choose a higher level, or carry them out first."
    ),
    "check.suspend_space": (
        "{storage} has {free} GiB left for suspended VMs, and the VMs of one host need {need} GiB. Make room there, or "
        "choose to shut such VMs down."
    ),
    "check.group_crowded": (
        "The {vms:VM|VMs} of group {group} should run on different hosts; with {hosts:host|hosts} left during a turn, "
        "some share one."
    ),
    "check.live_patching_off": (
        "Live patching is switched off in this pool, but live patches should stand in for the reboot of "
        "{count:host|hosts}: {hosts}. Switch it on, or choose to reboot anyway."
    ),
    "check.live_patching_unlicensed": (
        "The licence does not include live patching, but live patches should stand in for the reboot of "
        "{count:host|hosts}: {hosts}. Choose to reboot anyway."
    ),
    "check.retired.vswitch_controller": (
        "{pool} uses a vSwitch controller, which newer releases do not have. Plan to do without it."
    ),
    "check.retired.legacy_tls": (
        "{host} still accepts old versions of TLS, which newer releases do not. Switch them off in its settings."
    ),
    "check.retired.ilo": (
        "{host} is set to be powered on through iLO, which newer releases cannot. Choose another way, such as IPMI."
    ),
    "check.retired.paravirtual": (
        "VM {vm} is paravirtual; newer releases do not run such VMs. Convert it or plan to replace it."
    ),
    "check.retired.containers": (
        "VM {vm} is under container management, which newer releases do not have. Switch it off for the VM."
    ),
    # What is done about it on request, and how that is undone.
    "fix.eject_cd": "The disc is taken out at the start and put in again after the turn of its host.",
    "fix.eject_cd.offer": "Choose to take such discs out meanwhile; they are put in again after the turn of the host.",
    "fix.eject_cd.undo": "The disc is put back into the drive of VM {vm}.",
    "fix.plug_storage": "The rollout connects {host} to it before anything else.",
    "fix.plug_storage.offer": "Choose to have such storage connected, and the rollout does so before anything else.",
    "fix.plug_storage.undo": "Nothing has to be undone: the storage stays connected.",
    "fix.enable_host": "{host} is put into service for the rollout and taken out of it again at the end.",
    "fix.enable_host.offer": "Choose to put such hosts into service meanwhile if their room is needed.",
    "fix.enable_host.undo": "{host} is taken out of service again.",
}
