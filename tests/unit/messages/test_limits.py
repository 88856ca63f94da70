"""Whatever a pool looks like, Slack takes our messages, and nothing in a foreign name acts."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from slack_sdk.models.blocks import Block as SdkBlock
from slack_sdk.models.views import View as SdkView

import bot.messages
from bot.lab.slack.limits import (
    MESSAGE_BLOCK_CHARACTERS,
    UPDATE_TEXT,
    VIEW_BYTES,
    block_characters,
    check_blocks,
    check_view,
)
from bot.messages import status
from bot.messages.amendment import amendment_card, amendment_modal
from bot.messages.answers import (
    aborting,
    approved,
    changes_offered,
    checked,
    folded,
    paused,
    proposed,
    rejected,
    requested,
    restoring,
    retired,
    retired_form,
    retrying,
    revoked,
    skipping,
    stale,
    sync_started,
    too_late,
    unfolded,
    withdrawn,
)
from bot.messages.attention import attention
from bot.messages.audit_line import audit_line
from bot.messages.blocks import View
from bot.messages.card import Ask, approval_reminder, card, card_modal, emergency
from bot.messages.configuring import bundle_sent, bundle_started, proxy_form, update_settings
from bot.messages.debts import debts_asked
from bot.messages.details import details
from bot.messages.digest import digest
from bot.messages.errors import refusal, unexpected
from bot.messages.findings import blocked_message
from bot.messages.home import dated, home, home_unavailable
from bot.messages.message import CHARACTERS, Message, characters
from bot.messages.modal import abort_form, loading, message_view, reject_form, update_form
from bot.messages.notice import NoticeFacts, notice
from bot.messages.outcome import Done, outcome
from bot.messages.plan import plan
from bot.messages.progress import progress
from bot.messages.schedule import announcement, calendars, frozen, unfrozen
from bot.messages.tasks import pending
from bot.messages.text import person
from bot.messages.vm_progress import vms_of_hosts
from bot.messages.whoami import whoami
from bot.messages.work import state_mark, state_name
from bot.rollout.amendment import AmendmentKind, AmendmentState, Offer
from bot.rollout.channel import Frequency, HostLevel, RepositoryFacts, Schedule, UpdateSettings
from bot.rollout.checks import Finding, Report, Severity
from bot.rollout.errors import StaleDigest
from bot.rollout.expected import Expectation, HostTimes
from bot.rollout.guidance import Level
from bot.rollout.lifecycle import State
from bot.rollout.memory import TurnPhase
from bot.rollout.outlook import LevelOutlook, Outlook
from bot.rollout.pending import Waiting
from bot.rollout.proposal import Choices
from bot.rollout.reason import because
from bot.rollout.spec import Preset, VmAllowance, VmTreatment
from bot.rollout.window import Span
from bot.rollouts import Calendar, Digest, DigestPool, HomePool, HomeStanding, PoolStanding, Preview
from bot.rollouts.home import POOLS, ROLLOUTS, More
from bot.rollouts.roles import Role, not_an_approver
from commands import VERBS
from storage.tables import AuditRow, FreezeRow, PoolRow
from tests.unit.messages.made import NASTY, NOW, amendment_of, extreme, nasty, standing_of, updates_for
from tests.unit.rollout import pools

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


@cache
def digest_of(loud: int, quiet: int) -> Digest:
    """So many pools of which everything can be said, and so many of which nothing can."""
    standing = PoolStanding("lab", pool_row(), calendar().waiting, extreme().debts, "notify")
    known, age = updates_for(64, count=300, named=False), timedelta(days=700)
    most = DigestPool(standing, known, calendar().openings[:2], calendar().freeze, age, old_sync=True)
    row = PoolRow(uuid="u", alias="lab", name=nasty(1), seen_at=NOW, last_update_sync=NOW)
    least = DigestPool(PoolStanding("lab", row, None, (), "act"), updates_for(0, count=0))
    kinds = [most] * loud + [least] * quiet
    pools = (replace(pool, standing=replace(pool.standing, alias=f"lab-{n}")) for n, pool in enumerate(kinds))
    return Digest(NOW, tuple(pools))


WAITING = (
    *(Waiting(nasty(number), True, updates_for().hosts[0].guidance) for number in range(64)),
    *(Waiting(nasty(number), False, updates_for().hosts[0].guidance) for number in range(1000)),
)
CHOICES = Choices(
    preset=Preset.STANDARD, order=tuple(nasty(number) for number in range(64)), left_out=(nasty(1),), max_out=64
)


def audit_row(seq: int) -> AuditRow:
    said = {"actor": {"kind": "slack", "id": "U0ALICE", "name": nasty(seq)}, "sentence": nasty(seq) * 20}
    return AuditRow(
        seq=seq, at=NOW, action="rollout.approved", rollout_id=42, body=json.dumps(said).encode(), hash="ab" * 32
    )


def update_facts() -> UpdateSettings:
    return UpdateSettings(
        pool_uuid="pool-uuid",
        pool_name=nasty(1),
        repositories=tuple(
            RepositoryFacts(f"ref-{n}", nasty(n), nasty(n), "remote", True, n < 2, "ab" * 32) for n in range(30)
        ),
        proxy_url="http://proxy.example.com:3128",
        proxy_username=nasty(2),
        schedule=Schedule(Frequency.WEEKLY, 2),
        schedule_on=True,
        last_sync=NOW,
        hosts=tuple(HostLevel(nasty(number), number % 2 == 0, NOW) for number in range(64)),
    )


def blocked_report() -> Report:
    found = [because("check.disc_in_drive", vm=nasty(n), host=nasty(n), disc=nasty(n)) for n in range(300)]
    findings = (Finding("discs_in_drives", Severity.BLOCKS, reason, f"vm-{n}") for n, reason in enumerate(found))
    return Report(tuple(findings), ())


def preview_of(report: Report | None = None) -> Preview:
    """Sixty-four hosts with names of the greatest length, of which discs and storage could be put right."""
    made = extreme()
    hosts = [replace(pools.host(number), uuid=f"host-{number}", name=nasty(number)) for number in range(64)]
    snapshot = pools.pool_of(hosts, [replace(pools.vm(nasty(n), None), uuid=f"vm-{n}") for n in range(1000)])
    return Preview(
        pool_alias="lab",
        snapshot=snapshot,
        updates=replace(made.updates, hosts=tuple(replace(entry, livepatches=("lp",)) for entry in made.updates.hosts)),
        blockers={},
        choices=CHOICES,
        spec=made.spec,
        report=report or Report.from_dict(made.report),
        forecast=made.forecast,
        costs=dict.fromkeys(Level, made.forecast),
        presets=dict.fromkeys(Preset, made.forecast),
    )


MESSAGES: dict[str, Callable[[], Message]] = {
    "announcement": lambda: announcement(extreme(State.APPROVED, starts_at=NOW)),
    "announcement that it goes on": lambda: announcement(extreme(State.PAUSED, phases=PHASES, due_at=NOW)),
    "digest": lambda: digest(digest_of(100, 100)),
    "digest of a few": lambda: digest(digest_of(1, 1)),
    "digest with nothing to say": lambda: digest(digest_of(0, 100)),
    "digest of no pool": lambda: digest(digest_of(0, 0)),
    "calendars": lambda: calendars((calendar(),) * 200),
    "emergency": lambda: emergency(extreme(emergency=True), ASK),
    "emergency_card": lambda: card(extreme(emergency=True), ASK),
    "approval_reminder": lambda: approval_reminder(extreme(), ASK),
    "frozen": lambda: frozen(cast("FreezeRow", calendar().freeze), True),
    "unfrozen": lambda: unfrozen(nasty(1)),
    "revoked": lambda: revoked(extreme()),
    "card": lambda: card(extreme(), ASK),
    "card running": lambda: card(extreme(State.NEEDS_ATTENTION, phases=PHASES, problem=PROBLEM, started_at=NOW), ASK),
    "card of a changed request": lambda: card(
        replace(
            extreme(replaces=41),
            replaced=tuple(because("spec.host_added", host=nasty(n), tasks="x") for n in range(99)),
        ),
        ASK,
    ),
    "plan": lambda: plan(preview_of()),
    "plan of what is blocked": lambda: plan(preview_of(blocked_report())),
    "card superseded": lambda: card(extreme(State.SUPERSEDED), ASK),
    "small card": lambda: card(standing_of(), ASK),
    "progress as plan": lambda: progress(extreme(State.RUNNING, phases=PHASES, expected=EXPECTED)),
    "progress as sections": lambda: progress(extreme(State.RUNNING, phases=PHASES, expected=EXPECTED), plan=False),
    "progress, VM by VM": lambda: progress(extreme(State.RUNNING, phases=PHASES, moving=300, expected=EXPECTED)),
    "progress, VM by VM, as sections": lambda: progress(
        extreme(State.RUNNING, phases=PHASES, moving=300, expected=EXPECTED), plan=False
    ),
    "status of a pool": lambda: status.pool_status(
        nasty(1), [extreme(State.RUNNING, phases=PHASES, moving=100)], extreme().debts
    ),
    "VMs of hosts": lambda: vms_of_hosts(nasty(1), extreme(State.RUNNING, phases=PHASES, moving=100).turns),
    "no VMs of hosts": lambda: vms_of_hosts(nasty(1), ()),
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
    "nothing to restore": lambda: restoring("lab", ()),
    "debts": lambda: debts_asked("lab", extreme().debts, ASK.approvers, 24),
    "pending tasks": lambda: pending("lab", WAITING, may_act=True),
    "nothing pending": lambda: pending("lab", (), may_act=True),
    "help": lambda: status.help_message([status.CommandHelp(verb.usage, verb.does, verb.role) for verb in VERBS]),
    "no such command": lambda: status.help_message(
        [status.CommandHelp(verb.usage, verb.does, verb.role) for verb in VERBS], nasty(1), "update"
    ),
    "help on one": lambda: status.help_on(
        status.CommandHelp("/xs update <pool>", "Plans an update.", "requester", ["/xs update lab"] * 20)
    ),
    "who am I": lambda: whoami("U0ALICE", {nasty(number): list(Role) for number in range(64)}, "English"),
    "audit": lambda: status.audit([audit_row(number) for number in range(60)], 42),
    "audit line": lambda: audit_line(
        audit_row(1), alias=nasty(2), permalink="https://lab.example/archives/C0UPDATES/p1", head="ab" * 32
    ),
    "where updates come from": lambda: update_settings("lab", update_facts(), "Done."),
    "bundle begun": lambda: bundle_started("lab", nasty(1)),
    "bundle half-way": lambda: bundle_sent("lab", nasty(1), 0.5),
    "bundle arrived": lambda: bundle_sent("lab", nasty(1), 1.0),
    "blocked": lambda: blocked_message(StaleDigest(nasty(1) * 20, nasty(2) * 20), blocked_report()),
    "refusal": lambda: refusal(not_an_approver(42, nasty(1), ["S0APPROVERS", "U0BOB", "U0CAROL"])),
    "unexpected": lambda: unexpected("0badc0de"),
    "proposed": lambda: proposed(replace(extreme(), amendment=amendment_of(extreme(), MANY))),
    "withdrawn": lambda: withdrawn(extreme()),
    "rejected": lambda: rejected(extreme()),
    "aborting": lambda: aborting(extreme(State.ABORTING)),
    "retrying": lambda: retrying(extreme(State.RUNNING)),
    "checked": lambda: checked(extreme()),
    "paused": lambda: paused(extreme(State.PAUSED)),
    "skipping": lambda: skipping(extreme(), nasty(1)),
    "sync started": lambda: sync_started("lab"),
    "folded": lambda: folded("lab", NOW),
    "folded for good": lambda: folded("lab", None),
    "unfolded": lambda: unfolded("lab"),
    "retired": retired,
    "retired with a command": lambda: retired("/xs skip 42 <host>"),
    "retired form": lambda: retired_form("/xs update lab"),
    "too late": too_late,
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
    "update": lambda: update_form(preview_of(), CHOICES, {"pool": "lab"}),
    "update with an error": lambda: update_form(preview_of(), CHOICES, {"pool": "lab"}, StaleDigest(nasty(1) * 20)),
    "update that is blocked": lambda: update_form(preview_of(blocked_report()), CHOICES, {"pool": "lab"}),
    "proxy": lambda: proxy_form("lab", update_facts()),
    "one moment": lambda: loading("Update a-pool-with-a-long-name", "Looking at the pool."),
    "told": lambda: message_view("Update a-pool-with-a-long-name", status.status([extreme(State.RUNNING)] * 12, {})),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_slack_takes_the_message(name: str) -> None:
    made = MESSAGES[name]()
    blocks = list(made.blocks)

    assert check_blocks(blocks, "message") == []
    assert block_characters(blocks) <= MESSAGE_BLOCK_CHARACTERS
    assert characters(blocks) <= CHARACTERS
    assert 0 < len(made.text) <= UPDATE_TEXT
    assert repeated(blocks) == []
    for block in SdkBlock.parse_all(blocks):
        block.validate_json()


@pytest.mark.parametrize("name", VIEWS)
def test_slack_takes_the_view(name: str) -> None:
    view = VIEWS[name]()
    assert check_view(view) == []
    assert len(json.dumps(view)) <= VIEW_BYTES
    # The Home tab here has the same pool a thousand times.
    assert name == "home" or repeated(view["blocks"]) == []
    parsed = SdkView(**view)
    parsed.validate_json()
    assert len(parsed.blocks or ()) == len(view["blocks"])


def repeated(blocks: list[dict[str, Any]]) -> list[str]:
    """Action ids that stand twice with the same value in one message or view: nobody could tell them apart."""
    seen = [(field["action_id"], field.get("value", "")) for field in elements_of(blocks)]
    return [str(entry) for entry in seen if seen.count(entry) > 1 and not entry[0].startswith(SHARED)]


#: Buttons that open the same card twice, and fields that are told apart by their block.
SHARED = ("card_open", "text")


def elements_of(content: object) -> list[dict[str, Any]]:
    """Everything that can be clicked or filled in."""
    if isinstance(content, list):
        return [field for item in content for field in elements_of(item)]
    if isinstance(content, dict):
        own = [content] if "action_id" in content else []
        return own + [field for value in content.values() for field in elements_of(value)]
    return []


def test_every_message_and_view_there_is_was_looked_at() -> None:
    """Whatever `bot.messages` can make is tried at its extremes above; what is added there has to be added here."""
    made = set()
    for entry in pkgutil.iter_modules(bot.messages.__path__, "bot.messages."):
        module = importlib.import_module(entry.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            told = function.__annotations__.get("return")
            if function.__module__ == entry.name and not name.startswith("_") and told in ("Message", "View"):
                made.add(name)
    tried = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(ast.parse(Path(__file__).read_text("utf-8")))
        if isinstance(node, (ast.Attribute, ast.Name))
    }
    # These two and `modal` put together what others made.
    assert made - {"message", "line", "modal"} - tried == set()


@pytest.mark.parametrize("name", [*MESSAGES, *(f"view {name}" for name in VIEWS)])
def test_every_button_says_by_itself_what_it_is_about(name: str) -> None:
    """Who hears a button without the text around it (a screen reader's list of buttons) knows what it would do."""
    made = VIEWS[name.removeprefix("view ")]()["blocks"] if name.startswith("view ") else MESSAGES[name]().blocks
    for field in elements_of(list(made)):
        if field["type"] == "button":
            label = field.get("accessibility_label", "")
            assert "lab" in label or "42" in label, field["text"]["text"]
            assert len(label) <= 75


@pytest.mark.parametrize("name", MESSAGES)
def test_the_text_alone_tells_what_it_is_about(name: str) -> None:
    """Notifications, screen readers and old clients show `text` and nothing else."""
    made = MESSAGES[name]()
    if any(field["type"] == "button" for field in elements_of(list(made.blocks))):
        assert "lab" in made.text or "42" in made.text
    assert len(made.text) >= 20
    # A mark never stands for its word.
    assert re.search(r"[A-Za-z]{3}", made.text)


@pytest.mark.parametrize("state", State)
def test_a_state_is_told_in_words_beside_its_mark(state: State) -> None:
    made = card(standing_of(state, started_at=NOW), ASK)
    told = json.dumps(made.blocks, ensure_ascii=False)
    assert state_mark(state) in told
    assert state_name(state) in told
    assert state_name(state).split()[0].lower() in made.text.lower()


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
