"""What a notice says besides the list: what it costs at each level, live patches, age; folded away and shown again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.lab.slack.plain import plain_blocks
from bot.messages.details import PAGE, details, page_of
from bot.messages.message import Message
from bot.messages.notice import NoticeFacts, fold_value, notice, parse_fold
from bot.messages.updates import cve_link, update_line, vendor_link
from bot.rollout.guidance import Level
from bot.rollout.model import Update
from bot.rollout.outlook import LevelOutlook, Outlook
from tests.unit.messages.made import NOW, updates_for

PLAIN = LevelOutlook(hosts=3, reboots=0, toolstacks=3, vms=0, moves=0, restarts=0, minutes=(13, 32))
REBOOTS = LevelOutlook(hosts=3, reboots=3, toolstacks=0, vms=12, moves=24, restarts=0, minutes=(34, 79))
FULL = replace(REBOOTS, restarts=12)
LEVELS = {Level.MANDATORY: PLAIN, Level.RECOMMENDED: REBOOTS, Level.FULL: FULL}
OUTLOOK = Outlook("c0ffee" * 10, "standard", 12, LEVELS)


def told(**changes: Any) -> Message:
    return notice(
        replace(NoticeFacts("lab", "lab", "updates", updates=updates_for(), id=7, outlook=OUTLOOK), **changes)
    )


def read(made: Message) -> str:
    return plain_blocks(list(made.blocks), {"U0BOB": "bob"})


def test_the_levels_stand_side_by_side() -> None:
    made = told()

    fields = next(block["fields"] for block in made.blocks if "fields" in block)
    assert [field["text"].split("\n")[0] for field in fields] == ["*Mandatory*", "*Recommended*", "*Full*"]
    assert "installs on 3 hosts\n3 toolstack restarts\nno VM moves\nabout 13 min to 32 min" in fields[0]["text"]
    assert "3 host reboots\n12 VMs move, 24 live moves in all\nabout 34 min to 1 h 19 min" in fields[1]["text"]
    assert "12 VM restarts" in fields[2]["text"]
    assert "preset standard on the pool as it was found (12 VMs running)" in read(made)
    assert "Recommended guidance: installs on 3 hosts; 3 host reboots" in made.text


def test_levels_that_cost_the_same_take_one_line() -> None:
    made = told(outlook=replace(OUTLOOK, levels=dict.fromkeys(Level, PLAIN)))
    assert "*All levels alike* (Mandatory, Recommended, Full): installs on 3 hosts; 3 toolstack" in read(made)
    assert not any("fields" in block for block in made.blocks)


def test_live_patches_say_where_they_help_and_where_they_do_not() -> None:
    assert "Live patches" not in read(told())
    patched = replace(OUTLOOK, livepatches=("kernel", "xen"), patched=3, rebooting=1)
    shown = read(told(outlook=patched))
    assert "*Live patches* for kernel, xen take effect without a reboot on 3 hosts." in shown
    assert "Other updates ask for a reboot of 1 host all the same." in shown


@pytest.mark.parametrize(
    ("days", "says"),
    [(160, "update before 2026-12-13 10:00 UTC."), (190, "update soon, and look closely at the checks.")],
)
def test_a_pool_that_comes_near_six_months_is_warned_about(days: int, says: str) -> None:
    made = told(updated_at=NOW - timedelta(days=days), now=NOW)
    assert f"last updated {days} days ago" in read(made)
    assert says in read(made)
    assert "six months" in made.text


def test_a_special_note_stands_below_its_update() -> None:
    updates = updates_for()
    noted = tuple(replace(update, special_info="Read this first.") for update in updates.updates)
    assert "↳ Note: Read this first." in read(told(updates=replace(updates, updates=noted)))
    assert "Note" not in read(
        told(updates=replace(updates, updates=tuple(replace(u, special_info="None") for u in noted)))
    )


def test_a_folded_notice_is_one_line_with_the_way_back() -> None:
    snoozed = told(folded_by="<@U0BOB>", folded_until=NOW)
    assert len(snoozed.blocks) == 1
    assert "3 updates (1 security fix, 2 improvements) available." in read(snoozed)
    assert "Snoozed by @bob until 2026-11-20 10:00 UTC; then it is told anew." in read(snoozed)
    assert snoozed.blocks[0]["accessory"]["value"] == "7"
    assert "told anew when something newer is available" in read(told(folded_by="<@U0BOB>"))
    # What is done is done, folded away or not.
    assert "are installed" in read(told(folded_by="<@U0BOB>", state="done", rollout=3))


def test_the_menu_carries_the_notice_and_for_how_long() -> None:
    menu = next(entry for block in told().blocks for entry in block.get("elements", []) if entry["type"] == "overflow")
    assert [parse_fold(option["value"]) for option in menu["options"]] == [(24, 7), (168, 7), (0, 7)]
    with pytest.raises(ValueError, match="lab"):
        parse_fold("lab")
    assert parse_fold(fold_value(5, 12)) == (5, 12)


def test_only_what_is_spelled_like_a_cve_is_linked() -> None:
    assert cve_link("CVE-2026-31415") == "<https://www.cve.org/CVERecord?id=CVE-2026-31415|CVE-2026-31415>"
    assert cve_link("CVE-2026-1|<!channel>").startswith("CVE")
    assert "<" not in cve_link("CVE-2026-1|<!channel>")
    assert "CVE-2026-1000>" in update_line(updates_for().updates[0])


@pytest.mark.parametrize(
    "url",
    [
        "http://support.example/x",
        "https://a.example/|click>",
        "https://a.example/ x",
        "javascript:alert(1)",
        "https://",
    ],
    ids=["http", "bar", "blank", "script", "nowhere"],
)
def test_an_address_that_could_end_its_link_is_not_linked(url: str) -> None:
    assert vendor_link(Update("x", url=url)) == ""


def test_a_link_says_where_it_leads() -> None:
    assert vendor_link(Update("x", url="https://a.example/k?a=1&b=2")) == "<https://a.example/k?a=1&amp;b=2|a.example>"


def test_the_details_have_pages() -> None:
    updates = updates_for(count=2 * PAGE + 1)
    first, last = details("lab", updates), details("lab", updates, 2)

    def buttons(view: dict[str, Any]) -> list[tuple[str, str]]:
        row = next(block for block in view["blocks"] if block["type"] == "actions")
        return [(entry["text"]["text"], entry["value"]) for entry in row["elements"]]

    assert buttons(first) == [("Page 2 →", "lab:1")]
    assert buttons(last) == [("← Page 2", "lab:1")]
    assert "Page 3 of 3: updates 17 to 17 of 17" in plain_blocks(last["blocks"], {})
    assert details("lab", updates, 99) == last
    shown = [plain_blocks(details("lab", updates, page)["blocks"], {}) for page in range(3)]
    assert all(any(update.title + "\n" in page or update.title in page for page in shown) for update in updates.updates)
    assert page_of("lab:1") == ("lab", 1)
    assert all(block["type"] != "actions" for block in details("lab", updates_for())["blocks"])


def test_an_outlook_survives_the_database() -> None:
    assert Outlook.from_dict(OUTLOOK.as_dict()) == OUTLOOK
