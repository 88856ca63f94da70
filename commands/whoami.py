"""/xs whoami"""

from __future__ import annotations

from bot.messages.language import called
from bot.messages.whoami import whoami
from commands.call import Call
from commands.verb import Verb


def run(call: Call) -> None:
    """The person's id, roles and language."""
    authority = call.context.authority
    roles = {alias: authority.roles_of(call.actor.id, alias) for alias in sorted(call.context.settings.pools)}
    call.answer(whoami(call.actor.id, roles, called()))


VERB = Verb(
    "whoami", "/xs whoami", "Says who you are to xsbot: your id, your roles on each pool, your language.", "", run
)
