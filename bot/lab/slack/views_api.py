"""`views.*`: modals and the Home tab."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bot.lab.slack.limits import VIEW_BYTES, check_view
from bot.lab.slack.messages_api import with_ids
from bot.lab.slack.records import Json, View
from bot.lab.slack.refusal import Refused
from bot.lab.slack.workspace import Workspace


class Views:
    """The methods that open and change views. Called with the workspace's lock held."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def methods(self) -> dict[str, Callable[[Json], Json]]:
        """Method name to function."""
        return {
            "views.open": lambda args: self._open(args, push=False),
            "views.push": lambda args: self._open(args, push=True),
            "views.update": self._update,
            "views.publish": self._publish,
        }

    def _open(self, args: Json, *, push: bool) -> Json:
        # Slack looks at the trigger before it looks at the view: a late call with a broken view is "expired".
        trigger = self._workspace.redeem(str(args.get("trigger_id", "")))
        body = checked_view(args.get("view"), "modal")
        if push and not self._workspace.stacks.get(trigger.user):
            raise Refused("not_found")
        return {"view": self._workspace.open_view(trigger.user, body, push=push).wire()}

    def _update(self, args: Json) -> Json:
        view_id, external = args.get("view_id"), args.get("external_id")
        view = next(
            (v for v in self._workspace.views.values() if v.id == view_id or (external and v.external_id == external)),
            None,
        )
        if view is None:
            raise Refused("not_found")
        _same_hash(view, args.get("hash"))
        return {"view": self._workspace.update_view(view, checked_view(args.get("view"), "modal")).wire()}

    def _publish(self, args: Json) -> Json:
        user = args.get("user_id")
        if user not in self._workspace.users:
            raise Refused("user_not_found")
        body = checked_view(args.get("view"), "home")
        old = self._workspace.homes.get(str(user))
        if old is not None:
            _same_hash(old, args.get("hash"))
        return {"view": self._workspace.publish_home(str(user), body).wire()}


def checked_view(body: Any, kind: str) -> Json:
    """A view as an app may send it; refused like Slack refuses it (`invalid_arguments` with pointers)."""
    if len(json.dumps(body)) > VIEW_BYTES:
        raise Refused("view_too_large")
    errors = check_view(body)
    if not errors and body["type"] != kind:
        errors = [f"[ERROR] unsupported type: {body['type']} [json-pointer:/view/type]"]
    if errors:
        raise Refused("invalid_arguments", errors)
    return {**body, "blocks": with_ids(body["blocks"])}


def _same_hash(view: View, given: Any) -> None:
    if given and given != view.hash:
        raise Refused("hash_conflict")
