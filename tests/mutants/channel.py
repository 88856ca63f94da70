"""Mutations of what people see in their channel and on their Home tab."""

from __future__ import annotations

from tests.mutants.mutation import Mutation

_HOMES = "tests/slack/test_homes_kept_up.py::"
_REPLACING = "tests/rollout/test_replacing.py::"
_NOTICES = "tests/rollout/test_notices.py::"
_NOTICE = "tests/unit/messages/test_notice.py::"

MUTATIONS = (
    Mutation(
        "each clock tells the weekly digest",
        9,
        "storage/digests.py",
        "    except IntegrityError:\n        return False\n",
        "    except IntegrityError:\n        pass\n",
        ("tests/storage/test_digests.py::test_of_clocks_that_tell_it_at_the_same_time_one_does",),
    ),
    Mutation(
        "that it goes on is announced again and again",
        9,
        "storage/timing.py",
        "    if getattr(row, said_at) is not None:\n        return False\n",
        "",
        ("tests/storage/test_freezes.py::test_that_it_goes_on_is_announced_once_for_each_time",),
    ),
    Mutation(
        "a time that a freeze forbids is announced",
        9,
        "bot/rollouts/timing.py",
        "begins is None or not (row.emergency or self.first_start(tx, row.pool_alias, begins).at == begins)",
        "begins is None",
        ("tests/rollout/test_windows.py::test_nothing_starts_on_a_frozen_pool_and_what_runs_is_not_cut",),
    ),
    Mutation(
        "a requester is asked to approve their own request on the Home tab",
        1,
        "storage/homes.py",
        "frozenset(agreed | {row.requester_id} | proposer)",
        "frozenset(agreed | proposer)",
        (f"{_HOMES}test_a_few_at_once_and_everybody_in_the_end",),
    ),
    Mutation(
        "every process keeps Home tabs up",
        9,
        "bot/delivery/homes.py",
        "if not self._leads() or moment < self._quiet_until:",
        "if moment < self._quiet_until:",
        (f"{_HOMES}test_only_the_leader_keeps_tabs_up",),
    ),
    Mutation(
        "a Home tab is published although Slack asked to wait",
        9,
        "bot/delivery/homes.py",
        "self._quiet_until = moment + retry_after(error)",
        "self._quiet_until = moment",
        (f"{_HOMES}test_when_slack_asks_to_wait_it_is_left_in_peace",),
    ),
    Mutation(
        "whoever only looks folds a notice away",
        1,
        "bot/rollouts/noticing.py",
        'if actor.kind == "slack" and not',
        "if False and not",
        (f"{_NOTICES}test_whoever_holds_no_role_that_acts_folds_nothing_away",),
    ),
    Mutation(
        "a changed request does not say what it replaces",
        1,
        "bot/rollouts/asking.py",
        "                replaces=instead_of.rollout if instead_of is not None else None,\n",
        "",
        (f"{_REPLACING}test_a_changed_request_begins_without_approvals_and_shows_the_difference",),
    ),
    Mutation(
        "somebody else's request is replaced by whoever may ask",
        1,
        "bot/rollouts/asking.py",
        "            self.may_replace(instead_of.rollout, instead_of.digest, actor)\n",
        "            pass\n",
        (f"{_REPLACING}test_somebody_elses_request_is_changed_by_approvers_alone",),
    ),
    Mutation(
        "checks that see more than was asked for leave the request as it is",
        1,
        "bot/rollouts/asking.py",
        "            if differences:\n",
        "            if False:\n",
        (f"{_REPLACING}test_checks_that_see_more_than_was_asked_for_void_the_request",),
    ),
    Mutation(
        "a snoozed notice comes back where nobody sees it",
        9,
        "storage/notices.py",
        "        posted.forget(tx, notice_key(notice.id))\n",
        "        pass\n",
        (f"{_NOTICES}test_a_snoozed_notice_is_told_anew_when_its_time_has_come",),
    ),
    Mutation(
        "a foreign address ends its link early",
        10,
        "bot/messages/updates.py",
        "found = _ADDRESS.fullmatch(update.url)",
        "found = _ADDRESS.match(update.url)",
        tuple(f"{_NOTICE}test_an_address_that_could_end_its_link_is_not_linked[{how}]" for how in ("bar", "blank")),
    ),
)
