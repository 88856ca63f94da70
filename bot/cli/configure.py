"""`xsbot configure`: where a pool's updates come from, set from the machine; the same rules as in Slack.

What is changed here is done in the name of the operating-system user and audited as such.
"""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.desk import opened_desk
from bot.cli.main import Session, os_user
from bot.messages.text import plain_moment
from bot.rollout.channel import UpdateSettings, channel_of, schedule_of


def register(main: click.Group) -> None:
    """Add the commands."""
    main.add_command(configure)


@click.group()
def configure() -> None:
    """Where a pool's updates come from: channel, proxy, sync schedule, update bundles."""


@configure.command()
@click.argument("pool")
@click.pass_obj
def show(session: Session, pool: str) -> None:
    """Channel, proxy, schedule, last sync, and how far each host is."""
    with opened_desk(session, reaching_pools=True) as desk:
        _show(desk.update_settings(pool, os_user()))


@configure.command()
@click.argument("pool")
@click.argument("name")
@click.pass_obj
def channel(session: Session, pool: str, name: str) -> None:
    """Switch POOL to the channel NAME: early-access, normal or offline."""
    wanted = channel_of(name)
    with opened_desk(session, reaching_pools=True) as desk:
        _show(desk.set_channel(pool, wanted, os_user()))


@configure.command()
@click.argument("pool")
@click.option("--url", help="The proxy's address, http://proxy.example.com:3128.")
@click.option("--username", default="", help="Its user; the password is asked for, or read from --password-file.")
@click.option("--password-file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--remove", is_flag=True, help="No proxy any more.")
@click.pass_obj
def proxy(
    session: Session, pool: str, url: str | None, username: str, password_file: Path | None, remove: bool
) -> None:
    """Set or remove the proxy between POOL and its update channel."""
    if bool(url) == remove:
        raise click.UsageError("Give either --url or --remove.")
    with opened_desk(session, reaching_pools=True) as desk:
        if url is None:
            _show(desk.remove_proxy(pool, os_user()))
            return
        password = ""
        if username and password_file is not None:
            password = password_file.read_text(encoding="utf-8").rstrip("\r\n")
        elif username:
            password = click.prompt("Password of the proxy's user", hide_input=True)
        _show(desk.set_proxy(pool, url, username, password, os_user()))


@configure.command()
@click.argument("pool")
@click.argument("when", nargs=-1, required=True)
@click.pass_obj
def schedule(session: Session, pool: str, when: tuple[str, ...]) -> None:
    """Have POOL look for updates by itself: daily, weekly DAY, or off."""
    wanted = schedule_of(when)
    with opened_desk(session, reaching_pools=True) as desk:
        _show(desk.set_schedule(pool, wanted, os_user()))


@configure.command()
@click.argument("pool")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def bundle(session: Session, pool: str, file: Path) -> None:
    """Upload the update bundle FILE to POOL, which must be on the offline channel."""
    with (
        opened_desk(session, reaching_pools=True) as desk,
        click.progressbar(length=100, label=f"Uploading {file.name}") as bar,
    ):

        def progress(share: float) -> None:
            bar.update(round(share * 100) - bar.pos)
            if share >= 1:
                click.echo("\nThe pool is taking it in; that takes minutes.")

        now = desk.upload_bundle(pool, file, file.name, os_user(), progress)
    _show(now)


def _show(now: UpdateSettings) -> None:
    click.echo(f"Pool {now.pool_name}: channel {now.channel_name}")
    click.echo(f"  last synced   {plain_moment(now.last_sync) if now.last_sync is not None else 'never'}")
    click.echo(f"  sync schedule {now.schedule if now.schedule_on else 'off'}")
    user = f" as {now.proxy_username}" if now.proxy_username else ""
    click.echo(f"  proxy         {now.proxy_url + user if now.proxy_url else 'none'}")
    for entry in now.repositories:
        state = "enabled" if entry.enabled else "not enabled"
        click.echo(f"  repository    {entry.name}: {state}, {entry.url or 'uploaded'} {entry.hash[:12]}".rstrip())
    for host in now.hosts:
        state = {True: "up to date", False: "has updates to install", None: "not known yet"}[host.current]
        when = plain_moment(host.last_software_update) if host.last_software_update is not None else "unknown"
        click.echo(f"  host          {host.name}: {state}; last updated {when}")
