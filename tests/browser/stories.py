"""The stories that the product is for, each told by nothing but what the page shows and hands can do.

`tests/browser/test_stories.py` tells them to see that they are true, `make pictures` to take their pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from playwright.sync_api import expect

from tests.browser.theatre import Scene, Tale, only_at_these_hours, with_a_digest
from tests.browser.visitor import LATE, SOON, Visitor, ask_for_update, request

#: Simulated time begins on a Friday morning; the window is far away, so what is approved waits.
ON_SATURDAY = Scene(configured=only_at_these_hours("0 22 * * sat 6h"))
#: The digest comes soon after the beginning.
FRIDAY_DIGEST = Scene(configured=with_a_digest("fri", "08:02", "0 22 * * sat 6h"))
#: Long enough for one host's turn, not for two; it opens when the request has been read and approved.
ONE_HOST_LONG = Scene(configured=only_at_these_hours("15 8 * * * 33m", "0 20 * * * 6h"))
AT_ONCE = Scene(speed=300.0)
IN_PORTUGUESE = replace(AT_ONCE, language="pt_BR")

#: What people write, in the language of their channel.
WHY = {"en": "CHG-1234: security fixes of November", "pt_BR": "CHG-1234: correções de segurança de novembro"}
NOT_NOW = {
    "en": "The shop closes its books until the 27th. Ask again after that, please.",
    "pt_BR": "A loja fecha o balanço até o dia 27. Por favor, peça de novo depois disso.",
}


def rejection(tale: Tale) -> None:
    """Bob rejects what Alice asks for; everybody reads why, and nothing was changed."""
    visitor = tale.visitor
    ask_for_update(visitor, WHY[visitor.language])
    visitor.close()

    visitor.become("Bob")
    visitor.press("Reject…", visitor.card)
    visitor.write("Reason", NOT_NOW[visitor.language])
    tale.shows(visitor.form, "form")
    visitor.send("Reject")
    answer = visitor.form.filter(has_not=visitor.page.locator("#modal-submit, textarea"))
    expect(answer).to_contain_text("lab", timeout=SOON)
    visitor.close()

    visitor.become("Alice")
    expect(visitor.card).to_contain_text(visitor.word("Rejected"), timeout=SOON)
    expect(visitor.card).to_contain_text(NOT_NOW[visitor.language])
    expect(visitor.button("Ask again…", visitor.card)).to_be_visible()
    expect(visitor.button("Approve", visitor.card)).to_have_count(0)
    tale.shows(visitor.card)
    assert tale.untouched


def race(tale: Tale) -> None:
    """Bob and Carol approve at the same moment: both count, one of them is the last, it is decided once."""
    alice = tale.visitor
    ask_for_update(alice, WHY[alice.language])
    alice.close()

    bob, carol = tale.visit("Bob"), tale.visit("Carol")
    for approver in (bob, carol):
        approver.press("Approve", approver.card)
        expect(approver.question).to_contain_text("This is approval 1 of 2")
    _both_at_once(bob, carol)

    for approver in (bob, carol):
        expect(approver.card).to_contain_text("2 of 2 (", timeout=SOON)
        for name in ("@Bob Brewer", "@Carol Cooper"):
            expect(approver.card).to_contain_text(name)
        expect(approver.button("Approve", approver.card)).to_have_count(0)
        expect(approver.private.last).to_contain_text("Approval recorded", timeout=SOON)
    answers = sorted(approver.private.last.inner_text().partition("recorded, ")[2] for approver in (bob, carol))
    assert [answer[:6] for answer in answers] == ["1 of 2", "2 of 2"]
    tale.shows(carol.card, by=carol)

    bob.go("xs-audit")
    for line in ("Approved: 1 of 2", "Approved: 2 of 2"):
        expect(bob.message(line)).to_have_count(1, timeout=SOON)


def changed(tale: Tale) -> None:
    """Between approval and start the pool gets other updates: the approvals are void, and the difference is shown."""
    visitor = tale.visitor
    ask_for_update(visitor, WHY[visitor.language])
    visitor.close()
    for name in ("Bob", "Carol"):
        visitor.become(name)
        visitor.approve()
    expect(visitor.card).to_contain_text("2 of 2 (", timeout=SOON)

    # Somebody else lets the pool look for updates, and there are more than was approved.
    tale.stage.pool.fault("foreign_sync")
    expect(visitor.card).to_contain_text("Superseded", timeout=SOON)
    expect(visitor.card).to_contain_text("this request and its approvals are void")
    expect(visitor.card).to_contain_text("They count no more.")
    expect(visitor.card).to_contain_text("Nothing was changed on pool lab.")
    tale.shows(visitor.card, "void")
    assert tale.untouched

    visitor.become("Alice")
    visitor.press("Ask again…", visitor.card)
    request(visitor, WHY[visitor.language])
    visitor.close()
    expect(visitor.card).to_contain_text("what is different", timeout=SOON)
    expect(visitor.card).to_contain_text("1 update more: ")
    expect(visitor.card).to_contain_text("0 of 2")
    tale.shows(visitor.card)


def window(tale: Tale) -> None:
    """The maintenance window has no room for another host: the rollout pauses and says when it goes on."""
    visitor = tale.visitor
    ask_for_update(visitor, WHY[visitor.language])
    visitor.close()
    for name in ("Bob", "Carol"):
        visitor.become(name)
        visitor.approve()

    expect(visitor.card).to_contain_text("Paused", timeout=LATE)
    visitor.open_thread()
    expect(visitor.plan.locator(".task.complete")).to_have_count(1, timeout=SOON)
    why = visitor.thread.locator(".message", has_text="It goes on by itself").last
    expect(why).to_contain_text("1 of 3 hosts done")

    # Nobody is asked for anything, and nobody hurries it: the window is part of what was agreed.
    expect(visitor.button("Abort…", visitor.thread)).to_be_visible()
    expect(visitor.button("Resume", visitor.thread)).to_have_count(0)
    expect(visitor.thread).to_contain_text("Restored at its end: the sync schedule, HA")
    tale.shows(visitor.thread)
    visitor.type("/xs resume 1")
    expect(visitor.private.last).to_contain_text("waits for the next maintenance window", timeout=SOON)
    verdict = tale.stage.pool.verdict()
    assert verdict.reboots == 1
    assert verdict.violations == []


def failure(tale: Tale) -> None:
    """Installing fails on a host: the rollout asks, an approver answers, it goes on."""
    visitor = tale.visitor
    tale.stage.pool.host("xs-02").apply_fails(times=1)
    ask_for_update(visitor, WHY[visitor.language])
    visitor.close()
    for name in ("Bob", "Carol"):
        visitor.become(name)
        visitor.approve()

    visitor.open_thread()
    asking = visitor.thread.locator(".message", has_text=visitor.word("*What happened*"))
    expect(asking).to_contain_text("xs-02", timeout=LATE)
    for part in ("*What it means*", "*What to do*"):
        expect(asking).to_contain_text(visitor.word(part))
    tale.shows(asking)

    visitor.press("Retry", asking)
    visitor.confirm("Retry")
    expect(visitor.button("Retry", visitor.thread)).to_have_count(0, timeout=SOON)
    expect(visitor.plan.locator(".task.in_progress").first).to_contain_text("xs-02", timeout=SOON)


def emergency(tale: Tale) -> None:
    """Erin declares an emergency: past the window, told aloud to everybody, and not without a second person."""
    visitor = tale.visitor
    visitor.become("Erin")
    visitor.type("/xs update lab --emergency")
    visitor.write("⚠ Emergency: type the name of the pool", "lib")
    visitor.write("Reason", "CVE-2026-31415 is being exploited on this pool")
    visitor.send("Request approval")
    expect(visitor.form.locator(".complaint")).to_contain_text("not the pool's name: lab", timeout=SOON)
    visitor.write("⚠ Emergency: type the name of the pool", "lab")
    visitor.send("Request approval")
    expect(visitor.form).to_contain_text("is requested", timeout=SOON)
    visitor.close()

    expect(visitor.card).to_contain_text("past maintenance windows", timeout=SOON)
    expect(visitor.card).to_contain_text("CVE-2026-31415 is being exploited")
    tale.shows(visitor.card)
    visitor.go("xs-audit")
    loud = visitor.message("⚠ EMERGENCY")
    expect(loud).to_contain_text("@channel", timeout=SOON)
    expect(loud).to_contain_text("CVE-2026-31415 is being exploited")
    tale.shows(loud.first, "audit")

    # Carol approves everything else, but no emergency.
    visitor.go("xs-updates")
    visitor.become("Carol")
    visitor.approve()
    expect(visitor.private.last).to_contain_text("cannot approve", timeout=SOON)
    assert tale.untouched

    visitor.become("Bob")
    visitor.approve()
    expect(visitor.card).to_contain_text("Running", timeout=SOON)


def home(tale: Tale) -> None:
    """Bob's Home tab says what waits for him; he decides there, and it says so by itself."""
    visitor = tale.visitor
    ask_for_update(visitor, WHY[visitor.language])
    visitor.close()

    visitor.become("Bob")
    page = visitor.page
    page.get_by_role("button", name="Home").click()
    expect(page.get_by_role("heading", name="Waits for you (1)")).to_be_visible(timeout=SOON)
    tab = page.locator(".home")
    for part in ("waits for your approval", "@Alice Archer", "5 updates", "HA on", "next window"):
        expect(tab).to_contain_text(part)
    tale.shows(page.locator("#talk"))

    visitor.press("Look and approve…", tab)
    expect(visitor.form).to_contain_text("Waiting for approval", timeout=SOON)
    visitor.press("Approve", visitor.form)
    visitor.confirm("Approve")
    expect(visitor.form).to_contain_text("Approval recorded, 1 of 2", timeout=SOON)
    visitor.close()
    expect(page.get_by_role("heading", name="Nothing waits for you")).to_be_visible(timeout=SOON)


def digest(tale: Tale) -> None:
    """Once a week the channel reads how its pools are, and what to type; nobody had to ask for it."""
    visitor = tale.visitor
    told = visitor.message("Weekly digest")
    expect(told).to_contain_text("1 of 1 pool behind", timeout=SOON)
    for part in ("5 updates", "for 3 of 3 hosts", "maintenance windows", "/xs update <pool>"):
        expect(told).to_contain_text(part)
    tale.shows(told)

    # From there it is one press to what is behind.
    visitor.press("Show updates", told)
    expect(visitor.form).to_contain_text("CVE-", timeout=SOON)
    visitor.close()
    assert tale.untouched


def _both_at_once(*visitors: Visitor) -> None:
    """Each presses the button of the small dialog, all in the same millisecond of the machine's clock."""
    press = "at => { setTimeout(() => document.querySelector('#confirm .primary').click(), at - Date.now()); }"
    at = visitors[0].page.evaluate("Date.now() + 300")
    for visitor in visitors:
        visitor.page.evaluate(press, at)


@dataclass(frozen=True)
class Story:
    """A story by its name, where it is told, and words that are to be read, or not, at its moments."""

    name: str
    scene: Scene
    tell: Callable[[Tale], None]
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


#: In an order in which neighbours share a stage.
STORIES = (
    Story("rejection", ON_SATURDAY, rejection),
    Story("race", ON_SATURDAY, race),
    Story("home", ON_SATURDAY, home),
    Story("changed", ON_SATURDAY, changed),
    Story("emergency", ON_SATURDAY, emergency),
    Story("digest", FRIDAY_DIGEST, digest),
    Story("window", ONE_HOST_LONG, window),
    Story("failure", AT_ONCE, failure),
    Story(
        "rejection-pt",
        IN_PORTUGUESE,
        rejection,
        says=("Rejeitado", "Motivo", "Pedir de novo…"),
        never=("Rejected", "Reason", "Approvals", "Expected cost"),
    ),
    Story(
        "failure-pt",
        IN_PORTUGUESE,
        failure,
        says=("O que aconteceu", "O que fazer", "Tentar de novo"),
        never=("What happened", "What to do", "Retry", "hosts"),
    ),
)
