"""Foreign text made harmless, cut to length; moments and durations as people read them.

Names and descriptions come from XAPI and from users. In Slack's mrkdwn three characters carry markup (``&``, ``<``,
``>``): escaping them removes mentions and links for good. Formatting characters have no escape, so where they could
format they are replaced by look-alikes; ``web_01`` and ``10~12`` stay as they are, because inside a word Slack does
not format.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime

from bot.messages.language import _, day_and_time, number, several

#: Joins without a break and shows nothing: keeps Slack from reading ``@here`` or ``:fire:`` as more than letters.
_JOINER = "\u2060"
_LOOKALIKE = str.maketrans({"*": "\u2217", "`": "\u02cb", "_": "\u02cd", "~": "\u223c"})
_FORMATTING = re.compile(r"[*`]|(?<![^\W_])[_~]+|[_~]+(?![^\W_])")
_MENTION = re.compile(r"([@#])(?=\w)")
_EMOJI = re.compile(r":(?=[a-zA-Z0-9_+\-']*[a-zA-Z+][a-zA-Z0-9_+\-']*:)")
_SPACES = re.compile(r"\s+")

#: How much of a foreign name is shown where many stand together.
NAME = 60


def one_line(text: str) -> str:
    """`text` without line breaks and without characters that do not print or that turn the writing direction."""
    spaced = _SPACES.sub(" ", text)
    return "".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn")).strip()


def clip(text: str, limit: int) -> str:
    """At most `limit` characters, the cut marked with an ellipsis."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + "…"


def escape(text: str, limit: int = 300) -> str:
    """Foreign text for mrkdwn: one line, at most `limit` characters of it, nothing in it acts."""
    shown = clip(one_line(text), limit)
    shown = _FORMATTING.sub(lambda match: match.group().translate(_LOOKALIKE), shown)
    shown = _MENTION.sub(rf"\1{_JOINER}", shown)
    shown = _EMOJI.sub(f":{_JOINER}", shown)
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def name(text: str, limit: int = NAME) -> str:
    """A foreign name for mrkdwn; an empty one is said to be empty."""
    return escape(text, limit) or _("(no name)")


def names(items: Iterable[str], most: int = 6) -> str:
    """Some names in a row: ``a, b, c and 4 more``."""
    listed = [name(item) for item in items]
    if len(listed) <= most:
        return ", ".join(listed)
    return _("{names} and {more} more").format(names=", ".join(listed[:most]), more=len(listed) - most)


def quoted(text: str, limit: int = 500) -> str:
    """What a person wrote, as a quotation in mrkdwn."""
    return f">{escape(text, limit)}"


def escape_usage(usage: str) -> str:
    """A usage line as code: angle brackets are ours but still need escaping."""
    return usage.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def lines_within(lines: Sequence[str], limit: int) -> str:
    """As many whole lines as fit into `limit` characters; what is left out is counted in a last line."""
    total = sum(len(line) + 1 for line in lines)
    if total <= limit + 1:
        return "\n".join(lines)
    kept: list[str] = []
    room = limit - 40
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join([*kept, _("… and {count} more").format(count=len(lines) - len(kept))])


def moment(at: datetime) -> str:
    """A moment, shown by Slack in the reader's own time zone (UTC where Slack cannot)."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{day_and_time(at)}>"


def plain_moment(at: datetime) -> str:
    """A moment where Slack does not render dates (dialogs, plain text)."""
    return day_and_time(at)


def duration(seconds: float) -> str:
    """A length of time in the two units that matter: ``45 s``, ``12 min``, ``2 h 5 min``, ``3 days``."""
    whole = round(seconds)
    if whole < 90:
        return _("{count} s").format(count=max(whole, 0))
    minutes = round(whole / 60)
    if minutes < 60:
        return _("{count} min").format(count=minutes)
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        told = _("{hours} h {minutes} min") if minutes else _("{hours} h")
        return told.format(hours=hours, minutes=minutes)
    return several(round(hours / 24), "day", "days")


def size(count: int) -> str:
    """A number of bytes as people say it: ``1.2 MiB``."""
    shown = float(count)
    for unit in ("B", "KiB", "MiB"):
        if shown < 1024:
            return f"{number(count)} B" if unit == "B" else f"{number(shown, 1)} {unit}"
        shown /= 1024
    return f"{number(shown, 1)} GiB"


def mention(holder: str) -> str:
    """A user, user group or channel id from our own configuration as a mention."""
    if holder.startswith("C"):
        return f"<#{holder}>"
    return f"<!subteam^{holder}>" if holder.startswith("S") else f"<@{holder}>"


def mentions(holders: Iterable[str], most: int = 5) -> str:
    """Some ids as mentions, in words where there are too many or none."""
    listed = sorted(holders, key=lambda holder: (not holder.startswith(("S", "C")), holder))
    if not listed:
        return _("nobody (no approver is configured)")
    shown = _(" or ").join(mention(holder) for holder in listed[:most])
    return shown if len(listed) <= most else _("{shown} and {more} more").format(shown=shown, more=len(listed) - most)


def person(kind: str, user: str, shown: str) -> str:
    """Who did it: a mention for people in Slack, a marked name for everybody else."""
    if kind == "slack" and re.fullmatch(r"[UW][A-Z0-9]+", user):
        return f"<@{user}>"
    if kind == "cli":
        return _("{name} (command line)").format(name=name(shown))
    return name(shown)


def plain(text: str) -> str:
    """Mrkdwn of ours as plain text: for dialogs and labels that show no markup."""
    shown = re.sub(r"<!date\^[^|>]*\|([^>]*)>", r"\1", text)
    shown = re.sub(r"<[^|>]*\|([^>]*)>", r"\1", shown)
    shown = re.sub(r"<[!@#]([^>]*)>", r"\1", shown)
    shown = re.sub(r"(?<!\w)[*`]|[*`](?!\w)", "", shown)
    return shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace(_JOINER, "")
