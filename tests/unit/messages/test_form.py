"""The update form shows every choice that can be made in another way, and never sends back less than was given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.lab.slack.limits import check_blocks
from bot.messages.modal import DEADLINE, FIRST, MOST, WITHOUT, _placing_inputs
from bot.rollout.proposal import Choices
from bot.rollout.spec import Preset
from commands.form import choices_of


def fields_of(choices: Choices) -> dict[str, dict[str, Any]]:
    blocks = _placing_inputs(choices)
    assert check_blocks(blocks, "modal") == []
    return {str(block["block_id"]): block for block in blocks}


def test_more_hosts_out_than_the_form_offers_stay_chosen() -> None:
    for most in (0, 3, 12, 64):
        menu = fields_of(Choices(preset=Preset.STANDARD, max_out=most))[MOST]["element"]
        values = [int(option["value"]) for option in menu["options"]]
        assert values == sorted({*range(9), most})
        assert menu["initial_option"]["value"] == str(most)


def test_names_are_shown_whole_or_not_at_all() -> None:
    names = tuple(f"host-{number:02}.rack-7.dc-north.example.com" for number in range(64))
    shown = fields_of(Choices(order=names, left_out=names[:2]))
    assert shown[FIRST]["element"]["initial_value"].split() == list(names)
    assert shown[WITHOUT]["element"]["initial_value"].split() == list(names[:2])
    long = fields_of(Choices(order=tuple(name * 3 for name in names)))[FIRST]
    assert "initial_value" not in long["element"]
    assert "64 names" in long["hint"]["text"]


def test_names_are_reported_with_enter() -> None:
    for block_id in (FIRST, WITHOUT):
        block = fields_of(Choices())[block_id]
        assert block["dispatch_action"]
        assert block["element"]["dispatch_action_config"] == {"trigger_actions_on": ["on_enter_pressed"]}
        assert block["element"]["action_id"].startswith("update_choice_")


def test_a_deadline_is_shown_and_read_and_can_be_taken_out_again() -> None:
    chosen = datetime(2026, 3, 8, 5, 30, tzinfo=UTC)
    picker = fields_of(Choices(deadline=chosen))[DEADLINE]["element"]
    assert picker["initial_date_time"] == int(chosen.timestamp())
    assert "initial_date_time" not in fields_of(Choices())[DEADLINE]["element"]

    def read(**values: object) -> datetime | None:
        shown = {block: {"any": entry} for block, entry in values.items()}
        return choices_of({"state": {"values": shown}}, Choices(deadline=chosen)).deadline

    later = int((chosen + timedelta(hours=1)).timestamp())
    assert read(deadline={"type": "datetimepicker", "selected_date_time": later}) == chosen + timedelta(hours=1)
    assert read(deadline={"type": "datetimepicker", "selected_date_time": None}) is None
    # Not shown yet: as configured.
    assert read() == chosen
