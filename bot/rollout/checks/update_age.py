"""The hosts' present update level is less than six months old.

The vendor only assures updates from a state that is less than six months old.
"""

from __future__ import annotations

from datetime import timedelta

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because

#: Six months, as the vendor's page on updates says.
SUPPORTED_AGE = timedelta(days=183)
#: From when on people are reminded that it comes near.
NEARLY_TOO_OLD = timedelta(days=150)


class UpdateAge:
    """Warns about hosts that take part and were last updated too long ago, and about those that do not say."""

    name = "update_age"
    needs_updates = True

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        old: list[tuple[timedelta, str]] = []
        unknown: list[str] = []
        for bound in facts.spec.hosts if facts.spec is not None else ():
            host = facts.snapshot.host(bound.uuid)
            age = facts.age(host.last_software_update) if host is not None else None
            if age is None:
                unknown.append(bound.name)
            elif age > SUPPORTED_AGE:
                old.append((age, bound.name))
        found = []
        subject = facts.snapshot.pool.uuid
        if old:
            names = ", ".join(name for _, name in old)
            reason = because("check.update_level_old", hosts=names, count=len(old), days=max(old)[0].days)
            found.append(Finding(self.name, Severity.WARNS, reason, subject))
        if unknown:
            reason = because("check.update_level_unknown", hosts=", ".join(unknown), count=len(unknown))
            found.append(Finding(self.name, Severity.WARNS, reason, subject))
        return tuple(found)
