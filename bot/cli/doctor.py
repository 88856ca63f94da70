"""`xsbot doctor`: does everything work that the bot will need tonight? Reads only, unless it is told to post."""

from __future__ import annotations

import os
from collections.abc import Iterator

import click

from bot.app import gateway_of
from bot.cli.examined import Examined, failed
from bot.cli.main import Session
from bot.cli.slack_health import slack_health
from bot.errors import XsbotError
from bot.settings import PoolSettings, Settings
from bot.time import RealTime
from bot.xen.address import Endpoint
from bot.xen.errors import Unreachable
from bot.xen.gateway import Gateway
from bot.xen.permissions import BACKING_UP, CONFIGURING, OBSERVING, ROLLING
from bot.xen.trust import seen_fingerprint
from storage.database import Database


def register(main: click.Group) -> None:
    """Add the command."""
    main.add_command(doctor)


@click.command()
@click.option("--no-slack", is_flag=True, help="Leave Slack out.")
@click.option("--post", is_flag=True, help="Post one line into every configured channel, to see that it may.")
@click.pass_context
def doctor(ctx: click.Context, no_slack: bool, post: bool) -> None:
    """Look at configuration, tokens, database and every pool, and say what is wrong with its remedy."""
    session: Session = ctx.obj
    sick = 0
    for examined in examine(session.settings, slack=not no_slack, post=post):
        sick += not examined.well
        click.echo(f"{'ok  ' if examined.well else 'FAIL'}  {examined.what}: {examined.seen}")
        if examined.remedy and not examined.well:
            click.echo(f"      {examined.remedy}")
    click.echo("Everything is well." if not sick else f"{sick} thing(s) to mend.")
    ctx.exit(1 if sick else 0)


def examine(settings: Settings, *, slack: bool = True, post: bool = False) -> Iterator[Examined]:
    """Everything there is to say about an installation, in the order to mend it. `post`: try the channels."""
    yield Examined("configuration", True, f"{len(settings.pools)} pool(s)")
    yield _database(settings)
    if any(pool.backups for pool in settings.pools.values()):
        yield _backup_directory(settings)
    if slack:
        yield from slack_health(settings, os.environ, post=post)
    for alias, pool in settings.pools.items():
        yield from _pool(alias, pool)


def _database(settings: Settings) -> Examined:
    try:
        database = Database.open(settings.database_url)
    except XsbotError as error:
        return failed("database", error)
    try:
        database.require_upgraded()
        return Examined("database", True, f"revision {database.revision}")
    except XsbotError as error:
        return failed("database", error)
    finally:
        database.close()


def _pool(alias: str, pool: PoolSettings) -> Iterator[Examined]:
    try:
        gateway = gateway_of(alias, pool, RealTime())
    except XsbotError as error:
        yield failed(f"pool {alias}", error)
        return
    try:
        yield from _reached(alias, pool, gateway)
    except XsbotError as error:
        yield failed(f"pool {alias}", error)
    finally:
        gateway.close()


def _reached(alias: str, pool: PoolSettings, gateway: Gateway) -> Iterator[Examined]:
    try:
        snapshot = gateway.snapshot()
    except XsbotError as error:
        yield failed(f"pool {alias}, login", error)
        yield from _certificates(alias, pool)
        return
    yield Examined(
        f"pool {alias}, login", True, f"{snapshot.pool.name}, {len(snapshot.hosts)} hosts, {len(snapshot.vms)} VMs"
    )
    names = {host.uuid: host.name for host in snapshot.hosts}
    pinned = {uuid: value.replace(":", "").lower() for uuid, value in pool.fingerprints.items()}
    for uuid, seen in sorted(gateway.member_certificates().items(), key=lambda item: names.get(item[0], item[0])):
        name = names.get(uuid, uuid)
        if pool.fingerprints:
            well = pinned.get(uuid) == seen
            told = "matches its pin" if well else f"shows {seen}, which is not pinned for {uuid}"
            yield Examined(
                f"pool {alias}, certificate of {name}",
                well,
                told,
                f'Compare it on the host itself; if it is right: fingerprints."{uuid}" = "{seen}".',
            )
        else:
            yield Examined(f"pool {alias}, certificate of {name}", True, f"sha256 {seen} (uuid {uuid})")
    missing = gateway.missing_permissions((*OBSERVING, *ROLLING, *CONFIGURING))
    yield Examined(
        f"pool {alias}, role",
        not missing,
        "may do all that is needed" if not missing else f"may not: {', '.join(missing)}",
        "Give the account the role pool-operator.",
    )
    yield from _backups(alias, pool, gateway)
    repository = snapshot.repository
    yield Examined(
        f"pool {alias}, update channel",
        repository is not None,
        f"{repository.name}, checksum {repository.hash[:12] or 'never synced'}" if repository else "none is enabled",
        "Enable exactly one update channel on the pool.",
    )


def _backups(alias: str, pool: PoolSettings, gateway: Gateway) -> Iterator[Examined]:
    """Which backups the account may take, and whether it may take those that are configured."""
    denied = set(gateway.missing_permissions(tuple(BACKING_UP.values())))
    may = [kind for kind, permission in BACKING_UP.items() if permission not in denied]
    lacking = [kind for kind in pool.backups if kind not in may]
    configured = ", ".join(pool.backups) or "none"
    told = f"configured: {configured}; the account may take: {', '.join(may) or 'none'}"
    remedy = f"Give the account the role pool-admin, or take {', '.join(lacking)} out of pools.{alias}.backups."
    yield Examined(f"pool {alias}, backups", not lacking, told, remedy)


def _backup_directory(settings: Settings) -> Examined:
    directory = settings.backup.directory
    if directory is None:
        return Examined("backup directory", True, "none; snapshots need none")
    well = directory.is_dir() and os.access(directory, os.W_OK | os.X_OK)
    if not directory.exists() and directory.parent.is_dir():
        well = os.access(directory.parent, os.W_OK | os.X_OK)
    told = f"{directory} {'can' if well else 'cannot'} be written to"
    return Examined("backup directory", well, told, "Create it, and let the account that runs xsbot write there.")


def _certificates(alias: str, pool: PoolSettings) -> Iterator[Examined]:
    """What the configured hosts show, for operators who are about to pin it; asked without trusting anything."""
    for url in pool.urls:
        try:
            seen = seen_fingerprint(Endpoint.parse(url))
        except Unreachable as error:
            yield failed(f"pool {alias}, certificate at {url}", error)
        else:
            yield Examined(f"pool {alias}, certificate at {url}", True, f"sha256 {seen}")
