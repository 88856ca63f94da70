"""The gettext seam: English is the source, a catalogue may replace it per message.

The language is chosen where a message is made (`speaking`), because channel text follows the configured language
while a private answer may follow its reader.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_present: ContextVar[gettext.NullTranslations] = ContextVar("language", default=gettext.NullTranslations())  # noqa: B039


def _(text: str) -> str:
    """`text` in the present language."""
    return _present.get().gettext(text)


def several(count: int, one: str, many: str) -> str:
    """``"1 host"`` or ``"7 hosts"``; `one` and `many` are words without the number."""
    return f"{count} {_present.get().ngettext(one, many, count)}"


@contextmanager
def speaking(translations: gettext.NullTranslations) -> Iterator[None]:
    """Make every sentence inside come from `translations`."""
    token = _present.set(translations)
    try:
        yield
    finally:
        _present.reset(token)
