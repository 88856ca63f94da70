"""`AvailableUpdates` as a JSON document, and back.

The document is our own, not the one XAPI answers with: it holds what the rules read, with tasks in the spelling of
`GET /updates` and dates as ISO 8601.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from bot.rollout.guidance import Guidance, Task, in_execution_order, parse_task
from bot.rollout.model import AvailableUpdates, HostUpdates, Update


def updates_to_json(updates: AvailableUpdates) -> dict[str, Any]:
    """The JSON document that the database keeps."""
    return {
        "checksum": updates.checksum,
        "hosts": [
            {
                "host": entry.host,
                "guidance": _guidance_to_json(entry.guidance),
                "rpms": list(entry.rpms),
                "updates": list(entry.updates),
                "livepatches": list(entry.livepatches),
            }
            for entry in updates.hosts
        ],
        "updates": [
            {
                "id": update.id,
                "title": update.title,
                "summary": update.summary,
                "description": update.description,
                "special_info": update.special_info,
                "url": update.url,
                "type": update.type,
                "severity": update.severity,
                "issued": None if update.issued is None else update.issued.isoformat(),
                "guidance": _guidance_to_json(update.guidance),
                "livepatch_guidance": _tasks_to_json(update.livepatch_guidance),
                "cves": list(update.cves),
            }
            for update in updates.updates
        ],
    }


def updates_from_json(document: Mapping[str, Any]) -> AvailableUpdates:
    """The updates behind a document written by `updates_to_json`."""
    return AvailableUpdates(
        checksum=document["checksum"],
        hosts=tuple(
            HostUpdates(
                host=entry["host"],
                guidance=_guidance_from_json(entry["guidance"]),
                rpms=tuple(entry["rpms"]),
                updates=tuple(entry["updates"]),
                livepatches=tuple(entry["livepatches"]),
            )
            for entry in document["hosts"]
        ),
        updates=tuple(_update_from_json(entry) for entry in document["updates"]),
    )


def _update_from_json(entry: Mapping[str, Any]) -> Update:
    issued = entry["issued"]
    return Update(
        id=entry["id"],
        title=entry["title"],
        summary=entry["summary"],
        description=entry["description"],
        special_info=entry["special_info"],
        url=entry["url"],
        type=entry["type"],
        severity=entry["severity"],
        issued=None if issued is None else datetime.fromisoformat(issued),
        guidance=_guidance_from_json(entry["guidance"]),
        livepatch_guidance=_tasks_from_json(entry["livepatch_guidance"]),
        cves=tuple(entry["cves"]),
    )


def _tasks_to_json(tasks: Iterable[Task]) -> list[str]:
    return [task.value for task in in_execution_order(tasks)]


def _tasks_from_json(names: Iterable[str]) -> frozenset[Task]:
    return frozenset(map(parse_task, names))


def _guidance_to_json(guidance: Guidance) -> dict[str, list[str]]:
    return {
        "mandatory": _tasks_to_json(guidance.mandatory),
        "recommended": _tasks_to_json(guidance.recommended),
        "full": _tasks_to_json(guidance.full),
    }


def _guidance_from_json(document: Mapping[str, Any]) -> Guidance:
    return Guidance(
        _tasks_from_json(document["mandatory"]),
        _tasks_from_json(document["recommended"]),
        _tasks_from_json(document["full"]),
    )
