"""`xsbot plan`: what an update would do to a pool, read-only and without Slack."""

from __future__ import annotations

import click

from bot.app import gateway_of
from bot.cli.main import Session
from bot.messages.sentences import sentence
from bot.messages.work import task_name
from bot.rollout.checks import Severity
from bot.rollout.decision import Estimates
from bot.rollout.fixes import Remedy
from bot.rollout.guidance import Level
from bot.rollout.proposal import Choices
from bot.rollout.spec import StoppedVms
from bot.rollouts import Preview
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
    default="refuse",
    show_default=True,
    help="What happens to VMs that cannot move.",
)
@click.option(
    "--fix",
    "fixes",
    type=click.Choice([remedy.value for remedy in Remedy]),
    multiple=True,
    help="What to put right for the rollout; may be given several times.",
)
@click.pass_context
def plan(ctx: click.Context, pool: str, level: str, stopped_vms: str, fixes: tuple[str, ...]) -> None:
    """Say what an update of POOL would do, what blocks it, and which role is missing. Changes nothing."""
    session: Session = ctx.obj
    gateway = gateway_of(pool, session.settings.pool(pool), RealTime())
    missing: tuple[str, ...] = ()
    try:
        missing = gateway.missing_permissions((*OBSERVING, *ROLLING))
        choices = Choices(Level(level), StoppedVms(stopped_vms), fixes=frozenset(map(Remedy, fixes)))
        preview = look(pool, gateway, choices, Estimates(), RealTime())
    except XenError:
        # Without the role the list of updates cannot be read, and that alone would not say what else is missing.
        _print_missing(missing)
        raise
    finally:
        gateway.close()
    _print(preview)
    _print_missing(missing)
    ctx.exit(1 if preview.blocked or missing else 0)


def _print_missing(missing: tuple[str, ...]) -> None:
    if missing:
        click.echo(f"The account lacks the role pool-operator; it may not: {', '.join(missing)}")


def _print(preview: Preview) -> None:
    spec, cost = preview.spec, preview.forecast
    low, high = cost.minutes
    click.echo(f"Pool {spec.pool_name}, checksum {spec.checksum[:12] or 'none'}, {spec.level.value} guidance")
    click.echo(
        f"{len(spec.hosts)} hosts, {cost.reboots} reboots, {cost.migrations} VM migrations, "
        f"about {low:.0f} to {high:.0f} minutes"
    )
    for turn in cost.turns:
        tasks = ", ".join(task_name(task) for task in turn.tasks) or "nothing after the installation"
        click.echo(f"  {turn.name:20} {tasks}")
    for vm in spec.vms:
        click.echo(f"  {vm.name:20} may be: {vm.treatment.value}")
    for finding in preview.report.findings:
        click.echo(f"{_MARKS[finding.severity]:>7}: {sentence(finding.reason)}")
        if finding.fix is not None:
            click.echo(f"         {sentence(finding.fix.reason)}")
