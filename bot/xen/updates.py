"""``GET /updates``: which updates there are and what they ask of each host.

The answer has changed its shape over the releases and every text in it is the vendor's: the parser takes every key
except ids, references and the hash as optional, and reads both vocabularies of guidance. Before 24.10 guidance came
as ``recommended-guidance`` and ``absolute-guidance`` (the latter is what is called *full* now), for hosts as lists and
for updates as single words.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from bot.rollout.guidance import Guidance, guidance_of, parse_task
from bot.rollout.model import AvailableUpdates, HostUpdates, Update
from bot.xen import wire

_CVE = re.compile(r"CVE-(\d{4})-(\d{4,})", re.IGNORECASE)
#: How a failing handler writes a XAPI error into its HTML page.
_CODE = re.compile(r"\b([A-Z][A-Z0-9_]{4,}):\s*\[([^\]]*)\]")


def parse_updates(body: bytes, hosts: Mapping[str, str]) -> AvailableUpdates:
    """The updates in an answer; `hosts` maps host references to uuids.

    A host whose reference is unknown (it left the pool meanwhile) is left out. Raises ValueError when the answer is
    no such document at all.
    """
    document = json.loads(body)
    if not isinstance(document, dict) or not isinstance(document.get("hash"), str):
        raise ValueError("the answer has no hash")
    return AvailableUpdates(
        checksum=document["hash"],
        hosts=tuple(
            sorted(
                (
                    _host(entry, hosts[_text(entry, "ref")])
                    for entry in _dicts(document, "hosts")
                    if _text(entry, "ref") in hosts
                ),
                key=lambda entry: entry.host,
            )
        ),
        updates=tuple(_update(entry) for entry in _dicts(document, "updates") if _text(entry, "id")),
    )


def error_details(body: bytes) -> list[str] | None:
    """The XAPI error inside an HTML error page (``CODE: [ a; b ]``), None when there is none."""
    found = _CODE.search(html.unescape(body.decode("utf-8", "replace")))
    if found is None:
        return None
    params = [param.strip() for param in found.group(2).split(";")]
    return [found.group(1), *(param for param in params if param)]


def cves_in(*texts: str) -> tuple[str, ...]:
    """The CVE ids that texts mention, each once, by year and number. XAPI has no list of them."""
    found = {(int(year), int(number), f"CVE-{year}-{number}") for text in texts for year, number in _CVE.findall(text)}
    return tuple(cve for _, _, cve in sorted(found))


def livepatch_text(entry: Mapping[str, Any]) -> str:
    """A live patch as ``component base -> to``."""
    base = _joined(entry, "base_version", "base_release")
    to = _joined(entry, "to_version", "to_release")
    return f"{_text(entry, 'component')} {base} -> {to}"


def _host(entry: Mapping[str, Any], uuid: str) -> HostUpdates:
    return HostUpdates(
        host=uuid,
        guidance=_guidance(entry),
        rpms=_words(entry.get("RPMS")),
        updates=_words(entry.get("updates")),
        livepatches=tuple(livepatch_text(patch) for patch in _dicts(entry, "livepatches")),
    )


def _update(entry: Mapping[str, Any]) -> Update:
    title, summary = _text(entry, "title"), _text(entry, "summary")
    description, special = _text(entry, "description"), _text(entry, "special-info")
    guidance = entry.get("guidance")
    livepatch = guidance.get("livepatch") if isinstance(guidance, Mapping) else entry.get("livepatch-guidance")
    return Update(
        id=_text(entry, "id"),
        title=title,
        summary=summary,
        description=description,
        special_info=special,
        url=_text(entry, "URL"),
        type=_text(entry, "type"),
        severity=_text(entry, "severity"),
        issued=wire.moment(entry.get("issued", "")),
        guidance=_guidance(entry),
        livepatch_guidance=frozenset(map(parse_task, _words(livepatch))),
        cves=cves_in(title, summary, description, special),
    )


def _guidance(entry: Mapping[str, Any]) -> Guidance:
    found = entry.get("guidance")
    if isinstance(found, Mapping):
        return guidance_of(_words(found.get("mandatory")), _words(found.get("recommended")), _words(found.get("full")))
    return guidance_of((), _words(entry.get("recommended-guidance")), _words(entry.get("absolute-guidance")))


def _words(value: Any) -> tuple[str, ...]:
    # A list in new answers, one word in old ones; "" and "None" are both nothing.
    words: Iterable[Any] = value if isinstance(value, list) else [value]
    return tuple(word for word in words if isinstance(word, str) and word not in ("", "None"))


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    return value.strip() if isinstance(value, str) and value != "None" else ""


def _joined(entry: Mapping[str, Any], *names: str) -> str:
    return "-".join(part for part in (_text(entry, name) for name in names) if part)


def _dicts(entry: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = entry.get(name)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
