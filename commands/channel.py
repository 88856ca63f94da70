"""/xs channel <pool> [early-access, normal or offline]"""

from __future__ import annotations

from bot.messages.configuring import update_settings
from bot.messages.language import _
from bot.rollout.channel import Channel, channel_of
from commands.call import Call
from commands.verb import Verb


def run(call: Call) -> None:
    """Show where a pool's updates come from, or switch its channel."""
    alias, rollouts = call.pool(), call.context.rollouts
    if len(call.words) < 2:
        call.answer(update_settings(alias, rollouts.update_settings(alias, call.actor)))
        return
    channel = channel_of(call.words[1])
    now = rollouts.set_channel(alias, channel, call.actor)
    told = _("Pool {alias} has the channel {channel} now.").format(alias=alias, channel=channel.value)
    if channel is Channel.OFFLINE:
        told += " " + _("It has no sync schedule; upload a bundle.")
    call.answer(update_settings(alias, now, told))


VERB = Verb(
    "channel",
    "/xs channel <pool> [early-access, normal or offline]",
    "Shows where a pool's updates come from, or switches its update channel.",
    "admin",
    run,
    examples=("/xs channel lab", "/xs channel lab normal"),
)
