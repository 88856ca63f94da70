"""English sentences about maintenance windows, starts that wait for their time, and freezes."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "window.closed": (
        "The maintenance window is closed, so no further host is begun: {done} of {total:host|hosts} done, "
        "nothing is in hand. It goes on by itself {begins:moment}, until {ends:moment}; what is switched off stays "
        "off until then."
    ),
    "window.too_short": (
        "No further host would be done before the maintenance window closes {closes:moment}: {done} of "
        "{total:host|hosts} done, nothing is in hand. It goes on by itself {begins:moment}, until {ends:moment}; what "
        "is switched off stays off until then."
    ),
    "window.closed_for_good": (
        "No maintenance window opens any more, so no further host is begun: {done} of {total:host|hosts} done. Change "
        "the windows in the configuration, or abort to have restored what is switched off."
    ),
    "window.stop_after": (
        "It has worked for as long as the configuration allows at a time, so no further host is begun: {done} of "
        "{total:host|hosts} done, nothing is in hand. Resume lets it go on."
    ),
    "window.resumed": "The maintenance window is open: going on, until {ends:moment}.",
    "window.resumed_any_time": "Going on: the pool has no maintenance windows any more.",
    "window.approval_gone": (
        "The maintenance window is open, but too few of those who approved may still approve. An approver has to "
        "resume it."
    ),
    "window.frozen": "The pool is frozen until {until:moment}, because {why}. It goes on by itself afterwards.",
    "window.next": "The next one is open from {at:moment}.",
    "window.none": "None opens any more.",
    "rollout.waits": "Approved; its time has not come. It starts by itself {at:moment}.",
    "rollout.frozen_out": (
        "It was approved but cannot start in time, so the approval is void: the pool is frozen until {until:moment}, "
        "because {why}."
    ),
    "rollout.takes_long": "It has been working for {minutes:minutes} now, longer than was thought right.",
    "freeze.begun": "{user} froze pool {pool} until {until:moment}: no rollout starts before, because {why}.",
    "freeze.ended": "{user} ended the freeze of pool {pool} (it was there because {why}).",
}
