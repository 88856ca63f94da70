"""The words people read. A change of wording is a decision, so some messages stand here in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.lab.slack.plain import plain_blocks
from bot.messages import status
from bot.messages.amendment import amendment_card
from bot.messages.answers import approved, requested
from bot.messages.attention import attention
from bot.messages.card import Ask, card, parse_value, value_of
from bot.messages.errors import refusal
from bot.messages.message import Message
from bot.messages.notice import NoticeFacts, notice
from bot.messages.outcome import Done, outcome
from bot.messages.progress import progress
from bot.messages.sentences import sentence, templates
from bot.messages.updates import cves, security_first
from bot.messages.work import cost, minutes
from bot.rollout.amendment import AmendmentKind, AmendmentState, Offer
from bot.rollout.errors import StaleDigest
from bot.rollout.lifecycle import State
from bot.rollout.memory import Debt, DebtKind, TurnPhase
from bot.rollout.reason import Reason, because
from bot.rollout.spec import VmAllowance, VmTreatment
from bot.rollouts.roles import not_an_approver
from tests.unit.messages.made import NOW, amendment_of, standing_of, updates_for

PEOPLE = {"U0ALICE": "alice", "U0BOB": "bob", "S0APPROVERS": "xs-approvers", "C0UPDATES": "xs-updates"}
ASK = Ask(("S0APPROVERS",))
PHASES = (TurnPhase.DONE, TurnPhase.EVACUATING)


def read(blocks: Sequence[dict[str, Any]]) -> str:
    return plain_blocks(list(blocks), PEOPLE)


CARD = """\
Rollout 42, pool lab
○ *Waiting for approval*
@alice asks: *update 3 hosts* of pool lab: 3 host reboots, 24 live VM moves, 1 VM stopped for a while;\
 about 42 min to 1 h 18 min.
Approvals: 0 of 2, waiting for @xs-approvers; expires 2026-11-21 10:00 UTC (then nothing happens).
Nothing changes until 2 people approve; it then starts at once.
*Asked for by*
@alice, 2026-11-20 10:00 UTC
*Pool*
lab, 3 hosts
*Updates*
3 updates (1 security fix, 2 improvements)
checksum `c0ffeec0ffee`
*Guidance level*
Recommended
*Way of work*
One by one (one host after the other, placed by XenServer); VMs in the end: back on the hosts they came from
*Expected cost*
3 host reboots, 24 live VM moves, 1 VM stopped for a while; about 42 min to 1 h 18 min
*Approvals*
0 of 2
@alice asked for it and cannot approve it
*Reason for the request*
>CHG-1234, the November fixes
*Hosts, in this order*
1. *xs-01*: stop vm-01, move 4 VMs away, install the updates, reboot, bring its VMs back (about 20 min)
2. *xs-02*: move 4 VMs away, install the updates, reboot, bring its VMs back (about 20 min)
3. *xs-03*: move 4 VMs away, install the updates, reboot, bring its VMs back (about 20 min)
*VMs that may be stopped (1)*
• vm-01: suspended while its host is updated, then resumed
*Switched off meanwhile and restored at the end:* high availability (HA; XenServer installs no updates while it is on),\
 the sync schedule.
• This changes the XenServer version, so every host restarts its toolstack or reboots (xs-01 first).
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
        ("card_change", f"42:{made.digest}"),
        ("card_check", f"42:{made.digest}"),
        ("card_cancel", f"42:{made.digest}"),
    ]
    confirm = row["elements"][0]["confirm"]
    assert confirm["title"]["text"] == "Approve rollout 42?"
    assert confirm["text"]["text"] == (
        "This is approval 1 of 2; it starts after the second. Pool lab: xs-01, xs-02, xs-03. 3 host reboots, 24 live VM"
        " moves, about 42 min to 1 h 18 min. No VM is stopped. High availability is off meanwhile."
    )
    last = card(standing_of(approvals=("U0BOB",)), ASK).blocks[-1]["elements"][0]["confirm"]["text"]["text"]
    assert last.startswith("This is the last approval: it starts now.")


@pytest.mark.parametrize("value", ["", "42", "x:y", "42:", "٤٢:abc", '{"rollout": 42}'])
def test_a_value_of_another_release_is_refused(value: str) -> None:
    with pytest.raises(StaleDigest):
        parse_value(value)
    assert parse_value(value_of(42, "abc")) == (42, "abc")


def test_a_pool_without_review_says_so_on_every_card() -> None:
    shown = read(card(standing_of(State.APPROVED, unreviewed=True), ASK).blocks)
    assert "not needed: this pool is configured to start without review" in shown


@pytest.mark.parametrize("state", list(State))
def test_only_a_waiting_card_can_be_approved(state: State) -> None:
    problem = {"reason": because("pool.released").as_dict(), "options": [], "keys": []}
    made = card(standing_of(state, problem=problem if state is State.NEEDS_ATTENTION else None), ASK)
    buttons = [
        entry["text"]["text"] for block in made.blocks if block["type"] == "actions" for entry in block["elements"]
    ]
    assert ("Approve" in buttons and "Reject…" in buttons) is (state is State.AWAITING_APPROVAL)
    assert ("Cancel" in buttons) is (state in (State.AWAITING_APPROVAL, State.APPROVED))
    assert (buttons == ["Ask again…"]) is (state in (State.SUPERSEDED, State.EXPIRED, State.REJECTED))


def test_the_card_says_whose_approval_does_not_count() -> None:
    made = standing_of(approvals=("U0BOB", "U0CAROL"))
    assert "0 of 2\n@alice asked for it and cannot approve it" in read(card(standing_of(), ASK).blocks)
    lost = replace(made, quorum=replace(made.quorum, counted=("U0CAROL",)))
    assert "1 of 2 (@U0CAROL)\n@alice asked for it and cannot approve it; @bob approved and may no longer" in read(
        card(lost, ASK).blocks
    )


def test_the_card_of_a_changed_request_shows_the_difference() -> None:
    made = standing_of(replaces=41)
    assert "*Asked for again*, the same as rollout 41." in read(card(made, ASK).blocks)
    differs = tuple(because("spec.host_added", host=f"xs-{number}", tasks="RebootHost") for number in range(14))
    shown = read(card(replace(made, replaced=differs), ASK).blocks)
    assert "*Takes the place of rollout 41; what is different*" in shown
    assert "xs-0" in shown
    assert "… and 2 more" in shown


def test_the_coordinator_is_said_to_come_first() -> None:
    made = standing_of()
    first, *others = made.forecast.turns
    shown = read(
        card(
            replace(made, forecast=replace(made.forecast, turns=(replace(first, coordinator=True), *others))), ASK
        ).blocks
    )
    assert "1. *xs-01* (the coordinator, before all others): move" in shown
    assert "2. *xs-02*: move" in shown


def test_the_notice_puts_security_first() -> None:
    updates = updates_for(count=7)
    made = notice(NoticeFacts("lab", "Berlin", "updates", updates=updates))
    shown = read(made.blocks)
    assert [update.type for update in security_first(updates)][:3] == ["SecurityFix"] * 3
    assert cves(updates) == ["CVE-2026-1000", "CVE-2026-1003", "CVE-2026-1006"]
    told = "Pool lab, 3 hosts: 7 updates (3 security fixes, 4 improvements); severity: 3 high."
    assert f"{told} (In XenServer the pool is called Berlin.)" in shown
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
    assert "xs-02: moving its VMs away, 3 of 7 VMs still here." in made.text


def test_needs_attention_says_what_happened_what_it_means_and_what_to_do() -> None:
    problem = {"reason": because("host.not_back", host="xs-02", minutes=31, action="reboot").as_dict()}
    made = attention(standing_of(State.NEEDS_ATTENTION, phases=PHASES, problem=problem, debts=1), None, ASK.approvers)
    shown = read(made.blocks)
    assert "*What happened*\nxs-02 has not come back 31 minutes after reboot." in shown
    assert "Updated: xs-01. In the middle of its turn: xs-02. Not updated yet: 1 host (xs-03)." in shown
    assert "*Retry*: the rollout looks at the pool again" in shown
    assert "@xs-approvers: please decide." in shown
    assert "VM vm-01 has to go back to the host it ran on" in shown
    assert "xs-02 has not come back" in made.text


def buttons(message: Message) -> list[str]:
    elements = [entry for block in message.blocks for entry in block.get("elements", ())]
    return [entry["text"]["text"] for entry in elements if "value" in entry]


def test_needs_attention_offers_what_fits() -> None:
    db = VmAllowance("vm-9", "db-01", VmTreatment.SUSPEND)
    offers = [Offer(AmendmentKind.REBOOT, "host-1"), Offer(AmendmentKind.SUSPEND, "host-1", (db,))]
    problem = {
        "reason": because("livepatch.failed", host="xs-02").as_dict(),
        "options": ["retry", "skip", "abort"],
        "host": "host-1",
        "offers": [offer.as_dict() for offer in offers],
    }
    standing = standing_of(State.NEEDS_ATTENTION, phases=PHASES, problem=problem)
    made = attention(standing, None, ASK.approvers)
    assert buttons(made) == ["Reboot xs-02…", "Suspend db-01…", "Retry", "Skip xs-02", "Abort…"]
    assert "Ask for the reboot with the button" in read(made.blocks)
    waits = attention(replace(standing, amendment=amendment_of(standing, offers[0])), None, ASK.approvers)
    assert "Amendment 1, proposed by @bob, waits for approval: 0 of 2." in read(waits.blocks)
    gone = {**problem, "options": ["skip", "abort"], "offers": []}
    assert buttons(attention(standing_of(State.NEEDS_ATTENTION, phases=PHASES, problem=gone))) == [
        "Skip xs-02",
        "Abort…",
    ]
    ending = standing_of(State.NEEDS_ATTENTION, phases=PHASES, problem=gone, abort_requested_by="U0BOB")
    assert buttons(attention(ending))[-1] == "Give up…"


def test_an_amendment_says_why_what_it_means_and_what_changes() -> None:
    standing = standing_of(State.NEEDS_ATTENTION, phases=PHASES)
    db = VmAllowance("vm-9", "db-01", VmTreatment.SUSPEND)
    proposed = amendment_of(standing, Offer(AmendmentKind.SUSPEND, "host-1", (db,)), ("U0CAROL",))
    made = amendment_card(standing, proposed, ASK)
    shown = read(made.blocks)
    assert "Rollout 42, pool lab: amendment 1" in shown
    assert "Approvals: 1 of 2 (@U0CAROL), waiting for @xs-approvers" in shown
    assert "a live patch could not be applied" in shown
    assert "Proposed by @bob, 2026-11-20 10:00 UTC." in shown
    assert "db-01: suspended while its host is updated, then resumed." in shown
    assert "VM db-01 may now be stopped (suspend)." in shown
    assert "neither the requester's nor the proposer's counts" in shown
    assert buttons(made) == ["Approve", "Reject…", "Withdraw"]
    over = because("amendment.rejected", user="carol", number=1, why="not today").as_dict()
    rejected = amendment_of(standing, proposed.row.change, state=AmendmentState.REJECTED, outcome=over)
    made = amendment_card(standing, rejected, ASK)
    assert "✕ carol rejected amendment 1: not today" in read(made.blocks)
    assert buttons(made) == []


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
    assert "1 host is updated (recommended guidance): xs-01. Not finished: xs-02, xs-03." in shown
    assert "Done in 50 min: 2 hosts emptied by live moves, 1 host reboot." in shown
    assert "*Still to restore (2)*" in shown
    assert "Asked for by @alice; approved by @bob." in shown


def test_an_outcome_without_debts_says_so() -> None:
    standing = standing_of(State.SUCCEEDED, phases=(TurnPhase.DONE,) * 3)
    shown = read(outcome(standing, Done(3, emptied=3)).blocks)
    assert "All 3 hosts are updated (recommended guidance)." in shown
    assert "High availability, the sync schedule and the places of VMs are as before." in shown
    changed = Done(3, emptied=3, left_alone=frozenset({DebtKind.VM_HOME}))
    shown = read(outcome(standing, changed).blocks)
    assert "High availability and the sync schedule are as before." in shown
    assert "Changed by somebody else meanwhile and left alone: the places of VMs." in shown


def test_needs_attention_says_where_the_vms_are() -> None:
    home = [Debt(DebtKind.VM_HOME, f"vm-{number}", "host-1", f"web-{number}") for number in range(4)]
    stopped = Debt(DebtKind.VM_SUSPENDED, "vm-9", None, "cache-01")
    standing = standing_of(State.NEEDS_ATTENTION, phases=PHASES)
    shown = read(attention(replace(standing, debts=(Debt(DebtKind.HA), *home))).blocks)
    assert "All VMs are running; 4 VMs are away from xs-02." in shown
    assert "High availability is off: a host failure now would not restart VMs." in shown
    assert "• VMs to move back to xs-02 (4): web-0, web-1, web-2, web-3" in shown
    shown = read(attention(replace(standing, debts=(stopped, *home))).blocks)
    assert "Suspended now: cache-01. 4 VMs are away from xs-02." in shown
    assert "All VMs are running" not in shown


def test_a_failed_operation_names_its_host_once() -> None:
    known = because("operation.failed_told", subject="xs-02", sentence="Installing on xs-02 failed.", hint="Look.")
    assert sentence(known) == "Installing on xs-02 failed. Look."
    other = because("operation.failed_told", subject="xs-02", sentence="It failed.", hint="Look.")
    assert sentence(other) == "xs-02: It failed. Look."


def test_what_is_to_be_restored_is_recorded_in_words() -> None:
    def told(code: str, kind: DebtKind, label: str = "", **more: str) -> str:
        return sentence(Reason(code, {"kind": kind.value, "subject": "x", "label": label, **more}))

    for kind in DebtKind:
        assert kind.value not in told("debt.opened", kind, "web-01").split() or kind.value == "ha"
        assert f"debt.opened.{kind.value}" in templates()
        assert f"debt.settled.{kind.value}" in templates()
    assert (
        told("debt.opened", DebtKind.HOST_ENABLED, "xs-02") == "Host xs-02 taken out of service, to be enabled again."
    )
    assert told("debt.settled", DebtKind.HA, outcome="settled") == "High availability: restored."
    left = told("debt.settled", DebtKind.VM_HOME, "web-01", outcome="left_alone")
    assert left == "Left as somebody else set it meanwhile: vm home web-01."


def test_a_person_without_the_role_is_told_whom_to_ask() -> None:
    made = refusal(not_an_approver(1, "lab", ("S0APPROVERS",)))
    assert read(made.blocks) == (
        "You cannot approve rollout 1: you are not an approver of pool lab. Nothing was changed.\nAsk @xs-approvers."
    )


def test_status_and_answers() -> None:
    waiting, running = standing_of(), standing_of(State.RUNNING, phases=PHASES, debts=2)
    shown = read(status.status([waiting, running], {}).blocks)
    assert "Approvals: 0 of 2; expires 2026-11-21 10:00 UTC" in shown
    assert "Restored at its end: 2 VMs away from home." in shown
    told = "Approval recorded, 1 of 2: rollout 42 waits for 1 more approval."
    once = standing_of(approvals=("U0BOB",))
    assert approved(once, once.digest).text == told
    assert "Its card in <#C0UPDATES> asks for 2 approvals." in requested(waiting, "C0UPDATES").text


def test_costs_and_times_read_as_people_say_them() -> None:
    assert cost() == "no reboot, no restart, no VM moved"
    assert cost(reboots=1, moves=2) == "1 host reboot, 2 live VM moves"
    assert minutes(20, 20) == "about 20 min"
    assert minutes(20, 45) == "about 20 min to 45 min"
    assert minutes(40, 90) == "about 40 min to 1 h 30 min"


@pytest.mark.parametrize(
    ("why", "until", "buttons"),
    [
        (None, None, ["Resume", "Abort…"]),
        (because("rollout.paused", user="bob"), None, ["Resume", "Abort…"]),
        (because("window.frozen", until=NOW.isoformat(), why="the shop is open"), NOW, ["Abort…"]),
        (because("window.frozen", until=NOW.isoformat(), why="the shop is open"), None, ["Resume", "Abort…"]),
        (because("window.approval_gone"), None, ["Resume", "Abort…"]),
    ],
    ids=["unknown", "people", "freeze", "freeze-and-no-window-after-it", "approval"],
)
def test_what_goes_on_by_itself_asks_nobody_to_resume_it(
    why: Reason | None, until: datetime | None, buttons: list[str]
) -> None:
    paused = standing_of(State.PAUSED, phases=PHASES, headline=why.as_dict() if why is not None else None)
    paused.row.due_at = until
    shown = [
        element["text"]["text"]
        for block in progress(paused).blocks
        for element in block.get("elements", ())
        if element.get("type") == "button"
    ]
    assert shown == buttons


def test_a_request_that_came_to_nothing_says_so_and_promises_no_start() -> None:
    why = because("spec.checksum", old="c0ffee", new="facade").as_dict()
    void = standing_of(State.SUPERSEDED, approvals=("U0BOB", "U0CAROL"), headline=why)
    shown = read(card(replace(void, windows=("0 22 * * sat 6h",)), ASK).blocks)
    assert "2 of 2 (@bob, @U0CAROL)\nThey count no more." in shown
    assert "Nothing was changed on pool lab." in shown
    assert "0 22 * * sat 6h" not in shown
    rejected = read(card(standing_of(State.REJECTED), ASK).blocks)
    assert "Nothing was changed on pool lab." in rejected
    assert "They count no more." not in rejected


def test_a_pause_says_what_is_off_all_the_while() -> None:
    paused = progress(standing_of(State.PAUSED, phases=PHASES, debts=1))
    assert "Restored at its end:" in read(paused.blocks)
    assert "Restored at its end:" in paused.text
    assert "Restored at its end:" not in progress(standing_of(State.RUNNING, phases=PHASES, debts=1)).text
