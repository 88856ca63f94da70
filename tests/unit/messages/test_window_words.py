"""Windows as whoever approves reads them."""

from __future__ import annotations

import pytest

from bot.messages.language import speaking
from bot.messages.windows import window_words


@pytest.mark.parametrize(
    ("configured", "told"),
    [
        ("0 22 * * sat 6h", "Saturday 22:00–04:00"),
        ("30 7 * * * 50m", "daily 07:30–08:20"),
        ("5 0 * * mon-fri 1h30m", "Monday–Friday 00:05–01:35"),
        ("0 20 * * sat,sun 23h59m", "Saturday, Sunday 20:00–19:59"),
        ("0 22 1-7 * sat 6h", "`0 22 1-7 * sat 6h`"),
        ("0 22 * 1 * 6h", "`0 22 * 1 * 6h`"),
        ("0 */2 * * * 1h", "`0 */2 * * * 1h`"),
        ("0 22 * * fri 24h", "`0 22 * * fri 24h`"),
        ("0 22 * * last 6h", "`0 22 * * last 6h`"),
        ("nonsense", "`nonsense`"),
    ],
)
def test_a_window_is_told_by_day_and_time_or_as_it_is_configured(configured: str, told: str) -> None:
    assert window_words(configured) == told


@pytest.mark.parametrize(("tag", "told"), [("pt_BR", "sábado 22:00–04:00"), ("es", "sábado 22:00–04:00")])
def test_days_have_their_names_in_every_language(tag: str, told: str) -> None:
    with speaking(tag):
        assert window_words("0 22 * * sat 6h") == told
