"""How bold a rollout is: what a preset and the people's other choices mean to the planner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.rollout.spec import Placement, Preset


@dataclass(frozen=True, slots=True)
class Policy:
    """`max_out` bounds the hosts out of service at once (0: as many as pay off); `extra_moves` is the share of all VMs
    that may be moved once more than necessary to open a hole earlier; `headroom` how many times the fullest host must
    still fit elsewhere while more than one is out; `canary` how many members must be back before more than one is out.
    `streams` is the number of moves at once per host, `flights` in the whole pool."""

    max_out: int = 0
    extra_moves: float = 0.10
    headroom: float = 1.0
    canary: int = 1
    slow_start: bool = True
    placement: Placement = Placement.HOME
    pause_points: frozenset[str] = frozenset()
    streams: int = 4
    flights: int = 64


_PRESETS: Mapping[Preset, Policy] = {
    Preset.GENTLE: Policy(max_out=1, extra_moves=0.0),
    Preset.STANDARD: Policy(),
    Preset.FAST: Policy(extra_moves=0.25, headroom=0.0, canary=0, slow_start=False),
}


def policy_of(preset: Preset, placement: Placement, max_out: int = 0) -> Policy:
    """What `preset` means, with people's own bound on the hosts that may be out at once (0: the preset's)."""
    policy = replace(_PRESETS[preset], placement=placement)
    if max_out and (policy.max_out == 0 or max_out < policy.max_out):
        policy = replace(policy, max_out=max_out)
    return policy
