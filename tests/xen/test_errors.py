"""Every code of XAPI becomes one of our errors, with a sentence and a hint."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import XsbotError
from bot.xen.codes import CODES, Kind
from bot.xen.errors import (
    Busy,
    HandleGone,
    LoginRefused,
    NotCoordinator,
    Refused,
    RoleMissing,
    SessionLost,
    Unreachable,
    XenError,
    translate,
)

SESSION = """
HOST_IS_SLAVE SESSION_INVALID SESSION_AUTHENTICATION_FAILED SESSION_AUTHORIZATION_FAILED RBAC_PERMISSION_DENIED
HOST_STILL_BOOTING HOST_OFFLINE CANNOT_CONTACT_HOST HOST_BROKEN HOST_ITS_OWN_SLAVE HOST_UNKNOWN_TO_MASTER
HOST_MASTER_CANNOT_TALK_BACK HOST_HAS_NO_MANAGEMENT_IP HOST_XAPI_VERSION_HIGHER_THAN_COORDINATOR TOO_MANY_PENDING_TASKS
MESSAGE_METHOD_UNKNOWN MESSAGE_PARAMETER_COUNT_MISMATCH MESSAGE_REMOVED HANDLE_INVALID UUID_INVALID MAP_DUPLICATE_KEY
INVALID_VALUE INTERNAL_ERROR TASK_CANCELLED OPERATION_NOT_ALLOWED OTHER_OPERATION_IN_PROGRESS
EVENT_FROM_TOKEN_PARSE_FAILURE EVENT_SUBSCRIPTION_PARSE_FAILURE
"""
UPDATES = """
NO_REPOSITORY_ENABLED MULTIPLE_UPDATE_REPOSITORIES_ENABLED NO_REPOSITORIES_CONFIGURED REPOSITORY_ALREADY_EXISTS
BUNDLE_REPOSITORY_ALREADY_EXISTS REPOSITORY_IS_IN_USE REPO_SHOULD_BE_SINGLE_ONE_ENABLED INVALID_BASE_URL
BLOCKED_REPO_URL INVALID_REPOSITORY_DOMAIN_ALLOWLIST INVALID_GPGKEY_PATH INVALID_REPOSITORY_PROXY_URL
INVALID_REPOSITORY_PROXY_CREDENTIAL INVALID_UPDATE_SYNC_DAY CAN_NOT_PERIODIC_SYNC_UPDATES CAN_NOT_SYNC_UPDATES
REPOSYNC_FAILED CREATEREPO_FAILED SSL_VERIFY_ERROR INVALID_REPOMD_XML INVALID_UPDATEINFO_XML REPOSITORY_CLEANUP_FAILED
UPDATEINFO_HASH_MISMATCH GET_HOST_UPDATES_FAILED GET_UPDATES_FAILED
UPDATE_SYNCING_REMOTE_POOL_COORDINATOR_CONNECTION_FAILED UPDATE_SYNCING_REMOTE_POOL_COORDINATOR_SERVICE_FAILED
BUNDLE_UNPACK_FAILED BUNDLE_SYNC_FAILED BUNDLE_REPO_NOT_ENABLED CONFIGURE_REPOSITORIES_IN_PROGRESS
SYNC_UPDATES_IN_PROGRESS SYNC_BUNDLE_IN_PROGRESS
APPLY_UPDATES_IN_PROGRESS APPLY_UPDATES_FAILED HOST_EVACUATION_IS_REQUIRED HOST_PENDING_MANDATORY_GUIDANCE_NOT_EMPTY
APPLY_LIVEPATCH_FAILED HA_IS_ENABLED HA_ENABLE_IN_PROGRESS HA_DISABLE_IN_PROGRESS CLUSTER_CREATE_IN_PROGRESS
DESIGNATE_NEW_MASTER_IN_PROGRESS TLS_VERIFICATION_ENABLE_IN_PROGRESS POOL_SECRET_ROTATION_PENDING CLUSTERED_SR_DEGRADED
LICENCE_RESTRICTION UPDATES_REQUIRE_SYNC UPDATES_REQUIRE_RECOMMENDED_GUIDANCE
"""
HOSTS = """
HOST_NOT_DISABLED HOST_DISABLED HOST_DISABLED_UNTIL_REBOOT HOST_DISABLED_INDEFINITELY HOST_NOT_LIVE HOST_IS_LIVE
HOST_EVACUATE_IN_PROGRESS CANNOT_EVACUATE_HOST HOST_POWER_ON_MODE_DISABLED HA_LOST_STATEFILE
HA_OPERATION_WOULD_BREAK_FAILOVER_PLAN HA_NOT_ENABLED XEN_INCOMPATIBLE NOT_SUPPORTED_DURING_UPGRADE
PIF_NOT_PRESENT REQUIRED_PIF_IS_UNPLUGGED INTERFACE_HAS_NO_IP XENAPI_MISSING_PLUGIN XENAPI_PLUGIN_FAILURE
UNKNOWN_XENAPI_PLUGIN_FUNCTION
"""
EVACUATION = """
NO_HOSTS_AVAILABLE HOST_NOT_ENOUGH_FREE_MEMORY HOST_EVACUATE_VM_NOT_HA_PROTECTED VM_REQUIRES_SR VM_REQUIRES_NETWORK
HOST_CANNOT_ATTACH_NETWORK VM_HAS_PCI_ATTACHED VM_HAS_VGPU VM_REQUIRES_GPU VM_REQUIRES_VGPU VM_REQUIRES_IOMMU
VM_HAS_VUSBS OPERATION_NOT_ALLOWED NETWORK_SRIOV_INSUFFICIENT_CAPACITY VM_LACKS_FEATURE VM_NON_SUSPENDABLE
VM_IS_IMMOBILE VM_INCOMPATIBLE_WITH_THIS_HOST VM_HVM_REQUIRED HOST_NOT_ENOUGH_PCPUS HOST_NOT_LIVE HOST_DISABLED
VM_BAD_POWER_STATE OPERATION_BLOCKED OTHER_OPERATION_IN_PROGRESS VDI_ON_BOOT_MODE_INCOMPATIBLE_WITH_OPERATION
VM_HOST_INCOMPATIBLE_VIRTUAL_HARDWARE_PLATFORM_VERSION INVALID_VALUE VALUE_NOT_SUPPORTED MEMORY_CONSTRAINT_VIOLATION
NOT_SUPPORTED_DURING_UPGRADE
"""


@pytest.mark.parametrize("code", sorted({*CODES, *f"{SESSION}{UPDATES}{HOSTS}{EVACUATION}".split()}))
def test_every_code_has_a_sentence_and_a_hint(code: str) -> None:
    assert code in CODES
    error = translate([code, "first", "second", "third", "fourth"])
    assert error.code == code
    assert error.sentence.endswith(".")
    assert error.hint.endswith(".")
    assert "{" not in error.sentence


@pytest.mark.parametrize("code", sorted(CODES))
def test_no_code_breaks_when_xapi_sends_fewer_parameters_than_its_catalogue_says(code: str) -> None:
    assert translate([code]).sentence


@pytest.mark.parametrize(
    ("details", "kind"),
    [
        (["HOST_IS_SLAVE", "10.0.0.1"], NotCoordinator),
        (["SESSION_INVALID", "OpaqueRef:x"], SessionLost),
        (["SESSION_AUTHENTICATION_FAILED", "root", "no"], LoginRefused),
        (["RBAC_PERMISSION_DENIED", "host.reboot", "no"], RoleMissing),
        (["HANDLE_INVALID", "task", "OpaqueRef:x"], HandleGone),
        (["UUID_INVALID", "VM", "x"], HandleGone),
        (["OTHER_OPERATION_IN_PROGRESS", "VM", "x"], Busy),
        (["APPLY_UPDATES_IN_PROGRESS"], Busy),
        (["HOST_STILL_BOOTING"], Busy),
        (["TOO_MANY_PENDING_TASKS"], Busy),
        (["GET_HOST_UPDATES_FAILED", "x"], Busy),
        (["UPDATEINFO_HASH_MISMATCH"], Refused),
        (["LICENCE_RESTRICTION", "Updates"], Refused),
    ],
)
def test_codes_become_the_class_that_says_what_to_do(details: list[str], kind: type[XenError]) -> None:
    error = translate(details)
    assert type(error) is kind
    assert isinstance(error, XsbotError)


def test_only_what_passes_by_itself_is_transient() -> None:
    passing = {Kind.BUSY, Kind.SESSION_LOST, Kind.NOT_COORDINATOR, Kind.UNREACHABLE}
    for code, meaning in CODES.items():
        assert translate([code]).transient is (meaning.kind in passing), code
    assert Unreachable("x", code="XSBOT_UNREACHABLE").transient


def test_a_code_we_do_not_know_is_named_with_its_parameters() -> None:
    error = translate(["SOMETHING_NEW", "a", "b"])
    assert isinstance(error, Refused)
    assert "SOMETHING_NEW" in error.sentence
    assert "a, b" in error.sentence
    assert isinstance(translate(["SOMETHING_NEW_IN_PROGRESS"]), Busy)
    assert translate([]).code == "INTERNAL_ERROR"


def test_a_failed_sync_points_to_the_vendors_servers_and_to_firewall_and_proxy() -> None:
    error = translate(["REPOSYNC_FAILED"])
    for word in ("vendor", "update servers", "firewall", "proxy"):
        assert word in str(error)


def test_references_are_replaced_by_names() -> None:
    error = translate(["VM_REQUIRES_SR", "OpaqueRef:1", "OpaqueRef:2"], {"OpaqueRef:1": "db-01", "OpaqueRef:2": "SSD"})
    assert error.sentence.startswith("db-01 uses the storage SSD")
    assert error.details == ("VM_REQUIRES_SR", "db-01", "SSD")


def test_what_xapi_says_is_kept_raw_in_params_but_shown_in_one_plain_line() -> None:
    wild = "a{0}{code}\n\x1b[31m%s " + "x" * 500
    error = translate(["INTERNAL_ERROR", wild])
    assert error.params == (wild,)
    assert "\n" not in error.sentence
    assert "\x1b" not in error.sentence
    assert len(error.sentence) < 300


@given(st.lists(st.text(max_size=40), max_size=6))
def test_translating_never_fails(details: list[str]) -> None:
    error = translate(details)
    assert error.sentence.strip()
    assert all(c.isprintable() for c in error.sentence)
