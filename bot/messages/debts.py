"""What is still owed to a pool, in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from bot.messages.blocks import Block, actions, button, section
from bot.messages.language import _, several
from bot.messages.message import Message, line, message
from bot.messages.text import escape, lines_within, mentions, moment, name, names
from bot.rollout.memory import Debt, DebtKind

#: The button that tries at once to give everything back.
RESTORE = "debts_restore"


def debt_line(debt: Debt) -> str:
    """One debt as mrkdwn: what was changed, what is owed, what keeps it."""
    what = name(debt.label or debt.subject)
    told = {
        DebtKind.CLAIM: _("the pool is still reserved by xsbot"),
        DebtKind.SYNC_SCHEDULE: _("the sync schedule is switched off and has to be switched on again"),
        DebtKind.HA: _("high availability (HA) is off and has to be switched on again"),
        DebtKind.WLB: _("workload balancing (WLB) is off and has to be switched on again"),
        DebtKind.AUTO_POWERON: _("automatic power-on of VMs is off and has to be switched on again"),
        DebtKind.HOST_ENABLED: _("host {what} has to be put back into service"),
        DebtKind.VM_HOME: _("VM {what} has to go back to the host it ran on"),
        DebtKind.VM_SUSPENDED: _("VM {what} is suspended and has to be resumed"),
        DebtKind.VM_STOPPED: _("VM {what} is shut down and has to be started"),
        DebtKind.DISC: _("the disc has to go back into the drive of VM {what}"),
        DebtKind.SNAPSHOT_SCHEDULE: _("snapshot schedule {what} is off and has to be switched on again"),
        DebtKind.HOST_LENT: _("host {what} has to be taken out of service again"),
    }[debt.kind].format(what=what)
    if debt.opened_at is not None:
        told += _(" (since {when})").format(when=moment(debt.opened_at))
    if debt.waiting_for:
        told += _("; XenServer does not allow it yet: {code}").format(code=escape(debt.waiting_for, 120))
    return f"• {told}"


def debt_lines(debts: Sequence[Debt], hosts: Mapping[str, str]) -> list[str]:
    """One line per debt, except that VMs which go back to one known host share a line."""
    homes: dict[str, list[Debt]] = {}
    lines = []
    for debt in debts:
        home = str(debt.original)
        if debt.kind is DebtKind.VM_HOME and home in hosts and not debt.waiting_for:
            homes.setdefault(home, []).append(debt)
        else:
            lines.append(debt_line(debt))
    for home, away in homes.items():
        told = _("• VMs to move back to {host} ({count}): {vms}")
        lines.append(
            told.format(
                host=name(hosts[home]), count=len(away), vms=names([debt.label or debt.subject for debt in away], 12)
            )
        )
    return lines


def debts_text(debts: Sequence[Debt], hosts: Mapping[str, str] | None = None, limit: int = 2_400) -> str:
    """All open debts, the VMs of one host in one line, or that there are none. `hosts` are names by uuid."""
    if not debts:
        return _("Nothing is left to restore.")
    heading = _("*Still to restore ({count})*").format(count=len(debts))
    return heading + "\n" + lines_within(debt_lines(debts, hosts or {}), limit)


def debts_asked(alias: str, debts: Sequence[Debt], ask: Collection[str], hours: int) -> Message:
    """Asks people about what could not be given back to a pool for so long."""
    if not debts:
        return line(_("Pool {alias}: {nothing}").format(alias=alias, nothing=debts_text(())))
    told = _("⚠ *Pool {alias} is owed something for more than {hours} hours*").format(alias=alias, hours=hours)
    means = _(
        "xsbot keeps trying, and XenServer does not let it, or it does not get there. Please look at what keeps it."
        " What somebody else has set meanwhile is left alone."
    )
    asked = _("{who}: please look.").format(who=mentions(ask)) if ask else ""
    label = _("Restore now what is owed to pool {alias}").format(alias=alias)
    blocks: list[Block] = [
        section(told),
        section(debts_text(debts)),
        section(f"{means}\n{asked}".strip()),
        actions(button(_("Restore now"), RESTORE, alias, style="primary", label=label), block_id="debts"),
    ]
    return message(f"{told} {debts_text(debts)} {asked}".strip(), blocks)


def owed_briefly(debts: Sequence[Debt]) -> str:
    """What a rollout at work will give back at its end, in one line."""
    kinds = [debt.kind for debt in debts]
    words = {
        DebtKind.SYNC_SCHEDULE: _("the sync schedule"),
        DebtKind.HA: _("HA"),
        DebtKind.WLB: _("WLB"),
        DebtKind.AUTO_POWERON: _("automatic power-on"),
        DebtKind.SNAPSHOT_SCHEDULE: _("snapshot schedules"),
    }
    listed = [word for kind, word in words.items() if kind in kinds]
    if hosts := kinds.count(DebtKind.HOST_ENABLED):
        listed.append(several(hosts, "host out of service", "hosts out of service"))
    if lent := kinds.count(DebtKind.HOST_LENT):
        listed.append(several(lent, "host in service for it", "hosts in service for it"))
    if discs := kinds.count(DebtKind.DISC):
        listed.append(several(discs, "disc out of its drive", "discs out of their drives"))
    if moved := kinds.count(DebtKind.VM_HOME):
        listed.append(several(moved, "VM away from home", "VMs away from home"))
    if stopped := kinds.count(DebtKind.VM_SUSPENDED) + kinds.count(DebtKind.VM_STOPPED):
        listed.append(several(stopped, "stopped VM", "stopped VMs"))
    told = ", ".join(listed) or _("the pool's reservation by xsbot")
    waiting = sum(bool(debt.waiting_for) for debt in debts)
    more = _(" ({count} of them wait until XenServer allows it)").format(count=waiting) if waiting else ""
    return _("Restored at its end: {what}.").format(what=told + more)
