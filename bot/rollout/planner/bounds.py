"""What no plan can beat: the fewest moves and the shortest time, from the rules of XAPI alone."""

from __future__ import annotations

from bot.rollout.planner.view import View


def fewest_moves(view: View) -> int:
    """Live moves that cannot be avoided: each VM leaves its host once, and those of the first host twice, unless a
    host that need not be emptied takes them."""
    draining = [node for node in view.nodes if node.drains]
    moving = [sum(not guest.stays for guest in node.guests) for node in draining]
    if not draining:
        return 0
    if len(draining) < len(view.nodes):
        return sum(moving)
    first = next((count for node, count in zip(draining, moving, strict=True) if node.coordinator), min(moving))
    return sum(moving) + first


def shortest_seconds(view: View, streams: int = 4) -> float:
    """The time that cannot be undercut: the coordinator's phase, then the installation lock with its longest tail, the
    holes that fit at once, and the memory that empty hosts and moving VMs hold."""
    first = view.coordinator
    begin = 0.0
    if first is not None:
        waits = [guest.seconds for guest in first.guests if first.drains and not guest.stays]
        begin = max([sum(waits) / streams, *waits], default=0.0) + first.apply + first.tail
    members = [node for node in view.nodes if node is not first]
    lock = max(
        (sum(other.apply for other in members if other.tail >= node.tail) + node.tail for node in members), default=0.0
    )
    draining = [node for node in members if node.drains]
    total = sum(node.capacity for node in view.nodes)
    guests = sum(guest.memory for node in view.nodes for guest in node.guests)
    holes, kept = 0, 0
    for node in sorted(view.nodes, key=lambda node: -node.capacity):
        if kept >= guests:
            holes += 1
        kept += node.capacity
    capacity = sum(node.apply + node.tail for node in draining) / max(1, holes)
    held = sum(node.capacity * (node.apply + node.tail) for node in draining)
    held += sum(guest.memory * guest.seconds for node in draining for guest in node.guests if not guest.stays)
    memory = held / (total - guests) if total > guests else 0.0
    return begin + max(lock, capacity, memory)
