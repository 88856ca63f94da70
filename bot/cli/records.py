"""`xsbot rollouts` and `xsbot audit`: for when Slack is down, and for auditors.

What is changed here is done in the name of the operating-system user and audited as such. Nothing can be approved.
The command line writes to the database; the running `xsbot serve` sees it with its next look.
"""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.desk import opened_desk
from bot.cli.export import export
from bot.cli.main import Session, os_user
from bot.delivery.rendering import evidence_of, files_of
from bot.messages.amendment import offer_meaning
from bot.messages.sentences import sentence
from bot.messages.text import plain
from bot.rollout.amendment import AmendmentKind
from bot.rollouts import Standing
from storage import audit as trail
from storage.database import Database


def register(main: click.Group) -> None:
    """Add the commands."""
    main.add_command(rollouts)
    main.add_command(audit)
    audit.add_command(export)


@click.group()
def rollouts() -> None:
    """Look at rollouts, steer or end one; for when Slack is down."""


@rollouts.command("list")
@click.option("--limit", default=15, show_default=True)
@click.pass_obj
def list_(session: Session, limit: int) -> None:
    """The most recent rollouts."""
    with opened_desk(session) as desk:
        for row in desk.history(limit):
            click.echo(f"{row.id:>5}  {row.pool_alias:16} {row.state.value:18} {row.created_at:%Y-%m-%d %H:%M}")


@rollouts.command()
@click.argument("rollout_id", type=int)
@click.pass_obj
def show(session: Session, rollout_id: int) -> None:
    """One rollout: where it stands, its hosts, what is owed."""
    with opened_desk(session) as desk:
        _show(desk.standing(rollout_id))


@rollouts.command()
@click.argument("rollout_id", type=int)
@click.option(
    "--out",
    "directory",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    default=Path(),
    show_default="here",
    help="Where the files go.",
)
@click.pass_obj
def report(session: Session, rollout_id: int, directory: Path) -> None:
    """Write the picture (PNG) and the report (HTML) of a rollout, as its thread has them."""
    with opened_desk(session) as desk:
        standing = desk.standing(rollout_id)
        with desk.database.reading() as tx:
            evidence = evidence_of(tx, standing)
    for file in files_of(standing, evidence):
        (directory / file.name).write_bytes(file.content)
        click.echo(f"{directory / file.name}: {len(file.content)} bytes")


@rollouts.command()
@click.argument("rollout_id", type=int)
@click.pass_obj
def pause(session: Session, rollout_id: int) -> None:
    """Stop a rollout at its next safe point. What XenServer is doing now goes on."""
    with opened_desk(session) as desk:
        _show(desk.pause(rollout_id, os_user()))


@rollouts.command()
@click.argument("rollout_id", type=int)
@click.pass_obj
def resume(session: Session, rollout_id: int) -> None:
    """Let a paused rollout go on."""
    with opened_desk(session) as desk:
        _show(desk.resume(rollout_id, os_user()))


@rollouts.command()
@click.argument("rollout_id", type=int)
@click.option("--reason", required=True, help="Why; it is written to the audit trail.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def abort(session: Session, rollout_id: int, reason: str, yes: bool) -> None:
    """End a rollout: finish what is in hand, give everything back."""
    with opened_desk(session) as desk:
        for consequence in desk.abort_consequences(rollout_id):
            click.echo(sentence(consequence))
        if not yes:
            click.confirm(f"End rollout {rollout_id}?", abort=True)
        _show(desk.abort(rollout_id, os_user(), reason))


@rollouts.command()
@click.argument("rollout_id", type=int)
@click.argument("host")
@click.pass_obj
def skip(session: Session, rollout_id: int, host: str) -> None:
    """Leave HOST (its name or uuid) out of a rollout; the others go on. Refused for the coordinator."""
    with opened_desk(session) as desk:
        _show(desk.skip(rollout_id, host, os_user())[0])


@rollouts.command()
@click.argument("rollout_id", type=int)
@click.argument("what", required=False, type=click.Choice([kind.value for kind in AmendmentKind]))
@click.option("--withdraw", is_flag=True, help="Take the open amendment back instead.")
@click.pass_obj
def amend(session: Session, rollout_id: int, what: str | None, withdraw: bool) -> None:
    """Ask for a change of what was approved, so that a rollout which needs attention can go on.

    Without WHAT it says which changes would help. Others approve it, in Slack only.
    """
    with opened_desk(session, reaching_pools=what == AmendmentKind.CHECKSUM) as desk:
        if withdraw:
            _show(desk.withdraw(rollout_id, os_user()))
        elif what is not None:
            _show(desk.amend(rollout_id, what, os_user()))
        else:
            standing = desk.standing(rollout_id)
            for offer in standing.row.problem_offers:
                click.echo(f"{offer.kind.value:10} {plain(offer_meaning(standing, offer))}")
            if not standing.row.problem_offers:
                click.echo(f"No change of what was approved would help rollout {rollout_id} now.")


def _show(standing: Standing) -> None:
    row = standing.row
    click.echo(f"Rollout {row.id} of pool {row.pool_alias}: {row.state.value.replace('_', ' ')}")
    if row.headline_reason is not None:
        click.echo(f"  {sentence(row.headline_reason)}")
    click.echo(f"  asked for by {row.requester_name} at {row.created_at:%Y-%m-%d %H:%M} UTC: {row.reason_text}")
    approved = ", ".join(f"{name} ({at:%H:%M} UTC)" for _, name, at in standing.approvals) or "nobody yet"
    click.echo(f"  approved by {approved}; digest {standing.digest[:12]}")
    if standing.amendment is not None:
        proposed, have = standing.amendment.row, standing.amendment.quorum
        click.echo(
            f"  amendment {proposed.number}, proposed by {proposed.proposer_name}: {len(have.counted)} of "
            f"{have.required} approvals; digest {proposed.digest[:12]}"
        )
        for change in standing.amendment.changes:
            click.echo(f"    {sentence(change)}")
    for turn in standing.turns:
        left = f", {turn.left} of {turn.total} VMs still to move" if turn.total else ""
        click.echo(f"  {turn.name:20} {turn.phase.value.replace('_', ' ')}{left}")
    for debt in standing.debts:
        waiting = f" (waiting: {debt.waiting_for})" if debt.waiting_for else ""
        click.echo(f"  owed: {debt.kind.value.replace('_', ' ')} {debt.label}{waiting}")


@click.group()
def audit() -> None:
    """The audit trail."""


@audit.command()
@click.option("--head", help="A head that was published in the audit channel.")
@click.pass_context
def verify(ctx: click.Context, head: str | None) -> None:
    """Check the whole chain: nothing edited, removed, reordered or cut off."""
    session: Session = ctx.obj
    database: Database = session.database()
    try:
        with database.reading() as tx:
            result = trail.verify(tx, head)
    finally:
        database.close()
    if result.ok:
        click.echo(f"The chain of {result.count} events is whole. Head: {result.head}")
        return
    click.echo(f"The chain is damaged: {result.problem}", err=True)
    ctx.exit(1)
