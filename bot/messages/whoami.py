"""What xsbot knows about the person who asks: their id, their language, their roles on each pool."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from bot.messages.blocks import context, section
from bot.messages.language import _
from bot.messages.message import Message, message
from bot.messages.text import lines_within, name
from bot.rollouts.roles import Role


def whoami(user: str, roles: Mapping[str, Collection[Role]], language: str) -> Message:
    """The answer to who asks. `roles` by the alias of each configured pool; `language` as people call it."""
    told = _("You are <@{user}>, member id `{user}`. xsbot speaks {language} with you.").format(
        user=user, language=language
    )
    lines = [f"• *{name(alias)}*: {_may(held)}" for alias, held in roles.items()]
    if not lines:
        lines = [_("No pool is configured. An operator adds one to the configuration file.")]
    small = _("Roles come from the configuration and from Slack's user groups; the language from your own Slack.")
    return message("\n".join([told, *lines]), [section(told), section(lines_within(lines, 2_900)), context(small)])


def _may(held: Collection[Role]) -> str:
    """What the roles allow, in the order of a rollout's life."""
    allows: Sequence[tuple[Role, str]] = (
        (Role.REQUESTER, _("ask for rollouts")),
        (Role.APPROVER, _("approve and steer rollouts of others")),
        (Role.ADMIN, _("sync, settings and restoring")),
    )
    can = [words for role, words in allows if role in held]
    if can:
        return ", ".join(can)
    return _("look only") if held else _("nothing, not even look")
