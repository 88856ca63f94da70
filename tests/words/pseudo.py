"""A language that no catalogue has: every Latin letter of ours becomes a Cyrillic one, so that whatever stays Latin is
not ours: a foreign name, or a sentence that went round the seam.
"""

from __future__ import annotations

import re
import string
from functools import cache

from bot.messages.language import Translations
from tests.words.catalogues import messages, template, texts

_PLACE = re.compile(r"\{(\w*)(:?)([^{}]*)\}")
_MARKUP = re.compile(r"&\w+;")
_LETTERS = {
    ord(latin): chr(first + place)
    for alphabet, first in ((string.ascii_lowercase, ord("а")), (string.ascii_uppercase, ord("А")))
    for place, latin in enumerate(alphabet)
}


def foreign(text: str) -> str:
    """The text in other letters; places keep their names, but not the words of a counted one."""
    made, last = "", 0
    for place in _PLACE.finditer(text):
        made += _written(text[last : place.start()])
        notation = place[3].translate(_LETTERS) if "|" in place[3] else place[3]
        made += f"{{{place[1]}{place[2]}{notation}}}"
        last = place.end()
    return made + _written(text[last:])


def _written(text: str) -> str:
    made, last = "", 0
    for markup in _MARKUP.finditer(text):
        made += text[last : markup.start()].translate(_LETTERS) + markup[0]
        last = markup.end()
    return made + text[last:].translate(_LETTERS)


@cache
def pseudo() -> Translations:
    """The language. English to Babel, so that dates and numbers stay as they are."""
    found = {}
    for entry in messages(template()):
        found[entry.context or "", texts(entry)[0]] = tuple(foreign(text) for text in texts(entry))
    return Translations("en", found)


def latin_words(text: str) -> set[str]:
    """The words of a text that did not go through the seam, foreign ones among them."""
    return set(re.findall(r"[A-Za-z][A-Za-z'-]+", text))
