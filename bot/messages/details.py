"""Every update of a pool with its description, page by page in a dialog."""

from __future__ import annotations

from bot.messages.blocks import Block, View, actions, button, context, divider, modal, section
from bot.messages.language import _
from bot.messages.text import name
from bot.messages.updates import counts, security_first, severities, update_details
from bot.rollout.model import AvailableUpdates

EARLIER = "details_earlier"
LATER = "details_later"
#: Updates on a page: a few screens on a phone.
PAGE = 8


def page_of(value: str) -> tuple[str, int]:
    """The pool and the page that a button names."""
    alias, _colon, number = value.rpartition(":")
    return alias, int(number) if number.isascii() and number.isdigit() else 0


def details(alias: str, updates: AvailableUpdates | None, page: int = 0) -> View:
    """One page of the updates of a pool, security fixes first; a page that there is not is the last one."""
    if updates is None or not updates.updates:
        told = section(_("Nothing is known about updates of pool {alias}.").format(alias=name(alias)))
        return modal(_("Updates"), [told], callback_id="details", close=_("Close"))
    listed = security_first(updates)
    pages = -(-len(listed) // PAGE)
    page = min(max(page, 0), pages - 1)
    first = page * PAGE
    worst = severities(updates)
    head = f"*{name(alias)}*: {counts(updates)}"
    blocks: list[Block] = [
        section(f"{head}; " + _("severity: {severities}").format(severities=worst) if worst else head)
    ]
    for update in listed[first : first + PAGE]:
        blocks += [divider(), section(update_details(update))]
    if pages > 1:
        buttons = []
        if page:
            label = _("Page {number} of the updates of pool {alias}").format(number=page, alias=alias)
            text = _("← Page {number}").format(number=page)
            buttons.append(button(text, EARLIER, f"{alias}:{page - 1}", label=label))
        if page < pages - 1:
            label = _("Page {number} of the updates of pool {alias}").format(number=page + 2, alias=alias)
            text = _("Page {number} →").format(number=page + 2)
            buttons.append(button(text, LATER, f"{alias}:{page + 1}", label=label))
        blocks += [
            divider(),
            context(
                _("Page {number} of {pages}: updates {first} to {last} of {all}").format(
                    number=page + 1, pages=pages, first=first + 1, last=min(first + PAGE, len(listed)), all=len(listed)
                )
            ),
            actions(*buttons, block_id="pages"),
        ]
    return modal(_("Updates"), blocks, callback_id="details", close=_("Close"), metadata={"pool": alias})
