"""Which change of the spec would let a rollout go on, and the spec with that change."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from bot.rollout.amendment import ASKED, AmendmentKind, Offer, amended, changes, complete, must_ask, rebased
from bot.rollout.answers import answers
from bot.rollout.bounds import beyond
from bot.rollout.decide import decide
from bot.rollout.decision import Decision, Estimates, Verdict
from bot.rollout.errors import NotAllowed
from bot.rollout.guidance import Level, Task, guidance_of
from bot.rollout.lifecycle import State
from bot.rollout.memory import Intent, IntentState, Memory
from bot.rollout.model import CLAIM_KEY, VM, PoolSnapshot, VmBlocker
from bot.rollout.policy import Approval, ApprovalPolicy, check_approver, quorum
from bot.rollout.proposal import propose
from bot.rollout.reason import because
from bot.rollout.spec import (
    AMENDED_SCHEMA,
    HostCeiling,
    Spec,
    VmAllowance,
    VmTreatment,
    canonical_bytes,
    digest_of,
    parse_spec,
)
from tests.unit.rollout.pools import DEFAULTS, NEW, NO_BLOCKERS, NOW, host, pool_of, updates_of, vm
from tests.unit.rollout.specs import specs

OWNER = "bot-1/1"
QUIET = frozenset({Task.RESTART_TOOLSTACK})
REBOOT = frozenset({Task.EVACUATE_HOST, Task.REBOOT_HOST})
SPEC = Spec(
    "pool-1",
    "prod",
    NEW,
    Level.RECOMMENDED,
    tuple(HostCeiling(f"host-{number}", f"xs-{number:02}", QUIET) for number in (1, 2)),
)
DB = vm("db", 2)
FAILED = guidance_of(recommended=["RebootHostOnLivePatchFailure"])
SUSPEND_DB = VmAllowance(DB.uuid, "db", VmTreatment.SUSPEND)


def pool(*vms: VM, **second: object) -> PoolSnapshot:
    """Two hosts that took the update; `second` changes fields of the second one."""
    hosts = [host(1, last_update_hash=NEW), host(2, **{"last_update_hash": NEW, **second})]
    return pool_of(hosts, vms, other_config={CLAIM_KEY: OWNER})


def asked_for(*keys: str, failed: str = "", answer: dict[str, list[list[str]]] | None = None) -> dict[str, Intent]:
    done = {key: Intent(key, IntentState.DONE, NOW, finished_at=NOW) for key in keys}
    if answer is not None:
        done[ASKED] = Intent(ASKED, IntentState.DONE, NOW, finished_at=NOW, result=answer)
    if failed:
        error = ("VM_REQUIRES_SR", "db")
        done[failed] = Intent(failed, IntentState.FAILED, NOW, finished_at=NOW, error=error)
    return done


def decided(spec: Spec, snapshot: PoolSnapshot, intents: dict[str, Intent], *, aborting: bool = False) -> Decision:
    memory = Memory(updates_of(snapshot), intents, owner=OWNER, aborting=aborting)
    return decide(spec, memory, snapshot, Estimates(), NOW + timedelta(hours=1))


def actions(decision: Decision) -> list[str]:
    return [f"{type(step.action).__name__}:{step.action.subject}" for step in decision.steps]


# -- a reboot that was not approved ------------------------------------------------------------------------------------


def test_a_failed_live_patch_is_asked_about_and_a_reboot_is_what_would_help() -> None:
    verdict = decided(SPEC, pool(pending=FAILED), asked_for("ApplyUpdates:host-2")).verdict
    assert verdict is not None
    assert (verdict.reason.code, verdict.host) == ("livepatch.failed", "host-2")
    assert verdict.wants == Offer(AmendmentKind.REBOOT, "host-2")


def test_with_the_amended_spec_the_host_is_emptied_and_rebooted() -> None:
    spec = amended(SPEC, Offer(AmendmentKind.REBOOT, "host-2"), 1)
    first = decided(spec, pool(pending=FAILED, enabled=False), asked_for("ApplyUpdates:host-2"))
    assert actions(first) == ["RebootHost:host-2"]
    # With a VM there XAPI is asked about this host before anything is moved.
    intents = asked_for("ApplyUpdates:host-2")
    occupied = pool(DB, pending=FAILED, enabled=False)
    assert actions(decided(spec, occupied, intents)) == ["AskEvacuation:host-2"]
    answered = Intent(ASKED + "host-2", IntentState.DONE, NOW, finished_at=NOW, result={"host-2": []})
    assert actions(decided(spec, occupied, {**intents, answered.key: answered})) == ["EvacuateHost:host-2"]


def test_an_end_reboots_nobody_although_a_reboot_was_approved() -> None:
    spec = amended(SPEC, Offer(AmendmentKind.REBOOT, "host-2"), 1)
    ending = decided(spec, pool(pending=FAILED), asked_for("ApplyUpdates:host-2"), aborting=True)
    assert "RebootHost:host-2" not in actions(ending)


@pytest.mark.parametrize(
    ("task", "kind"),
    [("RebootHost", AmendmentKind.REBOOT), ("RestartToolstack", AmendmentKind.TOOLSTACK)],
)
def test_guidance_that_rose_above_the_ceiling_is_asked_about(task: str, kind: AmendmentKind) -> None:
    spec = replace(SPEC, hosts=tuple(replace(entry, tasks=frozenset()) for entry in SPEC.hosts))
    snapshot = pool(pending=guidance_of(recommended=[task]))
    verdict = decided(spec, snapshot, asked_for("ApplyUpdates:host-2")).verdict
    assert verdict is not None
    assert (verdict.reason.code, verdict.wants) == ("ceiling.exceeded", Offer(kind, "host-2"))
    went_on = decided(amended(spec, Offer(kind, "host-2"), 1), snapshot, asked_for("ApplyUpdates:host-2"))
    assert went_on.verdict is None
    assert went_on.steps


# -- VMs that cannot leave ---------------------------------------------------------------------------------------------


def test_a_host_that_cannot_be_emptied_is_asked_about_and_so_is_xapi() -> None:
    spec = amended(SPEC, Offer(AmendmentKind.REBOOT, "host-2"), 1)
    intents = asked_for("ApplyUpdates:host-2", failed="EvacuateHost:host-2", answer={"host-2": []})
    verdict = decided(spec, pool(DB, pending=FAILED, enabled=False), intents).verdict
    assert verdict is not None
    assert verdict.wants == Offer(AmendmentKind.SUSPEND, "host-2")
    assert must_ask(verdict.wants)
    # A retry forgets what XAPI said before, or it would never hear that the VM cannot leave any more.
    assert {ASKED, ASKED + "host-2", "EvacuateHost:host-2"} <= set(verdict.keys)


@pytest.mark.parametrize("answer", ["all", "one"])
def test_a_vm_of_the_amended_spec_is_suspended_if_xapi_still_says_that_it_cannot_leave(answer: str) -> None:
    spec = amended(SPEC, Offer(AmendmentKind.REBOOT, "host-2", (SUSPEND_DB,)), 1)
    key = ASKED if answer == "all" else ASKED + "host-2"
    for kept, wanted in (([["vm-db", "VM_REQUIRES_SR"]], "SuspendVm:vm-db"), ([], "EvacuateHost:host-2")):
        told = Intent(key, IntentState.DONE, NOW, finished_at=NOW, result={"host-2": kept})
        intents = {**asked_for("ApplyUpdates:host-2"), key: told}
        assert actions(decided(spec, pool(DB, pending=FAILED, enabled=False), intents)) == [wanted]


def offered(*blockers: VmBlocker, spec: Spec = SPEC, vms: tuple[VM, ...] = (DB,)) -> list[tuple[str, list[str]]]:
    found = complete(Offer(AmendmentKind.SUSPEND, "host-2"), spec, pool(*vms), blockers)
    return [(offer.kind.value, [f"{entry.name}: {entry.treatment.value}" for entry in offer.vms]) for offer in found]


def test_people_choose_between_suspending_and_shutting_down() -> None:
    assert offered(VmBlocker(DB.uuid, "VM_REQUIRES_SR")) == [
        ("suspend", ["db: suspend"]),
        ("shutdown", ["db: shutdown"]),
    ]


def test_a_vm_that_cannot_be_suspended_is_offered_to_be_shut_down_alone() -> None:
    assert offered(VmBlocker(DB.uuid, "VM_HAS_PCI_ATTACHED")) == [("shutdown", ["db: shutdown"])]


def test_nothing_is_offered_that_would_not_free_the_host() -> None:
    more = vm("mail", 2)
    kept = (VmBlocker(DB.uuid, "VM_REQUIRES_SR"), VmBlocker(more.uuid, "VM_LACKS_FEATURE"))
    assert offered(*kept, vms=(DB, more)) == []
    assert offered() == []


def test_a_vm_that_must_restart_anyway_is_only_offered_to_be_shut_down() -> None:
    spec = replace(SPEC, vms=(replace(SUSPEND_DB, treatment=VmTreatment.RESTART),))
    assert offered(VmBlocker(DB.uuid, "VM_REQUIRES_SR"), spec=spec) == [("shutdown", ["db: shutdown"])]


def test_a_reboot_is_offered_with_the_vms_that_have_to_stop_for_it() -> None:
    wanted = Offer(AmendmentKind.REBOOT, "host-2")
    (offer,) = complete(wanted, SPEC, pool(DB), [VmBlocker(DB.uuid, "VM_REQUIRES_SR")])
    assert offer.vms == (SUSPEND_DB,)
    assert complete(wanted, SPEC, pool(DB), None) == (wanted,)


def test_a_vm_that_cannot_be_suspended_after_all_may_be_shut_down() -> None:
    spec = amended(SPEC, Offer(AmendmentKind.REBOOT, "host-2", (SUSPEND_DB,)), 1)
    intents = asked_for(
        "ApplyUpdates:host-2", failed="SuspendVm:vm-db", answer={"host-2": [["vm-db", "VM_REQUIRES_SR"]]}
    )
    verdict = decided(spec, pool(DB, pending=FAILED, enabled=False), intents).verdict
    assert verdict is not None
    assert verdict.wants is not None
    assert not must_ask(verdict.wants)
    allowed = amended(spec, verdict.wants, 2).vm(DB.uuid)
    assert allowed is not None
    assert allowed.treatment is VmTreatment.SHUTDOWN


# -- the amended spec --------------------------------------------------------------------------------------------------

OFFERS = [
    Offer(AmendmentKind.REBOOT, "host-2", (SUSPEND_DB,)),
    Offer(AmendmentKind.TOOLSTACK, "host-2"),
    Offer(AmendmentKind.SHUTDOWN, "host-2", (replace(SUSPEND_DB, treatment=VmTreatment.SHUTDOWN),)),
    Offer(AmendmentKind.SETTING, fixes=("ha_off", "wlb_off")),
    Offer(AmendmentKind.CHECKSUM, checksum="b" * 64),
]


@pytest.mark.parametrize("offer", OFFERS)
def test_an_offer_is_kept_as_it_was_made_and_a_button_names_exactly_it(offer: Offer) -> None:
    assert Offer.from_dict(offer.as_dict()) == offer
    assert {other.key for other in OFFERS if other is not offer}.isdisjoint({offer.key})


@given(specs)
def test_an_amended_spec_allows_all_that_was_approved_and_reads_back(spec: Spec) -> None:
    for offer in OFFERS[:4]:
        new = amended(spec, offer, 3)
        stored = canonical_bytes(new)
        assert canonical_bytes(parse_spec(stored)) == stored
        assert (new.schema, new.amendment) == (AMENDED_SCHEMA, 3)
        assert all(before.tasks <= after.tasks for before, after in zip(spec.hosts, new.hosts, strict=True))
        assert {entry.uuid for entry in spec.vms} <= {entry.uuid for entry in new.vms}
        assert set(spec.fixes) <= set(new.fixes)


def test_the_same_change_proposed_twice_has_two_digests() -> None:
    first, second = (digest_of(canonical_bytes(amended(SPEC, OFFERS[0], number))) for number in (1, 2))
    assert first != second


def test_what_changes_is_said_and_nothing_else() -> None:
    told = changes(SPEC, amended(SPEC, OFFERS[0], 1))
    assert [(reason.code, reason.params.get("host", reason.params.get("vm"))) for reason in told] == [
        ("spec.host_more", "xs-02"),
        ("spec.vm_added", "db"),
    ]


def test_what_was_amended_counts_as_approved_and_what_was_not_does_not() -> None:
    new = amended(SPEC, OFFERS[0], 1)
    again = replace(SPEC, hosts=(SPEC.hosts[0], replace(SPEC.hosts[1], tasks=QUIET | REBOOT)), vms=(SUSPEND_DB,))
    assert beyond(new, SPEC) == ()
    assert beyond(new, again) == ()
    assert {reason.code for reason in beyond(SPEC, again)} == {"spec.host_more", "spec.vm_added"}


# -- another checksum --------------------------------------------------------------------------------------------------


def test_what_is_left_is_proposed_anew_for_another_checksum() -> None:
    after = "b" * 64
    snapshot = pool_of([host(1, last_update_hash=NEW), host(2)], [DB], checksum=after)
    kept = {"host-2": (VmBlocker(DB.uuid, "VM_REQUIRES_SR"),)}
    fresh = propose(snapshot, updates_of(snapshot, checksum=after), kept or NO_BLOCKERS, DEFAULTS)
    gone = replace(SPEC.hosts[0], uuid="host-9", name="xs-09")
    before = replace(SPEC, hosts=(*SPEC.hosts, gone), fixes=("ha_off",), vms=(SUSPEND_DB,))
    new = rebased(before, fresh, 1)
    assert (new.checksum, new.amendment, new.fixes) == (after, 1, ("ha_off",))
    # Both hosts get the new updates, with what these ask for beside what was approved before.
    assert {entry.uuid: entry.tasks for entry in new.hosts} == {
        "host-1": QUIET | REBOOT,
        "host-2": QUIET | REBOOT,
        "host-9": QUIET,
    }
    assert new.vms == (SUSPEND_DB,)
    assert "spec.checksum" in {reason.code for reason in changes(before, new)}


def test_a_changed_checksum_is_what_people_are_offered() -> None:
    snapshot = pool_of([host(1, last_update_hash=NEW), host(2)], other_config={CLAIM_KEY: OWNER}, checksum="b" * 64)
    verdict = decided(SPEC, snapshot, asked_for("ApplyUpdates:host-1")).verdict
    assert verdict is not None
    assert verdict.wants == Offer(AmendmentKind.CHECKSUM, checksum="b" * 64)


def test_what_is_mandatory_of_the_updates_before_comes_before_the_newer_ones() -> None:
    spec = replace(SPEC, hosts=tuple(replace(entry, tasks=QUIET | REBOOT) for entry in SPEC.hosts))
    due = {"last_update_hash": "0" * 64, "pending": guidance_of(["RebootHost"]), "enabled": False}
    applied = asked_for("ApplyUpdates:host-2")
    assert actions(decided(spec, pool(**due), applied)) == ["RebootHost:host-2"]
    # Not while XAPI is installing: the tasks may then be those of the installation under way.
    busy = pool(**due)
    busy = replace(busy, pool=replace(busy.pool, current_operations=frozenset({"apply_updates"})))
    lost = {key: replace(intent, state=IntentState.LOST) for key, intent in applied.items()}
    for snapshot, intents in ((busy, lost), (pool(**due), asked_open("ApplyUpdates:host-2"))):
        assert actions(decided(spec, snapshot, intents)) == []


def asked_open(key: str) -> dict[str, Intent]:
    return {key: Intent(key, IntentState.OPEN, NOW + timedelta(minutes=50))}


# -- who is counted ----------------------------------------------------------------------------------------------------


def test_who_proposed_an_amendment_is_not_counted() -> None:
    given = [Approval(user, "d", NOW) for user in ("alice", "bob", "carol")]
    policy = ApprovalPolicy(required=2)
    people = {"alice", "bob", "carol"}
    assert quorum(policy, "d", "alice", given, people, proposer="").met
    assert quorum(policy, "d", "alice", given, people, proposer="bob").counted == ("carol",)
    with pytest.raises(NotAllowed, match="You proposed this change"):
        check_approver("bob", "alice", "d", (), True, proposer="bob")


# -- which answers fit -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "blamed", "ending", "expected"),
    [
        ("operation.failed", "host-2", False, ("retry", "skip", "abort")),
        ("livepatch.failed", "host-2", False, ("retry", "skip", "abort")),
        # The coordinator cannot be skipped, and nobody is skipped where no other host would go on.
        ("operation.failed", "host-1", False, ("retry", "abort")),
        ("operation.failed", "host-2", True, ("retry", "abort")),
        ("pool.unreachable", "", False, ("retry", "abort")),
        # What concerns the pool is nobody's fault, whichever host was in hand.
        ("pool.claimed", "host-2", False, ("retry", "abort")),
        ("setting.not_approved", "host-2", False, ("retry", "abort")),
        # A host that left the pool does not come back by trying again.
        ("host.gone", "host-2", False, ("skip", "abort")),
        ("host.gone", "host-1", False, ("retry", "abort")),
    ],
)
def test_the_answers_that_fit(code: str, blamed: str, ending: bool, expected: tuple[str, ...]) -> None:
    verdict = Verdict(State.NEEDS_ATTENTION, because(code), (), blamed)
    assert answers(verdict, "host-1", ending=ending) == expected
