"""What the checks may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from bot.rollout.equipment import Probe
from bot.rollout.model import AvailableUpdates, PoolSnapshot, VmBlocker
from bot.rollout.proposal import Choices, propose
from bot.rollout.spec import Spec


@dataclass(frozen=True)
class Facts:
    """One look at a pool, and what somebody wants to do to it.

    `updates` is None, or has no checksum, when XAPI could not say which updates there are. `blockers` has XAPI's
    answer per host; a host that is missing was not asked. `now` is the *server's* time (``snapshot.taken_at``),
    because XAPI's stamps are compared with it. `owner` is our own name in the pool's claim. `probes` has what each
    live host answered itself; a host that is missing was not asked. `starting` says that the rollout is about to
    begin, while before it is only asked for.
    """

    snapshot: PoolSnapshot
    updates: AvailableUpdates | None
    choices: Choices
    blockers: Mapping[str, tuple[VmBlocker, ...]]
    now: datetime
    owner: str = ""
    probes: Mapping[str, Probe] = field(default_factory=dict)
    starting: bool = False

    @cached_property
    def spec(self) -> Spec | None:
        """What would be proposed; None while the updates are unknown."""
        if self.updates is None or not self.updates.checksum:
            return None
        return propose(self.snapshot, self.updates, self.blockers, self.choices)

    def age(self, stamp: datetime | None) -> timedelta | None:
        """How long ago an XAPI stamp was; None for "never", which XAPI writes as the year 1970."""
        if stamp is None or stamp.year <= 1970:
            return None
        return self.now - stamp

    def host_name(self, uuid: str) -> str:
        """What people call the host, its uuid when it left the pool."""
        host = self.snapshot.host(uuid)
        return host.name if host is not None else uuid
