"""Mutations of what administrators set on a pool, and of backups before a run."""

from __future__ import annotations

from tests.mutants.mutation import Mutation

_CONFIGURING = "tests/rollout/test_configuring.py::"
_BACKUPS = "tests/rollout/test_backups.py::"
_KINDS = "tests/rollout/test_kinds.py::"
_RULES = "tests/unit/rollout/test_backups.py::"

MUTATIONS = (
    Mutation(
        "a channel is switched under a rollout",
        1,
        "bot/rollouts/configuring.py",
        "    if busy is not None:\n",
        "    if False:\n",
        (f"{_CONFIGURING}test_nothing_is_configured_while_a_rollout_holds_the_pool",),
    ),
    Mutation(
        "a channel is switched under another installation's claim",
        2,
        "bot/rollouts/configuring.py",
        "        if before.claim is not None:\n",
        "        if False:\n",
        (f"{_CONFIGURING}test_nothing_is_configured_while_another_installation_holds_the_pool",),
    ),
    Mutation(
        "a claim that is written at the last moment is not seen",
        2,
        "bot/rollouts/configuring.py",
        '            gateway.check_claim("")\n',
        "",
        (f"{_CONFIGURING}test_who_claims_the_pool_at_the_last_moment_keeps_it",),
    ),
    Mutation(
        "a pool is synced under another installation's claim",
        2,
        "bot/rollouts/upkeep.py",
        '        gateway.check_claim(f"{self.settings.installation}/{busy.id}" if busy is not None else "")\n',
        "",
        (f"{_CONFIGURING}test_nothing_is_synced_while_another_installation_holds_the_pool",),
    ),
    Mutation(
        "part of a password is shown with an address",
        10,
        "bot/rollout/channel.py",
        "rest.rpartition('@')[2]",
        "rest",
        (f"{_CONFIGURING}test_no_part_of_a_password_is_left_in_an_address",),
    ),
    Mutation(
        "an upload keeps the answers to others waiting",
        12,
        "commands/bundle.py",
        "        call.apart(lambda: _fetch_and_upload(call, alias, file))\n",
        "        _fetch_and_upload(call, alias, file)\n",
        ("tests/slack/test_configuring.py::test_uploads_that_last_keep_nobody_waiting",),
    ),
    Mutation(
        "anybody configures a pool",
        1,
        "bot/rollouts/configuring.py",
        "        require(self.authority, actor, Role.ADMIN, self._known(alias))\n",
        "        self._known(alias)\n",
        (f"{_CONFIGURING}test_only_admins_of_a_pool_that_may_be_changed",),
    ),
    Mutation(
        "a pool in notify mode is configured",
        12,
        "bot/rollouts/configuring.py",
        '        if pool.mode != "act":\n',
        "        if False:\n",
        (f"{_CONFIGURING}test_only_admins_of_a_pool_that_may_be_changed",),
    ),
    Mutation(
        "a bundle is read from anywhere on the machine",
        10,
        "bot/rollouts/configuring.py",
        'if Path(name).name != name or name in ("", ".", "..") or wanted.resolve().parent != directory.resolve():',
        "if False:",
        (f"{_CONFIGURING}test_bundles_come_from_the_configured_directory_alone",),
    ),
    Mutation(
        "the run begins although its backup is not whole",
        1,
        "bot/rollout/preparing.py",
        "    if not copies_taken(round_):\n        return False\n",
        "    copies_taken(round_)\n",
        (f"{_RULES}test_the_database_comes_first_then_metadata_then_hosts_then_our_mark",),
    ),
    Mutation(
        "a backup that failed is taken for one that is there",
        1,
        "bot/rollout/backups.py",
        "    return plan.go_on and lasting\n",
        "    return lasting\n",
        (f"{_RULES}test_a_failure_blocks_unless_the_spec_says_otherwise",),
    ),
    Mutation(
        "half a dump passes for a backup",
        1,
        "bot/worker/backups.py",
        "            _check(kind, name, part, snapshot)\n",
        "",
        (f"{_BACKUPS}test_a_backup_that_is_not_whole_stops_the_run_before_anything_is_touched[backup_truncated]",),
    ),
    Mutation(
        "an empty database passes for a backup",
        1,
        "bot/worker/backups.py",
        "    if not hosts or not pools:\n        raise",
        "    if False:\n        raise",
        (f"{_BACKUPS}test_the_stub_of_a_pool_between_two_versions_is_no_backup",),
    ),
    Mutation(
        "everybody on the machine can read the dump",
        10,
        "bot/worker/backups.py",
        "os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)",
        "os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)",
        (f"{_BACKUPS}test_copies_are_taken_first_checked_and_kept_from_others",),
    ),
    Mutation(
        "people read a proxy's password in the form",
        10,
        "bot/messages/configuring.py",
        "                line_input(_FIELD),\n",
        '                line_input(_FIELD, initial="hunter2-word"),\n',
        (f"{_CONFIGURING}test_the_proxys_password_is_kept_nowhere",),
    ),
    Mutation(
        "a rollout of pending tasks installs what is available",
        1,
        "bot/rollouts/preview.py",
        "        updates = nothing_to_install(snapshot)\n",
        "        updates = gateway.updates()\n",
        (f"{_KINDS}test_what_is_pending_is_carried_out_and_nothing_installed",),
    ),
    Mutation(
        "a rolling reboot takes hosts that nobody chose",
        1,
        "bot/rollout/proposal.py",
        "        return not choices.hosts or host.uuid in choices.hosts\n",
        "        return True\n",
        (f"{_KINDS}test_chosen_hosts_are_rebooted_once_each_whatever_is_available",),
    ),
)
