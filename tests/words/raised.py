"""The sentences and hints of errors: nobody marks them, they are read off where errors are made.

An f-string becomes a sentence with places: ``f"Pool {row.alias} is busy."`` is ``Pool {alias} is busy.``. Where a value
is one of several literals (a condition, a table of the module), each makes a sentence of its own, because in other
languages the words around it may depend on it.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from bot.messages.language import ERROR
from tests.words.found import Found, files, name_of

#: Where errors are made that people in Slack may see. Those of the command line and of start-up are read on a console.
SHOWN = ("bot/authority.py", "bot/messages", "bot/rollout", "bot/rollouts", "bot/settings/tree.py", "bot/worker",
         "bot/xen", "commands", "storage")  # fmt: skip
HIDDEN = (
    "bot/rollout/planner", "bot/worker/hands.py", "bot/xen/codes.py",
    "storage/intents.py", "storage/migrations", "storage/notices.py", "storage/outbox.py",
)  # fmt: skip
#: What is said before anybody can be answered in Slack.
AT_START = ("require_slack", "_require_http")
#: Functions that make an error and take part of its sentence, and which of their arguments that is.
TAKES = {"unreachable": 1}
_MOST = 16
_PLACE = re.compile(r"\{\w*\}")
_LETTERS = 2

Function = ast.FunctionDef | ast.Lambda | ast.Module


@cache
def raised() -> tuple[Found, ...]:
    """Every sentence and hint, as a template."""
    return tuple(_raised())


def _raised() -> Iterator[Found]:
    classes = error_classes()
    for path in files(*SHOWN):
        name = name_of(path)
        if not name.startswith(HIDDEN):
            yield from _Module(name, ast.parse(path.read_text("utf-8")), classes).found()


@cache
def error_classes() -> frozenset[str]:
    """The names of `XsbotError` and everything that derives from it."""
    parents: dict[str, set[str]] = {}
    for path in files("bot", "commands", "storage"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                parents.setdefault(node.name, set()).update(ast.unparse(base) for base in node.bases)
    known = {"XsbotError"}
    while more := {name for name, bases in parents.items() if bases & known} - known:
        known |= more
    return frozenset(known)


@dataclass
class _Module:
    file: str
    tree: ast.Module
    classes: frozenset[str]
    constants: dict[str, ast.expr] = field(default_factory=dict)
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)

    def found(self) -> Iterator[Found]:
        for statement in self.tree.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                self.constants[statement.targets[0].id] = statement.value
            elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
                self.constants[statement.target.id] = statement.value
            elif isinstance(statement, ast.FunctionDef):
                self.functions[statement.name] = statement
        yield from self._within(self.tree, self.tree, False)

    def _within(self, node: ast.AST, scope: Function, in_error: bool) -> Iterator[Found]:
        if isinstance(node, ast.FunctionDef):
            if node.name in AT_START:
                return
            scope = node
        if isinstance(node, ast.ClassDef):
            in_error = node.name in self.classes
        if isinstance(node, ast.Call) and self._makes_an_error(node.func, in_error):
            yield from self._told(node, scope)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TAKES:
            yield from self._worded(node.lineno, node.args[TAKES[node.func.id]], scope)
        for child in ast.iter_child_nodes(node):
            yield from self._within(child, scope, in_error)

    def _makes_an_error(self, called: ast.expr, in_error: bool) -> bool:
        if isinstance(called, ast.IfExp):
            return self._makes_an_error(called.body, in_error)
        if isinstance(called, ast.Name):
            return called.id in self.classes
        return in_error and isinstance(called, ast.Attribute) and ast.unparse(called) == "super().__init__"

    def _told(self, call: ast.Call, scope: Function) -> Iterator[Found]:
        given: list[tuple[ast.expr, Function]] = []
        for argument in call.args[:2]:
            if isinstance(argument, ast.Starred):
                given += self._returned(argument.value)
            else:
                given.append((argument, scope))
        given += [(word.value, scope) for word in call.keywords if word.arg in ("sentence", "hint")]
        for expression, where in given:
            yield from self._worded(call.lineno, expression, where)

    def _worded(self, line: int, expression: ast.expr, scope: Function) -> Iterator[Found]:
        yield from (
            Found(self.file, line, text, context=ERROR) for text in self.texts(expression, scope) if _has_words(text)
        )

    def _returned(self, call: ast.expr) -> list[tuple[ast.expr, Function]]:
        """The sentence and the hint that a function of the module puts together."""
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in self.functions):
            return []
        function = self.functions[call.func.id]
        tuples = (node.value for node in ast.walk(function) if isinstance(node, ast.Return))
        return [(part, function) for value in tuples if isinstance(value, ast.Tuple) for part in value.elts]

    def texts(self, node: ast.expr, scope: Function) -> list[str]:
        """Everything the expression may say, with places for what is only known at run time."""
        return list(dict.fromkeys(self._texts(node, scope)))[:_MOST]

    def _texts(self, node: ast.expr, scope: Function) -> list[str]:
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=parts):
                return self._joined(self._parts(parts, scope))
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return self._joined([self._texts(left, scope), self._texts(right, scope)])
            case ast.IfExp(body=body, orelse=other):
                return [*self._texts(body, scope), *self._texts(other, scope)]
            case ast.Name(id=name):
                return self._named(name, scope)
            case ast.Dict(values=values):
                return [text for value in values for text in self._texts(value, scope)]
            case ast.Subscript(value=table) if self._is_table(table, scope):
                return self._texts(table, scope)
            case ast.Call(func=ast.Attribute(value=table, attr="get"), args=[_, other]) if self._is_table(table, scope):
                return [*self._texts(table, scope), *self._texts(other, scope)]
            case ast.Call(func=ast.Attribute(value=template, attr="format")):
                return self._texts(template, scope)
        return [_place(node)]

    def _parts(self, parts: list[ast.expr], scope: Function) -> list[list[str]]:
        """What each part of an f-string may say; two values never share a place."""
        taken: dict[str, str] = {}
        said = []
        for part in parts:
            if not isinstance(part, ast.FormattedValue):
                said.append(self._texts(part, scope))
                continue
            choices = self._texts(part.value, scope)
            if not all(map(_has_words, choices)):
                name, of = _word(part.value), ast.unparse(part.value)
                while taken.setdefault(name, of) != of:
                    name += "_more"
                choices = [f"{{{name}}}"]
            said.append(choices)
        return said

    def _named(self, name: str, scope: Function) -> list[str]:
        assigned = [
            node.value
            for node in ast.walk(scope)
            if isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == name for to in node.targets)
        ]
        if not assigned and name in self.constants:
            assigned = [self.constants[name]]
        said = [text for value in assigned if not _mentions(value, name) for text in self._texts(value, scope)]
        return said if any(_PLACE.sub("", text) for text in said) else [f"{{{name}}}"]

    def _is_table(self, node: ast.expr, scope: Function) -> bool:
        if isinstance(node, ast.Dict):
            return True
        if not isinstance(node, ast.Name):
            return False
        values = [
            entry.value
            for entry in ast.walk(scope)
            if isinstance(entry, ast.Assign) and ast.unparse(entry.targets[0]) == node.id
        ]
        value = values[0] if values else self.constants.get(node.id)
        return isinstance(value, ast.Dict)

    @staticmethod
    def _joined(parts: list[list[str]]) -> list[str]:
        return ["".join(choice) for choice in itertools.islice(itertools.product(*parts), _MOST)]


def _has_words(text: str) -> bool:
    return len(re.findall(r"[A-Za-z]", _PLACE.sub("", text))) >= _LETTERS


def _mentions(node: ast.expr, name: str) -> bool:
    return any(isinstance(inner, ast.Name) and inner.id == name for inner in ast.walk(node))


#: What says how a value is written, not what it is.
_HOW: Mapping[str, int] = {"plain": 0, "sorted": 0, "str": 0, "repr": 0, "len": 0, "int": 0}


def _place(node: ast.expr) -> str:
    return f"{{{_word(node)}}}"


def _word(node: ast.expr) -> str:
    """What a value is, in a word: the last name in the expression that means something."""
    match node:
        case ast.Name(id=name):
            return name.strip("_").lower()
        case ast.Attribute(value=of, attr="value" | "name" | "uuid" | "alias") if not isinstance(of, ast.Name):
            return _word(of)
        case ast.Attribute(value=ast.Name(id=of), attr="value" | "name" | "uuid"):
            return of
        case ast.Attribute(attr="__name__"):
            return "kind"
        case ast.Attribute(attr=name):
            return name.strip("_").lower()
        case ast.Call(func=ast.Attribute(value=ast.Constant(), attr="join"), args=[listed]):
            return _word(listed)
        case ast.Call(func=ast.Attribute(value=of, attr="replace" | "partition" | "lower" | "strip")):
            return _word(of)
        case ast.Call(func=ast.Name(id=how), args=[first, *_]) if how in _HOW:
            return _word(first)
        case ast.Call(func=ast.Attribute(attr=name)) | ast.Call(func=ast.Name(id=name)):
            return name.strip("_").lower()
        case ast.BoolOp(values=[first, *_]) | ast.Subscript(value=first) | ast.FormattedValue(value=first):
            return _word(first)
        case ast.GeneratorExp(elt=first) | ast.ListComp(elt=first):
            return _word(first)
        case ast.BinOp(left=first):
            return _word(first)
    return "value"
