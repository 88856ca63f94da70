"""Mistakes in how words reach people, each of which a test must notice."""

from __future__ import annotations

from tests.mutants.mutation import Mutation

_LANGUAGES = "tests/unit/messages/test_languages.py::"
_SPOKEN = "tests/slack/test_languages.py::"

MUTATIONS = (
    Mutation(
        "the audit trail is written in whatever language is spoken",
        8,
        "bot/messages/sentences.py",
        "    with speaking(SOURCE):\n        return sentence(reason)\n",
        "    if SOURCE:\n        return sentence(reason)\n",
        (f"{_LANGUAGES}test_the_audit_trail_stays_english",),
    ),
    Mutation(
        "who has no known language gets no answer",
        11,
        "bot/readers.py",
        "        told = found or (known[1] if known is not None else self._usual)\n",
        "        told = found\n",
        (f"{_SPOKEN}test_a_language_is_never_worth_a_missing_answer",),
    ),
    Mutation(
        "an error is told with the values of another sentence",
        11,
        "bot/messages/retelling.py",
        "            if within and any(_BETWEEN.search(value) for value in found.groups()):\n",
        "            if False:\n",
        (f"{_LANGUAGES}test_sentences_in_a_row_and_within_others_are_found",),
    ),
)
