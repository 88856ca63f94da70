"""Available updates in words: security first, severity, CVEs, and what each level asks of the hosts."""

from __future__ import annotations

from dataclasses import dataclass

from bot.messages.language import _, day, several
from bot.messages.text import escape, name
from bot.messages.work import cost, level_meaning, level_name
from bot.rollout.guidance import Level, Task
from bot.rollout.model import AvailableUpdates, Update, changes_version

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


def cves(updates: AvailableUpdates) -> list[str]:
    """Every CVE id that the updates' texts name, sorted, once each."""
    return sorted(
        {cve for update in updates.updates for cve in update.cves}, key=lambda cve: [*map(_number, cve.split("-"))]
    )


def _number(part: str) -> int:
    return int(part) if part.isdigit() else 0


def update_line(update: Update, most_cves: int = 4) -> str:
    """One update in one line of mrkdwn."""
    title = escape(update.title or update.summary or update.id, 140)
    if kind_of(update) == "security":
        title = f"*{title}*"
    extra = []
    if _severe(update):
        extra.append(_("severity {word}").format(word=name(update.severity)))
    if update.cves:
        shown = ", ".join(escape(cve, 30) for cve in update.cves[:most_cves])
        more = len(update.cves) - most_cves
        extra.append(_("{shown} and {more} more").format(shown=shown, more=more) if more > 0 else shown)
    return f"• {title}" + (f" ({'; '.join(extra)})" if extra else "")


def update_details(update: Update) -> str:
    """One update with its description, for the details view."""
    parts = [update_line(update, most_cves=12)]
    for text in (update.description or update.summary, update.special_info):
        if text and text != "None" and text != update.title:
            parts.append(escape(text, 600))
    tail = [name(update.id, 40)]
    if update.issued is not None:
        tail.append(_("issued {day}").format(day=day(update.issued)))
    if update.url.startswith("https://"):
        tail.append(escape(update.url, 300))
    return "\n".join([*parts, " · ".join(tail)])


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
