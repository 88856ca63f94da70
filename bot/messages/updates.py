"""Available updates in words: security first, severity, CVEs, and what each level asks of the hosts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.messages.language import _, day, several
from bot.messages.text import escape, name, one_line
from bot.messages.work import cost, level_meaning, level_name, task_names
from bot.rollout.guidance import Level, Task
from bot.rollout.model import AvailableUpdates, Update, changes_version

_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,12}")
#: An address that may be linked: nothing in it ends the link early, and its host is what people read.
_ADDRESS = re.compile(r"https://([a-zA-Z0-9.-]{1,100})(?:/[^\s<>|\"'`\\]{0,400})?")
#: The words seen so far, the worst first; others come after them.
_SEVERITIES = {"critical": 0, "high": 1, "important": 1, "medium": 2, "moderate": 2, "low": 3}
_ORDER = ("security", "bug", "improvement", "feature", "preview", "foundational", "")


def kind_of(update: Update) -> str:
    """The kind of an update. The vendor's `type` is an opaque word; the ones seen are told apart, others are ""."""
    word = update.type.lower()
    return next((kind for kind in _ORDER if kind and kind in word), "")


def _kind_name(kind: str, count: int) -> str:
    return {
        "security": several(count, "security fix", "security fixes"),
        "bug": several(count, "bug fix", "bug fixes"),
        "improvement": several(count, "improvement", "improvements"),
        "feature": several(count, "new feature", "new features"),
        "preview": several(count, "preview feature", "preview features"),
        "foundational": several(count, "foundation for later updates", "foundations for later updates"),
        "": several(count, "other update", "other updates"),
    }[kind]


def security_first(updates: AvailableUpdates) -> list[Update]:
    """All updates: security fixes first, severe ones before others, newest first."""
    return sorted(
        updates.updates,
        key=lambda update: (
            _ORDER.index(kind_of(update)),
            not _severe(update),
            -(update.issued.timestamp() if update.issued else 0.0),
            update.id,
        ),
    )


def _severe(update: Update) -> bool:
    return update.severity.lower() not in ("", "none")


def counts(updates: AvailableUpdates) -> str:
    """``9 updates (3 security fixes, 6 improvements)``."""
    kinds = [kind_of(update) for update in updates.updates]
    parts = [_kind_name(kind, kinds.count(kind)) for kind in _ORDER if kind in kinds]
    total = several(len(kinds), "update", "updates")
    return f"{total} ({', '.join(parts)})" if parts else total


def severities(updates: AvailableUpdates) -> str:
    """The vendor's severities, the worst first: ``1 critical, 2 high``; "" where no update has one."""
    words = [one_line(update.severity).lower() for update in updates.updates if _severe(update)]
    order = sorted(set(words), key=lambda word: (_SEVERITIES.get(word, len(_SEVERITIES)), word))
    return ", ".join(f"{words.count(word)} {name(word, 20)}" for word in order)


def cves(updates: AvailableUpdates) -> list[str]:
    """Every CVE id that the updates' texts name, sorted, once each."""
    return sorted(
        {cve for update in updates.updates for cve in update.cves}, key=lambda cve: [*map(_number, cve.split("-"))]
    )


def _number(part: str) -> int:
    return int(part) if part.isdigit() else 0


def cve_link(cve: str) -> str:
    """A CVE id that leads to its public record; one that is spelled otherwise leads nowhere."""
    if not _CVE.fullmatch(cve):
        return escape(cve, 30)
    return f"<https://www.cve.org/CVERecord?id={cve}|{cve}>"


def vendor_link(update: Update) -> str:
    """The vendor's page about an update, labelled with where it leads; "" where there is none that is safe to link."""
    found = _ADDRESS.fullmatch(update.url)
    return "" if found is None else f"<{update.url.replace('&', '&amp;')}|{found[1]}>"


def note_of(update: Update) -> str:
    """The vendor's special note on an update, "" where there is none."""
    text = one_line(update.special_info)
    return "" if text.lower() in ("", "none") else text


def update_line(update: Update, most_cves: int = 4) -> str:
    """One update in one line of mrkdwn."""
    title = escape(update.title or update.summary or update.id, 140)
    if kind_of(update) == "security":
        title = f"*{title}*"
    extra = []
    if _severe(update):
        extra.append(_("severity {word}").format(word=name(update.severity)))
    if update.cves:
        shown = ", ".join(map(cve_link, update.cves[:most_cves]))
        more = len(update.cves) - most_cves
        extra.append(_("{shown} and {more} more").format(shown=shown, more=more) if more > 0 else shown)
    return f"• {title}" + (f" ({'; '.join(extra)})" if extra else "")


def update_details(update: Update) -> str:
    """One update with its description, for the details view."""
    parts = [update_line(update, most_cves=12)]
    text = one_line(update.description or update.summary)
    if text and text not in ("None", update.title):
        parts.append(escape(text, 1_200))
    if note := note_of(update):
        parts.append(_("*Note:* {text}").format(text=escape(note, 600)))
    parts.append(_("Asks for: {tasks}").format(tasks=_asks_for(update)))
    tail = [_kind_name(kind_of(update), 1).removeprefix("1 "), name(update.id, 40)]
    if update.issued is not None:
        tail.append(_("issued {day}").format(day=day(update.issued)))
    if link := vendor_link(update):
        tail.append(link)
    return "\n".join([*parts, " · ".join(tail)])


def _asks_for(update: Update) -> str:
    """What an update asks for by itself, at the least level and at the greatest; a live patch is said beside it."""
    parts: list[tuple[Level, str]] = []
    for level in Level:
        tasks = task_names(update.guidance.at(level))
        told = ", ".join(tasks) or _("nothing")
        if not parts or parts[-1][1] != told:
            parts.append((level, told))
    if len(parts) == 1:
        shown = parts[0][1]
    else:
        shown = "; ".join(f"{level_name(level).lower()}: {told}" for level, told in parts)
    if update.livepatch_guidance:
        shown += " " + _("(has a live patch)")
    return shown


@dataclass(frozen=True, slots=True)
class Asked:
    """What one level asks of the pool's hosts, counted in hosts."""

    reboots: int
    toolstacks: int
    empties: int
    restarts_vms: bool
    hosts: int


def asked(updates: AvailableUpdates, level: Level) -> Asked:
    """What `level` asks for, from the guidance of ``GET /updates`` alone.

    When a package changes the XAPI, Xen or platform version, every updated host restarts its toolstack at every
    level; a reboot includes that.
    """
    touched = [host for host in updates.hosts if host.anything or host.guidance.at(level)]
    version = any(changes_version(host.rpms) for host in touched)
    reboots = toolstacks = empties = 0
    vms = False
    for host in touched:
        tasks = host.guidance.at(level)
        vms = vms or Task.RESTART_VM in tasks
        if Task.REBOOT_HOST in tasks:
            reboots += 1
        else:
            toolstacks += Task.RESTART_TOOLSTACK in tasks or version
            empties += Task.EVACUATE_HOST in tasks
    return Asked(reboots, toolstacks, empties, vms, len(touched))


def level_lines(updates: AvailableUpdates) -> str:
    """What each level costs; one line when the choice makes no difference."""
    if len({asked(updates, level) for level in Level}) == 1:
        levels = ", ".join(map(level_name, Level))
        told = _("*All levels* ({levels}): {cost}")
        return "• " + told.format(levels=levels, cost=level_cost(updates, Level.FULL))
    return "\n".join(
        f"• *{level_name(level)}* ({level_meaning(level)}): {level_cost(updates, level)}" for level in Level
    )


def level_cost(updates: AvailableUpdates, level: Level) -> str:
    """What one level costs: ``3 host reboots; VMs move live from host to host``."""
    wants = asked(updates, level)
    does = cost(reboots=wants.reboots, toolstacks=wants.toolstacks)
    if not (wants.reboots or wants.toolstacks):
        does = _("no reboot and no restart of a host")
    extra = []
    if wants.reboots or wants.empties:
        extra.append(_("VMs move live from host to host"))
    if wants.restarts_vms:
        extra.append(_("VMs restart"))
    return "; ".join([does, *extra])
