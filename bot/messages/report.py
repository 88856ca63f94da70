"""The report of a rollout: one HTML file with everything that an auditor asks.

It needs nothing from anywhere else: the picture is inside, there is no script, and foreign text is escaped by the
template engine. Times are UTC, because a file has no reader's time zone.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from bot.messages.debts import debt_lines
from bot.messages.findings import report_of
from bot.messages.language import _, several
from bot.messages.picture import alternative, picture
from bot.messages.sentences import sentence
from bot.messages.text import duration, one_line, plain
from bot.messages.work import level_name, phase_name, state_name, task_names, treatment_name
from bot.rollout.checks import Severity
from bot.rollout.lifecycle import State
from bot.rollout.memory import TurnPhase
from bot.rollout.spec import Spec
from bot.rollout.timeline import Timeline

if TYPE_CHECKING:
    from bot.rollouts import Standing
    from storage.tables import AuditRow


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the report puts together besides the standing.

    `spec_bytes` are the bytes whose digest was approved, `events` the rollout's lines of the audit trail, `head` the
    head of the whole chain, `approvals` every approval ever given as (who, when, digest, whether it was taken back).
    """

    spec_bytes: bytes
    timeline: Timeline
    events: Sequence[AuditRow]
    head: str
    approvals: Sequence[tuple[str, datetime, str, bool]]


def report(standing: Standing, evidence: Evidence) -> str:
    """The report as an HTML document."""
    row, timeline = standing.row, evidence.timeline
    heading = _("Rollout {id}, pool {alias}: {state}").format(
        id=row.id, alias=row.pool_alias, state=state_name(State(row.state)).lower()
    )
    drawn = picture(timeline, heading) if timeline.began is not None and timeline.hosts else b""
    hosts = dict(timeline.hosts)
    return (
        _environment()
        .get_template("report.html")
        .render(
            _=_,
            language=_("en"),
            title=heading,
            facts=_facts(standing, timeline),
            image=base64.b64encode(drawn).decode() if drawn else "",
            alternative=alternative(timeline) if drawn else "",
            spec_lines=_spec_lines(standing.spec),
            digest=standing.digest,
            spec_bytes=evidence.spec_bytes.decode("utf-8", "replace"),
            approvals=[(who, _approved(at, revoked), digest[:12]) for who, at, digest, revoked in evidence.approvals],
            checks=_checks(standing),
            passed=several(len(report_of(standing.report).passed), "check passed", "checks passed"),
            phases=_phases(timeline),
            owed=[one_line(plain(line)) for line in debt_lines(standing.debts, hosts)],
            events=[
                (event.seq, _at(event.at), _actor(event), event.action, one_line(event.sentence))
                for event in evidence.events
            ],
            head=evidence.head,
        )
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("bot.messages"), autoescape=select_autoescape(["html"]), undefined=StrictUndefined
    )


def _facts(standing: Standing, timeline: Timeline) -> list[tuple[str, str]]:
    row = standing.row
    why = row.headline_reason
    facts = [
        (_("Pool"), f"{row.pool_alias} ({one_line(standing.spec.pool_name)}, {row.pool_uuid})"),
        (_("State"), state_name(State(row.state))),
        (_("Why"), sentence(why) if why is not None else ""),
        (_("Asked for by"), f"{one_line(row.requester_name)}, {_at(row.created_at)}"),
        (_("Reason given"), one_line(row.reason_text)),
        (_("Checksum"), standing.spec.checksum),
        (_("Started"), _at(row.started_at)),
        (_("Ended"), _at(row.finished_at)),
    ]
    if row.started_at is not None and row.finished_at is not None:
        facts.append((_("Took"), duration((row.finished_at - row.started_at).total_seconds())))
    if timeline.samples:
        facts.append((_("VM moves"), str(timeline.moves)))
    return [(label, value) for label, value in facts if value]


def _spec_lines(spec: Spec) -> Iterable[str]:
    yield _("Guidance level: {level}; preset: {preset}").format(level=level_name(spec.level), preset=spec.preset)
    for host in spec.hosts:
        tasks = ", ".join(task_names(host.tasks)) or _("only install")
        yield _("{host}: at most {tasks}").format(host=one_line(host.name), tasks=tasks)
    for vm in spec.vms:
        yield _("VM {vm}: may be {treatment}").format(vm=one_line(vm.name), treatment=treatment_name(vm.treatment))
    for fix in spec.fixes:
        yield _("Fix: {fix}").format(fix=fix.replace("_", " "))
    for backup in spec.backups:
        yield _("Backup: {backup}").format(backup=backup.replace("_", " "))


def _checks(standing: Standing) -> list[tuple[str, str]]:
    words = {
        Severity.BLOCKS: _("Blocks:"),
        Severity.WARNS: _("Warns:"),
        Severity.INFORMS: _("Taken care of:"),
    }
    return [(words[entry.severity], sentence(entry.reason)) for entry in report_of(standing.report).findings]


def _phases(timeline: Timeline) -> list[tuple[str, str, str, str, str]]:
    silent = (TurnPhase.WAITING, TurnPhase.DONE)
    rows = []
    for host, name in timeline.hosts:
        for span in timeline.spans:
            if span.host == host and span.phase not in silent:
                took = duration((span.ended - span.began).total_seconds()) if span.ended is not None else ""
                rows.append((one_line(name), phase_name(span.phase), _at(span.began), _at(span.ended), took))
    return rows


def _approved(at: datetime, revoked: bool) -> str:
    return _("{at}, taken back").format(at=_at(at)) if revoked else _at(at)


def _actor(event: AuditRow) -> str:
    actor = event.actor
    return one_line(f"{actor.name} ({actor.kind} {actor.id})" if actor.id else actor.name)


def _at(moment: datetime | None) -> str:
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S")
