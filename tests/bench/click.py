"""From a click to the change that is seen on the lab's page, beside a bare Bolt app's on the same page.

Both apps have a workspace and a tab of their own in one browser, and are clicked in turns. The bare app edits its
message at every click, as Bolt's documentation shows it: nothing is asked, stored or kept in order. The bot folds the
notice of a pool away or shows it again: it asks who may, writes that down with its audit line, answers whoever clicked,
and edits the message by way of the outbox.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from urllib.parse import urljoin

from playwright.sync_api import Error, Page

from tests.bench.child import BenchError, Child
from tests.bench.figures import Figure, quantile
from tests.bench.scene import settings_for, start_pools
from tests.browser.visitor import Visitor, open_browser
from tests.conftest import find_chromium

#: Clicks on each page, and seconds from one to the next: Slack takes fifty edits a minute.
_CLICKS = 40
_GAP_S = 1.5
#: Milliseconds after which a change counts as missing.
_PATIENCE_MS = 15_000
#: The bot's two buttons, each of which brings back the other.
_FOLD, _UNFOLD = "Snooze for a day", "Show again"

#: Clicks in the page and waits there for what is wanted, so that nothing but the page itself is in the figures: the
#: first frame with a new message (`answer`), the first frame with the clicked message drawn anew (`message`).
_CLICK = """([label, wanted, patience]) => new Promise((done, fail) => {
  const list = document.getElementById("messages");
  const button = [...list.querySelectorAll("button")].findLast((each) => each.textContent === label);
  if (!button) { fail(new Error("no such button")); return; }
  const clicked = button.closest(".message").dataset.ts;
  const known = new Set([...list.children].map((each) => each.dataset.ts));
  const seen = {};
  const watch = new MutationObserver((changes) => {
    for (const node of changes.flatMap((change) => [...change.addedNodes])) {
      const what = node.dataset?.ts === clicked ? "message" : known.has(node.dataset?.ts) ? null : "answer";
      if (what === null) continue;
      requestAnimationFrame(() => {
        seen[what] ??= performance.now() - began;
        if (wanted.every((each) => each in seen)) { watch.disconnect(); done(seen); }
      });
    }
  });
  watch.observe(list, { childList: true });
  setTimeout(() => fail(new Error(`seen so far: ${JSON.stringify(seen)}`)), patience);
  const began = performance.now();
  button.click();
})"""


def run() -> list[Figure]:
    """One pool of two hosts, one process that does everything, SQLite."""
    chromium = find_chromium()
    if chromium is None:
        raise BenchError("there is no Chromium")
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        town = stack.enter_context(Child("workspace"))
        site = stack.enter_context(Child("pools"))
        bare = stack.enter_context(Child("bare"))
        bot = stack.enter_context(Child("process"))
        slack = {name: town.do("open", name=name) for name in ("bare", "bot")}
        bare.do("connect", **slack["bare"])
        pools = start_pools(site, 1, hosts=2, vms=4)
        bot.do("prepare", settings=settings_for(pools, f"sqlite:///{directory}/xsbot.sqlite", slack["bot"]), parts=[])
        bot.do("poll_all")
        bot.do("start")
        for name in ("bare", "bot"):
            town.do("wait_connected", name=name)
        bare.do("post", channel="C0UPDATES")
        browser = stack.enter_context(open_browser(chromium))
        tabs = {name: Visitor(browser.new_page(), urljoin(slack[name]["base_url"], "/")).page for name in slack}
        for tab in tabs.values():
            tab.locator(".message").first.wait_for()
        plain: list[float] = []
        answers: list[float] = []
        messages: list[float] = []
        for number in range(_CLICKS):
            began = time.monotonic()
            plain.append(_clicked(tabs["bare"], "Count", "message")["message"])
            found = _clicked(tabs["bot"], (_FOLD, _UNFOLD)[number % 2], "answer", "message")
            answers.append(found["answer"])
            messages.append(found["message"])
            time.sleep(max(0.0, began + _GAP_S - time.monotonic()))
    return [
        *_figures("click_bare_ms", plain),
        *_figures("click_answer_ms", answers),
        *_figures("click_message_ms", messages),
        Figure("click_answer_ratio_p95", quantile(answers, 0.95) / quantile(plain, 0.95), aim=2.0),
        Figure("click_message_ratio_p95", quantile(messages, 0.95) / quantile(plain, 0.95), aim=2.0),
        Figure("click_clicks", len(plain)),
    ]


def _clicked(tab: Page, label: str, *wanted: str) -> dict[str, float]:
    """Milliseconds to each change that is wanted."""
    tab.bring_to_front()
    try:
        seen: dict[str, float] = tab.evaluate(_CLICK, [label, list(wanted), _PATIENCE_MS])
    except Error as error:
        raise BenchError(f"{label}: {error.message}") from error
    return seen


def _figures(name: str, ms: list[float]) -> list[Figure]:
    return [Figure(f"{name}_p{round(100 * part)}", quantile(ms, part), "ms") for part in (0.5, 0.95)]
