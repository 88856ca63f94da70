"""Which calls an account may make.

Members of the role *pool-operator* may make every call that a rollout needs; *read-only* is enough for notices about
what is pending on hosts, but not for the list of updates.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.xen.connection import PoolConnection

#: What looking needs (`xsbot plan`, notices).
OBSERVING = ("http/get_updates", "host.get_vms_which_prevent_evacuation", "event.from")
#: What a rollout needs besides.
ROLLING = (
    "pool.sync_updates",
    "pool.set_update_sync_enabled",
    "pool.disable_ha",
    "pool.enable_ha",
    "pool.set_ha_host_failures_to_tolerate",
    "pool.set_wlb_enabled",
    "pool.add_to_other_config",
    "pool.remove_from_other_config",
    "host.disable",
    "host.evacuate",
    "host.apply_updates",
    "host.restart_agent",
    "host.reboot",
    "host.enable",
    "vm.pool_migrate",
    "vm.suspend",
    "vm.resume_on",
    "vm.clean_shutdown",
    "vm.start_on",
    "vm.clean_reboot",
    "vm.restart_device_models",
    "pbd.plug",
    "vbd.eject",
    "vbd.insert",
)
#: What switching snapshot schedules off and on needs; a rollout does without where it is missing.
HOLDING_SNAPSHOTS = "vmss.set_enabled"
#: What changing where updates come from needs, which admins ask for.
CONFIGURING = (
    "repository.introduce",
    "repository.introduce_bundle",
    "pool.add_repository",
    "pool.remove_repository",
    "pool.configure_repository_proxy",
    "pool.disable_repository_proxy",
    "pool.configure_update_sync",
    "http/put_bundle",
)
#: What each kind of backup needs (`bot.rollout.backups.BackupKind`); dumps and host backups are for pool-admins.
BACKING_UP = {
    "pool_database": "http/get_pool_xml_db_sync",
    "vm_metadata": "http/get_export_metadata",
    "hosts": "http/get_host_backup",
    "snapshots": "vm.snapshot",
}


def missing_permissions(connection: PoolConnection, wanted: Sequence[str]) -> tuple[str, ...]:
    """Those of the wanted permissions that our session lacks; the local superuser lacks none.

    Permissions are named like calls, in any case. Raises XenError.
    """
    link = connection.link()
    if connection.read("session.get_is_local_superuser", link.handle) is True:
        return ()
    # XAPI keeps them in lower case.
    granted = {str(name).lower() for name in connection.read("session.get_rbac_permissions", link.handle)}
    if not granted:
        # An account without any permission is not let in, so an empty list only says that this XAPI does not tell.
        return ()
    return tuple(name for name in wanted if name.lower() not in granted)
