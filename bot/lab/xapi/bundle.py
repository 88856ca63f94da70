"""Update bundles: the tar that a pool without internet is fed with.

The vendor's holds packages and their metadata. The lab's holds the metadata's files as well, and names its updates
instead of carrying their packages.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable

from bot.lab.xapi.failure import XapiFailure

#: XAPI unpacks no more than this.
MOST = 1 << 30
_REPOMD = "repodata/repomd.xml"
_UPDATES = "repodata/updates.json"


def make_bundle(updates: Iterable[str]) -> bytes:
    """A bundle with the updates of these ids."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in ((_REPOMD, b"<repomd/>"), (_UPDATES, json.dumps(list(updates)).encode())):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def contents(content: bytes) -> list[str]:
    """The ids in a bundle; BUNDLE_UNPACK_FAILED for what is no plain tar, BUNDLE_SYNC_FAILED without metadata."""
    files: dict[str, bytes] = {}
    total = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for entry in archive:
                total += entry.size
                if not (entry.isfile() or entry.isdir()):
                    raise XapiFailure("BUNDLE_UNPACK_FAILED", f"File type is not supported: {entry.name}")
                if entry.name.startswith("/") or ".." in entry.name.split("/"):
                    raise XapiFailure("BUNDLE_UNPACK_FAILED", f"Path is not allowed: {entry.name}")
                if total > MOST:
                    raise XapiFailure("BUNDLE_UNPACK_FAILED", "The bundle is too large")
                handle = archive.extractfile(entry)
                files[entry.name] = handle.read() if handle is not None else b""
    except tarfile.TarError as error:
        raise XapiFailure("BUNDLE_UNPACK_FAILED", str(error)) from error
    if _REPOMD not in files:
        raise XapiFailure("BUNDLE_SYNC_FAILED")
    try:
        return [str(name) for name in json.loads(files.get(_UPDATES, b"[]"))]
    except (ValueError, TypeError) as error:
        raise XapiFailure("BUNDLE_SYNC_FAILED") from error
