"""Slack's listeners: parse, call a use-case, render. Nothing is decided here.

    context      what every listener needs
    button       attaching a button
    verb         one sub-command of /xs: its name, its help, what it does
    call         one command that somebody typed, or one click: who, where, and how to answer
    xs           the dispatcher with the table of verbs, and what happens to unknown ones
    <verb>       one module per sub-command, with the buttons and forms that belong to it

`register` is called once, by the composition root.
"""

from commands.context import Context
from commands.xs import VERBS, register

__all__ = ["VERBS", "Context", "register"]
