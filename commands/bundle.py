"""/xs bundle <pool> <file>: an update bundle from the bot's bundle directory, or one that was shared in Slack."""

from __future__ import annotations

import http.client
import logging
import tempfile
from pathlib import Path

from slack_sdk.errors import SlackClientError

from bot.messages.configuring import bundle_sent, bundle_started, update_settings
from bot.messages.language import _
from bot.messages.message import Message
from bot.rollouts import Role
from commands.call import Call, UsageError
from commands.shared_file import SharedFile, download, file_id, look_up
from commands.verb import Verb

log = logging.getLogger(__name__)


def run(call: Call) -> None:
    """Upload a bundle and tell how far it is."""
    alias = call.pool()
    if len(call.words) < 2:
        raise UsageError(
            "Which bundle?", f"Type {call.usage}: a file of the bundle directory, or the link of one shared in Slack."
        )
    call.require(Role.ADMIN, alias)
    given = " ".join(call.words[1:])
    if shared := file_id(given):
        file = look_up(call.client, shared)
        call.answer(bundle_started(alias, file.name))
        call.apart(lambda: _fetch_and_upload(call, alias, file))
        return
    bundle = call.context.rollouts.bundle_in_directory(given)
    call.answer(bundle_started(alias, given))
    call.apart(lambda: _upload(call, alias, bundle, given))


def _fetch_and_upload(call: Call, alias: str, file: SharedFile) -> None:
    with tempfile.TemporaryDirectory(prefix="xsbot-bundle-") as directory:
        bundle = Path(directory) / "bundle"
        download(call.client, file, bundle)
        _upload(call, alias, bundle, file.name)


def _upload(call: Call, alias: str, bundle: Path, name: str) -> None:
    told = 0.0

    def progress(share: float) -> None:
        # Slack takes five answers to one command: half-way and all of it are said, and the end.
        nonlocal told
        for step in (0.5, 1.0):
            if told < step <= share:
                told = step
                _tell(call, bundle_sent(alias, name, step))

    now = call.context.rollouts.upload_bundle(alias, bundle, name, call.actor, progress)
    _tell(call, update_settings(alias, now, _("Pool {alias} has taken the bundle in.").format(alias=alias)))


def _tell(call: Call, told: Message) -> None:
    """Answer if Slack takes it: neither an outage nor the end of the answer's half hour is the upload's fault."""
    try:
        call.answer(told)
    except (SlackClientError, OSError, http.client.HTTPException) as error:
        log.warning("an answer to %s could not be delivered: %s", call.actor.id, type(error).__name__)


VERB = Verb(
    "bundle",
    "/xs bundle <pool> <file>",
    "Uploads an update bundle to a pool on the offline channel.",
    "admin",
    run,
    examples=("/xs bundle lab XS8-2026-11.xsbundle",),
)
