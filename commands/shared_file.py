"""A file that somebody shared in Slack, fetched to this machine."""

from __future__ import annotations

import http.client
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.errors import XsbotError
from bot.rollouts.configuring import LARGEST_BUNDLE

_ID = re.compile(r"\bF[A-Z0-9]{6,}\b")
_CHUNK = 256 * 1024
_SILENCE_S = 60.0


class FileRefused(XsbotError):
    """The file cannot be had."""


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A file that Slack keeps: its name, where its bytes are, and how many there are (0: not said)."""

    name: str
    url: str
    size: int


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Where Slack sends us on, the bot's token must not follow."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


def file_id(given: str) -> str:
    """The id of a shared file in what somebody typed (its link or the id itself), "" when there is none."""
    if not given.startswith(("http://", "https://", "<http", "F")):
        return ""
    found = _ID.search(given)
    return found.group() if found is not None and (given == found.group() or "/files" in given) else ""


def look_up(client: WebClient, shared: str) -> SharedFile:
    """What Slack says about a shared file (`files.info`). Raises `FileRefused`."""
    try:
        about = client.files_info(file=shared)["file"]
    except SlackApiError as error:
        code = str(error.response.get("error", ""))
        hints = {
            "file_not_found": "Share it in a channel that xsbot was invited to, and name its link.",
            "missing_scope": "The app lacks the scope files:read: `xsbot manifest` has it; reinstall the app.",
        }
        raise FileRefused(f"Slack does not hand out the file {shared} ({code}).", hints.get(code, "")) from error
    if int(about.get("size") or 0) > LARGEST_BUNDLE:
        raise FileRefused(f"The file has {about['size']} bytes, more than a bundle may have.", "Check that it is one.")
    url = str(about.get("url_private_download") or about.get("url_private") or "")
    if not _is_slacks(url, client.base_url):
        # The token goes with the request: nobody but Slack may get it.
        raise FileRefused("The file is not kept by Slack.", "Upload it to Slack, or put it into the bundle directory.")
    return SharedFile(str(about.get("name") or shared), url, int(about.get("size") or 0))


@contextmanager
def _storing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileRefused(
            f"The file could not be stored on xsbot's machine: {error.strerror or type(error).__name__}.",
            "An operator has to look at its disk for temporary files.",
        ) from error


def _is_slacks(url: str, api: str) -> bool:
    parts, ours = urlsplit(url), urlsplit(api)
    if parts.netloc == ours.netloc and parts.scheme == ours.scheme:
        return True
    return parts.scheme == "https" and (parts.hostname or "").endswith(".slack.com")


def download(client: WebClient, file: SharedFile, to: Path) -> None:
    """Write the shared file to `to`. Raises `FileRefused`."""
    proxies = {} if client.proxy is None else {"https": client.proxy, "http": client.proxy}
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler(proxies))
    request = urllib.request.Request(file.url, headers={"Authorization": f"Bearer {client.token}"})
    written = 0
    try:
        with _storing():
            store = to.open("wb")
        with store, opener.open(request, timeout=_SILENCE_S) as answer:
            while chunk := answer.read(_CHUNK):
                written += len(chunk)
                if written > LARGEST_BUNDLE:
                    raise FileRefused("The file is larger than a bundle may be.", "Check that it is one.")
                with _storing():
                    store.write(chunk)
                    store.flush()
    except (OSError, http.client.HTTPException) as error:
        raise FileRefused(f"The file could not be fetched from Slack: {type(error).__name__}.", "Try again.") from error
    if file.size and written != file.size:
        raise FileRefused("Slack sent another number of bytes than it announced.", "Try again.")
