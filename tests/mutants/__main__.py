"""``python -m tests.mutants [--list] [word …]``: makes the named mistakes, and shows that their tests notice."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.mutants import channel, configuring, table, words
from tests.mutants.mutation import Misplaced, Mutation

ROOT = Path(__file__).resolve().parents[2]
MUTATIONS = (*table.MUTATIONS, *configuring.MUTATIONS, *channel.MUTATIONS, *words.MUTATIONS)
_COPIED = ("bot", "commands", "storage", "tests", "pyproject.toml")
_LIMIT_S = 300


def copy_of_the_tree(target: Path) -> None:
    """What the tests need, without compiled files: those of a mutated module could outlive the mutation."""
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        else:
            shutil.copy2(source, target / name)


def run(tree: Path, tests: Iterable[str]) -> tuple[int, int, str]:
    """How many of the tests passed, how many did not, and pytest's last words. A test that is not there did pass."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no", "--no-header", *tests]
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ended = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return 0, 1, f"no end after {_LIMIT_S} s"
    last = next((line for line in reversed(ended.stdout.splitlines()) if line.strip()), ended.stderr.strip())
    if ended.returncode not in (0, 1):
        return 1, 0, f"pytest could not run these tests: {last}"
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error)", last)}
    return counts.get("passed", 0), counts.get("failed", 0) + counts.get("error", 0), last


def try_out(tree: Path, mutation: Mutation) -> str:
    """Make the mistake, run its tests, take the mistake back. Empty when every one of them noticed, else why not."""
    path = tree / mutation.file
    try:
        mutated = mutation.mutated(tree)
    except Misplaced as error:
        return str(error)
    original = path.read_text("utf-8")
    path.write_text(mutated, "utf-8")
    try:
        passed, failed, last = run(tree, mutation.tests)
    finally:
        path.write_text(original, "utf-8")
    return "" if failed and not passed else last


def chosen(words: Sequence[str]) -> list[Mutation]:
    """The mutations that the words mean; all without a word."""
    wanted = [word.lower() for word in words]
    return [
        mutation
        for mutation in MUTATIONS
        if not wanted or any(word == str(mutation.invariant) or word in mutation.name.lower() for word in wanted)
    ]


def fails_anyway(tree: Path, mutations: Sequence[Mutation]) -> str:
    """What is wrong with the tests before any mistake was made, "" when nothing is: a test that fails anyway would
    catch everything. Asked file by file, because all of them together take longer than one may."""
    files: dict[str, set[str]] = {}
    for test in (test for mutation in mutations for test in mutation.tests):
        files.setdefault(test.split("::")[0], set()).add(test)
    for file, tests in sorted(files.items()):
        _passed, failed, last = run(tree, sorted(tests))
        if failed or "could not run" in last:
            return f"{file}: {last}"
    return ""


def main(arguments: Sequence[str]) -> int:
    """Run them and say what was caught; the exit code."""
    parser = argparse.ArgumentParser(
        prog="make mutants",
        description="Breaks the code in named ways and shows that the test of each invariant notices.",
    )
    parser.add_argument(
        "words", nargs="*", metavar="word", help="the number of an invariant, or part of a name; all by default"
    )
    parser.add_argument("--list", action="store_true", help="name them and run nothing")
    options = parser.parse_args(arguments)
    mutations = chosen(options.words)
    if not mutations:
        parser.error(f"no mutation is called anything like {' or '.join(options.words)}; --list names them all")
    if options.list:
        print("\n".join(f"invariant {one.invariant:2}  {one.name}  ({one.file})" for one in mutations))
        return 0
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="xsbot-mutants-") as directory:
        tree = Path(directory)
        copy_of_the_tree(tree)
        wrong = fails_anyway(tree, mutations)
        if wrong:
            print(f"Without any mutation: {wrong}. Repair that first.")
            print(f"0 passed, {len(mutations)} failed")
            return 1
        for mutation in mutations:
            began = time.monotonic()
            why = try_out(tree, mutation)
            survivors += bool(why)
            word = "SURVIVED" if why else "caught  "
            took = f"{time.monotonic() - began:.0f} s"
            print(f"{word}  invariant {mutation.invariant:2}  {mutation.name}  ({took}){'  ' + why if why else ''}")
            sys.stdout.flush()
    print(f"{len(mutations) - survivors} passed, {survivors} failed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
