"""Uploads in Slack's three steps: ask for an address, send the bytes there, say where the file belongs."""

from __future__ import annotations

import mimetypes
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from bot.lab.slack.directory import BOT_USER
from bot.lab.slack.records import Json, Post
from bot.lab.slack.refusal import Refused
from bot.lab.slack.workspace import Workspace


@dataclass(slots=True)
class Upload:
    """A file on its way or stored; `content` is None until the bytes came."""

    id: str
    name: str
    length: int
    content: bytes | None = None
    title: str = ""
    alt_txt: str = ""

    @property
    def mimetype(self) -> str:
        """What its name says it is."""
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"


class Files:
    """`files.getUploadURLExternal`, `files.completeUploadExternal` and the bytes between them."""

    def __init__(self, workspace: Workspace, base_url: str) -> None:
        self._workspace = workspace
        self._base_url = base_url
        self._uploads: dict[str, Upload] = {}
        self._shared_in: dict[str, str] = {}

    def methods(self) -> dict[str, Callable[[Json], Json]]:
        """Method name to function."""
        return {
            "files.info": self._info,
            "files.getUploadURLExternal": self._begin,
            "files.completeUploadExternal": self._complete,
        }

    def receive(self, file_id: str, content: bytes) -> bool:
        """The bytes of an upload; False when the address or the announced length is wrong."""
        upload = self._uploads.get(file_id)
        if upload is None or len(content) != upload.length:
            return False
        upload.content = content
        return True

    def read(self, file_id: str) -> Upload | None:
        """A stored file, or None."""
        upload = self._uploads.get(file_id)
        return upload if upload is not None and upload.content is not None else None

    def share(self, user: str, channel: str, name: str, content: bytes) -> str:
        """A person shares a file in a channel; its id."""
        upload = Upload("F" + secrets.token_hex(5).upper(), name, len(content), content, name)
        self._uploads[upload.id] = upload
        self._workspace.post(
            Post(
                ts=self._workspace.next_ts(), channel=channel, user=user, text="", blocks=[],
                files=(self._about(upload),),
            )
        )  # fmt: skip
        self._shared_in[upload.id] = channel
        return upload.id

    def _info(self, args: Json) -> Json:
        upload = self.read(str(args.get("file", "")))
        channel = self._workspace.find_channel(self._shared_in.get(upload.id, "")) if upload is not None else None
        # An app sees the files of the channels it is a member of.
        if upload is None or channel is None or BOT_USER not in channel.members:
            raise Refused("file_not_found")
        return {"file": self._about(upload)}

    def _about(self, upload: Upload) -> Json:
        link = f"{self._base_url}/files/{upload.id}/{upload.name}"
        return {
            "id": upload.id, "name": upload.name, "title": upload.title or upload.name, "size": upload.length,
            "mimetype": upload.mimetype, "alt_txt": upload.alt_txt,
            "url_private": link, "url_private_download": link, "permalink": link,
        }  # fmt: skip

    def _begin(self, args: Json) -> Json:
        name = str(args.get("filename", ""))
        length = str(args.get("length", ""))
        if not name or not length.isdigit() or int(length) == 0:
            raise Refused("invalid_arguments")
        alternative = str(args.get("alt_txt") or "")
        if len(alternative) > 1_000:
            raise Refused("alt_txt_too_large")
        upload = Upload("F" + secrets.token_hex(5).upper(), name, int(length), alt_txt=alternative)
        self._uploads[upload.id] = upload
        return {"upload_url": f"{self._base_url}/upload/{upload.id}", "file_id": upload.id}

    def _complete(self, args: Json) -> Json:
        given = args.get("files")
        if not isinstance(given, list) or not given or not all(isinstance(item, dict) for item in given):
            raise Refused("invalid_arguments")
        stored: list[Json] = []
        for item in given:
            upload = self.read(str(item.get("id", "")))
            if upload is None:
                raise Refused("file_not_found")
            upload.title = str(item.get("title") or upload.name)
            stored.append(self._about(upload))
        if args.get("channel_id"):
            channel = self._workspace.find_channel(str(args["channel_id"]))
            if channel is None or BOT_USER not in channel.members:
                raise Refused("channel_not_found")
            self._shared_in |= {str(entry["id"]): channel.id for entry in stored}
            self._workspace.post(
                Post(
                    ts=self._workspace.next_ts(),
                    channel=channel.id,
                    user=BOT_USER,
                    text=str(args.get("initial_comment") or ""),
                    blocks=[],
                    thread_ts=args.get("thread_ts") or None,
                    files=tuple(stored),
                )
            )
        return {"files": stored}
