"""The catalogues: what they must have, what they lack, and bringing them up to date."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

from bot.messages.language import ERROR, LANGUAGES, SOURCE
from tests.words.found import ROOT, Found
from tests.words.marked import codes, marked
from tests.words.raised import raised

#: Every language that needs a catalogue.
OTHERS = tuple(tag for tag in LANGUAGES if tag != SOURCE)
_PLACE = re.compile(r"\{(\w*)(:[a-z]+)?[^{}]*\}")
#: A fixed moment: when a catalogue was written is for the version control to say.
_ALWAYS = datetime(2026, 1, 1, tzinfo=UTC)
_HEADER = """\
# The words of xsbot in {language}.
# `make words` brings this file up to date with the sources and says what is missing."""


def found() -> Iterator[Found]:
    """Every string in the sources that people may read."""
    yield from marked()
    yield from (Found(entry.file, 0, entry.text, context=ERROR) for entry in codes())
    yield from raised()


@cache
def template() -> Catalog:
    """The catalogue without a language. Raises `Unreadable`."""
    catalogue = Catalog(charset="utf-8")
    everything = list(found())
    plural = {(entry.context, entry.text): entry.many for entry in everything if entry.many}
    for entry in everything:
        many = plural.get((entry.context, entry.text), "")
        places = [(entry.file, 0)]
        if many:
            catalogue.add((entry.text, many), locations=places, context=entry.context or None)
        else:
            catalogue.add(entry.text, locations=places, context=entry.context or None)
    return catalogue


def path_of(tag: str) -> Path:
    """Where the catalogue of a language is."""
    return ROOT / "bot" / "messages" / "locale" / tag / "LC_MESSAGES" / "xsbot.po"


def read(tag: str) -> Catalog:
    """The catalogue of a language as it is kept."""
    with path_of(tag).open("rb") as stream:
        return read_po(stream, locale=tag)


def updated(tag: str, wanted: Catalog) -> bytes:
    """The catalogue of a language with everything that is wanted and nothing else, as it is kept."""
    kept = read(tag) if path_of(tag).exists() else Catalog(locale=tag)
    fresh = Catalog(
        locale=tag, charset="utf-8", project="xsbot", header_comment=_HEADER.format(language=kept.locale_identifier)
    )
    fresh.creation_date = fresh.revision_date = _ALWAYS
    for entry in sorted(messages(wanted), key=_place_in_file):
        known = kept.get(entry.id, context=entry.context)
        fresh.add(
            entry.id,
            known.string if known is not None and same_shape(entry, known) else None,
            locations=sorted(set(entry.locations)),
            context=entry.context,
        )
    written = io.BytesIO()
    write_po(written, fresh, width=120, include_lineno=False, omit_header=False)
    return b"\n".join(line for line in written.getvalue().split(b"\n") if not _VOLATILE.match(line))


#: Lines of the header that say with what and when, which is nothing to be merged.
_VOLATILE = re.compile(rb'"(Generated-By|POT-Creation-Date|PO-Revision-Date|Report-Msgid-Bugs-To|Last-Translator): ')


def same_shape(wanted: Message, known: Message) -> bool:
    """Whether both are counted, or neither."""
    return isinstance(wanted.id, str) == isinstance(known.id, str)


def messages(catalogue: Catalog) -> Iterator[Message]:
    """The entries of a catalogue without its header."""
    return (entry for entry in catalogue if entry.id)


def forms(entry: Message) -> tuple[str, ...]:
    """What stands for the entry: one text, or one for each grammatical number."""
    return (entry.string,) if isinstance(entry.string, str) else tuple(entry.string or ())


def texts(entry: Message) -> tuple[str, ...]:
    """The English text, or its singular and its plural."""
    return (entry.id,) if isinstance(entry.id, str) else tuple(entry.id)


def missing(tag: str, wanted: Catalog) -> list[str]:
    """What is wrong with the catalogue of a language, a line each; empty when nothing is."""
    kept = read(tag)
    told = []
    for entry in messages(wanted):
        known, where = kept.get(entry.id, context=entry.context), ", ".join(file for file, _line in entry.locations)
        shown = f"{texts(entry)[0]!r} ({where})"
        if known is None or not same_shape(entry, known) or not all(forms(known)) or not forms(known):
            told.append(f"{tag}: not translated: {shown}")
        elif known.fuzzy:
            told.append(f"{tag}: marked as fuzzy: {shown}")
        else:
            told += [f"{tag}: other values or edges than English: {shown}: {form!r}" for form in misfits(entry, known)]
    stale = {(entry.context, texts(entry)[0]) for entry in messages(kept)} - {
        (entry.context, texts(entry)[0]) for entry in messages(wanted)
    }
    return told + [f"{tag}: no longer in the sources: {text!r}" for _context, text in sorted(stale, key=str)]


def misfits(entry: Message, known: Message) -> list[str]:
    """The forms that ask for other values than the English text, or begin or end with other white space."""
    allowed = [places(text) for text in texts(entry)]
    edges = _edges(texts(entry)[0])
    return [form for form in forms(known) if places(form) not in allowed or _edges(form) != edges]


def _edges(text: str) -> tuple[int, int]:
    return len(text) - len(text.lstrip()), len(text) - len(text.rstrip())


def places(text: str) -> tuple[str, ...]:
    """The places of a sentence with their notations, in an order of their own: another language may turn them round.

    A number with its word may stand without the word, and the other way round.
    """
    return tuple(sorted(f"{name}{how}" for name, how in _named(text)))


def _named(text: str) -> Iterator[tuple[str, str]]:
    for place in _PLACE.finditer(text):
        # ``{vms:VM|VMs}``: the words belong to the language.
        yield place[1], "" if "|" in place[0] else place[2] or ""


def _place_in_file(entry: Message) -> tuple[str, str]:
    return min(file for file, _line in entry.locations), ""
