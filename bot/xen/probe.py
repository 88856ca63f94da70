"""Asking one host itself, through its coordinator: its clock, its root disk, what it complained about.

``host.get_servertime`` is carried out by the host it names, so it also tells whether the host's toolstack answers at
all: a host in emergency mode counts as live for ten minutes and longer.
"""

from __future__ import annotations

import logging
import xmlrpc.client
from datetime import datetime, timedelta

from bot.rollout.equipment import Probe
from bot.rollout.model import Host
from bot.xen import wire
from bot.xen.connection import PoolConnection
from bot.xen.errors import TIMEOUT, HandleGone, NotCoordinator, RoleMissing, SessionLost, XenError

_log = logging.getLogger(__name__)

#: The vendor's plugin that says how much room the control domain's root disk has. Only pool-admin may call plugins.
_PLUGIN, _FUNCTION = "disk-space", "get_avail_host_disk_space"
#: The host looks at its disks every few minutes and repeats the alarm while they stay full.
_ALARMS_SINCE = timedelta(days=1)
_ALARM = "ALARM"
_FULL_DISKS = ("fs_usage", "log_fs_usage")


class Prober:
    """Asks the hosts of one pool; once it learns that the account may not call plugins it stops trying."""

    def __init__(self, connection: PoolConnection) -> None:
        self._connection = connection
        self._may_call_plugins = True

    def ask(self, host: Host, expected: datetime) -> Probe:
        """What the host answers; `expected` is the coordinator's time at this moment.

        Raises XenError when the coordinator itself does not answer.
        """
        read = self._connection.read
        try:
            told = wire.moment(read("host.get_servertime", host.ref))
        except (SessionLost, NotCoordinator):
            raise
        except XenError as error:
            # A coordinator that waits for a dead member does not answer in time; anything else of that kind is its own.
            if error.code.startswith("XSBOT_") and error.code != TIMEOUT:
                raise
            return Probe(code=error.code)
        skew = (told - expected).total_seconds() if told is not None else 0.0
        return Probe("", skew, self._disk_free(host), self._disk_alarm(host, expected))

    def _disk_free(self, host: Host) -> int | None:
        if not self._may_call_plugins:
            return None
        try:
            answer = self._connection.read("host.call_plugin", host.ref, _PLUGIN, _FUNCTION, {})
        except RoleMissing:
            self._may_call_plugins = False
            return None
        except XenError as error:
            _log.info("the disk of %s is unknown: %s", host.name, error.sentence)
            return None
        free = wire.integer({"free": answer}, "free")
        return free if free > 0 else None

    def _disk_alarm(self, host: Host, now: datetime) -> bool:
        if not host.control_domain:
            return False
        since = xmlrpc.client.DateTime((now - _ALARMS_SINCE).strftime("%Y%m%dT%H:%M:%SZ"))
        try:
            found = self._connection.read("message.get", "VM", host.control_domain, since)
        except HandleGone:
            return False
        bodies = [wire.text(record, "body") for record in found.values() if wire.text(record, "name") == _ALARM]
        return any(f'"{disk}"' in body for body in bodies for disk in _FULL_DISKS)
