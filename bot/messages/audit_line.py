"""One line of the audit channel: who did what, why, to which rollout; its number in the chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.messages.blocks import context, section
from bot.messages.language import _
from bot.messages.message import Message, message
from bot.messages.text import escape, moment, person

if TYPE_CHECKING:
    from storage.tables import AuditRow


def audit_line(event: AuditRow, *, alias: str = "", permalink: str = "", head: str = "") -> Message:
    """The message for one event. `head` is published with every outcome, so that the chain can be verified later."""
    told = audit_text(event, alias=alias, permalink=permalink)
    small = _("Audit {seq}, {when}").format(seq=event.seq, when=moment(event.at))
    if head:
        small += _("; chain head {head}").format(head=f"`{escape(head, 64)}`")
    return message(f"{told} ({small})", [section(told), context(small)])


def audit_text(event: AuditRow, *, alias: str = "", permalink: str = "") -> str:
    """What happened, in one line of mrkdwn."""
    actor = event.actor
    who = person(actor.kind, actor.id, actor.name)
    about = []
    if event.rollout_id is not None:
        words = _("rollout {id}").format(id=event.rollout_id)
        about.append(f"<{permalink}|{words}>" if permalink else words)
    if alias:
        about.append(_("pool {alias}").format(alias=escape(alias, 60)))
    where = f" · {', '.join(about)}" if about else ""
    # The stored English sentence, not a new rendering: the channel shows what the chain fixes. Only the name that
    # stands at the head of the line already is not said again.
    told = event.sentence
    if actor.name and told.startswith(f"{actor.name} "):
        told = told.removeprefix(f"{actor.name} ")
        told = told[:1].upper() + told[1:]
    return f"{who} · *{escape(event.action, 60)}*{where}: {escape(told, 1_500)}"
