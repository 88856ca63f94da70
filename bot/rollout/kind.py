"""Kinds of change: what a rollout is for. All of them take the hosts in turn, and all are approved alike."""

from __future__ import annotations

from enum import StrEnum

from bot.rollout.model import AvailableUpdates, HostUpdates, PoolSnapshot


class Kind(StrEnum):
    """What a rollout is for; the word is what a spec stores."""

    CDN = "cdn"
    """Install what is available, and carry out what it asks for."""
    TASKS = "tasks"
    """Carry out what earlier updates left pending; install nothing."""
    REBOOT = "reboot"
    """Reboot chosen hosts once, one after the other; install nothing."""


def kind_of(word: str) -> Kind | None:
    """The kind that a spec names, None for one of a later release."""
    return next((kind for kind in Kind if kind.value == word), None)


def nothing_to_install(snapshot: PoolSnapshot) -> AvailableUpdates:
    """The updates as a rollout sees them that shall install none: every host is known, and has nothing."""
    return AvailableUpdates(snapshot.checksum, tuple(HostUpdates(host.uuid) for host in snapshot.hosts))
