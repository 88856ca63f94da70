"""Sentences about amendments, and what to do about the problems that lead to them."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "amendment.proposed.reboot": (
        "{user} proposed amendment {number}: {host} may be emptied and rebooted (VMs that have to stop for it: {vms})."
    ),
    "amendment.proposed.toolstack": "{user} proposed amendment {number}: the toolstack of {host} may restart.",
    "amendment.proposed.suspend": "{user} proposed amendment {number}: stopping for the turn of {host}: {vms}.",
    "amendment.proposed.shutdown": "{user} proposed amendment {number}: shutting down for the turn of {host}: {vms}.",
    "amendment.proposed.setting": "{user} proposed amendment {number}: switched off for the run: {settings}.",
    "amendment.proposed.deadline": "{user} proposed amendment {number}: going on after the deadline.",
    "amendment.proposed.checksum": "{user} proposed amendment {number}: going on with the updates of {checksum}.",
    "amendment.approval_counted": "{user} approved amendment {number}: {have} of {need}.",
    "amendment.applied": "Amendment {number} is in effect, approved by {approvers}.",
    "amendment.rejected": "{user} rejected amendment {number}: {why}",
    "amendment.withdrawn": "{user} withdrew amendment {number}.",
    "amendment.superseded": "{user} proposed another change instead, so amendment {number} is void.",
    "amendment.overtaken": "Amendment {number} is void, because the rollout is {state:words} now.",
    "amendment.expired": (
        "Amendment {number} expired: not enough people approved it in time. It can be asked for again, or the rollout"
        " goes on, or ends, in another way."
    ),
    "rollout.amended": "Going on with amendment {number}.",
    "livepatch.failed.advice": (
        "Ask for the reboot with the button: others approve it, and the host is emptied first. *Retry* tries the live"
        " patch again; it also goes on if you rebooted the host yourself."
    ),
    "ceiling.exceeded.advice": (
        "Ask for it with the button: others approve it. If you do it yourself, *Retry* goes on from there."
    ),
    "deadline.reached.advice": (
        "Ask with the button to go on after the deadline: others approve it. Or abort: everything is given back and the"
        " hosts that are left stay as they are."
    ),
    "setting.not_approved.advice": (
        "Ask for the approval to switch it off for the run, or switch it off yourself and *Retry*."
    ),
    "checksum.changed.advice": (
        "Ask to go on with the newer updates: others approve what is left anew. Or *Retry*, once the pool is synced to"
        " the approved checksum again."
    ),
    "host.gone.advice": "*Skip* it, and the others go on. *Abort…* shows first what it would restore.",
    "host.vm_must_stay.advice": (
        "*Skip* the host, or move or stop the VM yourself and *Retry*. *Abort…* shows first what it would restore."
    ),
    "pool.claimed.advice": (
        "Wait until the other installation is done, then *Retry*. If it is gone for good, remove its claim from the"
        " pool first."
    ),
    "pool.foreign_operation.advice": "Let it finish, then *Retry*.",
}
