"""What a finished rollout leaves for those who were not there: a timeline, a picture, a report."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

from bot.delivery.rendering import evidence_of, files_of
from bot.rollout.memory import TurnPhase
from storage import audit, timeline

from .rehearsal import REAL, rehearse, small


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_timeline_tells_what_the_pool_saw() -> None:
    with rehearse(small(durations=REAL)) as rollout:
        rollout.carry_out()
        with rollout.database.reading() as tx:
            known = timeline.of(tx, rollout.standing.row)
        assert known.moves == rollout.verdict.migrations
        for host in rollout.pool.hosts:
            phases = [span.phase for span in known.spans if span.host == host.uuid]
            assert phases[-1] is TurnPhase.DONE
            assert phases.index(TurnPhase.APPLYING) < phases.index(TurnPhase.REBOOTING)
            rebooting = [span for span in known.spans if span.host == host.uuid and span.phase is TurnPhase.REBOOTING]
            assert sum(((span.ended or span.began) - span.began).total_seconds() for span in rebooting) >= REAL.reboot
        least = known.lowest_spare
        assert least is not None
        assert least.in_service == 1


def test_the_report_answers_an_auditor_and_runs_nothing() -> None:
    scenario = small()
    odd = replace(scenario.vms[0], name="<script>alert(1)</script>")
    with rehearse(replace(scenario, vms=(odd, *scenario.vms[1:]))) as rollout:
        rollout.carry_out()
        with rollout.database.reading() as tx:
            files = {file.name: file for file in files_of(rollout.standing, evidence_of(tx, rollout.standing))}
            head = audit.head(tx)
        picture, report = files[f"rollout-{rollout.id}.png"], files[f"rollout-{rollout.id}.html"]
        assert picture.content.startswith(b"\x89PNG")
        assert "xs-01" in picture.alternative
        page = _Page()
        page.feed(report.content.decode())
        assert "script" not in page.tags
        who_and_what = ("bob", "carol", "the November fixes", "rollout.succeeded", "step.ApplyUpdates")
        for told in (*who_and_what, rollout.digest, head):
            assert told in page.text, told
        assert rollout.standing.spec.checksum in page.text
