"""English sentences for what administrators set on a pool outside its rollouts."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "channel.asked": "{user} asked to switch pool {pool} to the update channel {new}.",
    "channel.set": "Pool {pool} has the update channel {new} now (before: {old}). It has to be synced before updates.",
    "proxy.asked": "{user} asked pool {pool} to reach its update channel through {url}.",
    "proxy.set": "Pool {pool} reaches its update channel through {url}, as user {name}.",
    "proxy.removal_asked": "{user} asked pool {pool} to reach its update channel without a proxy.",
    "proxy.removed": "Pool {pool} reaches its update channel without a proxy (before: {url}).",
    "schedule.asked": "{user} asked for another sync schedule of pool {pool}: {new:words}.",
    "schedule.set": "The sync schedule of pool {pool} is {new:words} now (before: {old:words}).",
    "bundle.asked": "{user} uploads the update bundle {file} ({size:size}) to pool {pool}.",
    "bundle.taken": "Pool {pool} has taken in the update bundle {file}; its checksum is {checksum}.",
    "configuring.failed": "Pool {pool} could not take the new {what:words}: {why:told}",
}
