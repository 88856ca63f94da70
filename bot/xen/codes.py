"""XAPI's error codes: what each one means and what to do about it. A table, nothing else.

Sentences name parameters by position, ``{0}`` being the first after the code. What XAPI really sends sometimes
differs from its own catalogue (NO_HOSTS_AVAILABLE carries the VM, HOST_NOT_ENOUGH_FREE_MEMORY too when it comes from
the evacuation planner); the sentences are worded so that they fit what is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """To which class of error a code belongs; see `bot.xen.errors`."""

    UNREACHABLE = auto()
    SESSION_LOST = auto()
    NOT_COORDINATOR = auto()
    BUSY = auto()
    LOGIN_REFUSED = auto()
    TLS_REFUSED = auto()
    ROLE_MISSING = auto()
    GONE = auto()
    REFUSED = auto()


@dataclass(frozen=True, slots=True)
class Meaning:
    """One row: the class, the sentence and the hint."""

    kind: Kind
    sentence: str
    hint: str


_WAIT = "It ends by itself; the bot looks again."
_HOST_LOG = "See the log of the host, and look at its console if it stays like this."
_UPDATE_SERVERS = (
    "Check that the coordinator reaches the vendor's update servers (for XenServer: subdomains of "
    "ops.xenserver.com, over HTTPS) through its firewall and proxy, then sync again."
)
_REPOSITORIES = "Choose exactly one update channel in the pool's update settings."
_PLAN_AGAIN = "Sync the pool and plan the update again."


def _busy(sentence: str, hint: str = _WAIT) -> Meaning:
    return Meaning(Kind.BUSY, sentence, hint)


def _refused(sentence: str, hint: str) -> Meaning:
    return Meaning(Kind.REFUSED, sentence, hint)


_SESSION: Mapping[str, Meaning] = {
    "HOST_IS_SLAVE": Meaning(
        Kind.NOT_COORDINATOR,
        "This host is a member of a pool whose coordinator is {0}.",
        "The bot asks the coordinator instead; add its address to the pool's urls if this keeps coming up.",
    ),
    "SESSION_INVALID": Meaning(
        Kind.SESSION_LOST,
        "The session is no longer valid, as after a restart of the coordinator's toolstack.",
        "The bot logs in again.",
    ),
    "SESSION_AUTHENTICATION_FAILED": Meaning(
        Kind.LOGIN_REFUSED,
        "The pool does not accept the name or password of {0}.",
        "Check username and password of this pool in the configuration.",
    ),
    "SESSION_AUTHORIZATION_FAILED": Meaning(
        Kind.LOGIN_REFUSED,
        "The account {0} is not allowed to log in to the pool.",
        "Add the account to the pool's users and give it the role pool-operator.",
    ),
    "RBAC_PERMISSION_DENIED": Meaning(
        Kind.ROLE_MISSING,
        "The bot's account may not call {0}.",
        "Give the account the role pool-operator (read-only is enough for notices).",
    ),
    "HOST_STILL_BOOTING": _busy("The host is still starting."),
    "HOST_OFFLINE": _busy("{0} is offline.", "If it does not come back by itself, look at its console."),
    "CANNOT_CONTACT_HOST": _busy(
        "The coordinator cannot reach {0}.", "If the host does not come back by itself, look at its console."
    ),
    "HOST_BROKEN": _refused("The host's toolstack could not start properly.", _HOST_LOG),
    "HOST_ITS_OWN_SLAVE": _refused(
        "The host believes that it is a member of itself.", "Its pool configuration needs repair on the console."
    ),
    "HOST_UNKNOWN_TO_MASTER": _refused(
        "The coordinator does not know the host {0}.", "The host was removed from the pool; join it again."
    ),
    "HOST_MASTER_CANNOT_TALK_BACK": _refused(
        "The coordinator cannot connect back to the member at {0}.", "Check network and firewall between the hosts."
    ),
    "HOST_HAS_NO_MANAGEMENT_IP": _refused(
        "The host has no management address.", "Repair its management network on the console."
    ),
    "HOST_XAPI_VERSION_HIGHER_THAN_COORDINATOR": _refused(
        "The host's toolstack ({0}) is newer than the coordinator's, so it stays out of the pool.",
        "Update the coordinator and restart its toolstack; the host joins again by itself.",
    ),
    "TOO_MANY_PENDING_TASKS": _busy("XAPI has too many calls waiting."),
    "MESSAGE_METHOD_UNKNOWN": _refused(
        "This XAPI does not know the call {0}.", "The host is older than XenServer 8; update it by other means first."
    ),
    "MESSAGE_PARAMETER_COUNT_MISMATCH": _refused(
        "This XAPI wants {1} parameters for {0} but got {2}.", "Its version differs from what the bot knows; report it."
    ),
    "MESSAGE_REMOVED": _refused(
        "This XAPI no longer has the call.", "Its version is newer than what the bot knows; update the bot."
    ),
    "HANDLE_INVALID": Meaning(Kind.GONE, "The {0} that was meant no longer exists.", "The bot looks at the pool anew."),
    "UUID_INVALID": Meaning(Kind.GONE, "There is no {0} with the uuid {1}.", "It may have been removed; plan again."),
    "MAP_DUPLICATE_KEY": _refused(
        "The key {3} is already set on this {0}.", "Somebody else wrote it at the same time; look at the pool again."
    ),
    "INVALID_VALUE": _refused("XAPI does not accept the value {1} for {0}.", "Correct the setting that it names."),
    "INTERNAL_ERROR": _refused("XAPI failed inside: {0}.", "See the log of the coordinator."),
    "TASK_CANCELLED": _refused(
        "The task was cancelled.", "Somebody cancelled it, or its host restarted meanwhile; retry when that is settled."
    ),
    "OPERATION_NOT_ALLOWED": _refused("XAPI does not allow it: {0}.", "Remove the reason that XAPI gives."),
    "OTHER_OPERATION_IN_PROGRESS": _busy(
        "Another operation is running on {1} ({0}).", "A backup or another administrator may be at work; it is retried."
    ),
    "EVENT_FROM_TOKEN_PARSE_FAILURE": _busy("XAPI no longer understands our place in its events."),
    "EVENT_SUBSCRIPTION_PARSE_FAILURE": _refused("XAPI has no events for {0}.", "Its version differs; report it."),
}

_UPDATES: Mapping[str, Meaning] = {
    "NO_REPOSITORY_ENABLED": _refused("The pool has no update channel enabled.", _REPOSITORIES),
    "MULTIPLE_UPDATE_REPOSITORIES_ENABLED": _refused("More than one update channel is enabled.", _REPOSITORIES),
    "NO_REPOSITORIES_CONFIGURED": _refused("The pool has no update channel configured.", _REPOSITORIES),
    "REPOSITORY_ALREADY_EXISTS": _refused("The repository {0} exists already.", "Use the existing one."),
    "BUNDLE_REPOSITORY_ALREADY_EXISTS": _refused("The bundle repository {0} exists already.", "Use the existing one."),
    "REPOSITORY_IS_IN_USE": _refused("The repository is in use.", "Disable it on the pool first."),
    "REPO_SHOULD_BE_SINGLE_ONE_ENABLED": _refused(
        "This kind of repository must be the only one that is enabled.", _REPOSITORIES
    ),
    "INVALID_BASE_URL": _refused("The repository address {0} is not valid.", "Correct the repository's address."),
    "BLOCKED_REPO_URL": _refused("The repository address {0} is blocked.", "Use the vendor's current address."),
    "INVALID_REPOSITORY_DOMAIN_ALLOWLIST": _refused(
        "The list of allowed repository domains is not valid: {0}.", "Correct it in the host's toolstack configuration."
    ),
    "INVALID_GPGKEY_PATH": _refused("The signing key's path {0} is not valid.", "Correct the repository's key path."),
    "INVALID_REPOSITORY_PROXY_URL": _refused("The proxy address {0} is not valid.", "Correct the pool's proxy."),
    "INVALID_REPOSITORY_PROXY_CREDENTIAL": _refused(
        "The proxy's name or password is not valid.", "Give both, or neither, in the pool's proxy settings."
    ),
    "INVALID_UPDATE_SYNC_DAY": _refused("{0} is not a day for the periodic sync.", "Use 0 (Sunday) to 6 (Saturday)."),
    "CAN_NOT_PERIODIC_SYNC_UPDATES": _refused(
        "Updates from a bundle or another pool cannot be synced periodically.", "Leave the periodic sync off."
    ),
    "CAN_NOT_SYNC_UPDATES": _refused(
        "A bundle cannot be synced.", "Upload a newer bundle, or choose an online update channel."
    ),
    "REPOSYNC_FAILED": _refused(
        "The updates could not be downloaded from the vendor's update servers.", _UPDATE_SERVERS
    ),
    "CREATEREPO_FAILED": _refused(
        "The coordinator could not prepare its copy of the updates.", "Check the free disk space of the coordinator."
    ),
    "SSL_VERIFY_ERROR": _refused(
        "The update server's certificate was not accepted: {0}.",
        "Check the coordinator's clock and whether a proxy replaces certificates.",
    ),
    "INVALID_REPOMD_XML": _refused("The channel's index cannot be read.", "Sync again; a proxy may have altered it."),
    "INVALID_UPDATEINFO_XML": _refused(
        "The description of the updates cannot be read.", "Sync again; a proxy may have altered it."
    ),
    "REPOSITORY_CLEANUP_FAILED": _refused(
        "The old copy of the updates could not be removed.", "Check the coordinator's disk, then sync again."
    ),
    "UPDATEINFO_HASH_MISMATCH": _refused(
        "The pool was synced meanwhile, so these are no longer the updates that were approved.", _PLAN_AGAIN
    ),
    "GET_HOST_UPDATES_FAILED": _busy(
        "The coordinator could not ask {0} which packages it has.",
        "All hosts must be up for this; it works again when the host is back.",
    ),
    "GET_UPDATES_FAILED": _refused(
        "The coordinator could not list the updates.", "Sync again; see its log if it stays."
    ),
    "UPDATE_SYNCING_REMOTE_POOL_COORDINATOR_CONNECTION_FAILED": _refused(
        "The pool that provides the updates cannot be reached.", "Check the network to that pool's coordinator."
    ),
    "UPDATE_SYNCING_REMOTE_POOL_COORDINATOR_SERVICE_FAILED": _refused(
        "The pool that provides the updates failed to deliver them.", "See the log of that pool's coordinator."
    ),
    "BUNDLE_UNPACK_FAILED": _refused("The bundle could not be unpacked: {0}.", "Download it again and upload it anew."),
    "BUNDLE_SYNC_FAILED": _refused("The bundle could not be taken over.", "Check the bundle and upload it anew."),
    "BUNDLE_REPO_NOT_ENABLED": _refused("The bundle repository is not enabled.", _REPOSITORIES),
    "CONFIGURE_REPOSITORIES_IN_PROGRESS": _busy("The update channels are being changed."),
    "SYNC_UPDATES_IN_PROGRESS": _busy("A sync is running."),
    "SYNC_BUNDLE_IN_PROGRESS": _busy("A bundle is being taken over."),
    "APPLY_UPDATES_IN_PROGRESS": _busy("Updates are being installed on a host of this pool; XAPI does one at a time."),
    "APPLY_UPDATES_FAILED": _refused(
        "Installing the updates on {0} failed; some packages may be installed already.",
        "See the log of the host. Installing the same updates again is safe and is the repair.",
    ),
    "HOST_EVACUATION_IS_REQUIRED": _refused(
        "{0} must be empty before these updates, but VMs run there.", "Move or stop the VMs of this host, then retry."
    ),
    "HOST_PENDING_MANDATORY_GUIDANCE_NOT_EMPTY": _refused(
        "{0} still owes a mandatory task of an earlier update.", "Restart its toolstack or reboot it, as it asks."
    ),
    "APPLY_LIVEPATCH_FAILED": _refused(
        "A live patch could not be applied: {0}.", "The packages are installed; a reboot of the host completes them."
    ),
    "HA_IS_ENABLED": _refused("High availability is on.", "It must be off while updates are installed."),
    "HA_ENABLE_IN_PROGRESS": _busy("High availability is being switched on."),
    "HA_DISABLE_IN_PROGRESS": _busy("High availability is being switched off."),
    "CLUSTER_CREATE_IN_PROGRESS": _busy("A cluster is being created."),
    "DESIGNATE_NEW_MASTER_IN_PROGRESS": _busy("The pool is getting another coordinator."),
    "TLS_VERIFICATION_ENABLE_IN_PROGRESS": _busy("Certificate checking is being switched on."),
    "POOL_SECRET_ROTATION_PENDING": _refused(
        "A change of the pool secret is unfinished.", "Finish it (xe pool-secret-rotate), then retry."
    ),
    "CLUSTERED_SR_DEGRADED": _refused(
        "The clustered storage {0} is degraded.", "Bring all members of the cluster back before going on."
    ),
    "LICENCE_RESTRICTION": _refused("The pool's licence does not allow it: {0}.", "Assign a licence that includes it."),
    "LICENSE_RESTRICTION": _refused("The pool's licence does not allow it: {0}.", "Assign a licence that includes it."),
    "UPDATES_REQUIRE_SYNC": _refused("The pool must be synced before updates are installed.", _PLAN_AGAIN),
    "UPDATES_REQUIRE_RECOMMENDED_GUIDANCE": _refused(
        "Tasks of earlier updates are still to be done on the host.", "Do these tasks first, then plan again."
    ),
}

_HOSTS: Mapping[str, Meaning] = {
    "HOST_NOT_DISABLED": _refused("The host is still in service.", "It must be disabled before it is rebooted."),
    "HOST_DISABLED": _refused("{0} is out of service.", "Enable the host, or choose another one."),
    "HOST_DISABLED_UNTIL_REBOOT": _refused("{0} stays out of service until it is rebooted.", "Reboot the host."),
    "HOST_DISABLED_INDEFINITELY": _refused("{0} was disabled until somebody enables it.", "Enable the host."),
    "HOST_NOT_LIVE": _refused(
        "A host that counts as enabled does not answer.", "Bring that host back, or disable it, and try again."
    ),
    "HOST_IS_LIVE": _refused("{0} is running.", "Nothing needs to be done."),
    "HOST_EVACUATE_IN_PROGRESS": _busy("{0} is being evacuated."),
    "CANNOT_EVACUATE_HOST": _refused("The host cannot be emptied: {0}.", "Look at the VMs that it names."),
    "HOST_POWER_ON_MODE_DISABLED": _refused(
        "The host cannot be powered on remotely.", "Power it on by hand, or configure its power-on mode."
    ),
    "HA_LOST_STATEFILE": _refused(
        "High availability lost its heartbeat storage.", "Repair the heartbeat storage first."
    ),
    "HA_OPERATION_WOULD_BREAK_FAILOVER_PLAN": _refused(
        "High availability could no longer protect its VMs.", "Switch high availability off first, or add capacity."
    ),
    "HA_NOT_ENABLED": _refused("High availability is not on.", "Nothing needs to be done."),
    "HA_CONSTRAINT_VIOLATION_SR_NOT_SHARED": _refused(
        "The heartbeat storage {0} is not shared.", "Switch high availability on by hand with a shared SR."
    ),
    "HA_FAILED_TO_FORM_LIVESET": _refused(
        "The hosts could not agree on who is alive.", "Check network and heartbeat storage of every host."
    ),
    "CANNOT_CREATE_STATE_FILE": _refused(
        "The heartbeat file could not be created.", "Check free space and health of the heartbeat storage."
    ),
    "WLB_NOT_INITIALIZED": _refused("The pool has no workload balancing configured.", "Connect the pool to it first."),
    "XEN_INCOMPATIBLE": _refused("Xen and the toolstack of the host do not fit together.", "Reboot the host."),
    "NOT_SUPPORTED_DURING_UPGRADE": _refused(
        "XAPI does not allow this while the pool's hosts run different versions.",
        "Bring all hosts to the same version; then it works again.",
    ),
    "PIF_NOT_PRESENT": _refused("{0} has no interface on the network {1}.", "Choose another network for migrations."),
    "REQUIRED_PIF_IS_UNPLUGGED": _refused("The network interface {0} is unplugged.", "Plug the interface in."),
    "INTERFACE_HAS_NO_IP": _refused("The network interface {0} has no address.", "Give the interface an address."),
    "XENAPI_MISSING_PLUGIN": _refused("The host has no plugin {0}.", "Install the plugin on every host."),
    "XENAPI_PLUGIN_FAILURE": _refused("A plugin failed on the host: {0}.", _HOST_LOG),
    "UNKNOWN_XENAPI_PLUGIN_FUNCTION": _refused("The plugin has no function {0}.", "Update the plugin on the host."),
}

#: Why a VM cannot leave its host (or start or arrive somewhere), most of them from the evacuation planner.
_EVACUATION: Mapping[str, Meaning] = {
    "NO_HOSTS_AVAILABLE": _refused(
        "No other enabled host of the same or a newer version can take {0}.", "Enable a host, or stop the VM."
    ),
    "HOST_NOT_ENOUGH_FREE_MEMORY": _refused(
        "There is not enough free memory on the other hosts ({all}).", "Stop or suspend some VMs, or add memory."
    ),
    "HOST_EVACUATE_VM_NOT_HA_PROTECTED": _refused(
        "High availability is on and does not protect {0}.", "Switch high availability off first; the bot does."
    ),
    "VM_REQUIRES_SR": _refused(
        "{0} uses the storage {1}, which some other host does not have.",
        "Eject the CD, plug the storage in on every host, move the disk to shared storage, or stop the VM.",
    ),
    "VM_REQUIRES_NETWORK": _refused(
        "{0} uses the network {1}, which some other host does not have.",
        "Connect the network on every host, or stop the VM.",
    ),
    "HOST_CANNOT_ATTACH_NETWORK": _refused(
        "{0} cannot bring up the network {1}.", "Check the network interfaces of that host."
    ),
    "VM_HAS_PCI_ATTACHED": _refused("{0} uses a PCI device of its host.", "Stop the VM for its host's turn."),
    "VM_HAS_VGPU": _refused("{0} has a virtual GPU that cannot move.", "Stop the VM for its host's turn."),
    "VM_REQUIRES_GPU": _refused("No other host has a free GPU for {0}.", "Stop the VM for its host's turn."),
    "VM_REQUIRES_VGPU": _refused("No other host has a free virtual GPU for {0}.", "Stop the VM for its host's turn."),
    "VM_REQUIRES_IOMMU": _refused("{0} has no IOMMU, which the VM needs.", "Switch it on in that host's firmware."),
    "VM_HAS_VUSBS": _refused("{0} uses a USB device of its host.", "Detach the device, or stop the VM."),
    "NETWORK_SRIOV_INSUFFICIENT_CAPACITY": _refused(
        "The SR-IOV network {0} has no capacity left on the other hosts.", "Stop VMs that use it."
    ),
    "VM_LACKS_FEATURE": _refused(
        "{0} runs without the XenServer VM Tools.", "Install the tools in the VM, or shut it down from inside."
    ),
    "VM_NON_SUSPENDABLE": _refused("{0} says that it cannot be moved or suspended now: {1}.", "Shut the VM down."),
    "VM_IS_IMMOBILE": _refused("{0} is configured not to move.", "Stop the VM for its host's turn."),
    "VM_INCOMPATIBLE_WITH_THIS_HOST": _refused(
        "The processor of {1} lacks what {0} uses: {2}.", "Stop the VM and start it after the update."
    ),
    "VM_HVM_REQUIRED": _refused(
        "No other host has the virtualisation that {0} needs.", "Switch it on in the firmware."
    ),
    "HOST_NOT_ENOUGH_PCPUS": _refused(
        "A VM has {0} virtual processors, more than the {1} of another host.", "Stop the VM, or reduce its processors."
    ),
    "VM_BAD_POWER_STATE": _refused(
        "{0} is {2} where {1} was expected.", "Bring the VM into the expected state, or leave it and look again."
    ),
    "OPERATION_BLOCKED": _refused(
        "Somebody blocked this operation on {0}: {1}.", "Remove the entry from the VM's blocked operations."
    ),
    "VDI_ON_BOOT_MODE_INCOMPATIBLE_WITH_OPERATION": _refused(
        "A disk that is reset at every boot keeps the VM from moving.", "Stop the VM for its host's turn."
    ),
    "VM_HOST_INCOMPATIBLE_VIRTUAL_HARDWARE_PLATFORM_VERSION": _refused(
        "{0} is too old for the virtual hardware of {2}.", "Update that host first, or stop the VM."
    ),
    "VALUE_NOT_SUPPORTED": _refused(
        "The setting {0} = {1} of a VM is not supported: {2}.", "Correct the VM's setting."
    ),
    "MEMORY_CONSTRAINT_VIOLATION": _refused(
        "The memory settings of a VM contradict each other: {0}.", "Correct the VM's memory limits."
    ),
    "VM_SHUTDOWN_TIMEOUT": _refused(
        "{0} did not shut down within {1} seconds.", "Shut the VM down by hand, then retry."
    ),
    "VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT": _refused(
        "{0} did not react to the request to shut down.", "Shut the VM down by hand, then retry."
    ),
    "VM_HAS_SRIOV_VIF": _refused(
        "{0} has an SR-IOV network interface, which ties it to its host.", "Stop the VM for its host's turn."
    ),
    "VM_IS_TEMPLATE": _refused("{0} has become a template.", "Nothing needs to be done; it is no VM any more."),
    "BOOTLOADER_FAILED": _refused("The boot loader of {0} failed: {1}.", "Start the VM by hand and look at its disk."),
    "UNKNOWN_BOOTLOADER": _refused(
        "{0} wants the boot loader {1}, which the host does not have.", "Correct the VM's boot settings."
    ),
    "VM_NO_SUSPEND_SR": _refused(
        "There is no storage to suspend {0} to.", "Set the pool's suspend SR, or shut it down."
    ),
}

#: Storage that is connected, and discs that are taken out and put in.
_STORAGE: Mapping[str, Meaning] = {
    "SR_UNKNOWN_DRIVER": _refused("The host has no driver for storage of type {0}.", "Install the driver on the host."),
    "SR_BACKEND_FAILURE": _refused(
        "The storage's driver failed: {1}.", "Check the storage, its network and its credentials from that host."
    ),
    "VBD_IS_EMPTY": _refused("The drive is empty already.", "Nothing needs to be done."),
    "VBD_NOT_EMPTY": _refused("Another disc is in the drive.", "Take it out first, or leave it there."),
    "VBD_NOT_REMOVABLE_MEDIA": _refused("The drive is no CD drive.", "Look at the VM's disks; nothing was changed."),
}

#: What happens on the way to XAPI, in our own codes.
_OURS: Mapping[str, Meaning] = {
    "XSBOT_HTTP_FORBIDDEN": Meaning(
        Kind.ROLE_MISSING,
        "The bot's account may not read {0}.",
        "Give the account the role pool-operator.",
    ),
    "XSBOT_WRONG_POOL": _refused(
        "{0} belongs to another pool than before ({1} instead of {2}).",
        "Correct the pool's urls in the configuration; nothing is done on the other pool.",
    ),
    "XSBOT_HOST_NOT_EMPTY": _refused(
        "{0} was not rebooted, because VMs run there ({1}).",
        "Move or stop them, or retry: the bot empties the host again first.",
    ),
    "XSBOT_POOL_CLAIMED": _refused(
        "Another rollout holds the pool: {0}.",
        "Let that rollout end, or remove the key xsbot:rollout from the pool's other_config if it no longer exists.",
    ),
    "EFFECT_NOT_SEEN": _refused(
        "XAPI reported success, but nothing changed.", "Look at the host in XenCenter or with xe, then retry."
    ),
    "XSBOT_BACKUP_INCOMPLETE": _refused(
        "The backup {0} is not whole: {1}.",
        "Retry takes it anew. If it stays like this, look at the coordinator's log.",
    ),
    "XSBOT_BACKUP_STUB": _refused(
        "XenServer handed out an empty database instead of the pool's.",
        "It does so while hosts run different versions: finish the earlier update first, or ask without this backup.",
    ),
    "XSBOT_BACKUP_DISK": _refused(
        "The backup {0} could not be written: {1}.", "Make room in backup.directory, or correct its rights, then retry."
    ),
    "XSBOT_BACKUP_DIRECTORY": _refused(
        "This machine has no directory for backups.", "Set backup.directory on every machine that drives rollouts."
    ),
    "XSBOT_CLOSED": Meaning(Kind.UNREACHABLE, "The connection to the pool {0} was closed.", "Start the bot again."),
}

#: Every code that the bot has words for.
CODES: Mapping[str, Meaning] = {**_SESSION, **_UPDATES, **_HOSTS, **_EVACUATION, **_STORAGE, **_OURS}
