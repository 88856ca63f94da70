"""Mistakes in what people read of single VMs and in which VM they mean, each of which a test must notice."""

from __future__ import annotations

from tests.mutants.mutation import Mutation

_WATCHING = "tests/unit/rollout/test_watching.py::"
_STORED = "tests/storage/test_progress.py::"
_STOCK = "tests/unit/rollout/test_gate.py::"

MUTATIONS = (
    Mutation(
        "a changed request means another VM that got the name since",
        1,
        "bot/rollout/vm_policy.py",
        "replace(wish, subject=rule.uuid, resolved=True, called=rule.name)",
        "wish",
        ("tests/unit/rollout/test_vm_policy.py::test_a_request_that_is_changed_names_its_vms_and_means_those_of_then",),
    ),
    Mutation(
        "a VM is said to be further than it is",
        11,
        "bot/rollout/vm_progress.py",
        "// _STEP * _STEP",
        "// _STEP * _STEP + _STEP",
        (f"{_WATCHING}test_percents_go_in_steps_and_never_ahead",),
    ),
    Mutation(
        "why a move failed is forgotten when it is tried again",
        11,
        "storage/intents.py",
        "    row.earlier = list(row.error) or row.earlier\n",
        "",
        ("tests/storage/test_intents.py::test_asking_again_counts_and_clears_the_last_answer",),
    ),
    Mutation(
        "every VM is blamed for one that failed to leave",
        11,
        "bot/rollout/watching.py",
        " or residents\n",
        " and residents\n",
        (f"{_WATCHING}test_an_evacuation_that_gave_up_is_told_of_the_vm_that_it_gave_up_over",),
    ),
    Mutation(
        "percents alone use up Slack's edits",
        9,
        "storage/turns.py",
        "    return News.FURTHER if then_shown != shown else News.NOTHING\n",
        "    return News.OTHER if then_shown != shown else News.NOTHING\n",
        (f"{_STORED}test_what_is_new_about_vms_is_told_apart_from_how_far_they_got",),
    ),
    Mutation(
        "a snapshot schedule that stays off is not told in the outcome",
        5,
        "bot/rollout/stock.py",
        "if a[1] and not b[1]",
        "if False",
        (f"{_STOCK}test_before_compared_with_after[after16-compared.schedules_off]",),
    ),
)
