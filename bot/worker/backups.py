"""Backups before a run: fetched, checked to be whole, kept under a rollout's number, the oldest let go.

    <directory>/<pool's alias>/rollout-42/pool-database.xml, vm-metadata.tar, host-xs-01-<uuid>.tar, SHA256SUMS

A file has its name only once it was checked: what is on its way ends in ``.part``. Dumps hold secrets, so everything
is readable for the owner alone.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tarfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from xml.parsers import expat

from bot.rollout.action import BackUp
from bot.rollout.backups import BackupKind
from bot.rollout.model import PoolSnapshot
from bot.xen.errors import XenError, translate
from bot.xen.gateway import Gateway

_ROLLOUT = re.compile(r"rollout-\d+")
_SUMS = "SHA256SUMS"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Taken:
    """One backup that is there: where, how many bytes, its SHA-256."""

    path: Path
    size: int
    sha256: str


class Backups:
    """The backups of one rollout. `directory` is the configured one, `keep` how many rollouts' stay for a pool."""

    def __init__(self, directory: Path, alias: str, rollout_id: int, keep: int) -> None:
        self._pool = directory / alias
        self._place = self._pool / f"rollout-{rollout_id}"
        self._keep = keep

    def take(
        self, gateway: Gateway, action: BackUp, snapshot: PoolSnapshot, still: Callable[[], object] = lambda: None
    ) -> Taken:
        """Fetch and keep one backup. `still` is asked now and then; what it raises ends the transfer.

        Raises `XenError`: XSBOT_BACKUP_DISK, XSBOT_BACKUP_INCOMPLETE, XSBOT_BACKUP_STUB, or what XAPI said.
        """
        kind = BackupKind(action.what)
        name = _name(kind, action, snapshot)
        part = self._place / f"{name}.part"
        try:
            for directory in (self._pool.parent, self._pool, self._place):
                directory.mkdir(mode=0o700, exist_ok=True)
            taken = self._fetch(gateway, kind, action.host, part, still)
            _check(kind, name, part, snapshot)
            part.replace(self._place / name)
            self._note(name, taken)
            self._let_go()
        except OSError as error:
            _drop(part)
            raise translate(["XSBOT_BACKUP_DISK", name, error.strerror or type(error).__name__]) from error
        except BaseException:
            _drop(part)
            raise
        return Taken(self._place / name, taken[0], taken[1])

    def _fetch(
        self, gateway: Gateway, kind: BackupKind, host: str, part: Path, still: Callable[[], object]
    ) -> tuple[int, str]:
        digest = hashlib.sha256()
        part.unlink(missing_ok=True)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:

            def take(piece: bytes) -> None:
                still()
                digest.update(piece)
                file.write(piece)

            page, query = _PAGES[kind]
            size = gateway.fetch(page, take, host=host, query=query)
            file.flush()
            os.fsync(file.fileno())
        return size, digest.hexdigest()

    def _note(self, name: str, taken: tuple[int, str]) -> None:
        """Write the checksum down as `sha256sum --check` reads it; one that was taken anew replaces its line."""
        sums = self._place / _SUMS
        lines = sums.read_text(encoding="utf-8").splitlines() if sums.exists() else []
        lines = [line for line in lines if not line.endswith(f"  {name}")]
        fresh = sums.with_suffix(".part")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in [*lines, f"{taken[1]}  {name}"]))
        fresh.replace(sums)

    def _let_go(self) -> None:
        """Delete the oldest rollouts' backups beyond what is kept; nothing that we did not make."""
        ours = [
            entry
            for entry in self._pool.iterdir()
            if _ROLLOUT.fullmatch(entry.name) and entry.is_dir() and not entry.is_symlink()
        ]
        # By age, because numbers begin anew with an empty database.
        ours.sort(key=lambda entry: entry.stat().st_mtime_ns)
        for entry in ours[: -self._keep]:
            if entry != self._place:
                shutil.rmtree(entry)


def _drop(part: Path) -> None:
    """Remove what is on its way, if that much can be done; the reason why it failed is told already."""
    with suppress(OSError):
        part.unlink(missing_ok=True)


_PAGES = {
    BackupKind.POOL_DATABASE: ("/pool/xmldbdump", ""),
    BackupKind.VM_METADATA: ("/export_metadata", "all=true"),
    BackupKind.HOSTS: ("/host_backup", ""),
}


def _name(kind: BackupKind, action: BackUp, snapshot: PoolSnapshot) -> str:
    if kind is BackupKind.HOSTS:
        host = snapshot.host(action.host)
        # Names are foreign text; the uuid is what tells two hosts apart.
        shown = re.sub(r"[^A-Za-z0-9.-]+", "-", host.name if host is not None else "").strip(".-")[:60]
        return f"host-{shown}-{action.host}.tar"
    return {BackupKind.POOL_DATABASE: "pool-database.xml"}.get(kind, "vm-metadata.tar")


def _check(kind: BackupKind, name: str, path: Path, snapshot: PoolSnapshot) -> None:
    """Raise unless the file is all of what it should be: nobody announced its length."""
    with path.open("rb") as file:
        if kind is BackupKind.POOL_DATABASE:
            _check_database(name, file, snapshot)
        else:
            members = _members(name, path)
            if kind is BackupKind.VM_METADATA and "ova.xml" not in members:
                raise _incomplete(name, "it describes no VM")
            if not members:
                raise _incomplete(name, "it is empty")


def _check_database(name: str, file: IO[bytes], snapshot: PoolSnapshot) -> None:
    """The dump is XML to its very end and names every host that the pool has."""
    table, hosts, pools = "", set[str](), 0
    roots: list[str] = []

    def begins(element: str, attributes: dict[str, str]) -> None:
        nonlocal table, pools
        if not roots:
            roots.append(element)
        if element == "table":
            table = attributes.get("name", "")
        elif element == "row" and table == "host":
            hosts.add(attributes.get("uuid", ""))
        elif element == "row" and table == "pool":
            pools += 1

    def declares(*_anything: object) -> None:
        raise _incomplete(name, "it declares a document type, which no dump does")

    parser = expat.ParserCreate()
    parser.StartElementHandler = begins
    parser.StartDoctypeDeclHandler = declares
    try:
        parser.ParseFile(file)
    except expat.ExpatError as error:
        raise _incomplete(name, f"it breaks off or is damaged in line {error.lineno}") from error
    if roots != ["database"]:
        raise _incomplete(name, "it is no database of a pool")
    if not hosts or not pools:
        raise translate(["XSBOT_BACKUP_STUB"])
    missing = [host.name for host in snapshot.hosts if host.uuid not in hosts]
    if missing:
        raise _incomplete(name, f"it does not know {', '.join(missing)}")


def _members(name: str, path: Path) -> set[str]:
    """The names in a tar (compressed or not) that was read to its end."""
    try:
        with tarfile.open(path, "r:*") as archive:
            found = {member.name.removeprefix("./") for member in archive}
    except (tarfile.TarError, EOFError, OSError) as error:
        raise _incomplete(name, "it breaks off or is no archive") from error
    with path.open("rb") as file:
        magic = file.read(2)
        if magic not in (b"\x1f\x8b", b"BZ", b"\xfd7"):
            # A tar ends with two empty blocks; one that was cut between two members looks fine otherwise.
            file.seek(max(0, path.stat().st_size - 1024))
            if file.read().strip(b"\0"):
                raise _incomplete(name, "it breaks off")
    return found


def _incomplete(name: str, why: str) -> XenError:
    return translate(["XSBOT_BACKUP_INCOMPLETE", name, why])
