"""What a wrong setting raises."""

from __future__ import annotations

from bot.errors import XsbotError


class SettingsError(XsbotError):
    """A setting is missing or wrong; the sentence names it, the hint is the remedy. Neither repeats a secret."""
