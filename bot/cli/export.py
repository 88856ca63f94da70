"""`xsbot audit export`: the audit trail as JSON Lines or CSV, for auditors and their tools.

JSON Lines carries what the chain is made of: whoever writes `event` with sorted keys, without spaces and in ASCII gets
the bytes that were hashed, so that a whole export can be verified without this program. CSV is for reading.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable
from typing import TextIO

import click

from bot.cli.main import Session
from storage import audit as trail
from storage.tables import AuditRow

COLUMNS = (
    "seq", "at", "actor_kind", "actor_id", "actor_name", "action", "rollout_id", "pool_uuid", "sentence",
    "reason_code", "reason_params", "details", "hash",
)  # fmt: skip
#: What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@click.command("export")
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--rollout", "rollout_id", type=int, help="Only the lines of this rollout.")
@click.pass_obj
def export(session: Session, form: str, rollout_id: int | None) -> None:
    """Write the audit trail to standard output, oldest line first."""
    database = session.database()
    try:
        with database.reading() as tx:
            _FORMS[form](trail.exported(tx, rollout_id), sys.stdout)
    finally:
        database.close()


def _jsonl(rows: Iterable[AuditRow], out: TextIO) -> None:
    for row in rows:
        line = {"seq": row.seq, "hash": row.hash, "event": row.document}
        out.write(json.dumps(line, sort_keys=True, separators=(",", ":")) + "\n")


def _csv(rows: Iterable[AuditRow], out: TextIO) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        event = row.document
        actor, reason = event["actor"], event["reason"]
        cells = [
            row.seq, event["at"], actor["kind"], actor["id"], actor["name"], row.action, row.rollout_id, row.pool_uuid,
            event["sentence"], reason["code"], _compact(reason["params"]), _compact(event["details"]), row.hash,
        ]  # fmt: skip
        writer.writerow([_harmless(cell) for cell in cells])


def _compact(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _harmless(cell: object) -> object:
    """Names come from people and pools: none of them may become a formula where the file is opened."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


_FORMS: dict[str, Callable[[Iterable[AuditRow], TextIO], None]] = {"jsonl": _jsonl, "csv": _csv}
