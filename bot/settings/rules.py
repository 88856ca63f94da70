"""What a single value must look like; each rule raises what pydantic turns into a `SettingsError`.

No rule repeats a value that may be, or contain, a secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pydantic_core import PydanticCustomError

EVERYBODY = "*"
ALIAS = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
ALIAS_HINT = "Use 1 to 32 small letters, digits and hyphens: it is typed in /xs commands."
_SLACK_ID = re.compile(r"[UWS][A-Z0-9]{2,}")
BACKUPS = ("pool_database", "vm_metadata", "hosts", "snapshots")
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
    """Whether an entry of a role is a user group rather than a person."""
    return entry.startswith("S")


def role_entries(value: tuple[str, ...], everybody_allowed: bool) -> tuple[str, ...]:
    """Slack ids, each once; `"*"` only where everybody may hold the role."""
    for entry in value:
        if entry == EVERYBODY:
            if not everybody_allowed:
                raise wrong('"*" is not allowed here.', "Name the people or a user group who hold this role.")
        elif not _SLACK_ID.fullmatch(entry):
            raise wrong(
                f"{entry!r} is no Slack id.",
                "Use the member id (U… or W…, profile → “Copy member ID”) or a user group's id (S…), not a name.",
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
