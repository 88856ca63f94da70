"""What differs between two specs, and between two lists of updates, for a card that was replaced and an amendment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from bot.rollout.guidance import Task, in_execution_order
from bot.rollout.model import AvailableUpdates
from bot.rollout.reason import Reason, because
from bot.rollout.spec import HostCeiling, Spec, VmAllowance, VmRule

#: So many updates are named; a checksum tells nobody anything, and three hundred titles neither.
_NAMED = 6


def compare_updates(old: AvailableUpdates, new: AvailableUpdates) -> tuple[Reason, ...]:
    """Which updates have come and which are gone, by their titles."""
    before, now = ({update.id: update.title or update.id for update in seen.updates} for seen in (old, new))
    found = (
        ("spec.updates_added", [title for id_, title in now.items() if id_ not in before]),
        ("spec.updates_gone", [title for id_, title in before.items() if id_ not in now]),
    )
    return tuple(because(code, count=len(titles), updates=_few(titles)) for code, titles in found if titles)


def _few(titles: list[str]) -> str:
    return ", ".join(sorted(titles)[:_NAMED]) + (" …" if len(titles) > _NAMED else "")


def compare(old: Spec, new: Spec) -> tuple[Reason, ...]:
    """Every difference between what was to be approved and what is now; empty when the specs say the same."""
    return tuple(_differences(old, new))


def _differences(old: Spec, new: Spec) -> Iterator[Reason]:
    if old.pool_uuid != new.pool_uuid:
        yield because("spec.pool", old=old.pool_name, new=new.pool_name)
    elif old.pool_name != new.pool_name:
        yield because("spec.pool_renamed", old=old.pool_name, new=new.pool_name)
    if old.checksum != new.checksum:
        yield because("spec.checksum", old=old.checksum[:12], new=new.checksum[:12])
    for code, before, after in (
        ("spec.kind", old.kind, new.kind),
        ("spec.level", old.level.value, new.level.value),
        ("spec.preset", old.preset, new.preset),
        ("spec.stopped_vms", old.stopped_vms.value, new.stopped_vms.value),
        ("spec.livepatch", old.livepatch.value, new.livepatch.value),
        ("spec.placement", old.placement.value, new.placement.value),
        ("spec.max_out", old.max_out, new.max_out),
        ("spec.deadline", _moment(old.deadline), _moment(new.deadline)),
        ("spec.vm_restarts", old.vm_restarts.value, new.vm_restarts.value),
        ("spec.evacuate_at_once", old.evacuate_at_once, new.evacuate_at_once),
        ("spec.vms_at_once", old.vms_at_once, new.vms_at_once),
        ("spec.on_livepatch_failure", old.on_livepatch_failure.value, new.on_livepatch_failure.value),
    ):
        if before != after:
            yield because(code, old=before, new=after)
    if old.network != new.network:
        yield because("spec.network", old=_network(old), new=_network(new))
    for code, listed, listed_now in (
        ("spec.fixes", sorted(old.fixes), sorted(new.fixes)),
        ("spec.backups", sorted(old.backups), sorted(new.backups)),
        ("spec.order", _names(old, old.order), _names(new, new.order)),
        ("spec.left_out", sorted(name for _, name in old.left_out), sorted(name for _, name in new.left_out)),
        ("spec.pause_points", sorted(old.pause_points), sorted(new.pause_points)),
    ):
        if listed != listed_now:
            yield because(code, old=", ".join(listed) or "none", new=", ".join(listed_now) or "none")
    if old.emergency != new.emergency:
        yield because("spec.emergency", old=old.emergency, new=new.emergency)
    if old.start_at != new.start_at:
        was, is_ = (spec.start_at.isoformat() if spec.start_at else "" for spec in (old, new))
        yield because("spec.start_at", old=was or "none", new=is_ or "none")
    if old.schema != new.schema:
        yield because("spec.schema", old=old.schema, new=new.schema)
    yield from _hosts(old, new)
    yield from _vms(old, new)
    yield from _rules(old, new)


def _moment(at: datetime | None) -> str:
    return "none" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _names(spec: Spec, uuids: tuple[str, ...]) -> list[str]:
    found = ((uuid, spec.host(uuid)) for uuid in uuids)
    return [host.name if host is not None else uuid for uuid, host in found]


def _hosts(old: Spec, new: Spec) -> Iterator[Reason]:
    before = {host.uuid: host for host in old.hosts}
    after = {host.uuid: host for host in new.hosts}
    for host in new.hosts:
        earlier = before.get(host.uuid)
        if earlier is None:
            yield because("spec.host_added", host=host.name, tasks=_words(host.tasks))
        else:
            yield from _host(earlier, host)
    for host in old.hosts:
        if host.uuid not in after:
            yield because("spec.host_removed", host=host.name)


def _host(old: HostCeiling, new: HostCeiling) -> Iterator[Reason]:
    if old.name != new.name:
        yield because("spec.host_renamed", old=old.name, new=new.name)
    more, less = new.tasks - old.tasks, old.tasks - new.tasks
    if more:
        yield because("spec.host_more", host=new.name, tasks=_words(more))
    if less:
        yield because("spec.host_less", host=new.name, tasks=_words(less))


def _vms(old: Spec, new: Spec) -> Iterator[Reason]:
    before = {vm.uuid: vm for vm in old.vms}
    after = {vm.uuid: vm for vm in new.vms}
    for vm in new.vms:
        earlier = before.get(vm.uuid)
        if earlier is None:
            yield because("spec.vm_added", vm=vm.name, treatment=vm.treatment.value)
        else:
            yield from _vm(earlier, vm)
    for vm in old.vms:
        if vm.uuid not in after:
            yield because("spec.vm_removed", vm=vm.name, treatment=vm.treatment.value)


def _vm(old: VmAllowance, new: VmAllowance) -> Iterator[Reason]:
    if old.name != new.name:
        yield because("spec.vm_renamed", old=old.name, new=new.name)
    if old.treatment is not new.treatment:
        yield because("spec.vm_changed", vm=new.name, old=old.treatment.value, new=new.treatment.value)


def _rules(old: Spec, new: Spec) -> Iterator[Reason]:
    before = {rule.uuid: rule for rule in old.rules}
    after = {rule.uuid: rule for rule in new.rules}
    for uuid, rule in after.items():
        earlier = before.get(uuid)
        if earlier is None:
            yield because("spec.rule_added", vm=rule.name, rule=_rule(rule))
            continue
        if earlier.name != rule.name:
            yield because("spec.vm_renamed", old=earlier.name, new=rule.name)
        if _rule(earlier) != _rule(rule):
            yield because("spec.rule_changed", vm=rule.name, old=_rule(earlier), new=_rule(rule))
    for uuid, rule in before.items():
        if uuid not in after:
            yield because("spec.rule_removed", vm=rule.name, rule=_rule(rule))


def _network(spec: Spec) -> str:
    return spec.network[1] or spec.network[0] or "the management network"


def _rule(rule: VmRule) -> str:
    return rule.way.value + (f":{rule.order}" if rule.order else "")


def _words(tasks: frozenset[Task]) -> str:
    return ", ".join(task.value for task in in_execution_order(tasks)) or "none"
