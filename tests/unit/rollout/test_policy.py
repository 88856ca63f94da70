"""Who must approve: distinct people with the authority now, never the one who asked, and exactly this digest."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rollout.errors import NotAllowed
from bot.rollout.policy import Approval, ApprovalPolicy, check_approver, quorum
from tests.unit.rollout.pools import NOW

DIGEST = "d" * 64
OTHER = "e" * 64
TWO = ApprovalPolicy(required=2)

people = st.sampled_from(["alice", "bob", "carol", "dave"])
approvals = st.lists(
    st.builds(Approval, people, st.sampled_from([DIGEST, OTHER]), st.just(NOW), st.booleans()), max_size=8
)
authorities = st.frozensets(people)


def approved(user: str, digest: str = DIGEST, revoked: bool = False) -> Approval:
    return Approval(user, digest, NOW, revoked)


@pytest.mark.parametrize(
    ("given_by", "counted"),
    [
        ([approved("bob"), approved("carol")], ("bob", "carol")),
        ([approved("bob")], ("bob",)),
        ([approved("bob"), approved("bob")], ("bob",)),
        ([approved("bob"), approved("alice")], ("bob",)),
        ([approved("bob"), approved("carol", OTHER)], ("bob",)),
        ([approved("bob"), approved("carol", revoked=True)], ("bob",)),
        ([approved("bob"), approved("mallory")], ("bob",)),
        ([], ()),
    ],
    ids=["two people", "one", "twice", "the requester", "another spec", "revoked", "no authority", "nobody"],
)
def test_only_distinct_authorised_approvals_of_this_spec_count(
    given_by: list[Approval], counted: tuple[str, ...]
) -> None:
    found = quorum(TWO, DIGEST, "alice", given_by, {"alice", "bob", "carol"})
    assert found.counted == counted
    assert found.met == (len(counted) == 2)
    assert found.reason.params == {"have": len(counted), "need": 2}


@given(approvals, authorities, people, st.integers(1, 4))
def test_a_quorum_is_that_many_people_who_each_count(
    given_by: list[Approval], authorised: frozenset[str], requester: str, required: int
) -> None:
    found = quorum(ApprovalPolicy(required=required), DIGEST, requester, given_by, authorised)
    valid = {
        entry.user
        for entry in given_by
        if entry.digest == DIGEST and not entry.revoked and entry.user != requester and entry.user in authorised
    }
    assert set(found.counted) == valid
    assert len(found.counted) == len(valid)
    assert found.met == (len(valid) >= required)


@given(approvals, authorities, people)
def test_the_requester_alone_never_makes_a_quorum(
    given_by: list[Approval], authorised: frozenset[str], requester: str
) -> None:
    own = [replace(entry, user=requester) for entry in given_by]
    assert not quorum(ApprovalPolicy(required=1), DIGEST, requester, own, authorised | {requester}).met


@given(approvals, authorities, people)
def test_losing_authority_or_revoking_only_ever_takes_away(
    given_by: list[Approval], authorised: frozenset[str], requester: str
) -> None:
    before = set(quorum(TWO, DIGEST, requester, given_by, authorised).counted)
    for gone in before:
        left = quorum(TWO, DIGEST, requester, given_by, authorised - {gone}).counted
        assert set(left) == before - {gone}
    revoked = [replace(entry, revoked=True) for entry in given_by]
    assert quorum(TWO, DIGEST, requester, revoked, authorised).counted == ()


@given(approvals, authorities, people)
def test_approvals_of_another_spec_count_for_nothing(
    given_by: list[Approval], authorised: frozenset[str], requester: str
) -> None:
    others = [replace(entry, digest=OTHER) for entry in given_by]
    assert not quorum(ApprovalPolicy(required=1), DIGEST, requester, others, authorised).met


def test_where_the_configuration_allows_it_no_approval_is_needed() -> None:
    found = quorum(ApprovalPolicy(allow_unreviewed=True), DIGEST, "alice", [], {"bob"})
    assert found.met
    assert found.counted == ()


@pytest.mark.parametrize(
    ("user", "authorised", "before", "says"),
    [
        ("alice", True, [], "asked for this rollout"),
        ("mallory", False, [], "may not approve"),
        ("bob", True, [approved("bob")], "approved this already"),
    ],
)
def test_an_approval_that_would_not_count_is_refused_with_the_reason(
    user: str, authorised: bool, before: list[Approval], says: str
) -> None:
    with pytest.raises(NotAllowed, match=says) as refused:
        check_approver(user, "alice", DIGEST, before, authorised)
    assert refused.value.hint


@pytest.mark.parametrize("before", [[], [approved("carol")], [approved("bob", OTHER)], [approved("bob", revoked=True)]])
def test_an_approval_that_counts_is_accepted(before: list[Approval]) -> None:
    check_approver("bob", "alice", DIGEST, before, True)
    assert "bob" in quorum(TWO, DIGEST, "alice", [*before, approved("bob")], {"bob", "carol"}).counted
