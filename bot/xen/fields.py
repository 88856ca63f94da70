"""Which fields of XAPI's records are read; everything else is dropped while an answer is decoded.

A field that somebody reads and that is not here would look as if this XAPI did not have it; a test compares the table
with the code.
"""

from __future__ import annotations

from bot.xen.decoding import Fields

_GUIDANCE = ("pending_guidances", "pending_guidances_recommended", "pending_guidances_full")

FIELDS: Fields = {
    "pool": frozenset(
        (
            "uuid", "name_label", "master", "repositories", "other_config", "current_operations",
            "ha_enabled", "ha_statefiles", "ha_configuration", "ha_host_failures_to_tolerate", "ha_allow_overcommit",
            "wlb_enabled", "update_sync_enabled", "last_update_sync",
        )
    ),
    "host": frozenset(
        (
            "uuid", "name_label", "address", "metrics", "enabled", "memory_overhead", "other_config",
            "software_version", *_GUIDANCE, "last_update_hash", "latest_synced_updates_applied",
            "last_software_update", "current_operations",
        )
    ),
    "host_metrics": frozenset(("uuid", "live", "memory_total")),
    "VM": frozenset(
        (
            "uuid", "name_label", "power_state", "resident_on", "affinity", "memory_dynamic_max", "memory_overhead",
            *_GUIDANCE, "ha_restart_priority", "allowed_operations", "current_operations", "attached_PCIs", "VGPUs",
            "tags", "other_config", "is_a_template", "is_a_snapshot", "is_control_domain",
        )
    ),
    "SR": frozenset(("uuid", "name_label", "type", "shared", "is_tools_sr")),
    "PBD": frozenset(("uuid", "SR", "host", "currently_attached")),
    "VBD": frozenset(("uuid", "VM", "VDI", "empty")),
    "VDI": frozenset(("uuid", "name_label", "SR")),
    "network": frozenset(("uuid", "name_label")),
    "Repository": frozenset(("uuid", "name_label", "hash", "binary_url", "origin", "update")),
    "task": frozenset(("uuid", "name_label", "status", "progress", "resident_on", "other_config")),
}  # fmt: skip
