"""What is posted of a rollout: its card, and the messages in the card's thread. They are drawn when they are sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session

from bot.rollout.reason import Reason
from storage import outbox
from storage.columns import Topic


def card_key(rollout_id: int) -> str:
    """The key under which the card is queued and remembered as posted."""
    return f"rollout:{rollout_id}:card"


def progress_key(rollout_id: int) -> str:
    """The key under which the progress message is queued and remembered as posted."""
    return f"rollout:{rollout_id}:progress"


def redraw(tx: Session, rollout_id: int, at: datetime) -> None:
    """Have the card posted or edited, because something it shows has changed."""
    enqueue(tx, Topic.CARD, rollout_id, at, {})


def redraw_progress(tx: Session, rollout_id: int, at: datetime) -> None:
    """Have the progress message posted or edited."""
    enqueue(tx, Topic.PROGRESS, rollout_id, at, {})


def enqueue_line(tx: Session, rollout_id: int, reason: Reason, at: datetime) -> None:
    """Have one line posted to the rollout's thread; lines are never merged."""
    enqueue(tx, Topic.LINE, rollout_id, at, {"reason": reason.as_dict()})


def enqueue(tx: Session, topic: Topic, rollout_id: int, at: datetime, payload: Mapping[str, Any]) -> None:
    """Have a message of that kind sent about the rollout, after all that waits for it already."""
    outbox.enqueue(
        tx,
        topic,
        lane=outbox.rollout_lane(rollout_id),
        key=f"rollout:{rollout_id}:{topic.value}",
        payload={"rollout_id": rollout_id, **payload},
        at=at,
    )
