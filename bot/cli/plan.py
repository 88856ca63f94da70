"""`xsbot plan`: what an update would do to a pool, read-only and without Slack."""

from __future__ import annotations

from dataclasses import replace

import click

from bot.app import gateway_of
from bot.cli.main import Session
from bot.messages.sentences import sentence
from bot.messages.work import task_name
from bot.rollout.checks import Severity
from bot.rollout.choosing import host_names
from bot.rollout.decision import Estimates
from bot.rollout.fixes import chosen_fixes
from bot.rollout.forecast import costs_by_level
from bot.rollout.guidance import Level
from bot.rollout.moment import moment_of
from bot.rollout.proposal import preset_of
from bot.rollout.spec import Placement, Preset, StoppedVms, VmRestarts
from bot.rollout.vm_policy import wish_of
from bot.rollouts import Preview
from bot.rollouts.desk import usual_choices
from bot.rollouts.hours import zone_of
from bot.rollouts.preview import look
from bot.time import RealTime
from bot.xen.errors import XenError
from bot.xen.permissions import OBSERVING, ROLLING

_MARKS = {Severity.BLOCKS: "blocks", Severity.WARNS: "warns", Severity.INFORMS: "note"}


def register(main: click.Group) -> None:
    """Add the command."""
    main.add_command(plan)


@click.command()
@click.argument("pool")
@click.option("--level", type=click.Choice([level.value for level in Level]), default="recommended", show_default=True)
@click.option(
    "--stopped-vms",
    type=click.Choice([choice.value for choice in StoppedVms]),
    help="What happens to VMs that cannot move. Default: as configured.",
)
@click.option("--preset", type=click.Choice([preset.value for preset in Preset]), help="Default: as configured.")
@click.option("--placement", type=click.Choice([where.value for where in Placement]), help="Default: as configured.")
@click.option("--max-out", type=click.IntRange(0, 64), help="Most hosts out of service at once; 0: as many as pay off.")
@click.option("--first", default="", help="Hosts to update first, separated by commas.")
@click.option("--without", default="", help="Hosts to leave out, separated by commas.")
@click.option("--deadline", default="", help="Begin no host that would not be done by then: 05:30, +4h, …")
@click.option("--compare", is_flag=True, help="Show every level with every preset side by side.")
@click.option(
    "--fix",
    "fixes",
    multiple=True,
    help="What to put right for the rollout: eject_cds, plug_storage or enable_hosts, or for one host or VM "
    "eject_cd:NAME, plug_storage:NAME or enable_host:NAME; may be given several times.",
)
@click.option("--vm", "vms", multiple=True, help="A rule for one VM: NAME=migrate, suspend, shutdown, leave or usual.")
@click.option("--restarts", type=click.Choice([way.value for way in VmRestarts]), help="Default: as configured.")
@click.pass_context
def plan(
    ctx: click.Context,
    pool: str,
    level: str,
    stopped_vms: str | None,
    preset: str | None,
    placement: str | None,
    max_out: int | None,
    first: str,
    without: str,
    deadline: str,
    compare: bool,
    fixes: tuple[str, ...],
    vms: tuple[str, ...],
    restarts: str | None,
) -> None:
    """Say what an update of POOL would do, what blocks it, and which role is missing. Changes nothing."""
    session: Session = ctx.obj
    now = RealTime().now()
    usual = usual_choices(session.settings, pool, now)
    choices = replace(
        usual,
        level=Level(level),
        stopped_vms=StoppedVms(stopped_vms or usual.stopped_vms),
        preset=Preset(preset or usual.preset),
        placement=Placement(placement or usual.placement),
        vms=tuple(map(wish_of, vms)),
        vm_restarts=VmRestarts(restarts or usual.vm_restarts),
        max_out=usual.max_out if max_out is None else max_out,
        order=host_names(first),
        left_out=host_names(without),
        deadline=moment_of(deadline, now, zone_of(session.settings, pool)) if deadline else usual.deadline,
        fixes=chosen_fixes(fixes),
    )
    gateway = gateway_of(pool, session.settings.pool(pool), RealTime())
    missing: tuple[str, ...] = ()
    try:
        missing = gateway.missing_permissions((*OBSERVING, *ROLLING))
        preview = look(pool, gateway, choices, Estimates(), RealTime())
    except XenError:
        # Without the role the list of updates cannot be read, and that alone would not say what else is missing.
        _print_missing(missing)
        raise
    finally:
        gateway.close()
    _print(preview)
    if compare:
        _print_comparison(preview)
    _print_missing(missing)
    ctx.exit(1 if preview.blocked or missing else 0)


def _print_missing(missing: tuple[str, ...]) -> None:
    if missing:
        click.echo(f"The account lacks the role pool-operator; it may not: {', '.join(missing)}")


def _print_comparison(preview: Preview) -> None:
    """Levels down, presets across: minutes at most, moves, and the smallest share of free memory."""
    click.echo(f"{'':12}" + "".join(f"{preset.value:>26}" for preset in Preset))
    columns = {
        preset: costs_by_level(
            preview.snapshot,
            preview.updates,
            preview.blockers,
            replace(preview.choices, preset=preset),
            Estimates(),
        )
        for preset in Preset
    }
    for level in Level:
        cells = []
        for preset in Preset:
            cost = columns[preset][level]
            spare = "" if cost.spare is None else f", {cost.spare:.0%} free"
            told = "does not fit" if cost.stuck else f"{cost.minutes[1]} min, {cost.migrations} moves{spare}"
            cells.append(f"{told:>26}")
        click.echo(f"{level.value:12}" + "".join(cells))


def _print(preview: Preview) -> None:
    spec, cost = preview.spec, preview.forecast
    low, high = cost.minutes
    click.echo(f"Pool {spec.pool_name}, checksum {spec.checksum[:12] or 'none'}, {spec.level.value} guidance")
    click.echo(
        f"{len(spec.hosts)} hosts, {cost.reboots} reboots, {cost.migrations} VM migrations, "
        f"about {low:.0f} to {high:.0f} minutes"
    )
    click.echo(f"Preset {spec.preset}, moved VMs end up: {spec.placement.value}")
    if cost.spare is not None:
        out = f"{cost.at_once} hosts" if cost.at_once != 1 else "1 host"
        click.echo(f"At most {out} out of service at once; at least {cost.spare:.0%} of memory stays free")
    if cost.stuck is not None:
        click.echo(sentence(cost.stuck))
    for turn in cost.turns:
        tasks = ", ".join(task_name(task) for task in turn.tasks) or "nothing after the installation"
        begins = "" if preset_of(spec) is Preset.SERIAL else f"after {turn.begins / 60:4.0f} min, "
        click.echo(f"  {turn.name:20} {begins}{turn.seconds / 60:3.0f} min: {tasks}")
    for vm in spec.vms:
        click.echo(f"  {vm.name:20} may be: {vm.treatment.value}")
    for finding in preview.report.findings:
        click.echo(f"{_MARKS[finding.severity]:>7}: {sentence(finding.reason)}")
        if finding.fix is not None:
            click.echo(f"         {sentence(finding.fix.reason)}")
