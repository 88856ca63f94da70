"""VMs that are not treated like all others: named by people, or by their tags; and how many are handled at a time.

Wishes are written ``name=way`` or ``name=way:order``. They are resolved once, when a spec is proposed: the spec lists
the VMs, so that a tag that somebody sets later changes nothing of what was approved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bot.rollout.errors import InvalidSpec
from bot.rollout.model import VM, PoolSnapshot, PowerState
from bot.rollout.spec import Spec, VmAllowance, VmRule, VmTreatment, VmWay

#: How many VMs are moved home, stopped or started at a time; more only lengthens each VM's pause.
STREAMS = 4
#: The treatments that stop a VM for its host's turn.
STOPS = frozenset({VmTreatment.SUSPEND, VmTreatment.SHUTDOWN})
_STOPPING = {VmWay.SUSPEND: VmTreatment.SUSPEND, VmWay.SHUTDOWN: VmTreatment.SHUTDOWN}
_WAY = re.compile(r"([a-z]+)(?::([0-9]{1,4}))?")


@dataclass(frozen=True, slots=True)
class VmWish:
    """What somebody wants for a VM (`subject` is its name or uuid), or for all that carry a tag (`subject`)."""

    subject: str
    way: VmWay
    order: int = 0
    resolved: bool = False
    """Whether a spec lists the VM already: it is no mistake then when there is none any more."""
    called: str = ""
    """The name that the spec has for it."""

    def __str__(self) -> str:
        """The wish as people write it."""
        return f"{self.subject}={self.way.value}" + (f":{self.order}" if self.order else "")


def wish_of(text: str) -> VmWish:
    """The wish that people wrote. Raises `InvalidSpec` for one that means nothing."""
    subject, _, way = text.strip().rpartition("=")
    found = _WAY.fullmatch(way.strip().lower())
    if not subject.strip() or found is None or found[1] not in {known.value for known in VmWay}:
        raise InvalidSpec(
            f"{text!r} says nothing about a VM.",
            "Write its name, =, and one of migrate, suspend, shutdown, leave and usual, perhaps with its place in the"
            " order: db-1=shutdown:20.",
        )
    return VmWish(subject.strip(), VmWay(found[1]), int(found[2] or 0))


def wishes_of(text: str) -> tuple[VmWish, ...]:
    """The wishes in a list that people wrote, divided by commas or lines. Raises `InvalidSpec`."""
    return tuple(wish_of(part) for part in re.split(r"[,\n]", text) if part.strip())


def by_name(wishes: Iterable[VmWish]) -> tuple[VmWish, ...]:
    """The wishes as people read and write them: a VM that a spec lists goes by its name, unless that says nothing, is
    divided where wishes are, or is that of two of them."""
    listed = tuple(wishes)
    names = [wish.called or wish.subject for wish in listed]
    return tuple(
        replace(wish, subject=wish.called) if _may_be_written(wish.called) and names.count(wish.called) == 1 else wish
        for wish in listed
    )


def _may_be_written(name: str) -> bool:
    return bool(name) and name == name.strip() and not set(name) & set(",\n")


def as_listed(wishes: Iterable[VmWish], rules: Sequence[VmRule]) -> tuple[VmWish, ...]:
    """The way back from `by_name`: who is named as the rules of an earlier spec have it is that very VM (its uuid),
    whatever else is called so by now."""
    earlier = by_name(VmWish(rule.uuid, rule.way, rule.order, resolved=True, called=rule.name) for rule in rules)
    known = {wish.subject: rule for wish, rule in zip(earlier, rules, strict=True)}

    def meant(wish: VmWish) -> VmWish:
        rule = known.get(wish.subject)
        return wish if rule is None else replace(wish, subject=rule.uuid, resolved=True, called=rule.name)

    return tuple(map(meant, wishes))


def require_vms(snapshot: PoolSnapshot, wishes: Iterable[VmWish]) -> None:
    """Raise `InvalidSpec` when people named a VM that the pool does not have, or that several are called."""
    for wish in wishes:
        found = [vm for vm in snapshot.vms if wish.subject in (vm.uuid, vm.name)]
        if not found and not wish.resolved:
            raise InvalidSpec(f"The pool has no VM called {wish.subject}.", "Write its name or its uuid.")
        if len(found) > 1:
            uuids = ", ".join(vm.uuid for vm in found[:4])
            raise InvalidSpec(f"Several VMs are called {wish.subject}.", f"Name the right one by its uuid: {uuids}.")


def rules_for(snapshot: PoolSnapshot, wishes: Iterable[VmWish], tags: Iterable[VmWish]) -> tuple[VmRule, ...]:
    """The rules of this pool's VMs: a VM that is named has what was said of it, others the first tag that fits."""
    named = {wish.subject: wish for wish in wishes}
    tagged = tuple(tags)
    found = []
    for vm in snapshot.vms:
        own = (named.get(vm.uuid), named.get(vm.name), *(wish for wish in tagged if wish.subject in vm.tags))
        wish = next((wish for wish in own if wish is not None), None)
        if wish is not None and (wish.way is not VmWay.USUAL or wish.order):
            found.append(VmRule(vm.uuid, vm.name, wish.way, wish.order))
    return tuple(found)


def kept_on(snapshot: PoolSnapshot, rules: Iterable[VmRule], host: str) -> tuple[VM, ...]:
    """The VMs on the host that must be left as they are, so that it cannot be emptied."""
    leave = {rule.uuid for rule in rules if rule.way is VmWay.LEAVE}
    return tuple(vm for vm in snapshot.residents(host) if vm.uuid in leave)


def stopped_by_rule(vm: VM, rules: Iterable[VmRule]) -> VmTreatment | None:
    """How the VM is stopped for its host's turn because its rule says so, None where it does not."""
    way = next((rule.way for rule in rules if rule.uuid == vm.uuid), None)
    return _STOPPING.get(way) if way is not None and vm.power_state is PowerState.RUNNING else None


def always_stopped(spec: Spec, vm: str) -> VmAllowance | None:
    """The allowance of a VM that is stopped whether or not it could be moved; None for all others."""
    allowed = spec.vm(vm)
    by_rule = allowed is not None and allowed.treatment in STOPS and spec.way(vm) in _STOPPING
    return allowed if by_rule else None


def at_once(spec: Spec) -> int:
    """How many VMs are moved home, stopped or started at a time."""
    return spec.vms_at_once or STREAMS


def last_of(spec: Spec, vms: Iterable[VM]) -> list[VM]:
    """Those of the VMs that go down first: whoever comes back last."""
    listed = list(vms)
    last = max((spec.place(vm.uuid) for vm in listed), default=0)
    return [vm for vm in listed if spec.place(vm.uuid) == last]
