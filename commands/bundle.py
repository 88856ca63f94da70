"""/xs bundle <pool> <file>: an update bundle from the bot's bundle directory, or one that was shared in Slack."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bot.messages.configuring import bundle_sent, bundle_started, update_settings
from bot.messages.language import _
from bot.rollouts import Role
from commands.call import Call, UsageError
from commands.shared_file import fetch, file_id
from commands.verb import Verb


def run(call: Call) -> None:
    """Upload a bundle and tell how far it is."""
    alias = call.pool()
    if len(call.words) < 2:
        raise UsageError(
            "Which bundle?", f"Type {call.usage}: a file of the bundle directory, or the link of one shared in Slack."
        )
    call.require(Role.ADMIN, alias)
    given = " ".join(call.words[1:])
    shared = file_id(given)
    if not shared:
        _upload(call, alias, call.context.rollouts.bundle_in_directory(given), given)
        return
    with tempfile.TemporaryDirectory(prefix="xsbot-bundle-") as directory:
        bundle = Path(directory) / "bundle"
        _upload(call, alias, bundle, fetch(call.client, shared, bundle))


def _upload(call: Call, alias: str, bundle: Path, name: str) -> None:
    call.answer(bundle_started(alias, name))
    told = 0.0

    def progress(share: float) -> None:
        # Slack takes five answers to one command: half-way and all of it are said, and the end.
        nonlocal told
        for step in (0.5, 1.0):
            if told < step <= share:
                told = step
                call.answer(bundle_sent(alias, name, step))

    now = call.context.rollouts.upload_bundle(alias, bundle, name, call.actor, progress)
    call.answer(update_settings(alias, now, _("Pool {alias} has taken the bundle in.").format(alias=alias)))


VERB = Verb(
    "bundle", "/xs bundle <pool> <file>", "Uploads an update bundle to a pool on the offline channel.", "admin", run
)
