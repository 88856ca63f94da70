"""The words people read. A change of wording is a decision, so some messages stand here in full."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from bot.lab.slack.plain import plain_blocks
from bot.messages import status
from bot.messages.answers import approved, requested
from bot.messages.attention import attention
from bot.messages.card import Ask, card, parse_value, value_of
from bot.messages.notice import NoticeFacts, notice
from bot.messages.outcome import Done, outcome
from bot.messages.progress import progress
from bot.messages.updates import cves, security_first
from bot.messages.work import cost, minutes
from bot.rollout.errors import StaleDigest
from bot.rollout.lifecycle import State
from bot.rollout.memory import TurnPhase
from bot.rollout.reason import because
from tests.unit.messages.made import NOW, standing_of, updates_for

PEOPLE = {"U0ALICE": "alice", "U0BOB": "bob", "S0APPROVERS": "xs-approvers", "C0UPDATES": "xs-updates"}
ASK = Ask(("S0APPROVERS",))
PHASES = (TurnPhase.DONE, TurnPhase.EVACUATING)


def read(blocks: Sequence[dict[str, Any]]) -> str:
    return plain_blocks(list(blocks), PEOPLE)


CARD = """\
Update of pool lab: rollout 42
○ *Waiting for approval*
Approvals: 0 of 2, waiting for @xs-approvers; expires 2026-11-21 10:00 UTC.
Nothing is changed before that. With the last approval it starts by itself.
*Asked for by*
@alice, 2026-11-20 10:00 UTC
*Pool*
lab, 3 hosts
*Updates*
3 updates (1 security fix, 2 improvements)
checksum `c0ffeec0ffee`
*Guidance level*
Recommended
*Expected cost*
3 host reboots, 24 live VM moves, 1 VM stopped for a while; about 42 min to 1 h 18 min
*Approvals*
0 of 2
*Reason given*
>CHG-1234, the November fixes
*Hosts, in this order*
1. *xs-01*: stop vm-01, move 4 VMs away, install the updates, reboot, bring its VMs back (about 20 min)
2. *xs-02*: move 4 VMs away, install the updates, reboot, bring its VMs back (about 20 min)
3. *xs-03*: move 4 VMs away, install the updates, reboot, bring its VMs back (about 20 min)
*VMs that may be stopped (1)*
• vm-01: suspended while its host is updated, then resumed
*Switched off meanwhile and given back at the end:* high availability (HA), the sync schedule.
"""


def test_the_card_says_what_is_asked_of_whom() -> None:
    made = card(standing_of(vms=1), ASK)
    assert read(made.blocks).startswith(CARD)
    assert "<@U0ALICE> asks to update pool lab (recommended guidance)" in made.text
    assert "waiting for <!subteam^S0APPROVERS>" in made.text


def test_the_buttons_carry_the_id_and_the_digest_and_nothing_else() -> None:
    made = standing_of()
    row = card(made, ASK).blocks[-1]
    assert [(entry["action_id"], entry["value"]) for entry in row["elements"]] == [
        ("card_approve", f"42:{made.digest}"),
        ("card_reject", f"42:{made.digest}"),
    ]
    confirm = row["elements"][0]["confirm"]
    assert confirm["title"]["text"] == "Approve rollout 42?"
    assert "Pool lab: xs-01, xs-02, xs-03. 3 host reboots" in confirm["text"]["text"]


@pytest.mark.parametrize("value", ["", "42", "x:y", "42:", "٤٢:abc", '{"rollout": 42}'])
def test_a_value_of_another_release_is_refused(value: str) -> None:
    with pytest.raises(StaleDigest):
        parse_value(value)
    assert parse_value(value_of(42, "abc")) == (42, "abc")


def test_a_pool_without_review_says_so_on_every_card() -> None:
    shown = read(card(standing_of(State.APPROVED, unreviewed=True), ASK).blocks)
    assert "not needed: this pool is configured to start without review" in shown


@pytest.mark.parametrize("state", list(State))
def test_only_a_waiting_card_has_buttons(state: State) -> None:
    problem = {"reason": because("pool.released").as_dict(), "options": [], "keys": []}
    made = card(standing_of(state, problem=problem if state is State.NEEDS_ATTENTION else None), ASK)
    has_buttons = any(block["type"] == "actions" for block in made.blocks)
    assert has_buttons is (state is State.AWAITING_APPROVAL)


def test_the_notice_puts_security_first() -> None:
    updates = updates_for(count=7)
    made = notice(NoticeFacts("lab", "Berlin", "updates", updates=updates))
    shown = read(made.blocks)
    assert [update.type for update in security_first(updates)][:3] == ["SecurityFix"] * 3
    assert cves(updates) == ["CVE-2026-1000", "CVE-2026-1003", "CVE-2026-1006"]
    assert (
        "Pool lab, 3 hosts: 7 updates (3 security fixes, 4 improvements). (In XenServer the pool is called Berlin.)"
        in shown
    )
    assert "*Mandatory* (only the tasks that cannot be left out): 3 toolstack restarts" in shown
    assert "*Full* (every task, so that every fix is in effect): 3 host reboots" in shown
    assert "Recommended guidance: 3 host reboots; VMs move live from host to host." in made.text
    assert "CVE-2026-1006" in made.text


def test_a_pool_in_notify_mode_offers_no_plan() -> None:
    """Invariant 12, as people see it."""
    made = notice(NoticeFacts("lab", "lab", "updates", updates=updates_for(), acts=False))
    assert [entry["action_id"] for entry in made.blocks[-2]["elements"]] == ["notice_details"]
    assert 'mode = "act"' in read(made.blocks)


def test_the_progress_says_how_far_each_host_is() -> None:
    made = progress(standing_of(State.RUNNING, phases=PHASES))
    (plan,) = [block for block in made.blocks if block["type"] == "plan"]
    assert plan["title"] == "Rollout 42, pool lab: running, 1 of 3 hosts done"
    assert [(task["title"], task["status"]) for task in plan["tasks"]] == [
        ("xs-01: done", "complete"),
        ("xs-02: moving its VMs away", "in_progress"),
        ("xs-03: waiting for its turn", "pending"),
    ]
    assert "xs-02: moving its VMs away, 3 of 7 VMs left." in made.text


def test_needs_attention_says_what_happened_what_it_means_and_what_to_do() -> None:
    problem = {"reason": because("host.not_back", host="xs-02", minutes=31, action="reboot").as_dict()}
    made = attention(standing_of(State.NEEDS_ATTENTION, phases=PHASES, problem=problem, debts=1), None, ASK.approvers)
    shown = read(made.blocks)
    assert "*What happened*\nxs-02 has not come back 31 minutes after reboot." in shown
    assert "Updated: xs-01. In the middle of its turn: xs-02. Not touched yet: 1 host (xs-03)." in shown
    assert "*Retry*: the rollout looks at the pool again" in shown
    assert "@xs-approvers: please decide." in shown
    assert "VM vm-01 has to go back to the host it ran on" in shown
    assert "xs-02 has not come back" in made.text


def test_the_outcome_says_what_was_done_and_what_is_owed() -> None:
    made = outcome(
        standing_of(
            State.ABORTED,
            phases=PHASES,
            debts=2,
            approvals=("U0BOB",),
            started_at=NOW,
            finished_at=NOW + timedelta(minutes=50),
            headline=because("rollout.aborted").as_dict(),
        ),
        Done(reboots=1, emptied=2, homecomings=4),
    )
    shown = read(made.blocks)
    assert "Rollout 42, pool lab: Aborted" in shown
    assert "1 host is up to date at the chosen level: xs-01. Not finished: xs-02, xs-03." in shown
    assert "Done in 50 min: 2 hosts emptied by live moves, 1 host reboot, 4 VMs moved back home." in shown
    assert "*Still owed to the pool (2)*" in shown
    assert "Asked for by @alice; approved by @bob." in shown


def test_an_outcome_without_debts_says_so() -> None:
    shown = read(outcome(standing_of(State.SUCCEEDED, phases=(TurnPhase.DONE,) * 3), Done(3)).blocks)
    assert "Nothing is owed" in shown


def test_status_and_answers() -> None:
    waiting, running = standing_of(), standing_of(State.RUNNING, phases=PHASES, debts=2)
    shown = read(status.status([waiting, running], {}).blocks)
    assert "Approvals: 0 of 2; expires 2026-11-21 10:00 UTC" in shown
    assert "Gives back at its end: 2 VMs away from home." in shown
    assert "1 of 2 (<@U0BOB>)" in approved(standing_of(approvals=("U0BOB",))).text
    assert "Its card in <#C0UPDATES> asks for 2 approvals." in requested(waiting, "C0UPDATES").text


def test_costs_and_times_read_as_people_say_them() -> None:
    assert cost() == "no reboot, no restart, no VM moved"
    assert cost(reboots=1, moves=2) == "1 host reboot, 2 live VM moves"
    assert minutes(20, 20) == "about 20 min"
    assert minutes(20, 45) == "about 20 to 45 min"
    assert minutes(40, 90) == "about 40 min to 1 h 30 min"
