"""The root of every error that xsbot raises on purpose.

    XsbotError
    ├── bot.settings.SettingsError        a wrong setting, named with its remedy
    ├── bot.xen.errors.XenError           what XAPI or the way to it said
    ├── bot.rollout.errors.RolloutError   a rule of the rollout forbids it
    └── storage.errors.StorageError       the database refused

Each error carries a sentence for the person who caused it and a hint what to do next, so that Slack, the command
line and the log can show the same words and nobody is ever shown a stack trace.
"""

from __future__ import annotations


class XsbotError(Exception):
    """Something went wrong that a person can understand.

    `sentence` says what happened, `hint` what to do about it (may be empty where nothing can be done).
    """

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.sentence} {self.hint}".strip()
