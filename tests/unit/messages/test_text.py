"""Foreign text is harmless, and numbers read as people say them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages.blocks import cut_mrkdwn
from bot.messages.text import clip, duration, escape, lines_within, mentions, moment, name, names, person, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("web_01", "web_01"),
        ("db-02.example", "db-02.example"),
        ("a & b", "a &amp; b"),
        ("<!channel>", "&lt;!channel&gt;"),
        ("<@U0ALICE>", "&lt;@\u2060U0ALICE&gt;"),
        ("*bold*", "\u2217bold\u2217"),
        ("_it_", "\u02cdit\u02cd"),
        ("`code`", "\u02cbcode\u02cb"),
        ("~gone~", "\u223cgone\u223c"),
        ("@here now", "@\u2060here now"),
        (":fire: 12:30:45", ":\u2060fire: 12:30:45"),
        ("two\nlines\tand tab", "two lines and tab"),
        ("right\u202eleft\u2066x\x07", "rightleftx"),
    ],
)
def test_escape(text: str, shown: str) -> None:
    assert escape(text) == shown


@given(st.text(max_size=400))
def test_escaped_text_never_acts(text: str) -> None:
    shown = escape(text)
    assert "<" not in shown
    assert ">" not in shown
    assert "*" not in shown
    assert "`" not in shown
    assert "\n" not in shown


@given(st.text(alphabet="ab<>&*_ \n", max_size=200), st.integers(min_value=60, max_value=120))
def test_a_cut_leaves_no_half_escape(text: str, limit: int) -> None:
    shown = cut_mrkdwn(escape(text, 1000), limit)
    assert len(shown) <= limit
    assert not shown.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "").count("&")


def test_an_empty_name_is_said_to_be_empty() -> None:
    assert name("  ") == "(no name)"


def test_names_are_counted_when_there_are_many() -> None:
    assert names(["a", "b", "c"], most=3) == "a, b, c"
    assert names(["a", "b", "c"], most=2) == "a, b and 1 more"


def test_lines_are_dropped_whole_and_counted() -> None:
    lines = [f"line {number}" for number in range(100)]
    shown = lines_within(lines, 100)
    assert len(shown) <= 100
    assert shown.splitlines()[0] == "line 0"
    assert shown.splitlines()[-1] == f"… and {100 - len(shown.splitlines()) + 1} more"


def test_clip_marks_the_cut() -> None:
    assert clip("abcdef", 4) == "abc…"
    assert clip("abcd", 4) == "abcd"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (45, "45 s"), (89, "89 s"), (720, "12 min"), (7200, "2 h"), (7500, "2 h 5 min"), (259200, "3 days")],
)
def test_duration(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_moments_are_shown_in_the_readers_time_zone() -> None:
    at = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
    assert moment(at) == "<!date^1795168800^{date_short_pretty} {time}|2026-11-20 10:00 UTC>"


def test_people_groups_and_others() -> None:
    assert mentions(["U0BOB", "S0APPROVERS"]) == "<!subteam^S0APPROVERS> or <@U0BOB>"
    assert mentions([]) == "nobody (no approver is configured)"
    assert person("slack", "U0BOB", "bob") == "<@U0BOB>"
    assert person("slack", "U0BOB> <!channel", "<b>") == "&lt;b&gt;"
    assert person("cli", "root", "root") == "root (command line)"


def test_plain_takes_markup_of_ours_away() -> None:
    assert plain("*Pool* a &amp; b, <!date^1^{time}|2026-11-20 10:00 UTC>") == "Pool a & b, 2026-11-20 10:00 UTC"
