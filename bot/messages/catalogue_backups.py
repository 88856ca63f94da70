"""English sentences for backups before a run."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "backup.taking": "Backing up: {kind:words} {host}",
    "backup.taking.pool_database": "Backing up the pool's database, before anything is touched.",
    "backup.taking.vm_metadata": "Backing up what the pool's VMs are made of (without their disks).",
    "backup.taking.hosts": "Backing up the control domain of {host}.",
    "backup.taken": "Backed up: {file}, {size:size}, SHA-256 {checksum}…",
    "backup.failed": "The backup ({kind:words}) failed: {sentence:told} {hint:told}",
    "backup.snapshotting": "Taking a snapshot of {vm} ({left} of {count:VM|VMs} left).",
}
