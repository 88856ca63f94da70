"""There is something to do: updates to install or pending tasks at the chosen level."""

from __future__ import annotations

from bot.rollout.checks.facts import Facts
from bot.rollout.checks.finding import Finding, Severity
from bot.rollout.reason import because


class NothingToDo:
    """Blocks when no host would take part."""

    name = "nothing_to_do"
    needs_updates = True

    def run(self, facts: Facts) -> tuple[Finding, ...]:
        spec, pool = facts.spec, facts.snapshot.pool
        if spec is None or spec.hosts:
            return ()
        reason = because("check.up_to_date", pool=pool.name, level=facts.choices.level.value)
        return (Finding(self.name, Severity.BLOCKS, reason, pool.uuid),)
