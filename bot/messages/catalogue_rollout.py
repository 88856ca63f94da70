"""English sentences for what the worker decides and does."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # the rollout as a whole
    "rollout.requested": "{requester} asked to update pool {pool} to {checksum} ({level:words} guidance): {text}",
    "rollout.requested.tasks": (
        "{requester} asked to carry out what is pending on pool {pool} ({level:words} guidance), "
        "installing nothing: {text}"
    ),
    "rollout.requested.reboot": "{requester} asked to reboot hosts of pool {pool} in turn, installing nothing: {text}",
    "rollout.approved": "Approved by {approvers}.",
    "rollout.approval_counted": "{user} approved: {have} of {need}.",
    "rollout.rejected": "{user} rejected it: {why}",
    "rollout.cancelled": "{user} cancelled it.",
    "rollout.expired": "Nobody completed the approval in time.",
    "rollout.emergency": (
        "EMERGENCY: {requester} asked to work on pool {pool} without waiting for windows or freezes ({kind}, {level} "
        "guidance, {checksum}): {text}"
    ),
    "rollout.approval_revoked": "{user} took back the approval; {have} of {need} approvals are left.",
    "rollout.start_expired": "It was approved but could not start in time, so the approval is void.",
    "rollout.changed": "{user} asks for something else instead, so this request and its approvals are void.",
    "rollout.superseded": (
        "What would happen is no longer what was asked for, so this request and its approvals are void. {why:told}"
    ),
    "rollout.authority_lost": "An approver has lost the right to approve since: {have} of {need} approvals are left.",
    "rollout.cannot_start_yet": "Approved, but it cannot start yet: {sentence:told} {hint:told}",
    "rollout.started": "Starting: {hosts:host|hosts}, {pool}.",
    "rollout.succeeded": "Every host is updated and everything is as it was before.",
    "rollout.succeeded.tasks": "What was pending is carried out, and everything is as it was before.",
    "rollout.succeeded.reboot": "Every chosen host was rebooted, and everything is as it was before.",
    "rollout.succeeded_without": (
        "Every other host is updated. Skipped: {hosts}. What is to restore there and on the pool stays listed below."
    ),
    "rollout.aborted": "Ended on request; what was in hand was finished and restored.",
    "rollout.given_up": "Ended on request with work left that could not be undone; what is to restore stays listed.",
    "rollout.looking": "Looking at the pool.",
    "rollout.at_a_loss": (
        "Nothing is under way, and the bot knows no next step for {hosts}. Look at the pool, then try again."
    ),
    "rollout.retried": "{user} asked to try again.",
    "rollout.abort_asked": "{user} asked to end it: {why}",
    "rollout.paused": "{user} paused it at the next safe point.",
    "rollout.resumed": "{user} let it go on.",
    "rollout.still_paused": (
        "Still paused, for {minutes:minute|minutes} now: {why:told} /xs resume {id} lets it go on, "
        "/xs abort {id} ends it."
    ),
    # the pool's settings
    "pool.claiming": "Marking the pool as ours, so that no other installation touches it.",
    "pool.claimed": "Another installation is working on this pool: {owner}.",
    "pool.releasing": "Taking our mark off the pool.",
    "pool.released": "The pool is free again.",
    "pool.foreign_operation": "Somebody else is running {operation} on this pool; xsbot stays out of the way.",
    "pool.not_configured": (
        "The configuration no longer has a pool called {pool}. Put it back, restart xsbot, try again."
    ),
    "pool.unreachable": "The pool has not answered for {minutes:minute|minutes}.",
    "coordinator.changed": (
        "{host} has become the pool's coordinator; it was {before}. The new coordinator has no update packages before "
        "the pool is synced."
    ),
    "coordinator.changed.advice": (
        "Sync the pool, with /xs sync or any other client, then try again. The rollout goes on only if the sync brings "
        "exactly the updates that were approved; {host} is updated before any other host restarts. Otherwise what is "
        "left needs a new approval."
    ),
    "coordinator.not_synced": (
        "The pool was not synced since {host} became its coordinator, so {host} has no update packages."
    ),
    "coordinator.not_synced.advice": (
        "Sync the pool, with /xs sync or any other client, then try again. The rollout goes on only if the sync brings "
        "exactly the updates that were approved."
    ),
    "coordinator.changing": "Somebody is making another host the coordinator; waiting for the end of it.",
    "checksum.changed": "The pool was synced in the meantime: {approved} was approved, now it has {present}.",
    "sync.disabling": "Switching the sync schedule off, so that the checksum stays as approved.",
    "sync.enabling": "Switching the sync schedule on again.",
    "sync.restored": "The sync schedule is on again.",
    "sync.asked": "{user} asked pool {pool} to synchronize with its update channel.",
    "sync.failed": "Pool {pool} could not synchronize: {why:told}",
    "sync.finished": "Pool {pool} is synchronized; its checksum is {checksum}.",
    "ha.disabling": "Switching high availability off: XenServer applies no update while it is on.",
    "ha.enabling": "Switching high availability on again.",
    "ha.failures": "Setting high availability to tolerate {failures:host failure|host failures}, as before.",
    "ha.restored": "High availability is on again.",
    "wlb.disabling": "Switching workload balancing off for the run.",
    "wlb.enabling": "Switching workload balancing on again.",
    "wlb.restored": "Workload balancing is on again.",
    "snapshots.disabling": "Switching the snapshot schedule {schedule} off for the run.",
    "snapshots.enabling": "Switching the snapshot schedule {schedule} on again.",
    "snapshots.restored": "The snapshot schedule {schedule} is on again.",
    "snapshots.gone": "The snapshot schedule {schedule} is no longer there.",
    "auto_poweron.disabling": "Switching the pool's auto-poweron off for the run.",
    "auto_poweron.enabling": "Switching the pool's auto-poweron on again.",
    "auto_poweron.restored": "The pool's auto-poweron is as before.",
    "evacuation.asking": "Asking XenServer whether {hosts:host|hosts} can be emptied, now that HA is off.",
    "evacuation.refused": (
        "{host} cannot be emptied ({code}). {count} VMs would have to stop: {vms}. Ask again and allow them to be "
        "suspended or shut down."
    ),
    # one host
    "host.gone": "{host} is no longer part of the pool.",
    "host.skip_asked": "{user} skips {host}: what is in hand there is finished and restored, then the others go on.",
    "host.skipped_coordinator": (
        "{host} was skipped and has become the coordinator since. No member may restart before it is updated: make "
        "another host the coordinator and try again, or end the rollout."
    ),
    "host.offline": "{host} does not answer.",
    "host.disabled_by_others": (
        "{host} was taken out of service by somebody else, so {vms:VM|VMs} cannot go home to it. Put it back into "
        "service and try again."
    ),
    "host.disabling": "{host}: taking it out of service.",
    "host.evacuating": "{host}: moving {vms:VM|VMs} away.",
    "host.evacuating_rest": "{host}: a VM could not be moved, others were; trying once more with {vms:VM|VMs}.",
    "host.draining": "{host}: its VMs begin to leave ({vms:VM|VMs}); it stays in service until it is empty.",
    "host.keeping_vms": "{host} keeps its VMs for now: there is room for them only after another host is done.",
    "host.evacuating_anyhow": (
        "{host}: no place was found for all of its {vms:VM|VMs} as large as they are; XenServer is asked to move them "
        "as it sees fit."
    ),
    "host.no_room": (
        "{host} cannot be emptied: there is no room for {vm} ({gib} GiB) on any other host. Shut down or shrink "
        "some VMs, then try again, or skip the host."
    ),
    "vm.moving.updated": "Moving {vm} from {source} to {to}, which need not be emptied any more.",
    "vm.moving.displaced": "Moving {vm} from {source} to {to} for now: nothing else has room for it in time.",
    "vm.moving.room": "Moving {vm} from {source} to {to}, to make room for a larger VM.",
    "vm.moving.home": "Moving {vm} from {source} home to {to}.",
    "vm.moving.balance": "Moving {vm} from {source} to {to}, which has more room.",
    "vm.will_not_move": (
        "{vm} keeps {host} from being emptied: no other host took it ({code}). Move or stop it by hand and try "
        "again, or skip the host."
    ),
    "vms.moving": "Moving {vms:VM|VMs}.",
    "coordinator.quiescing": (
        "Waiting for {vms:VM|VMs} to arrive before the coordinator restarts, because its restart would cut them off."
    ),
    "host.put_back": (
        "{host} serves again, not updated: {lost} did not come through, and nobody knows for how long the pool has to"
        " do without."
    ),
    "deadline.reached": (
        "{count:A host|Hosts} would not be done by the deadline of {deadline}, so nothing more is begun: {hosts}."
    ),
    "pause.coordinator": "Paused as asked: the coordinator {hosts} is updated. Resume lets the members follow.",
    "pause.canary": "Paused as asked: {hosts} is updated as the first member. Resume lets the others follow.",
    "host.applying": "{host}: installing updates {checksum}.",
    "host.applying_livepatch_again": "{host}: trying the live patch again.",
    "host.rebooting": "{host}: rebooting; no VM runs there.",
    "host.restarting_toolstack": "{host}: restarting the toolstack; VMs keep running.",
    "host.waits_for_coordinator": "{host}: waits with its restart until the coordinator {first} is updated.",
    "host.storage_returning": "{host}: is back; waiting for its storage.",
    "hosts.returning": "Waiting for {hosts} to find the restarted coordinator {coordinator} again.",
    "host.enabling": "{host}: putting it back into service.",
    "host.in_service": "{host} is back in service.",
    "host.vm_must_stay": ("{host} would have to be emptied, and {count:VM|VMs} there must be left as they are: {vms}."),
    "host.done": "{host} is done after {duration}.",
    "host.not_back": "{host} has not come back {minutes:minute|minutes} after {action:words}.",
    "host.mandatory_left": "{host} still has a mandatory task pending, so XenServer does not let it back into service.",
    "livepatch.failed": (
        "{host}: a live patch could not be applied, and XenServer now asks for a reboot that was not approved."
    ),
    "setting.not_approved": ("A setting is on now that was not approved to be switched off ({what:words})."),
    "operation.slow": "{action:words} on {subject} has been under way for {minutes} minutes.",
    "ceiling.exceeded": "{host}: XenServer now asks for {task:words}, which is more than what was approved.",
    "operation.failed": "{action:words} failed on {subject}: {code} {details} ({attempts:attempt|attempts})",
    "driver.fault": "xsbot made a mistake of its own ({what}, error id {fault}); the log has the details.",
    "operation.failed_told": "{subject}: {sentence:told} {hint:told}",
    "operation.failed_told.named": "{sentence:told} {hint:told}",
    # VMs
    "vm.suspending": "Suspending {vm}, which cannot leave {host}.",
    "vm.suspending_as_chosen": "Suspending {vm} for the turn of {host}, as was chosen for it.",
    "vm.shutting_down_as_chosen": "Shutting down {vm} for the turn of {host}, as was chosen for it.",
    "vm.shutting_down": "Shutting down {vm}, which cannot leave {host}.",
    "vm.resuming": "Resuming {vm} on {host}.",
    "vm.starting": "Starting {vm} on {host}.",
    "vm.going_home": "Moving {vm} back to {host}.",
    "vm.restarting_home": "Stopping {vm} to start it on its updated host {host}.",
    "vm.restarting": "Restarting {vm}, as the updates ask.",
    "vm.restarting_device_model": "Restarting the device model of {vm}.",
    "pending.left": "Still pending after this rollout: {task:words} for {names}.",
    # what is owed
    "debt.opened": "To be restored later: {kind:words} {label}.",
    "debt.opened.claim": "Pool reserved for this rollout, to be released at the end.",
    "debt.opened.snapshot_schedule": "Snapshot schedule {label} switched off, to be switched on again at the end.",
    "debt.opened.sync_schedule": "Sync schedule switched off, to be switched on again at the end.",
    "debt.opened.ha": "High availability switched off, to be switched on again at the end.",
    "debt.opened.wlb": "Workload balancing switched off, to be switched on again at the end.",
    "debt.opened.auto_poweron": "Automatic power-on switched off, to be switched on again at the end.",
    "debt.opened.host_enabled": "Host {label} taken out of service, to be enabled again.",
    "debt.opened.vm_home": "VM {label} moved away from its host, to be moved back.",
    "debt.opened.vm_suspended": "VM {label} suspended, to be resumed.",
    "debt.opened.vm_stopped": "VM {label} shut down, to be started again.",
    "debt.settled": "Nothing to restore any more ({outcome:words}): {kind:words} {label}.",
    "debt.settled.claim": "Pool no longer reserved for this rollout.",
    "debt.settled.snapshot_schedule": "Snapshot schedule {label}: restored.",
    "debt.settled.sync_schedule": "Sync schedule: restored.",
    "debt.settled.ha": "High availability: restored.",
    "debt.settled.wlb": "Workload balancing: restored.",
    "debt.settled.auto_poweron": "Automatic power-on: restored.",
    "debt.settled.host_enabled": "Host {label}: in service again.",
    "debt.settled.vm_home": "VM {label}: back on its host.",
    "debt.settled.vm_suspended": "VM {label}: running again.",
    "debt.settled.vm_stopped": "VM {label}: running again.",
    "debt.settled.left_alone": "Left as somebody else set it meanwhile: {kind:words} {label}.",
    "debt.left_alone": "Left alone, because somebody changed it meanwhile: {what:words} {subject}",
    "debt.vm_gone": "{vm} no longer exists.",
    "debt.home_gone": "The host that {vm} came from left the pool; the VM stays where it is.",
    "debt.vm_runs": "{vm} runs again.",
    "debt.vm_home": "{vm} is back on {host}.",
    "debt.waiting": "Cannot be restored yet: {what:words} {subject} ({code})",
    "restore.asked": "{user} asked to restore what is owed to pool {pool}.",
    "abort.finishing": "{host}: finishing what is in hand before the rollout ends.",
    "abort.host_in_hand": "{host} is in hand: its present operation is finished and it goes back into service.",
    "abort.stays_off": "{what:words}: not possible until every host runs the same version.",
    "abort.mixed": (
        "Updated: {done:host|hosts}; not updated: {left:host|hosts}. The pool stays on mixed versions until a new "
        "rollout."
    ),
    "abort.nothing": "No host was touched; everything goes back to how it was.",
}
