"""The Home tab: drawn for whoever opens it."""

from __future__ import annotations

import logging
from typing import Any

from slack_bolt import App

from commands.context import Context

log = logging.getLogger(__name__)


def register(app: App, context: Context) -> None:
    """Slack's word that somebody opened it."""

    def opened(event: dict[str, Any]) -> None:
        # The tab with messages is part of the same page, and nothing of ours is on it.
        if event.get("tab") != "home":
            return
        user = str(event["user"])

        def show() -> None:
            try:
                context.homes.show(user)
            except Exception:
                # An event has neither a dialog nor an address to answer to; the tab is tried again with all others.
                log.exception("the Home tab of %s could not be shown yet", user)

        context.background.submit(show)

    app.event("app_home_opened")(opened)
