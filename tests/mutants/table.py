"""The mutations: at least one for each invariant, in the words of what would go wrong."""

from __future__ import annotations

from tests.mutants.mutation import Mutation

_APPROVAL = "tests/rollout/test_approval.py::"
_CONTROLS = "tests/rollout/test_controls.py::"
_DEBTS = "tests/rollout/test_debts.py::"
_FIXES = "tests/rollout/test_fixes.py::"
_GATE = "tests/rollout/test_gate.py::"
_KILLED = "tests/rollout/test_killed.py::"
_LEVELS = "tests/rollout/test_guidance_levels.py::"
_OTHERS = "tests/rollout/test_other_people.py::"
_PLANNER = "tests/unit/rollout/test_planner.py::"
_ROLLING = "tests/rollout/test_rolling.py::"
_SECRETS = "tests/rollout/test_secrets.py::"
_SCHEDULES = "tests/rollout/test_snapshot_schedules.py::"
_SUCCESSION = "tests/rollout/test_succession.py::"
_DEADLINE = "tests/rollout/test_deadline.py::"
_LOST = "tests/rollout/test_lost_hosts.py::"
_TIMED = "tests/rollout/test_timed_pool.py::"
_TROUBLE = "tests/rollout/test_trouble.py::"
_VM_POLICY = "tests/rollout/test_vm_policy.py::"
_WINDOWS = "tests/rollout/test_windows.py::"
_WHOLE = "tests/rollout/test_whole_rollout.py::"
_AMENDMENT = "tests/unit/rollout/test_amendment.py::"
_AMENDMENTS = "tests/rollout/test_amendments.py::"
_STORED_AMENDMENTS = "tests/storage/test_amendments.py::"
_SKIPPING = "tests/unit/rollout/test_skipping.py::"
_POLICY = "tests/unit/rollout/test_policy.py::"
_TRANSITIONS = "tests/storage/test_transitions.py::"
_AUDIT = "tests/storage/test_audit.py::"
_MIRROR = "tests/xen/test_mirror.py::"

MUTATIONS = (
    # 1. Nothing changes without a quorum for exactly this digest.
    Mutation(
        "the requester's own approval counts",
        1,
        "bot/rollout/policy.py",
        " and approval.user != requester\n",
        "\n",
        (f"{_POLICY}test_the_requester_alone_never_makes_a_quorum",),
    ),
    Mutation(
        "approvals of an earlier spec count",
        1,
        "bot/rollout/policy.py",
        "counts = approval.digest == digest and not",
        "counts = not",
        (f"{_POLICY}test_approvals_of_another_spec_count_for_nothing",),
    ),
    Mutation(
        "one approval too few is enough",
        1,
        "bot/rollout/policy.py",
        "met = len(counted) >= policy.required or",
        "met = len(counted) >= policy.required - 1 or",
        (
            f"{_POLICY}test_a_quorum_is_that_many_people_who_each_count",
            f"{_APPROVAL}test_nothing_happens_before_enough_different_people_agreed",
        ),
    ),
    Mutation(
        "the quorum is not counted again at start",
        1,
        "bot/rollouts/start.py",
        "if not standing.quorum.met:",
        "if False:",
        (f"{_APPROVAL}test_who_lost_the_right_to_approve_before_the_start_counts_no_more",),
    ),
    Mutation(
        "an approval never grows old",
        1,
        "bot/rollouts/start.py",
        "if began and desk.time.now() > max(began) + within:",
        "if began and desk.time.now() < max(began):",
        (f"{_APPROVAL}test_an_approval_grows_old",),
    ),
    Mutation(
        "hosts are rebooted by name with as few approvals as what is mandatory",
        1,
        "bot/rollouts/standing.py",
        "    if kind == Kind.REBOOT:\n",
        "    if False:\n",
        (f"{_APPROVAL}test_how_many_must_approve_depends_on_what_is_asked_for",),
    ),
    Mutation(
        "any approver approves an emergency",
        1,
        "bot/rollouts/standing.py",
        "return Role.EMERGENCY if row.emergency else Role.APPROVER",
        "return Role.APPROVER",
        (
            "tests/rollout/test_emergency.py::"
            "test_an_emergency_waits_for_no_window_and_no_freeze_but_for_a_second_person",
        ),
    ),
    Mutation(
        "an approval that was taken back still lets it start",
        1,
        "bot/rollouts/deciding.py",
        "if row.state is State.APPROVED and not have.met:",
        "if False:",
        (f"{_APPROVAL}test_an_approval_is_taken_back_before_the_start",),
    ),
    Mutation(
        "a host is begun that is not done when the window closes",
        1,
        "bot/rollout/window.py",
        "now + timedelta(seconds=expected_seconds) <= hours.present.ends",
        "now <= hours.present.ends",
        (
            "tests/unit/rollout/test_window.py::test_a_host_begins_only_if_it_is_done_when_the_window_closes",
            "tests/rollout/test_windows.py::test_it_pauses_when_the_window_closes_and_goes_on_in_the_next_one",
        ),
    ),
    Mutation(
        "a rollout goes on in the next window whoever may approve by then",
        1,
        "bot/rollouts/timing.py",
        "if not standing_of(tx, row, self.settings, approvers).quorum.met:",
        "if False:",
        ("tests/rollout/test_windows.py::test_it_does_not_go_on_by_itself_when_the_approval_no_longer_stands",),
    ),
    Mutation(
        "a frozen pool is started on",
        1,
        "bot/rollouts/timing.py",
        "moment = max(earliest, frozen.until) if frozen is not None else earliest",
        "moment = earliest",
        ("tests/rollout/test_windows.py::test_nothing_starts_on_a_frozen_pool_and_what_runs_is_not_cut",),
    ),
    Mutation(
        "other updates than the approved ones are installed",
        1,
        "bot/rollouts/start.py",
        "    if differences:\n",
        "    if differences is None:\n",
        (f"{_APPROVAL}test_other_updates_than_the_approved_ones_are_not_installed",),
    ),
    Mutation(
        "whoever proposed an amendment is counted for it",
        1,
        "bot/rollout/policy.py",
        " and approval.user != proposer:\n",
        ":\n",
        (f"{_AMENDMENT}test_who_proposed_an_amendment_is_not_counted",),
    ),
    Mutation(
        "an amendment takes effect before enough people agreed",
        1,
        "bot/rollouts/amending.py",
        "        if have.met:\n",
        "        if have.counted:\n",
        (f"{_AMENDMENTS}test_after_a_failed_live_patch_a_reboot_is_approved_and_done",),
    ),
    Mutation(
        "who may approve an amendment is not asked again when it takes effect",
        1,
        "bot/rollouts/amending.py",
        "row.requester_id, given, approvers, proposer=proposer)",
        "row.requester_id, given, {entry.user for entry in given}, proposer=proposer)",
        (f"{_AMENDMENTS}test_who_lost_the_right_to_approve_before_it_takes_effect_counts_no_more",),
    ),
    Mutation(
        "an amendment takes effect after its time",
        1,
        "storage/amendments.py",
        "            *(in_time if state is AmendmentState.APPLIED else ()),\n",
        "",
        (f"{_STORED_AMENDMENTS}test_it_takes_no_effect_when_its_time_is_over_and_can_then_only_be_ended",),
    ),
    Mutation(
        "an amendment is approved after its time",
        1,
        "bot/rollouts/amending.py",
        "        if _late(amendment, self.time.now()):\n            raise",
        "        if False:\n            raise",
        (
            "tests/rollout/test_amendments.py::"
            "test_an_amendment_that_nobody_approves_in_time_expires_and_people_are_asked_anew",
        ),
    ),
    Mutation(
        "an amendment takes the place of a spec it was not proposed against",
        1,
        "storage/amendments.py",
        "            col(RolloutRow.digest) == amendment.replaces,\n",
        "",
        (f"{_STORED_AMENDMENTS}test_it_takes_effect_only_while_the_rollout_has_the_spec_it_was_proposed_against",),
    ),
    Mutation(
        "an amendment outlives the question that it answered",
        1,
        "storage/rollouts.py",
        "        amendments.overtake(tx, row, actor, at)\n",
        "        pass\n",
        (f"{_STORED_AMENDMENTS}test_whatever_moves_the_rollout_on_ends_its_amendment",),
    ),
    Mutation(
        "approvals of a rejected amendment count for the next one that says the same",
        1,
        "bot/rollout/spec.py",
        "    if spec.amendment:\n",
        "    if spec.schema < 0:\n",
        (f"{_AMENDMENT}test_the_same_change_proposed_twice_has_two_digests",),
    ),
    # 2. One rollout at a time; foreign work stops ours.
    Mutation(
        "another installation's claim is overlooked",
        2,
        "bot/rollout/preparing.py",
        "if pool.claim is not None and pool.claim != round_.memory.owner:",
        "if pool.claim is None and pool.claim == round_.memory.owner:",
        (f"{_OTHERS}test_a_claim_that_appears_in_mid_run_stops_us",),
    ),
    Mutation(
        "a sync in mid-run is overlooked",
        2,
        "bot/rollout/preparing.py",
        "if updating and round_.spec.kind == Kind.CDN and round_.snapshot.checksum != round_.spec.checksum:",
        "if False:",
        (f"{_OTHERS}test_a_sync_in_mid_run_is_asked_about_before_anything_else_is_done",),
    ),
    # 3. Coordinator first, and toolstacks restart whenever the version changes.
    Mutation(
        "hosts are taken by name, the coordinator among them",
        3,
        "bot/rollout/proposal.py",
        "key=lambda host: (host.uuid != coordinator, natural_key(host.name), host.uuid)",
        "key=lambda host: (coordinator == '', natural_key(host.name), host.uuid)",
        (f"{_LEVELS}test_the_coordinator_is_updated_and_restarted_before_any_member_restarts",),
    ),
    Mutation(
        "a new version restarts toolstacks only where guidance asks",
        3,
        "bot/rollout/need.py",
        "forced = self.memory.updates.changes_versions",
        "forced = False",
        (f"{_LEVELS}test_toolstacks_restart_for_a_new_version_even_where_the_update_does_not_ask_for_it",),
    ),
    Mutation(
        "a change of coordinator is not noticed",
        3,
        "bot/rollout/decide.py",
        "    changed = succession(round_) if updating else None\n",
        "    changed = None\n",
        (f"{_SUCCESSION}test_people_are_asked_sync_and_the_new_coordinator_comes_first",),
    ),
    Mutation(
        "a new coordinator need not be synced",
        3,
        "bot/rollout/succession.py",
        "    if stale is not None and pool.last_update_sync in (None, stale):\n",
        "    if False:\n",
        (f"{_SUCCESSION}test_a_lost_coordinator_is_replaced_by_a_member",),
    ),
    Mutation(
        "a member may restart ahead of a new coordinator",
        3,
        "bot/rollout/turn.py",
        "        return coordinator if HostNeed(self.round, coordinator).update_left else None\n",
        "        return None\n",
        (f"{_SUCCESSION}test_an_abort_does_not_restart_a_member_ahead_of_the_new_coordinator",),
    ),
    # 4. Only empty hosts are rebooted, only listed VMs are stopped.
    Mutation(
        "the last look before a reboot is left out",
        4,
        "bot/xen/verbs.py",
        "    if left:\n",
        "    if left is None:\n",
        (
            f"{_TROUBLE}test_a_vm_that_appears_on_an_emptied_host_is_never_caught_by_the_reboot",
            "tests/xen/test_connection.py::test_a_host_with_vms_is_never_rebooted",
        ),
    ),
    Mutation(
        "whatever cannot move is stopped, listed or not",
        4,
        "bot/rollout/turn.py",
        """        if allowed is None or allowed.treatment is VmTreatment.RESTART:
            return False
        if always""",
        """        if allowed is None:
            return "pool_migrate" not in vm.allowed_operations
        if always""",
        (f"{_TROUBLE}test_a_vm_that_must_not_be_stopped_keeps_its_host_running",),
    ),
    # 5. Every debt is settled at every end, or listed until it is.
    Mutation(
        "success does not give the settings back",
        5,
        "bot/rollout/decide.py",
        "given_back = clear and settle_pool(round_) and not round_.steps",
        "given_back = clear and not round_.steps",
        (f"{_DEBTS}test_success_gives_everything_back",),
    ),
    Mutation(
        "an abort does not give the settings back",
        5,
        "bot/rollout/decide.py",
        "    pool_clear = not busy and not quiet and settle_pool(round_)\n",
        "    pool_clear = not busy and not quiet\n",
        (
            f"{_DEBTS}test_an_abort_before_the_first_host_gives_everything_back",
            f"{_DEBTS}test_an_abort_finishes_the_host_in_hand_and_leaves_the_others_alone",
        ),
    ),
    Mutation(
        "a failure does not give the settings back",
        5,
        "bot/rollout/decide.py",
        "    if settle_pool(round_) and not round_.steps and release(round_)",
        "    if not round_.steps and release(round_)",
        (f"{_DEBTS}test_a_host_that_cannot_be_emptied_ends_it_before_any_host_is_touched",),
    ),
    Mutation(
        "a refused evacuation is not noticed before the first host",
        5,
        "bot/rollout/decide.py",
        "    if blocked is not None:\n",
        "    if blocked is None and blocked is not None:\n",
        (f"{_DEBTS}test_a_host_that_cannot_be_emptied_ends_it_before_any_host_is_touched",),
    ),
    Mutation(
        "HA that cannot return yet is forgotten",
        5,
        "bot/rollout/settling.py",
        """    if round_.snapshot.pool.versions_mixed and (round_.memory.aborting or round_.memory.skipped):
        round_.waiting.append((debt.key, MIXED))
""",
        """    if round_.snapshot.pool.versions_mixed and (round_.memory.aborting or round_.memory.skipped):
        round_.step(close(debt, "left_alone"), because("ha.restored"))
""",
        (f"{_DEBTS}test_ha_stays_owed_while_versions_differ_and_returns_with_the_rest_of_the_updates",),
    ),
    Mutation(
        "an abort insists on HA while versions differ",
        5,
        "bot/rollout/settling.py",
        "    if round_.snapshot.pool.versions_mixed and (round_.memory.aborting or round_.memory.skipped):\n",
        "    if False:\n",
        (f"{_DEBTS}test_ha_stays_owed_while_versions_differ_and_returns_with_the_rest_of_the_updates",),
    ),
    # 6. VMs end as they began; what others did is left alone.
    Mutation(
        "VMs are not waited for on their way home",
        6,
        "bot/rollout/homecoming.py",
        """        if not _settle_vm(round_, debt, host, final):
            clear = False
    return clear""",
        """        if not _settle_vm(round_, debt, host, final):
            clear = True
    return clear""",
        (f"{_DEBTS}test_a_suspended_vm_is_resumed_after_its_hosts_turn",),
    ),
    Mutation(
        "a VM that somebody stopped is started again",
        6,
        "bot/rollout/homecoming.py",
        """        if ours is None:
            round_.step(close(debt, "left_alone"), because("debt.left_alone", what="vm_home", subject=vm.name))
""",
        """        if ours is None:
            round_.pursue(StartVm(vm=vm.uuid, on=host.uuid), because("vm.starting", vm=vm.name, host=host.name))
""",
        (f"{_DEBTS}test_a_vm_that_somebody_stopped_is_left_alone_and_listed",),
    ),
    # 7. Killed at any moment, it goes on and ends the same.
    Mutation(
        "what a dead process was about to ask for is waited for without end",
        7,
        "bot/worker/ledger.py",
        "        elif recovering and intent.state is IntentState.OPEN:\n",
        "        elif recovering is None:\n",
        (f"{_KILLED}test_killed_at_every_action[before XAPI is asked]",),
    ),
    Mutation(
        "a reboot whose answer was lost is asked for again at once",
        7,
        "bot/rollout/pursuit.py",
        "    RebootHost: timedelta(minutes=15),",
        "    RebootHost: timedelta(0),",
        (f"{_KILLED}test_killed_at_every_action[before the answer is written down]",),
    ),
    Mutation(
        "debts are not written down",
        7,
        "bot/worker/hands.py",
        "        for debt in action.debts:\n",
        "        for debt in ():\n",
        (f"{_WHOLE}test_every_host_is_updated_and_the_pool_is_as_it_was",),
    ),
    Mutation(
        "an old process goes on beside the new one",
        7,
        "storage/rollouts.py",
        "    if fence != token:\n",
        "    if not token:\n",
        (f"{_KILLED}test_an_old_process_that_wakes_up_does_no_more",),
    ),
    Mutation(
        "a job whose end was never written down is nobody's",
        7,
        "bot/worker/jobs.py",
        "if job.id in before:",
        "if False:",
        ("tests/worker/test_engines.py::test_a_job_whose_end_could_not_be_written_down_is_taken_up_again",),
    ),
    Mutation(
        "a process that was frozen before its call makes it",
        7,
        "bot/worker/hands.py",
        "            self._check_fence()\n",
        "",
        (f"{_KILLED}test_a_process_that_was_frozen_just_before_its_call_does_not_make_it",),
    ),
    # 8. Every change of state has exactly one event in a chain that verifies.
    Mutation(
        "a transition overwrites what somebody else decided meanwhile",
        8,
        "storage/rollouts.py",
        ".where(col(RolloutRow.id) == rollout_id, col(RolloutRow.state) == present)",
        ".where(col(RolloutRow.id) == rollout_id)",
        (f"{_TRANSITIONS}test_who_is_overtaken_between_reading_and_writing_loses",),
    ),
    Mutation(
        "a line does not fix the lines before it",
        8,
        "storage/audit.py",
        "return hashlib.sha256(bytes.fromhex(previous_hash) + body).hexdigest()",
        "return hashlib.sha256(body).hexdigest()",
        (f"{_AUDIT}test_anybody_can_compute_the_chain_with_a_few_lines",),
    ),
    Mutation(
        "the published head is not compared",
        8,
        "storage/audit.py",
        "    if not published:\n",
        "    if published is None:\n",
        (
            f"{_AUDIT}test_cutting_off_the_end_together_with_the_head_is_found_by_a_published_head",
            f"{_AUDIT}test_rewriting_the_whole_chain_is_found_by_a_published_head",
        ),
    ),
    Mutation(
        "the bot does not begin while Slack is away",
        9,
        "bot/app.py",
        "if code in UNKNOWN_TOKEN:",
        "if code:",
        ("tests/slack/test_start.py::test_a_bot_that_starts_while_slack_is_away_works_and_connects_later",),
    ),
    Mutation(
        "a start is planned for what people ended meanwhile",
        8,
        "bot/rollouts/start.py",
        "        rollouts.still(tx, row.id, State.APPROVED)\n",
        "        rollouts.get(tx, row.id)\n",
        (f"{_WINDOWS}test_one_that_is_cancelled_while_its_pool_is_looked_at_stays_as_it_ended",),
    ),
    # 9. Messages are never lost, in order, at Slack's pace.
    Mutation(
        "what is over by now is announced",
        9,
        "bot/delivery/rendering.py",
        "        _check_coming(row, record)\n",
        "        pass\n",
        ("tests/slack/test_delivery.py::test_what_is_no_longer_to_come_is_not_announced",),
    ),
    Mutation(
        "a new sender forgets what was sent",
        9,
        "bot/delivery/sender.py",
        "        if not led:\n",
        "        if False:\n",
        (
            "tests/slack/test_delivery.py::test_a_new_sender_keeps_the_pace_of_the_one_before",
            "tests/slack/test_delivery.py::test_another_sender_and_other_rollouts_wait_as_long_as_slack_asked",
        ),
    ),
    Mutation(
        "a sender that leads no more sends what it took up",
        9,
        "bot/delivery/sender.py",
        "            elif self._still_leads():\n",
        "            else:\n",
        ("tests/slack/test_delivery.py::test_a_sender_that_was_frozen_before_it_sent_sends_no_more",),
    ),
    # 10. No secret, and no injected markup.
    Mutation(
        "the password is part of an address's repr",
        10,
        "bot/xen/address.py",
        "    password: str = field(repr=False)\n",
        "    password: str\n",
        (f"{_SECRETS}test_no_secret_in_logs_database_audit_trail_messages_and_errors",),
    ),
    Mutation(
        "pasted tokens are kept in the audit trail",
        10,
        "storage/audit.py",
        'return _SECRET_VALUE.sub("[removed]", value)',
        "return value",
        (f"{_AUDIT}test_a_pasted_token_is_blotted_out_wherever_it_stands",),
    ),
    Mutation(
        "names from XAPI are shown as they are",
        10,
        "bot/messages/text.py",
        '    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")\n\n\ndef name',
        "    return shown\n\n\ndef name",
        (f"{_SECRETS}test_names_and_texts_from_xapi_do_nothing_in_slack",),
    ),
    # 11. Everybody gets an answer.
    Mutation(
        "whoever may not gets no answer",
        11,
        "commands/call.py",
        "            (answer or self.answer)(told)\n",
        "            log.info(told.text)\n",
        ("tests/product/test_answers.py::test_everybody_gets_an_answer",),
    ),
    Mutation(
        "a form of an older release closes without a word",
        11,
        "commands/retired.py",
        'ack(response_action="update", view=message_view(str(view["title"]["text"]), retired_form(line)))',
        'ack(response_action="clear")',
        ("tests/slack/test_retired.py::test_an_old_form_that_is_sent_says_so_and_where_the_new_one_is",),
    ),
    # What people steer.
    Mutation(
        "the coordinator may be skipped",
        3,
        "bot/rollouts/steering.py",
        "    if host.uuid == row.coordinator:\n",
        "    if False:\n",
        (f"{_CONTROLS}test_the_coordinator_cannot_be_skipped",),
    ),
    Mutation(
        "members go on although a skipped host became the coordinator",
        3,
        "bot/rollout/decide.py",
        "    if updating and any(turn.host.is_coordinator and turn.update_left for turn in aside):\n",
        "    if False:\n",
        (f"{_SKIPPING}test_a_skipped_host_that_became_the_coordinator_stops_the_members",),
    ),
    Mutation(
        "a failed live patch is a reason to reboot whatever was approved",
        4,
        "bot/rollout/need.py",
        "return accepted or Task.REBOOT_HOST in self.ceiling",
        "return True",
        (f"{_AMENDMENT}test_a_failed_live_patch_is_asked_about_and_a_reboot_is_what_would_help",),
    ),
    Mutation(
        "after an amendment XAPI is not asked again what keeps a host",
        4,
        "bot/rollouts/amending.py",
        "[key for key in known if key.startswith(forgotten)]",
        "[]",
        (f"{_AMENDMENTS}test_a_vm_that_cannot_move_any_more_is_suspended_for_its_hosts_turn_and_resumed",),
    ),
    Mutation(
        "what was decided before a skip is done after it",
        4,
        "bot/worker/hands.py",
        "unchanged = present.skipped == self.row.skipped and present.digest",
        "unchanged = present.digest",
        (f"{_CONTROLS}test_what_was_decided_just_before_a_skip_is_not_done",),
    ),
    Mutation(
        "nobody asks about a debt that is a day old",
        5,
        "bot/clock.py",
        "self._settle, self._ask_about_debts, self._wake, self._tell_digests, self._prune),",
        "self._settle, self._wake, self._tell_digests, self._prune),",
        (f"{_CONTROLS}test_a_debt_is_asked_about_after_a_day_and_again_each_day",),
    ),
    # 12. A new pool is only told about.
    Mutation(
        "a new pool may be changed at once",
        12,
        "bot/settings/sections.py",
        '    mode: Literal["notify", "act"] = "notify"\n',
        '    mode: Literal["notify", "act"] = "act"\n',
        (
            f"{_APPROVAL}test_a_new_pool_is_in_notify_mode",
            f"{_APPROVAL}test_a_pool_is_only_told_about_until_its_configuration_says_act[]",
        ),
    ),
    Mutation(
        "notify mode does not keep anybody from asking",
        12,
        "bot/rollouts/asking.py",
        '        if self.settings.pool(alias).mode != "act":\n',
        '        if self.settings.pool(alias).mode not in ("act", "notify"):\n',
        (f"{_APPROVAL}test_a_pool_is_only_told_about_until_its_configuration_says_act",),
    ),
    Mutation(
        "a pool put back into notify mode is changed all the same",
        12,
        "bot/rollouts/start.py",
        '    if desk.settings.pool(row.pool_alias).mode != "act":\n',
        "    if False:\n",
        (f"{_APPROVAL}test_a_pool_that_was_put_back_into_notify_mode_is_left_alone",),
    ),
    # The planned presets keep XAPI's rules and people's bounds by themselves.
    Mutation(
        "the planner lets the coordinator restart with moves in flight",
        3,
        "bot/rollout/planner/planner.py",
        "            if not self.view.flights and not self.view.busy and not self._others_at_work(node):",
        "            if not self._others_at_work(node):",
        (f"{_PLANNER}test_the_coordinator_waits_for_what_is_in_flight",),
    ),
    Mutation(
        "the planner takes a second host out without spare for a failure",
        4,
        "bot/rollout/planner/planner.py",
        "        return out == 0 or not node.drains or self.placing.spare_without(node)\n",
        "        return True\n",
        (f"{_PLANNER}test_no_second_host_goes_out_without_spare_for_a_failure",),
    ),
    Mutation(
        "the planner moves VMs from updated hosts to hosts that are not",
        3,
        "bot/rollout/planner/placing.py",
        "                    and (node.behind or not other.behind)\n",
        "",
        (f"{_PLANNER}test_room_is_never_made_on_a_host_that_lacks_the_updates",),
    ),
    Mutation(
        "nobody waits for the first member to come back",
        3,
        "bot/rollout/planner/pipeline.py",
        "        if self.policy.canary and back < 1 + self.policy.canary:\n",
        "        if False:\n",
        (f"{_PLANNER}test_one_member_is_tried_before_the_others",),
    ),
    Mutation(
        "people's bound on hosts out of service is not kept",
        1,
        "bot/rollout/planner/planner.py",
        "        if self.policy.max_out and out_now(self.view.nodes) >= self.policy.max_out:\n",
        "        if False:\n",
        (f"{_PLANNER}test_the_bound_on_hosts_out_counts_hosts_of_every_kind",),
    ),
    Mutation(
        "a host that came back into service after its installation stands there for ever",
        7,
        "bot/rollout/rolling.py",
        ' or self.round.memory.intent(f"ApplyUpdates:{host.uuid}") is not None\n\n    def may_install',
        "\n\n    def may_install",
        (f"{_TIMED}test_a_host_that_comes_into_service_between_installation_and_restart_is_taken_out_again",),
    ),
    Mutation(
        "hosts are begun that would not be done by the deadline",
        1,
        "bot/rollout/deadline.py",
        "return deadline is None or now + timedelta(seconds=expected_seconds) <= deadline",
        "return deadline is None or now <= deadline",
        (f"{_DEADLINE}test_whatever_was_begun_is_done_in_time",),
    ),
    Mutation(
        "hosts that are out but not begun stay out while another is lost",
        5,
        "bot/rollout/rolling.py",
        "for turn in self.turns if lost else ():",
        "for turn in ():",
        (f"{_LOST}test_a_host_that_is_out_but_not_begun_serves_again_when_another_is_lost",),
    ),
    Mutation(
        "a host is taken out of service that cannot be reached",
        4,
        "bot/rollout/planner/planner.py",
        "            if node.not_before > 0:\n                self._try_again_in(node.not_before)\n"
        "                continue\n            begin",
        "            begin",
        (f"{_PLANNER}test_a_host_that_cannot_be_reached_is_neither_taken_out_nor_left_by_vms_that_go_home",),
    ),
    Mutation(
        "a VM that is leaving counts as home",
        6,
        "bot/rollout/homecoming.py",
        "    if elsewhere is not None and elsewhere != host.uuid:\n",
        "    if False:\n",
        (f"{_ROLLING}test_an_abort_while_vms_leave_brings_them_home",),
    ),
    # Fixes that people chose, and the gate after each turn.
    Mutation(
        "a disc is taken out without being owed",
        5,
        "bot/rollout/discs.py",
        "EjectDisc(vm=vm.uuid, drive=drive.vbd, debts=(debt,))",
        "EjectDisc(vm=vm.uuid, drive=drive.vbd)",
        (f"{_FIXES}test_a_disc_is_taken_out_and_put_back_after_its_hosts_turn",),
    ),
    Mutation(
        "a host that was lent is never given back",
        5,
        "bot/rollout/settling.py",
        "lent = settle_lent(round_)",
        "lent = True",
        (f"{_FIXES}test_a_host_that_was_lent_goes_back_to_people",),
    ),
    Mutation(
        "discs of every VM are taken out, approved or not",
        1,
        "bot/rollout/remedying.py",
        "for uuid in subjects_of(round_.spec.fixes, Remedy.EJECT_CDS):",
        "for uuid in [vm.uuid for vm in round_.snapshot.vms]:",
        ("tests/rollout/test_any_pool.py::test_every_rollout_ends_with_every_host_updated_and_the_pool_as_it_was",),
    ),
    Mutation(
        "the next host is touched whatever the gate found",
        4,
        "bot/rollout/gate.py",
        'if not found or result.get("accepted"):',
        "if True:",
        (f"{_GATE}test_what_a_host_lacks_after_its_turn_stops_the_run_before_the_next",),
    ),
    # 7. What is decided is decided on the pool as it is: events show what reading everything shows.
    Mutation(
        "a look believes the events of another session",
        7,
        "bot/xen/mirror.py",
        "if link is not self._link or self._is_old():",
        "if self._is_old():",
        (f"{_MIRROR}test_a_session_that_somebody_else_replaced_begins_it_anew",),
    ),
    Mutation(
        "events that do not add up are believed",
        7,
        "bot/xen/mirror.py",
        "return bool(self._token) and counts == {name: len(records) for name, records in self._records.items()}",
        "return bool(self._token)",
        (f"{_MIRROR}test_counts_that_differ_from_xapis_own_begin_it_anew",),
    ),
    Mutation(
        "a VM that changed is shown as it was",
        7,
        "bot/xen/snapshot.py",
        "known if known is not None and known[0] is record else (record, _vm(records, ref, record))",
        "known if known is not None else (record, _vm(records, ref, record))",
        (f"{_MIRROR}test_what_changed_between_two_looks_is_shown",),
    ),
    # 4. What people said of single VMs.
    Mutation(
        "a VM that is to be left as it is leaves with the others",
        4,
        "bot/rollout/turn.py",
        "kept_on(self.round.snapshot, self.spec.rules, self.host.uuid)",
        "kept_on(self.round.snapshot, (), self.host.uuid)",
        (f"{_VM_POLICY}test_a_vm_that_is_left_and_came_to_another_host_makes_the_rollout_ask",),
    ),
    Mutation(
        "whoever is stopped by a rule of its own is stopped only if it cannot move",
        4,
        "bot/rollout/vm_policy.py",
        "    return allowed if by_rule else None\n",
        "    return None\n",
        (f"{_VM_POLICY}test_a_vm_with_a_tag_is_suspended_for_its_hosts_turn_and_never_moved",),
    ),
    Mutation(
        "VMs that were stopped come back in any order",
        6,
        "bot/rollout/homecoming.py",
        "    return place > 0 and any(\n",
        "    return False and any(\n",
        (f"{_VM_POLICY}test_vms_of_one_host_go_down_and_come_back_in_their_order",),
    ),
    Mutation(
        "snapshot schedules stay off at an abort",
        5,
        "bot/rollout/settling.py",
        "            settle_schedules(round_),\n",
        "            round_.memory.aborting or settle_schedules(round_),\n",
        (f"{_SCHEDULES}test_it_comes_back_at_every_end[abort]",),
    ),
)
