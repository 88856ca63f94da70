"""Which fields of XAPI's records are read; everything else is dropped while an answer is decoded.

A field that somebody reads and that is not here would look as if this XAPI did not have it; a test compares the table
with the code.
"""

from __future__ import annotations

from bot.xen.decoding import Fields

PENDING = ("pending_guidances", "pending_guidances_recommended", "pending_guidances_full")

FIELDS: Fields = {
    "pool": frozenset(
        (
            "uuid", "name_label", "master", "repositories", "other_config", "current_operations",
            "ha_enabled", "ha_statefiles", "ha_configuration", "ha_host_failures_to_tolerate", "ha_allow_overcommit",
            "wlb_enabled", "update_sync_enabled", "last_update_sync", "restrictions", "ha_plan_exists_for",
            "ha_overcommitted", "is_psr_pending", "live_patching_disabled", "vswitch_controller", "suspend_image_SR",
            "update_sync_frequency", "update_sync_day", "repository_proxy_url", "repository_proxy_username",
        )
    ),
    "host": frozenset(
        (
            "uuid", "name_label", "address", "metrics", "enabled", "memory_overhead", "other_config",
            "software_version", *PENDING, "last_update_hash", "latest_synced_updates_applied",
            "last_software_update", "current_operations", "control_domain", "cpu_info", "license_params",
            "ssl_legacy", "power_on_mode",
        )
    ),
    "host_metrics": frozenset(("uuid", "live", "memory_total")),
    "VM": frozenset(
        (
            "uuid", "name_label", "power_state", "resident_on", "affinity", "memory_dynamic_max", "memory_overhead",
            *PENDING, "ha_restart_priority", "allowed_operations", "current_operations", "attached_PCIs", "VGPUs",
            "tags", "other_config", "is_a_template", "is_a_snapshot", "is_control_domain", "memory_dynamic_min",
            "VUSBs", "domain_type", "guest_metrics", "scheduled_to_be_resident_on", "groups",
        )
    ),
    "SR": frozenset(
        ("uuid", "name_label", "type", "shared", "is_tools_sr", "clustered", "physical_size", "physical_utilisation")
    ),
    "PBD": frozenset(("uuid", "SR", "host", "currently_attached")),
    "VBD": frozenset(("uuid", "VM", "VDI", "empty", "type")),
    "VIF": frozenset(("VM", "network")),
    "PIF": frozenset(
        (
            "device", "host", "network", "managed", "currently_attached", "physical", "metrics", "bond_slave_of",
            "sriov_logical_PIF_of", "IP", "IPv6",
        )
    ),
    "PIF_metrics": frozenset(("carrier",)),
    "Bond": frozenset(("master", "slaves", "links_up")),
    "VM_guest_metrics": frozenset(("PV_drivers_detected", "PV_drivers_up_to_date", "live")),
    "VM_group": frozenset(("uuid", "name_label", "placement", "VMs")),
    "VMSS": frozenset(("uuid", "name_label", "enabled", "VMs")),
    "VDI": frozenset(("uuid", "name_label", "SR")),
    "network": frozenset(("uuid", "name_label")),
    "Repository": frozenset(("uuid", "name_label", "hash", "binary_url", "origin", "update")),
    "task": frozenset(("uuid", "name_label", "status", "progress", "resident_on", "other_config")),
}  # fmt: skip
