"""What a single value must look like; each rule raises what pydantic turns into a `SettingsError`.

No rule repeats a value that may be, or contain, a secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.cron import CronTrigger
from pydantic_core import PydanticCustomError

EVERYBODY = "*"
ALIAS = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
ALIAS_HINT = "Use 1 to 32 small letters, digits and hyphens: it is typed in /xs commands."
_SLACK_ID = re.compile(r"[UWSC][A-Z0-9]{2,}")
BACKUPS = ("pool_database", "vm_metadata", "hosts", "snapshots")
_DURATION = re.compile(r"(?:(\d{1,3})h)?(?:(\d{1,5})m)?")
#: A turn takes at least half an hour; what is open for more than a week is no window.
SHORTEST_WINDOW, LONGEST_WINDOW = timedelta(minutes=30), timedelta(days=7)
_WINDOW_HINT = (
    'Write minute, hour, day, month, weekday and a duration: "0 22 * * sat 6h" is every Saturday from 22:00 for six '
    "hours. Weekdays by name (mon, sat-sun), one minute, durations like 90m, 6h or 1h30m."
)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def wrong(sentence: str, hint: str) -> PydanticCustomError:
    """The error of a validator: what is wrong and the remedy."""
    return PydanticCustomError("setting", "{sentence}", {"sentence": sentence, "hint": hint})


def channel(value: str) -> str:
    """A channel's id or #name; empty stays empty."""
    if value and not re.fullmatch(r"[CG][A-Z0-9]{2,}|#[^\s#,]{1,80}", value):
        raise wrong(f"{value!r} is no channel.", "Use the channel's id (C…, from “View channel details”) or #its-name.")
    return value


def pool_url(url: str) -> str:
    """`https://host[:port]`, without a slash at its end."""
    # What was given is not repeated: somebody may have put a password into it.
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise wrong("A pool's address must start with https://.", "The password travels over it; XAPI listens on 443.")
    if parts.username or parts.password:
        raise wrong("A pool's address must not contain a user or password.", "Use username and the environment.")
    if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise wrong("A pool's address is only https://, the host and perhaps a port.", "Leave out everything else.")
    return url.rstrip("/")


def repository_url(value: str) -> str:
    """Where repositories are, without a slash at its end. It is not repeated when wrong: it may carry a password."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise wrong(
            "This is no address of repositories.", "Use https://, the host and a folder, without a user or password."
        )
    return value.rstrip("/")


def backups(value: tuple[str, ...]) -> tuple[str, ...]:
    """Kinds of backups, each once."""
    for entry in value:
        if entry not in BACKUPS:
            raise wrong(f"{entry!r} is nothing that can be backed up.", f"Choose from: {', '.join(BACKUPS)}.")
    return tuple(dict.fromkeys(value))


def backup_directory(value: Path | None) -> Path | None:
    """A directory that is not among the program's own files."""
    ours = Path(__file__).resolve().parents[2]
    if value is not None and value.resolve().is_relative_to(ours):
        raise wrong(
            "Backups must not lie among xsbot's own files.", "Name another directory: a checkout is easily published."
        )
    return value


def is_group(entry: str) -> bool:
    """Whether an entry of a role is a user group or a channel rather than a person."""
    return entry.startswith(("S", "C"))


def role_entries(value: tuple[str, ...], everybody_allowed: bool) -> tuple[str, ...]:
    """Slack ids, each once; `"*"` only where everybody may hold the role."""
    for entry in value:
        if entry == EVERYBODY:
            if not everybody_allowed:
                raise wrong('"*" is not allowed here.', "Name the people or a user group who hold this role.")
        elif not _SLACK_ID.fullmatch(entry):
            raise wrong(
                f"{entry!r} is no Slack id.",
                "Use the member id (U… or W…, profile → “Copy member ID”), a user group's id (S…) or a public channel's"
                " (C…), not a name.",
            )
    return tuple(dict.fromkeys(value))


def alias(value: str) -> str:
    """The short name people type for a pool."""
    if not ALIAS.fullmatch(value):
        raise wrong(f"{value!r} cannot be a pool's alias.", ALIAS_HINT)
    return value


def vm_tags(value: tuple[str, ...]) -> tuple[str, ...]:
    """What VMs with a tag get: `tag=way` or `tag=way:order`."""
    for entry in value:
        if not re.fullmatch(r".*\S=(usual|migrate|suspend|shutdown|leave)(:[0-9]{1,4})?", entry):
            raise wrong(
                f"{entry!r} says nothing about VMs with a tag.",
                "Write the tag, =, and one of migrate, suspend, shutdown, leave and usual, perhaps with a place in the"
                ' order: "database=shutdown:20".',
            )
    return value


def web_api_url(value: str) -> str:
    """Another address of the Web API, with a slash at its end; empty stays empty."""
    if not value:
        return value
    parts = urlsplit(value)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return value.rstrip("/") + "/"
    raise wrong(
        "The address of the Web API must start with https://, because tokens travel over it.",
        "Leave it out to use Slack itself; http:// is accepted for 127.0.0.1 and localhost only.",
    )


def token(value: str, prefix: str, other: str, kind: str, page: str) -> None:
    """A token starts with its own prefix; with the other one, the two were swapped."""
    if not value or value.startswith(prefix):
        return
    if value.startswith(other):
        raise wrong(
            f"This token starts with {other}, but the {kind} token starts with {prefix}.",
            "SLACK_BOT_TOKEN takes the xoxb- token and SLACK_APP_TOKEN the xapp- token; they look swapped.",
        )
    raise wrong(f"This is no {kind} token: it does not start with {prefix}.", f"Copy it from the app's page {page}.")


def fingerprints(value: Mapping[str, str]) -> Mapping[str, str]:
    """Host uuid to SHA-256, in small hexadecimal digits without colons."""
    plain = {host: text.replace(":", "").strip().lower() for host, text in value.items()}
    for host, digits in plain.items():
        if not re.fullmatch(r"[0-9a-f]{64}", digits):
            raise wrong(
                f"The fingerprint of host {host} is no SHA-256 fingerprint.",
                "It has 64 hexadecimal digits, with or without colons.",
            )
    return plain


def database_url(value: str) -> str:
    """An address of SQLite or PostgreSQL. It is not repeated when wrong: it may carry a password."""
    if not value.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise wrong(
            "xsbot keeps its data in SQLite or PostgreSQL.",
            "Use sqlite:///relative.sqlite, sqlite:////absolute.sqlite or postgresql://user:password@host/name.",
        )
    return value


def time_zone(value: str) -> str:
    """A name of the time zone database."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise wrong(
            f"There is no time zone {value!r} on this machine.",
            'Use a name like "Europe/Berlin" or "America/Sao_Paulo"; Debian and Ubuntu: apt install tzdata.',
        ) from error
    return value


def window_parts(value: str) -> tuple[str, timedelta]:
    """When a maintenance window opens, as cron says it, and for how long. See `window` for what is accepted."""
    *cron, duration = value.lower().split()
    match = _DURATION.fullmatch(duration)
    length = timedelta(hours=int(match[1] or 0), minutes=int(match[2] or 0)) if match else timedelta()
    return " ".join(cron), length


def window(value: str) -> str:
    """A maintenance window: five fields of cron and a duration; weekdays by name, because programs count them apart."""
    fields = value.lower().split()
    if len(fields) != 6:
        raise wrong(f"{value!r} is no maintenance window.", _WINDOW_HINT)
    cron, length = window_parts(value)
    if not re.fullmatch(r"[0-5]?\d", fields[0]) or re.search(r"\d", fields[4]):
        raise wrong(f"{value!r} is no maintenance window.", _WINDOW_HINT)
    if not SHORTEST_WINDOW <= length <= LONGEST_WINDOW:
        raise wrong(f"The maintenance window {value!r} must last from 30 minutes to seven days.", _WINDOW_HINT)
    try:
        opens = CronTrigger.from_crontab(cron, UTC).get_next_fire_time(None, datetime(2026, 1, 1, tzinfo=UTC))
    except ValueError as error:
        raise wrong(f"{value!r} is no maintenance window.", _WINDOW_HINT) from error
    if opens is None:
        raise wrong(f"The maintenance window {value!r} never opens.", "There is no such day of the month.")
    return " ".join(fields)


def expression(value: str) -> str:
    """A regular expression that fits something other than nothing."""
    try:
        fits_nothing = re.search(value, "") is not None
    except re.error as error:
        raise wrong(f"{value!r} is no regular expression: {error}.", "Write for example CHG-[0-9]{4,}.") from error
    if value and fits_nothing:
        raise wrong(f"{value!r} fits any reason, even none.", "Write for example CHG-[0-9]{4,}.")
    return value
