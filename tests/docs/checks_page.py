"""Writes docs/checks.md from the checks themselves: ``python -m tests.docs.checks_page``.

What the peers check is written down here, by the names of their own lists; what each of ours says, at which level and
with which fix is read from the modules.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from bot.messages.sentences import templates
from bot.rollout.blocker import Cause
from bot.rollout.checks import CHECKS, Check, Severity

PAGE = Path(__file__).resolve().parents[2] / "docs" / "checks.md"

#: What XenCenter checks before updates and what a VM that cannot leave is called there → our checks.
XENCENTER: dict[str, tuple[str, ...]] = {
    "Client version: new enough for the pool": ("toolstack_version",),
    "Host liveness": ("hosts_live", "host_answers"),
    "High availability off": ("ha",),
    "Workload balancing off": ("wlb",),
    "Storage (PBDs) plugged": ("storage_plugged",),
    "Disk space for the updates": ("disk_space",),
    "Host needs reboot; live patching licensed and enabled": ("live_patching",),
    "Can evacuate": ("evacuation_possible",),
    "Server selection, mixed pool": ("versions_mixed", "update_levels"),
    "Server-side precheck: licence, version, space, update present": (
        "licence",
        "toolstack_version",
        "disk_space",
        "nothing_to_do",
        "updates_known",
    ),
    "Restart pending on the coordinator": ("pending_mandatory", "coordinator_pending"),
    "Out of sync with the CDN; sync running": ("last_sync", "no_sync_running"),
    "vSwitch controller": ("retired_features",),
    "Legacy TLS": ("retired_features",),
    "Power-on through iLO": ("retired_features",),
    "Container management": ("retired_features",),
    "Paravirtual guests": ("retired_features",),
    "Clustering, GFS2": ("clustered_storage",),
    "VM: automatic power-on": ("auto_poweron",),
    "VM: disc of the VM Tools in the drive": ("discs_in_drives",),
    "VM: local CD": ("discs_in_drives",),
    "VM: licence forbids migration": ("evacuation_possible",),
    "VM: local storage": ("evacuation_possible",),
    "VM: no tools, tools out of date": ("guest_tools", "evacuation_possible"),
    "VM: feature, PCI, GPU, vGPU, busy, unknown": ("evacuation_possible", "backups_running"),
    "VM: network not on another host": ("evacuation_possible",),
    "VM: no host, not enough memory": ("evacuation_possible", "memory_room"),
    "Upgrade: host in maintenance mode": ("disabled_hosts",),
    "Upgrade: processors differ": ("cpu_levels",),
}
#: What Xen Orchestra checks before a rolling pool update → our checks.
XEN_ORCHESTRA: dict[str, tuple[str, ...]] = {
    "No backup job runs on the pool": ("backups_running",),
    "The plan allows rolling updates": ("licence",),
    "No other rolling update of the pool": ("claim", "other_operations"),
    "No guidance that it cannot carry out, none pending": ("pending_mandatory", "coordinator_pending"),
    "Every host live": ("hosts_live",),
    "Evacuation, pinned VMs (PCI, vGPU, SR-IOV)": ("evacuation_possible",),
    "Patches missing, two hosts or more, no VM on local storage": ("nothing_to_do", "evacuation_possible"),
    "High availability off": ("ha",),
    "Automatic power-on off": ("auto_poweron",),
    "Workload balancing off": ("wlb",),
}

_HEAD = """\
# Checks

Everything that is looked at before a rollout: when somebody asks for it, again when it starts, and whenever *Run checks
again* is pressed on its card. `python -m tests.docs.checks_page` writes this page from the code, and a test compares.

- **blocks**: the rollout cannot be asked for, or does not start before that has passed;
- **warns**: it can go on, and approvers should know;
- **informs**: the rollout takes care of it by itself.

A fix is made at the start of the rollout if it belongs to what was approved, and undone at every end (success, abort,
failure) and as early as possible. No fix shuts a VM down hard.
"""


def page() -> str:
    """The whole page."""
    return "\n".join((_HEAD, *_table(), *_sentences(), *_peers()))


def _source(check: Check) -> str:
    return inspect.getsource(inspect.getmodule(type(check)))  # type: ignore[arg-type]


def _levels(check: Check) -> str:
    used = set(re.findall(r"Severity\.([A-Z]+)", _source(check)))
    return ", ".join(level.value for level in Severity if level.name in used)


def _codes(check: Check) -> list[str]:
    """The reason codes a check gives, in the order of its module."""
    found = re.findall(r'"(check\.[a-z_.]*[a-z])"', _source(check))
    if check.name == "evacuation_possible":
        words = [cause.value for cause in Cause] + ["suspend", "shutdown", "shutdown_instead", "shutdown_to_restart"]
        found += [f"check.evacuation.{word}" for word in words]
    if check.name == "pending_mandatory":
        found += [f"check.pending_{kind}{end}" for kind in ("host", "vm") for end in ("", "_resumed")]
    return [code for code in dict.fromkeys(found) if code in templates()]


def _fixes(check: Check) -> list[str]:
    found = re.findall(r'"(fix\.[a-z_.]*[a-z])"', _source(check))
    if check.name == "evacuation_possible":
        found += ["fix.suspend", "fix.shutdown"]
    return [code for code in dict.fromkeys(found) if not code.endswith((".undo", ".offer")) and ".offer_" not in code]


def _verifies(check: Check) -> str:
    doc = inspect.getdoc(inspect.getmodule(type(check))) or ""
    return " ".join(doc.split("\n\n")[0].split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _words(code: str) -> str:
    """A sentence of the catalogue for readers: the word that goes with a number in its plural."""
    text = re.sub(r"\{(\w+):[^}|]*\|([^}]*)\}", r"{\1} \2", templates()[code])
    return _cell(re.sub(r"\{(\w+)(:[^}]*)?\}", r"*\1*", text))


def _table() -> list[str]:
    lines = ["## All of them", "", "| check | what must hold | level | fix | peers |", "|---|---|---|---|---|"]
    for check in CHECKS:
        peers = [
            name
            for name, theirs in (("XenCenter", XENCENTER), ("Xen Orchestra", XEN_ORCHESTRA))
            if any(check.name in ours for ours in theirs.values())
        ]
        fixes = [code.removeprefix("fix.").replace("_", " ") for code in _fixes(check)]
        told = ", ".join(peers) or "ours beyond"
        lines.append(
            f"| `{check.name}` | {_cell(_verifies(check))} | {_levels(check)} | {', '.join(fixes) or '–'} | {told} |"
        )
    return [*lines, ""]


def _sentences() -> list[str]:
    lines = ["## What they say", ""]
    for check in CHECKS:
        lines += [f"### `{check.name}`", ""]
        lines += [f"- {_words(code)}" for code in _codes(check)]
        for code in _fixes(check):
            undo = f" Undone: {_words(f'{code}.undo')}" if f"{code}.undo" in templates() else ""
            lines.append(f"- *Fix.* {_words(code)}{undo}")
        lines.append("")
    return lines


def _peers() -> list[str]:
    lines = ["## Compared with others", ""]
    for name, theirs in (("XenCenter", XENCENTER), ("Xen Orchestra", XEN_ORCHESTRA)):
        lines += [f"| {name} | here |", "|---|---|"]
        lines += [f"| {what} | {', '.join(f'`{check}`' for check in ours)} |" for what, ours in theirs.items()]
        lines.append("")
    beyond = [
        f"`{check.name}`"
        for check in CHECKS
        if not any(check.name in ours for theirs in (XENCENTER, XEN_ORCHESTRA) for ours in theirs.values())
    ]
    lines += ["Neither of them has: " + ", ".join(beyond) + ".", ""]
    lines += [
        "Their checks for other ways of updating have no place here: hotfix files that must be uploaded and fit the",
        "server version, and, for a version upgrade, its installation medium, licence text and boot partitions, the",
        "length of certificates' keys and the size of the control domain.",
        "",
    ]
    return lines


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
