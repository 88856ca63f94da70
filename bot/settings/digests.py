"""Weekly digests: what they are about, where they go, and when. The string below a field is its documentation."""

from __future__ import annotations

from datetime import time as time_of_day
from typing import Literal

from pydantic import Field, field_validator

from bot.settings import rules
from bot.settings.sections import Section

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
#: In the order of `datetime.weekday`.
WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class DigestSettings(Section):
    """A message each week about how some pools are."""

    pools: tuple[str, ...] = ("*",)
    """The pools that it is about: aliases, or patterns of them with `*` and `?`."""
    channel: str = ""
    """The channel that gets one message about all of them: its id (`C…`), or its name with `#`. Empty: each of the
    pools' own channels gets one about its pools."""
    day: Weekday = "mon"
    """The day of the week on which it comes."""
    time: str = Field(default="09:00", pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")
    """The time of that day."""
    time_zone: str = ""
    """The time zone of that time: a name like `Europe/Berlin`. Empty: `maintenance.time_zone`."""

    @field_validator("channel")
    @classmethod
    def _is_a_channel(cls, value: str) -> str:
        return rules.channel(value)

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        return rules.time_zone(value) if value else value

    @property
    def weekday(self) -> int:
        """The day as `datetime.weekday` counts it."""
        return WEEK.index(self.day)

    @property
    def clock(self) -> time_of_day:
        """The time of day."""
        hour, minute = self.time.split(":")
        return time_of_day(int(hour), int(minute))
