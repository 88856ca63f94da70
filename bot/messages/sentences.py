"""Reason to sentence.

The templates are merged from the `catalogue_*` modules beside this one, so each part of the product keeps its own
words. A template is English prose with ``{parameters}``; seven notations help it:

    {vms:VM|VMs}      a number with its word: "1 VM", "7 VMs"
    {wait:duration}   seconds as a length of time
    {low:minutes}     minutes as a length of time
    {kind:words}      a name of ours, or several with commas between them, as people read it
    {why:told}        what an error or another sentence of ours said, kept in English
    {bytes:size}      a number of bytes
    {at:moment}       an ISO moment, shown in the reader's time zone

A reason with a parameter `kind` may have a template of its own for that kind, under ``code.kind``; one whose
`sentence` names its `subject` already, under ``code.named``.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from bot.messages.catalogue import templates
from bot.messages.language import SOURCE, _, counted, number, speaking
from bot.messages.retelling import retold
from bot.messages.text import duration, escape, moment, one_line, plain_moment, size
from bot.messages.words import in_words
from bot.rollout.reason import Param, Reason

__all__ = ["recorded", "sentence", "templates"]


def sentence(reason: Reason, *, mrkdwn: bool = False) -> str:
    """The sentence behind a reason; with `mrkdwn`, foreign parameters are made harmless for Slack.

    An unknown code or a missing parameter never fails: it reads "code: parameters", because a reason stored by
    another release must still be shown.
    """
    template = _template(reason)
    if template is not None and _parameters(template) <= reason.params.keys():
        return _Sentence(mrkdwn).format(_(template), **reason.params)
    shown = ", ".join(f"{key} {_shown(value, mrkdwn)}" for key, value in sorted(reason.params.items()))
    code = escape(reason.code) if mrkdwn else one_line(reason.code)
    return f"{code}: {shown}" if shown else code


def recorded(reason: Reason) -> str:
    """The sentence as the audit trail keeps it: always in English, whoever is spoken to meanwhile."""
    with speaking(SOURCE):
        return sentence(reason)


def _template(reason: Reason) -> str | None:
    known = templates()
    # What other people changed is neither restored nor owed, whatever it is.
    narrow = [reason.params.get("outcome"), reason.params.get("kind")]
    subject, told = reason.params.get("subject"), reason.params.get("sentence")
    if subject and isinstance(told, str) and str(subject) in told:
        narrow.insert(0, "named")
    codes = [f"{reason.code}.{word}" for word in narrow if word]
    return next((known[code] for code in (*codes, reason.code) if code in known), None)


@cache
def _parameters(template: str) -> frozenset[str]:
    return frozenset(field for _text, field, _spec, _conversion in string.Formatter().parse(template) if field)


def _shown(value: Param, mrkdwn: bool) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, float):
        return number(value)
    if isinstance(value, int):
        return str(value)
    return escape(value) if mrkdwn else one_line(value)


class _Sentence(string.Formatter):
    """Formats a template's parameters; attributes and indices of parameters are out of reach."""

    def __init__(self, mrkdwn: bool) -> None:
        self._mrkdwn = mrkdwn

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        return kwargs[field_name], field_name

    def _moment(self, value: Any) -> str:
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            return _shown(value, self._mrkdwn)  # of another release, perhaps: it must still be shown
        return moment(at) if self._mrkdwn else plain_moment(at)

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == "duration":
            return duration(float(value))
        if format_spec == "words":
            return _shown(in_words(str(value)), self._mrkdwn)
        if format_spec == "told":
            return _shown(retold(str(value)), self._mrkdwn)
        if format_spec == "minutes":
            return duration(float(value) * 60)
        if format_spec == "size":
            return size(int(value))
        if format_spec == "moment":
            return self._moment(value)
        if "|" in format_spec:
            one, many = format_spec.split("|", 1)
            return counted(value, one, many) if isinstance(value, int) else f"{_shown(value, self._mrkdwn)} {many}"
        return _shown(value, self._mrkdwn)
