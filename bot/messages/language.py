"""The gettext seam: English is the source, a catalogue may replace it per message.

The language is chosen where a message is made (`speaking`), because channel text follows the configured language
while a private answer may follow its reader. Catalogues are the plain files ``locale/<language>/LC_MESSAGES/xsbot.po``
beside this module; `make words` brings them up to date with the sources. Numbers and dates are Babel's.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from importlib import resources

from babel import Locale
from babel.dates import format_skeleton, get_day_names
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

SOURCE = "en"
#: Every language there is a catalogue for, and the one the sentences are written in.
LANGUAGES = (SOURCE, "es", "pt_BR")

#: The contexts of messages that no call of `_` names: sentences of errors, and words that reasons carry as values.
ERROR, WORD = "error", "word"


class Translations(gettext.NullTranslations):
    """One language: what stands for each message. What a catalogue lacks is told in English.

    `locale` is how Babel calls the language; `messages` go by context ("" for none) and English text, two forms each
    where something is counted.
    """

    def __init__(self, locale: str, messages: Mapping[tuple[str, str], tuple[str, ...]]) -> None:
        super().__init__()
        self.locale = locale
        self._messages = messages

    def gettext(self, message: str) -> str:
        """`message` in this language."""
        return self._messages.get(("", message), (message,))[0]

    def pgettext(self, context: str, message: str) -> str:
        """`message` in this language, as it is meant in `context`."""
        return self._messages.get((context, message), (message,))[0]

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """The form of the words that goes with the number `n`."""
        forms = self._messages.get(("", msgid1), (msgid1, msgid2))
        return forms[min(_form(self.locale, n), len(forms) - 1)]

    def within(self, context: str) -> Iterator[tuple[str, str]]:
        """Every message of a context with what stands for it."""
        return ((text, forms[0]) for (of, text), forms in self._messages.items() if of == context)


@cache
def language(tag: str) -> Translations:
    """The language called `tag`, one of `LANGUAGES`. Raises `KeyError` for any other."""
    if tag not in LANGUAGES:
        raise KeyError(tag)
    if tag == SOURCE:
        return Translations(SOURCE, {})
    file = resources.files("bot.messages") / "locale" / tag / "LC_MESSAGES" / "xsbot.po"
    with file.open("rb") as stream:
        catalogue = read_po(stream, locale=tag)
    messages: dict[tuple[str, str], tuple[str, ...]] = {}
    for entry in catalogue:
        one = entry.id if isinstance(entry.id, str) else entry.id[0]
        forms = (entry.string,) if isinstance(entry.string, str) else tuple(entry.string or ())
        if one and all(forms):
            messages[entry.context or "", one] = forms
    return Translations(tag, messages)


def nearest(locale: str) -> str | None:
    """Our language for a locale as Slack writes it (``pt-BR``, ``es-LA``, ``en-GB``); None where there is none."""
    wanted = locale.replace("-", "_")
    if wanted in LANGUAGES:
        return wanted
    return next((tag for tag in LANGUAGES if tag.partition("_")[0] == wanted.partition("_")[0]), None)


_present: ContextVar[gettext.NullTranslations] = ContextVar("language", default=language(SOURCE))  # noqa: B039


def _(text: str) -> str:
    """`text` in the present language."""
    return _present.get().gettext(text)


def word(text: str) -> str:
    """A word that a reason or an error carries as a value (see `bot.messages.words`), in the present language."""
    return _present.get().pgettext(WORD, text)


def several(count: int, one: str, many: str) -> str:
    """``"1 host"`` or ``"7 hosts"``; `one` and `many` are English words without the number, written where it is called
    so that they are found."""
    return f"{number(count)} {_present.get().ngettext(one, many, count)}"


def counted(count: int, one: str, many: str) -> str:
    """Like `several`, with words that are in the present language already."""
    return f"{number(count)} {(one, many)[_form(_locale(), count)]}"


def number(value: float, places: int | None = None) -> str:
    """A number as the present language writes it: with `places` decimals, or as many as it needs, three at most."""
    if isinstance(value, int) and abs(value) < 10_000:
        # Four digits stand without a separator in all our languages, as dates and ports do.
        return str(value)
    return format_decimal(value, "#,##0.###" if places is None else "#,##0." + "0" * places, locale=_locale())


def day(at: datetime) -> str:
    """A date (UTC). English is read all over the world, so it gets the form that nobody misreads: ``2026-11-20``."""
    utc = at.astimezone(UTC)
    return utc.strftime("%Y-%m-%d") if _locale() == SOURCE else format_skeleton("yMd", utc, locale=_locale())


def day_and_time(at: datetime) -> str:
    """A date and the time of day, in UTC."""
    utc = at.astimezone(UTC)
    if _locale() == SOURCE:
        return utc.strftime("%Y-%m-%d %H:%M UTC")
    return f"{day(at)} {format_skeleton('Hm', utc, locale=_locale())} UTC"


def weekday(number: int) -> str:
    """The name of a day of the week; 0 is Monday."""
    return str(get_day_names("wide", context="stand-alone", locale=_locale())[number])


def called() -> str:
    """The present language by its own name: ``português (Brasil)``."""
    return _babel(_locale()).get_display_name() or _locale()


def present() -> gettext.NullTranslations:
    """The language that is spoken now."""
    return _present.get()


def _locale() -> str:
    now = _present.get()
    return now.locale if isinstance(now, Translations) else SOURCE


@cache
def _babel(locale: str) -> Locale:
    return Locale.parse(locale)


def _form(locale: str, count: int) -> int:
    return 0 if _babel(locale).plural_form(count) == "one" else 1


@contextmanager
def speaking(translations: gettext.NullTranslations | str) -> Iterator[None]:
    """Make every sentence inside come from `translations`, or from the language of that tag."""
    token = _present.set(language(translations) if isinstance(translations, str) else translations)
    try:
        yield
    finally:
        _present.reset(token)
