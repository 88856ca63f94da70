"""Behaviours that real clients trip over: each has a test, most beside their subject, the rest here."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from .client import Client, refused
from .test_wire import post

HERE = Path(__file__).parent

#: What is awkward → the tests that show it.
SHOWN = {
    "refusals come with HTTP 200, integers as bare strings, compact dates, opaque references": (
        "test_refusals_come_with_http_200",
        "test_integers_are_bare_strings_and_dates_are_compact",
        "test_refs_are_opaque_and_objects_are_found_by_uuid_and_label",
    ),
    "a member names the coordinator before it looks at credentials; a wrong password takes its time": (
        "test_a_member_names_the_coordinator_before_it_looks_at_credentials",
        "test_a_wrong_password_takes_five_seconds_and_says_who",
    ),
    "sessions, tasks and current operations are gone after a restart of the coordinator": (
        "test_a_coordinator_restart_forgets_sessions_and_tasks",
    ),
    "a task's result comes before its success, in XML; finished ones are collected; not all can be cancelled": (
        "test_success_comes_with_its_result",
        "test_finished_tasks_are_collected_after_65_minutes",
        "test_an_apply_cannot_be_cancelled",
        "test_a_task_says_which_host_carries_it_out",
    ),
    "event.from coalesces, counts references as four-byte integers, tells deletions without a snapshot": (
        "test_an_empty_token_delivers_everything_as_added",
        "test_changes_coalesce_into_the_newest_state",
        "test_a_deleted_object_arrives_without_snapshot",
        "test_only_counts_of_references_are_integers_on_the_wire",
    ),
    "a synchronisation asks every host and stamps them": (
        "test_a_synchronisation_asks_every_host",
        "test_a_synchronisation_stamps_pool_and_hosts",
    ),
    "GET /updates: who may, which hosts, which status, what is left after a restart": (
        "test_who_may_read_it",
        "test_a_subset_of_hosts_can_be_asked_for",
        "test_members_do_not_have_the_page_and_neither_has_a_pool_without_repository",
        "test_after_a_coordinator_restart_a_member_apply_leaves_a_partial_answer",
        "test_a_host_that_is_away_fails_the_page_with_its_code",
        "test_host_guidance_is_cascaded_and_update_guidance_is_not",
    ),
    "apply_updates: one per pool, its conditions in their order, what it leaves behind": (
        "test_one_apply_per_pool_and_the_second_fails_at_once",
        "test_conditions_of_an_apply_are_asked_in_their_order",
        "test_mandatory_reboot_wants_an_empty_host_and_the_server_disables_it",
        "test_what_an_apply_leaves_behind",
        "test_a_failed_live_patch_is_reported_in_the_result_and_stays_pending",
        "test_only_the_coordinators_apply_asks_every_vm_to_restart",
    ),
    "versions change at a toolstack's start; a member newer than its coordinator stays out": (
        "test_the_flag_rises_with_the_coordinator_and_falls_after_the_last_member",
        "test_a_member_newer_than_its_coordinator_stays_out",
    ),
    "a host enables itself again unless it was told to stay out or has a mandatory task": (
        "test_a_disabled_host_enables_itself_at_its_next_start",
        "test_unless_it_was_told_to_stay_out",
        "test_pending_mandatory_guidance_blocks_enable_and_the_next_apply",
        "test_a_host_that_only_apply_disabled_is_enabled_behind_your_back",
    ),
    "an evacuation disables nothing, needs every target, and names the VM that does not fit": (
        "test_it_moves_every_guest_and_does_not_disable",
        "test_one_deficient_target_blocks_vms_for_the_whole_pool",
        "test_memory_is_packed_biggest_first",
        "test_vms_do_not_move_to_older_hosts",
    ),
    "a reboot answers at once, goes down later with whatever runs there, and looks alive for ten minutes": (
        "test_a_reboot_answers_quickly_and_live_stays_true",
        "test_boot_time_is_written_before_the_host_is_enabled",
        "test_after_ten_silent_minutes_a_host_counts_as_dead",
        "test_vms_left_on_a_rebooted_host_are_really_shut_down",
        "test_a_reboot_clears_what_waited_for_it",
    ),
    "a toolstack restart breaks connections, ends what its host carried out, clears only its own task": (
        "test_a_toolstack_restart_answers_at_once_and_keeps_vms_running",
        "test_a_toolstack_restart_ends_the_migrations_of_its_host",
        "test_a_toolstack_restart_clears_only_its_own",
    ),
    "high availability blocks applies and evacuations, and remembers its statefile": (
        "test_ha_forbids_it",
        "test_ha_makes_unprotected_vms_blockers",
        "test_disabling_keeps_what_enabling_needs",
    ),
    "while versions are mixed: operations clipped, snapshots and HA refused, the dump a stub": (
        "test_allowed_operations_of_hosts_are_clipped",
        "test_what_it_forbids",
        "test_while_versions_are_mixed_the_dump_is_a_stub",
    ),
    "plain HTTP answers that everything has moved to HTTPS": ("test_plain_http_is_sent_to_https",),
    "requests need a length and have a limit; a member lacks the coordinator's pages": (
        "test_a_request_needs_a_length",
        "test_malformed_and_oversized_bodies_get_an_html_error",
        "test_a_member_has_no_database",
    ),
    "an upload is answered with 200 before anybody knows whether it is any good": (
        "test_a_bad_bundle_fails_on_its_task_while_http_says_200",
    ),
}


def test_each_has_its_tests() -> None:
    there = {
        node.name
        for path in HERE.glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    assert [name for names in SHOWN.values() for name in names if name not in there] == []


def test_a_task_says_which_host_carries_it_out(small: Client) -> None:
    task = small("Async.VM.pool_migrate", small.vm("web-02"), small.host("xs-01"), {})
    source = small("VM.get_resident_on", small.vm("web-02"))
    assert small("task.get_resident_on", task) == source != small.host("xs-01")
    small.finish(task)


def test_only_counts_of_references_are_integers_on_the_wire(small: Client) -> None:
    call = (
        "<methodCall><methodName>event.from</methodName><params>"
        f"<param><value>{small.ref}</value></param>"
        "<param><value><array><data><value>host</value></data></array></value></param>"
        "<param><value></value></param><param><value><double>0.1</double></value></param></params></methodCall>"
    )
    _, body, _ = post(small, "/RPC2", call.encode())
    assert b"<name>host</name><value><i4>3</i4></value>" in body
    assert body.count(b"<i4>") == 1
    assert b"<int>" not in body


def test_a_host_that_is_away_fails_the_page_with_its_code(small: Client) -> None:
    small("host.restart_agent", small.host("xs-01"))
    small.passes(10)
    small.until_enabled("xs-01")
    small("host.disable", small.host("xs-02"))
    small.do("host.evacuate", small.host("xs-02"))
    small("host.reboot", small.host("xs-02"))
    small.passes(60)
    status, body = small.get(f"/updates?session_id={small.ref}")
    assert status == 500
    assert f"GET_HOST_UPDATES_FAILED: [ {small.host('xs-02')} ]".encode() in body


def test_conditions_of_an_apply_are_asked_in_their_order(start: Callable[..., Client]) -> None:
    client = start("small", ha=True)
    world, host = client.pool.world, client.host("xs-02")
    allowed = dict(client.pool.run(lambda: world.db.get("pool", world.pool, "restrictions")))

    def licensed(yes: bool) -> None:
        said = {**allowed, "restrict_updates": "false" if yes else "true"}
        client.pool.run(lambda: world.db.set("pool", world.pool, restrictions=said))

    def why(checksum: str = "0" * 64) -> str:
        return client.fails("host.apply_updates", host, checksum)[0]

    # Everything is wrong at once; each refusal is put right before the next one shows.
    repositories = client("pool.get_repositories", client.pool_ref())
    checksum = client.checksum()
    client.pool.run(lambda: world.db.set("host", host, pending_guidances=["reboot_host"]))
    client.pool.run(lambda: world.db.set("pool", world.pool, repositories=[]))
    licensed(False)
    assert why() == "LICENCE_RESTRICTION"
    licensed(True)
    assert why() == "HA_IS_ENABLED"
    client("pool.disable_ha")
    assert why() == "HOST_PENDING_MANDATORY_GUIDANCE_NOT_EMPTY"
    client.pool.run(lambda: world.db.set("host", host, pending_guidances=[]))
    assert why() == "NO_REPOSITORY_ENABLED"
    client.pool.run(lambda: world.db.set("pool", world.pool, repositories=repositories))
    assert why() == "UPDATEINFO_HASH_MISMATCH"
    assert why(checksum) == "HOST_EVACUATION_IS_REQUIRED"
    client.do("host.evacuate", host)
    client.do("host.apply_updates", host, checksum)


@pytest.mark.parametrize("method", ["pool.sync_updates", "pool.check_update_readiness"])
def test_without_the_licence_nothing_about_updates_works(small: Client, method: str) -> None:
    world = small.pool.world
    small.pool.run(lambda: world.db.set("pool", world.pool, restrictions={"restrict_updates": "true"}))
    with refused("LICENCE_RESTRICTION", "Updates"):
        small(method, small.pool_ref(), False)
    assert small.get(f"/updates?session_id={small.ref}")[0] == 500
