"""The use-cases: what people can do with rollouts, called by Slack's listeners and by the command line alike.

    roles       who may do what
    standing    one rollout or pool as people see it
    preview     what an update would do, before anybody asks for it
    desk        what all use-cases share
    looking     pools, updates, status, history, audit
    home        what one person's Home tab is about
    digest      how pools are, told each week
    asking      preview and propose
    amending    propose a change of a running rollout, withdraw it
    deciding    approve, reject, cancel
    steering    retry, skip, abort, pause, resume
    upkeep      sync and restore
    timing      when a rollout starts, and goes on after a window closed
    hours       maintenance windows, worked out for a moment
    freezing    freezes of pools; when pools may be worked on
    noticing    fold a notice away, show it again
    configuring channel, proxy, schedule, update bundles
    start       the last look before anything is touched

A use-case checks authority first, then changes the state in one guarded transaction that also writes the audit event
and the messages it causes. Nothing here waits for a rollout; the worker is only woken.
"""

from bot.rollouts.asking import Asking, Blocked, Replaced
from bot.rollouts.configuring import Configuring
from bot.rollouts.digest import Digest, Digesting, DigestPool
from bot.rollouts.freezing import Calendar
from bot.rollouts.home import HomePool, HomeStanding, Visiting
from bot.rollouts.noticing import Noticing
from bot.rollouts.preview import Preview
from bot.rollouts.roles import Authority, Role
from bot.rollouts.standing import AmendmentStanding, PoolStanding, Standing
from bot.rollouts.steering import Steering

__all__ = [
    "AmendmentStanding",
    "Authority",
    "Blocked",
    "Calendar",
    "Digest",
    "DigestPool",
    "HomePool",
    "HomeStanding",
    "PoolStanding",
    "Preview",
    "Replaced",
    "Role",
    "Rollouts",
    "Standing",
]


class Rollouts(Asking, Steering, Configuring, Visiting, Noticing, Digesting):
    """Every use-case, one method each."""
