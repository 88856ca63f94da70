"""What the checks found, grouped by what it means: it blocks, it warns, it informs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bot.errors import XsbotError
from bot.messages.blocks import Block, section
from bot.messages.errors import refusal
from bot.messages.language import _, several
from bot.messages.message import Message, message
from bot.messages.sentences import sentence
from bot.messages.text import lines_within
from bot.rollout.checks import Finding, Report, Severity


def report_of(stored: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Report:
    """The report that the database keeps with a rollout; a bare list of findings knows no passed checks."""
    if isinstance(stored, Mapping):
        return Report.from_dict(stored)
    return Report(tuple(map(Finding.from_dict, stored)), ())


def _heading(severity: Severity) -> str:
    return {
        Severity.BLOCKS: _("✕ *Blocks*"),
        Severity.WARNS: _("⚠ *Warns*"),
        Severity.INFORMS: _("ℹ *Taken care of*"),
    }[severity]


def findings_blocks(
    report: Report, severities: Sequence[Severity] = tuple(Severity), fixes: Collection[str] = ()
) -> list[Block]:
    """The checks as paragraphs, one per severity; when nothing was found, that is said.

    `fixes` are told elsewhere in the same message, so what they take care of is left out here.
    """
    blocks: list[Block] = []
    for severity in severities:
        told = severity is Severity.INFORMS
        settings = {fix for fix in fixes if ":" not in fix}
        found = [entry for entry in report.of(severity) if not (told and entry.fix and entry.fix.id in settings)]
        lines = finding_lines(found)
        if lines:
            blocks.append(section(f"{_heading(severity)}\n{lines_within(lines, 1_800)}"))
    if report.passed:
        count = several(len(report.passed), "check", "checks")
        blocks.append(section(_("✓ {count} passed without a finding.").format(count=count)))
    return blocks


def findings_summary(report: Report) -> str:
    """The checks in half a line: ``1 finding blocks, 2 warnings``."""
    parts = []
    if blocks := len(report.of(Severity.BLOCKS)):
        parts.append(several(blocks, "finding blocks", "findings block"))
    if warns := len(report.of(Severity.WARNS)):
        parts.append(several(warns, "warning", "warnings"))
    return ", ".join(parts) or _("no check blocks or warns")


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    """The findings as a list in mrkdwn, each followed by its fix; a fix that several share is said once, after them."""
    lines: list[str] = []
    for place, finding in enumerate(findings):
        lines.append(f"• {sentence(finding.reason, mrkdwn=True)}")
        fix = _fix(finding)
        if fix and fix not in (_fix(later) for later in findings[place + 1 :]):
            lines.append(f"    ↳ {fix}")
    return lines


def way_out(report: Report) -> str:
    """What to do about a form that is blocked."""
    blocking = report.of(Severity.BLOCKS)
    if blocking and all(finding.fix or finding.reason.code.startswith("check.evacuation.") for finding in blocking):
        return _("Change the choice above, or fix the VM and open this form again.")
    return _("Put right what is named above, then open this form again.")


def _fix(finding: Finding) -> str:
    return "" if finding.fix is None else sentence(finding.fix.reason, mrkdwn=True)


def blocked_message(error: XsbotError, report: Report) -> Message:
    """Why an update cannot be carried out as things are, and what can be done about it."""
    refused = refusal(error)
    lines = finding_lines(report.of(Severity.BLOCKS))
    return message(f"{refused.text} {' '.join(lines)}", [*refused.blocks, section(lines_within(lines, 2_900))])
