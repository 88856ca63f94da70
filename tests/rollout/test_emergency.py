"""Emergencies: past windows and freezes, with a quorum of those who may declare one, told aloud."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.rollout.errors import NotAllowed, RolloutError
from bot.rollout.lifecycle import State
from bot.rollout.proposal import Choices
from bot.rollout.spec import parse_spec
from bot.rollouts import Role
from storage import specs

from .rehearsal import Rehearsal, actor, rehearse, small
from .test_windows import EVENING, NEXT, freeze, windows

URGENT = Choices(emergency=True)
WHY = "CVE-2026-31415 is being exploited on this pool"


class OnCall:
    """Erin and frank may declare an emergency; everything else is as it was."""

    def __init__(self, others: Any) -> None:
        self.others = others
        self.on_call = {"UERIN", "UFRANK"}

    def roles_of(self, user_id: str, pool: str) -> frozenset[Role]:
        roles: frozenset[Role] = self.others.roles_of(user_id, pool)
        return roles | {Role.EMERGENCY} if user_id in self.on_call else roles

    def holders(self, role: Role, pool: str) -> frozenset[str]:
        found: frozenset[str] = self.others.holders(role, pool)
        return frozenset(self.on_call) if role is Role.EMERGENCY else found


def on_call(rollout: Rehearsal) -> OnCall:
    people = OnCall(rollout.people)
    rollout.desk.authority = people
    return people


def declare(rollout: Rehearsal, by: str = "erin", typed: str = "lab", why: str = WHY) -> None:
    standing = rollout.desk.propose("lab", URGENT, actor(by), why, "C0UPDATES", typed=typed)
    rollout.id, rollout.digest = standing.row.id, standing.digest


@pytest.mark.failure("emergency")
def test_an_emergency_waits_for_no_window_and_no_freeze_but_for_a_second_person() -> None:
    with rehearse(small(), pool_settings=windows(NEXT), required=3) as rollout:
        on_call(rollout)
        freeze(rollout, EVENING + timedelta(days=3))
        declare(rollout)
        loud = [told.message.text for told in rollout.messages()[::2] if "EMERGENCY" in told.message.text]
        assert any(text.startswith("<!channel>") and "being exploited" in text for text in loud)
        with pytest.raises(NotAllowed, match="your approval does not count"):
            rollout.approve("erin")
        with pytest.raises(NotAllowed, match="cannot approve"):
            rollout.approve("bob")
        assert rollout.drive() is State.AWAITING_APPROVAL
        rollout.assert_untouched()
        rollout.approve("frank")
        assert rollout.drive() is State.SUCCEEDED
        rollout.assert_done()
        assert any("EMERGENCY" in row.sentence and row.reason.params["text"] == WHY for row in rollout.audited())


def test_who_lost_the_right_to_declare_one_counts_no_more_at_the_start() -> None:
    with rehearse(small()) as rollout:
        people = on_call(rollout)
        declare(rollout)
        rollout.approve("frank")
        people.on_call.discard("UFRANK")
        assert rollout.drive() is State.AWAITING_APPROVAL
        rollout.assert_untouched()


def test_an_emergency_needs_the_role_the_typed_name_and_a_reason() -> None:
    with rehearse(small()) as rollout:
        on_call(rollout)
        with pytest.raises(NotAllowed, match="declare an emergency"):
            declare(rollout, by="alice")
        with pytest.raises(NotAllowed, match="name, typed: lab"):
            declare(rollout, typed="lib")
        with pytest.raises(RolloutError, match="needs a reason"):
            declare(rollout, why="urgent")


def test_nothing_is_unreviewed_in_an_emergency_and_it_is_part_of_what_is_approved() -> None:
    with rehearse(small(), pool_settings={"approval": {"allow_unreviewed": True}}) as rollout:
        on_call(rollout)
        declare(rollout)
        assert rollout.drive() is State.AWAITING_APPROVAL
        with rollout.database.reading() as tx:
            assert parse_spec(specs.of(tx, rollout.id)[1]).emergency
