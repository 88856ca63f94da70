"""Whatever a pool looks like, Slack takes our messages, and nothing in a foreign name acts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from slack_sdk.models.blocks import Block as SdkBlock

from bot.lab.slack.limits import MESSAGE_BLOCK_CHARACTERS, UPDATE_TEXT, block_characters, check_blocks, check_view
from bot.messages import status
from bot.messages.amendment import amendment_card, amendment_modal
from bot.messages.answers import approved, changes_offered, requested, restoring, stale
from bot.messages.attention import attention
from bot.messages.blocks import View
from bot.messages.card import Ask, approval_reminder, card, card_modal, emergency
from bot.messages.details import details
from bot.messages.home import dated, home, home_unavailable
from bot.messages.message import Message
from bot.messages.modal import abort_form, reject_form
from bot.messages.notice import NoticeFacts, notice
from bot.messages.outcome import Done, outcome
from bot.messages.progress import progress
from bot.messages.schedule import announcement, calendars, frozen
from bot.messages.text import person
from bot.rollout.amendment import AmendmentKind, AmendmentState, Offer
from bot.rollout.errors import StaleDigest
from bot.rollout.expected import Expectation, HostTimes
from bot.rollout.guidance import Level
from bot.rollout.lifecycle import State
from bot.rollout.memory import TurnPhase
from bot.rollout.outlook import LevelOutlook, Outlook
from bot.rollout.reason import because
from bot.rollout.spec import VmAllowance, VmTreatment
from bot.rollout.window import Span
from bot.rollouts import Calendar, HomePool, HomeStanding, PoolStanding
from bot.rollouts.home import POOLS, ROLLOUTS, More
from storage.tables import FreezeRow, PoolRow
from tests.unit.messages.made import NASTY, NOW, amendment_of, extreme, nasty, standing_of, updates_for

PHASES = (TurnPhase.DONE, TurnPhase.EVACUATING, TurnPhase.FAILED, *[TurnPhase.REBOOTING] * 40)
PROBLEM = {"reason": because("operation.failed_told", subject=nasty(1), sentence=nasty(2), hint=nasty(3)).as_dict()}
MANY = Offer(
    AmendmentKind.SUSPEND,
    "host-0",
    tuple(VmAllowance(f"kept-{number}", nasty(number), VmTreatment.SUSPEND) for number in range(300)),
)
OFFERED = [replace(MANY, kind=kind, fixes=("ha_off", "wlb_off")).as_dict() for kind in AmendmentKind]
#: Every host of the largest pool is expected to begin and end somewhen.
EXPECTED = Expectation(NOW, NOW, {f"host-{number}": HostTimes(NOW, NOW) for number in range(64)}).as_dict()
REJECTED: dict[str, Any] = {
    "state": AmendmentState.REJECTED,
    "outcome": because("amendment.rejected", user=nasty(1), number=1, why=nasty(2, 500)).as_dict(),
}
ASK = Ask(("S0APPROVERS", "U0BOB", "U0CAROL"))


def pool_row() -> PoolRow:
    return PoolRow(
        uuid="u",
        alias="lab",
        name=nasty(1),
        seen_at=NOW,
        last_update_sync=NOW,
        last_error=nasty(2) * 4,
        version=nasty(3),
        ha_enabled=True,
        pending_hosts=64,
    )


HUGE = Outlook(
    "c0ffee",
    nasty(1),
    1000,
    {level: LevelOutlook(64, 64 + place, 64, 1000, 9999, 1000, (900, 2000)) for place, level in enumerate(Level)},
    (nasty(2), nasty(3)),
    64,
    60,
)


def facts(**changes: Any) -> NoticeFacts:
    """A notice with everything there can be on it."""
    wild = updates_for(64, count=300, named=False)
    wild = replace(wild, updates=tuple(replace(update, special_info=nasty(7, 2000)) for update in wild.updates))
    told = NoticeFacts("lab", nasty(1), "updates", updates=wild, id=7, outlook=HUGE, updated_at=NOW, now=NOW)
    return replace(told, **changes)


def nasty_person() -> str:
    return person("cli", "root", nasty(4))


def crowded() -> HomeStanding:
    """The Home tab of somebody who may see a thousand pools, with everything going on at once."""
    known = updates_for(64, count=300, named=False)
    standing = PoolStanding("lab", pool_row(), None, extreme().debts, "act")
    problem = extreme(State.NEEDS_ATTENTION, phases=PHASES, problem=PROBLEM)
    amended = replace(problem, amendment=amendment_of(problem, MANY))
    return HomeStanding(
        pools=(HomePool(standing, known, True, NOW),) * POOLS,
        for_me=(extreme(), amended) * (ROLLOUTS // 2),
        asking_me=(problem,) * ROLLOUTS,
        others=(extreme(State.RUNNING, phases=PHASES, started_at=NOW),) * ROLLOUTS,
        history=(extreme(State.SUCCEEDED, finished_at=NOW).row,) * 8,
        more=More(970, 99, 99, 99),
    )


def calendar() -> Calendar:
    """A pool with as many windows as somebody may write down, frozen for a nasty reason, and a rollout that waits."""
    row = extreme(State.APPROVED, due_at=NOW).row
    freeze = FreezeRow(
        pool_alias="lab", begins=NOW, until=NOW, why=nasty(1, 2000), by_kind="cli", by_id="root", by_name=nasty(2)
    )
    spans = (Span(NOW, NOW + timedelta(hours=6)),) * 3
    return Calendar("lab", "America/Argentina/ComodRivadavia", ("0 22 * * sat 6h",) * 60, spans, freeze, row)


MESSAGES: dict[str, Callable[[], Message]] = {
    "announcement": lambda: announcement(extreme(State.APPROVED, starts_at=NOW)),
    "calendars": lambda: calendars((calendar(),) * 200),
    "emergency": lambda: emergency(extreme(emergency=True), ASK),
    "emergency_card": lambda: card(extreme(emergency=True), ASK),
    "approval_reminder": lambda: approval_reminder(extreme(), ASK),
    "frozen": lambda: frozen(cast("FreezeRow", calendar().freeze), True),
    "card": lambda: card(extreme(), ASK),
    "card running": lambda: card(extreme(State.NEEDS_ATTENTION, phases=PHASES, problem=PROBLEM, started_at=NOW), ASK),
    "card of a changed request": lambda: card(
        replace(
            extreme(replaces=41),
            replaced=tuple(because("spec.host_added", host=nasty(n), tasks="x") for n in range(99)),
        ),
        ASK,
    ),
    "card superseded": lambda: card(extreme(State.SUPERSEDED), ASK),
    "small card": lambda: card(standing_of(), ASK),
    "progress as plan": lambda: progress(extreme(State.RUNNING, phases=PHASES, expected=EXPECTED)),
    "progress as sections": lambda: progress(extreme(State.RUNNING, phases=PHASES, expected=EXPECTED), plan=False),
    "attention": lambda: attention(extreme(State.NEEDS_ATTENTION, phases=PHASES, problem=PROBLEM), None, ASK.approvers),
    "attention settled": lambda: attention(extreme(State.RUNNING, phases=PHASES)),
    "outcome": lambda: outcome(
        extreme(State.SUCCEEDED, phases=PHASES, started_at=NOW, finished_at=NOW), Done(64, 3, 64, 900)
    ),
    "notice": lambda: notice(facts()),
    "notice of an old pool": lambda: notice(facts(now=NOW + timedelta(days=200))),
    "notice snoozed": lambda: notice(facts(folded_by="<@U0BOB>", folded_until=NOW)),
    "notice dismissed": lambda: notice(facts(folded_by=nasty_person())),
    "notice in notify mode": lambda: notice(facts(acts=False)),
    "notice superseded": lambda: notice(facts(state="superseded")),
    "notice done": lambda: notice(facts(state="done")),
    "never synced": lambda: notice(NoticeFacts("lab", nasty(1), "never_synced")),
    "stale sync": lambda: notice(NoticeFacts("lab", nasty(1), "stale_sync", last_sync=NOW, days=44)),
    "status": lambda: status.status([extreme(State.RUNNING, phases=PHASES)] * 12, {"other": extreme().debts}),
    "pools": lambda: status.pools(
        [PoolStanding("lab", pool_row(), extreme().row, extreme().debts, "notify")] * 60,
        {"lab": updates_for(64, count=300)},
    ),
    "updates": lambda: status.updates("lab", updates_for(64, count=300, named=False), pool_row(), None),
    "history": lambda: status.history([extreme(State.SUCCEEDED).row] * 100),
    "approved": lambda: approved(extreme(), extreme().digest),
    "amendment": lambda: amendment_card(extreme(), amendment_of(extreme(), MANY), ASK),
    "amendment rejected": lambda: amendment_card(extreme(), amendment_of(extreme(), MANY, **REJECTED), ASK),
    "attention with offers": lambda: attention(
        replace(
            extreme(State.NEEDS_ATTENTION, phases=PHASES, problem={**PROBLEM, "options": [], "offers": OFFERED}),
            amendment=amendment_of(extreme(), MANY),
        )
    ),
    "changes offered": lambda: changes_offered(
        extreme(State.NEEDS_ATTENTION, problem={**PROBLEM, "options": [], "offers": OFFERED})
    ),
    "requested": lambda: requested(extreme(), "C0UPDATES"),
    "stale": lambda: stale(
        StaleDigest(nasty(1) * 20, nasty(2) * 20),
        [because("spec.host_added", host=nasty(n), tasks="x") for n in range(99)],
    ),
    "restoring": lambda: restoring("lab", extreme().debts),
}

VIEWS: dict[str, Callable[[], View]] = {
    "card": lambda: card_modal(extreme(), ASK),
    "amendment": lambda: amendment_modal(extreme(), amendment_of(extreme(), MANY), ASK),
    "details": lambda: details("lab", updates_for(64, count=300, named=False)),
    "last details": lambda: details("lab", updates_for(64, count=300, named=False), 99),
    "details of nothing": lambda: details("lab", None),
    "home": lambda: dated(home(crowded()), NOW),
    "home unavailable": lambda: home_unavailable(nasty(1), nasty(2)),
    "reject": lambda: reject_form(extreme(), "d" * 64),
    "abort": lambda: abort_form(extreme(), [because("abort.host_in_hand", host=nasty(n)) for n in range(64)]),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_slack_takes_the_message(name: str) -> None:
    made = MESSAGES[name]()
    blocks = list(made.blocks)

    assert check_blocks(blocks, "message") == []
    assert block_characters(blocks) <= MESSAGE_BLOCK_CHARACTERS
    assert 0 < len(made.text) <= UPDATE_TEXT
    for block in SdkBlock.parse_all(blocks):
        block.validate_json()


@pytest.mark.parametrize("name", VIEWS)
def test_slack_takes_the_view(name: str) -> None:
    assert check_view(VIEWS[name]()) == []


def mrkdwn_of(content: object) -> list[str]:
    """Every text that Slack reads as markup."""
    if isinstance(content, list):
        return [text for item in content for text in mrkdwn_of(item)]
    if isinstance(content, dict):
        if content.get("type") == "mrkdwn":
            assert content["verbatim"] is True
            return [str(content["text"])]
        return [text for value in content.values() for text in mrkdwn_of(value)]
    return []


OURS = re.compile(
    r"<@U0[A-Z]+>|<#C0[A-Z]+>|<!subteam\^S0[A-Z]+>|<!date\^\d+\^\{date_short_pretty\} \{time\}\|[-0-9: ]+UTC>|<https://lab\.example/[^|>]*\|[^>]*>|<https://www\.cve\.org/CVERecord\?id=(CVE-[0-9-]+)\|\1>|<https://(support\.example)/KB1\|\2>"
)


@pytest.mark.parametrize("name", [*MESSAGES, *(f"view {name}" for name in VIEWS)])
def test_foreign_names_inject_nothing(name: str) -> None:
    """Invariant 10: no mention, link or formatting comes out of a name."""
    if name.startswith("view "):
        texts = mrkdwn_of(VIEWS[name.removeprefix("view ")]()["blocks"])
    else:
        made = MESSAGES[name]()
        texts = [*mrkdwn_of(json.loads(json.dumps(made.blocks))), made.text]
    for text in texts:
        rest = OURS.sub("", text)
        if name == "emergency":
            rest = rest.removeprefix("<!channel> ")  # the one mention of everybody, in front of it all
        assert "<" not in rest, rest
        assert "*bold*" not in rest
        assert "_it_" not in rest
        assert "`x`" not in rest
        assert "~s~" not in rest
        assert "@here" not in rest
        assert ":fire:" not in rest
        assert "\u202e" not in rest
        assert not re.search(r"&(?!amp;|lt;|gt;)", rest), rest


def test_the_names_really_were_nasty() -> None:
    assert NASTY[:10] in extreme().spec.hosts[0].name
    assert len(extreme().spec.hosts[0].name) == 255


def test_sixty_four_hosts_take_two_plans_with_stable_ids() -> None:
    first = progress(extreme(State.RUNNING, phases=PHASES))
    second = progress(extreme(State.RUNNING, phases=(TurnPhase.DONE,)))

    plans = [block for block in first.blocks if block["type"] == "plan"]
    assert [len(plan["tasks"]) for plan in plans] == [50, 14]
    assert [plan["block_id"] for plan in plans] == [
        block["block_id"] for block in second.blocks if block["type"] == "plan"
    ]


def test_the_buttons_survive_any_cut() -> None:
    assert "actions" in [block["type"] for block in card(extreme(), ASK).blocks]
    shown = attention(extreme(State.NEEDS_ATTENTION, phases=PHASES, problem=PROBLEM), None, ASK.approvers)
    assert "actions" in [block["type"] for block in shown.blocks]
