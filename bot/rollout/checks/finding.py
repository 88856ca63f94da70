"""What a check answers: findings, and the report of all checks together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from bot.rollout.checks.facts import Facts
from bot.rollout.reason import Reason


class Severity(StrEnum):
    """What a finding means for the request, the weightiest first."""

    BLOCKS = "blocks"
    """The rollout cannot be asked for, or cannot start."""
    WARNS = "warns"
    """It can go on; people should know before they agree."""
    INFORMS = "informs"
    """The rollout takes care of it by itself and says so."""


@dataclass(frozen=True)
class Fix:
    """How the matter is dealt with (`reason`), and how that is undone afterwards (`undo`)."""

    id: str
    reason: Reason
    undo: Reason


@dataclass(frozen=True)
class Finding:
    """One thing a check found; `subject` is the uuid of the pool, host or VM."""

    check: str
    severity: Severity
    reason: Reason
    subject: str
    fix: Fix | None = None

    def as_dict(self) -> dict[str, Any]:
        """The JSON form that the database keeps."""
        fix = self.fix
        return {
            "check": self.check,
            "severity": self.severity.value,
            "reason": self.reason.as_dict(),
            "subject": self.subject,
            "fix": None if fix is None else {"id": fix.id, "reason": fix.reason.as_dict(), "undo": fix.undo.as_dict()},
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Finding:
        """The finding kept as JSON by `as_dict`."""
        fix = data["fix"]
        return Finding(
            check=data["check"],
            severity=Severity(data["severity"]),
            reason=Reason.from_dict(data["reason"]),
            subject=data["subject"],
            fix=Fix(fix["id"], Reason.from_dict(fix["reason"]), Reason.from_dict(fix["undo"])) if fix else None,
        )


class Check(Protocol):
    """One precheck. It looks at facts alone, so it can be run again at any time and costs nothing."""

    name: str
    needs_updates: bool
    """Whether it can say nothing at all while the available updates are unknown."""

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        """What is to be said; nothing when the check passes."""
        ...


@dataclass(frozen=True)
class Report:
    """All findings, the weightiest first, and the names of the checks that passed."""

    findings: tuple[Finding, ...]
    passed: tuple[str, ...]

    @property
    def blocked(self) -> bool:
        """Whether something forbids the rollout."""
        return any(finding.severity is Severity.BLOCKS for finding in self.findings)

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of one severity."""
        return tuple(finding for finding in self.findings if finding.severity is severity)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form that the database keeps."""
        return {"findings": [finding.as_dict() for finding in self.findings], "passed": list(self.passed)}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Report:
        """The report kept as JSON by `as_dict`."""
        return Report(tuple(map(Finding.from_dict, data["findings"])), tuple(data["passed"]))
