"""Strings that are marked where they stand: calls of `_` and `several`, sentence tables, commands, the report."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment
from jinja2.ext import extract_from_ast

import bot.messages
from bot.messages.language import WORD
from bot.messages.words import WORDS
from bot.xen.codes import CODES
from tests.words.found import ROOT, Found, Unreadable, files, name_of

#: Calls of `_` whose argument is found in another way: sentence tables, and what the verbs of `/xs` do.
ELSEWHERE = {("bot/messages/sentences.py", "template"), ("bot/messages/status.py", "command.does")}
_WORDS_FILE = "bot/messages/words.py"
_CODES_FILE = "bot/xen/codes.py"


def marked() -> Iterator[Found]:
    """Every string that is marked. Raises `Unreadable` for a mark on something that is no literal."""
    for path in files("bot/messages", "bot/delivery", "commands"):
        yield from marks_in(name_of(path), path.read_text("utf-8"))
    yield from _tables()
    yield from _template(ROOT / "bot" / "messages" / "templates" / "report.html")
    yield from (Found(_WORDS_FILE, 0, text, context=WORD) for text in sorted(WORDS))


def codes() -> Iterator[Found]:
    """The sentences and hints of XAPI's error codes."""
    for meaning in CODES.values():
        yield from (Found(_CODES_FILE, 0, text) for text in (meaning.sentence, meaning.hint) if text)


def marks_in(file: str, source: str) -> Iterator[Found]:
    """The marked strings of one module. Raises `Unreadable`."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        called, given = node.func.id, node.args
        if called == "_" and (file, ast.unparse(given[0])) not in ELSEWHERE:
            yield Found(file, node.lineno, _literal(file, given[0]))
        elif called == "several":
            yield Found(file, node.lineno, _literal(file, given[1]), _literal(file, given[2]))
        elif called == "Verb":
            yield Found(file, node.lineno, _literal(file, given[2]))


def _literal(file: str, node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise Unreadable(
        f"{file}:{node.lineno}: write the English words here, not {ast.unparse(node)}; "
        'as in _("Done.") or several(count, "host", "hosts")'
    )


def _tables() -> Iterator[Found]:
    for entry in sorted(module.name for module in pkgutil.iter_modules(bot.messages.__path__)):
        if entry.startswith("catalogue_"):
            sentences: dict[str, str] = importlib.import_module(f"bot.messages.{entry}").SENTENCES
            yield from (Found(f"bot/messages/{entry}.py", 0, text) for text in sentences.values())


def _template(path: Path) -> Iterator[Found]:
    for line, _function, text in extract_from_ast(Environment().parse(path.read_text("utf-8")), ("_",)):
        if isinstance(text, str):
            yield Found(name_of(path), line, text)
