"""What an error said in English, said again in the language of whoever reads it.

Errors are raised with a sentence and a hint in English: the log, the command line and the audit trail show those, and
a reason may carry them for years. Their catalogue entries are the sentences as the source writes them, with
placeholders where a value goes. Here the way back is found: the entry that a sentence was made of, its values, and from
these the sentence in the present language. What no entry fits stays in English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from bot.messages.catalogue import templates
from bot.messages.language import ERROR, Translations, counted, present
from bot.messages.words import WORDS, in_words, plain_word

#: A place for a value, perhaps with a notation of `bot.messages.sentences`.
_PLACE = re.compile(r"\{(\w+)(?::([^{}]*))?\}")
#: The sentences of reasons that errors and other reasons repeat: why it cannot start, why it is no longer the same.
_REPEATED = ("check.", "spec.")
#: Between two sentences that were put in a row.
_BETWEEN = re.compile(r"(?<=[.!?]) (?=\S)")
_MOST_SENTENCES = 12
#: Foreign text may be long; patterns with several places then take their time, and nobody reads it anyway.
_LONGEST = 4_000


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry: what it looks like in English, what stands for it, and how many of its letters are its own."""

    pattern: re.Pattern[str]
    start: str
    told: str
    own: int


def retold(text: str) -> str:
    """`text`, one or more sentences of ours in English, in the present language."""
    now = present()
    if not isinstance(now, Translations) or not text or len(text) > _LONGEST:
        return text
    return _retold(now, text)


@lru_cache(maxsize=2_000)
def _retold(now: Translations, text: str) -> str:
    whole = _sentence(now, text, within=True)
    if whole is not None:
        return whole
    parts = _BETWEEN.split(text)
    row = _in_a_row(now, parts) if 1 < len(parts) <= _MOST_SENTENCES else []
    if row and None not in row:
        return " ".join(filter(None, row))
    whole = _sentence(now, text)
    if whole is not None or not row:
        return whole if whole is not None else text
    return _with_what_is_not_ours(row, parts)


def _in_a_row(now: Translations, parts: Sequence[str]) -> list[str | None]:
    """Sentences in a row, None where one is not ours, "" where one was part of the one before.

    An entry may be made of several sentences, so the longest run that fits is taken.
    """
    told: list[str | None] = []
    while len(told) < len(parts):
        start = len(told)
        for end in range(len(parts), start, -1):
            found = _sentence(now, " ".join(parts[start:end]), within=True)
            if found is not None:
                told += [found, *[""] * (end - start - 1)]
                break
        else:
            told.append(None)
    return told


def _with_what_is_not_ours(row: Sequence[str | None], parts: Sequence[str]) -> str:
    return " ".join(filter(None, (part if told is None else told for told, part in zip(row, parts, strict=True))))


def _sentence(now: Translations, text: str, *, within: bool = False) -> str | None:
    """The sentence of the entry that fits best: the one of which most is its own words.

    `within`: no value may reach from one sentence into the next, as it would where two sentences stand in a row.
    """
    for entry in _entries(now):
        if text.startswith(entry.start) and (found := entry.pattern.fullmatch(text)) is not None:
            if within and any(_BETWEEN.search(value) for value in found.groups()):
                continue
            values = {name: _value(now, text) for name, text in found.groupdict().items()}
            return _PLACE.sub(partial(_filled, values), entry.told)
    return None


def _filled(values: Mapping[str, str], place: re.Match[str]) -> str:
    value = values[f"p_{place[1]}"]
    one, counts, many = (place[2] or "").partition("|")
    # A number came with its English word; here it gets the word of this language.
    return counted(int(value.partition(" ")[0]), one, many) if counts else value


def _value(now: Translations, text: str) -> str:
    """What stands in a place: foreign, or another sentence or word of ours."""
    inner = _sentence(now, text) if " " in text else None
    return inner if inner is not None else _word(text)


def _word(text: str) -> str:
    """Words of ours in the present language; anything else exactly as it is."""
    return in_words(text) if all(plain_word(part) in WORDS for part in text.split(", ")) else text


@lru_cache(maxsize=16)
def _entries(now: Translations) -> tuple[_Entry, ...]:
    made = [_entry(english, told) for english, told in now.within(ERROR)]
    repeated = [english for code, english in templates().items() if code.startswith(_REPEATED)]
    made += [_entry(english, now.gettext(english)) for english in repeated]
    return tuple(sorted(made, key=lambda entry: -entry.own))


def _looks(notation: str) -> str:
    return rf"\d+ (?:{'|'.join(map(re.escape, notation.split('|')))})" if "|" in notation else ".+?"


def _entry(english: str, told: str) -> _Entry:
    pattern, seen, last = "", set[str](), 0
    for place in _PLACE.finditer(english):
        pattern += re.escape(english[last : place.start()])
        pattern += f"(?P=p_{place[1]})" if place[1] in seen else f"(?P<p_{place[1]}>{_looks(place[2] or '')})"
        seen.add(place[1])
        last = place.end()
    pattern += re.escape(english[last:])
    start = english[: first.start()] if (first := _PLACE.search(english)) is not None else english
    return _Entry(re.compile(pattern, re.DOTALL), start, told, len(_PLACE.sub("", english)))
