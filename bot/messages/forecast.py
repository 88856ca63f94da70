"""A forecast in words: the order of hosts, what is done to each, what it costs."""

from __future__ import annotations

from collections.abc import Sequence

from bot.messages.blocks import Block, section
from bot.messages.language import _, several
from bot.messages.sentences import sentence
from bot.messages.text import duration, lines_within, name, names
from bot.messages.work import cost, minutes, task_names, treatment_name, way_name
from bot.rollout.fixes import Remedy, subjects_of
from bot.rollout.forecast import Forecast, TurnForecast
from bot.rollout.guidance import Task
from bot.rollout.spec import Spec, VmRule


def forecast_cost(forecast: Forecast) -> str:
    """What the whole rollout costs, counted."""
    return cost(
        reboots=forecast.reboots,
        toolstacks=forecast.toolstack_restarts,
        moves=forecast.migrations,
        restarts=forecast.vm_restarts,
        stops=len(forecast.vms_stopped),
    )


def forecast_time(forecast: Forecast) -> str:
    """How long it will take."""
    return minutes(*forecast.minutes)


def turn_line(position: int, turn: TurnForecast, *, homes: bool = True) -> str:
    """One host of the order, with everything that is done to it; `homes`: its VMs come back to it."""
    steps = []
    if turn.vms_stopped:
        steps.append(_("stop {vms}").format(vms=names(turn.vms_stopped, most=4)))
    if turn.vms_moved:
        steps.append(_("move {vms} away").format(vms=several(turn.vms_moved, "VM", "VMs")))
    steps.append(_("install the updates"))
    # Emptying the host has been said above, in numbers.
    steps += task_names(frozenset(turn.tasks) - {Task.EVACUATE_HOST})
    if turn.vms_stopped or (turn.vms_moved and homes):
        steps.append(_("bring its VMs back"))
    told = ", ".join(steps)
    lasts = minutes(turn.seconds / 60, turn.seconds / 60)
    if turn.begins > 0:
        lasts = _("begins after {begins}, takes {lasts}").format(begins=duration(turn.begins), lasts=lasts)
    # Why it is first is what people ask; the others follow in the order of their names or of the plan.
    first = _(" (the coordinator, before all others)") if turn.coordinator else ""
    return f"{position}. *{name(turn.name)}*{first}: {told} ({lasts})"


def order_blocks(forecast: Forecast, limit: int = 3_600) -> list[Block]:
    """The hosts in the order they are expected to be updated."""
    if not forecast.turns:
        return [section(_("*Hosts*\nNo host needs anything."))]
    lines = [turn_line(position, turn, homes=forecast.homes) for position, turn in enumerate(forecast.turns, start=1)]
    kept = lines_within(lines, limit).split("\n")
    half = 2_900
    blocks: list[Block] = []
    chunk: list[str] = [_("*Hosts, in this order*")]
    for entry in kept:
        if sum(len(one) + 1 for one in chunk) + len(entry) > half:
            blocks.append(section("\n".join(chunk)))
            chunk = []
        chunk.append(entry)
    blocks.append(section("\n".join(chunk)))
    return blocks


def stopped_block(spec: Spec, limit: int = 1_800) -> Block:
    """Every VM that may be stopped, by name; saying that there is none matters as much."""
    if not spec.vms:
        return section(_("*VMs that may be stopped*\nNone. VMs only move, running, from host to host."))
    lines = [f"• {name(vm.name)}: {treatment_name(vm.treatment)}" for vm in sorted(spec.vms, key=lambda vm: vm.name)]
    heading = _("*VMs that may be stopped ({count})*").format(count=len(spec.vms))
    return section(heading + "\n" + lines_within(lines, limit))


def rules_line(spec: Spec, limit: int = 900) -> str:
    """VMs with a rule of their own, by name; "" for none."""
    if not spec.rules:
        return ""
    listed = sorted(spec.rules, key=lambda rule: (rule.way.value, rule.order, rule.name))
    heading = _("*VMs with a rule of their own ({count})*").format(count=len(listed))
    return heading + "\n" + lines_within([f"• {_rule(rule)}" for rule in listed], limit)


def _rule(rule: VmRule) -> str:
    told = f"{name(rule.name)}: {way_name(rule.way)}"
    return told + (_(" (place {order} in the order)").format(order=rule.order) if rule.order else "")


def fixes_line(fixes: Sequence[str]) -> str:
    """What is switched off on the pool and restored, "" for nothing."""
    words = {
        "ha_off": _("high availability (HA; XenServer installs no updates while it is on)"),
        "wlb_off": _("workload balancing (WLB)"),
        "auto_poweron_off": _("automatic power-on of VMs"),
        "sync_schedule_off": _("the sync schedule"),
        "snapshots_off": _("snapshot schedules"),
    }
    listed = ", ".join(words.get(fix, name(fix)) for fix in fixes if ":" not in fix)
    told = _("*Switched off meanwhile and restored at the end:* {listed}.").format(listed=listed) if listed else ""
    return "\n".join(part for part in (told, _chosen_line(fixes)) if part)


def _chosen_line(fixes: Sequence[str]) -> str:
    """The fixes that were chosen, counted; the findings name each host and VM."""
    parts = []
    if hosts := len(subjects_of(fixes, Remedy.PLUG_STORAGE)):
        parts.append(_("{hosts} connected to storage").format(hosts=several(hosts, "host is", "hosts are")))
    if hosts := len(subjects_of(fixes, Remedy.ENABLE_HOSTS)):
        lent = several(hosts, "host is", "hosts are")
        parts.append(_("{hosts} put into service and taken out again at the end").format(hosts=lent))
    if vms := len(subjects_of(fixes, Remedy.EJECT_CDS)):
        drives = several(vms, "VM loses its disc", "VMs lose their discs")
        parts.append(_("{vms} until after the turn of the host").format(vms=drives))
    return _("*Put right first:* {listed}.").format(listed="; ".join(parts)) if parts else ""


#: Headlines that only say in words what stands in numbers beside them, or in `fixes_line`.
_COUNTED = frozenset(
    f"forecast.{word}"
    for word in ("duration", "reboots", "toolstacks", "migrations", "vms_stopped", "vm_restarts", "nothing", "ha_off")
)


def worth_knowing(forecast: Forecast) -> list[str]:
    """What else people should know before they agree, in mrkdwn."""
    return [sentence(reason, mrkdwn=True) for reason in forecast.headlines if reason.code not in _COUNTED]
