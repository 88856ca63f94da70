"""`xsbot serve` and `xsbot db`."""

from __future__ import annotations

import logging
import signal
import threading

import click

from bot import log
from bot.app import Service, only_process
from bot.cli.main import Session
from storage.database import Database


def register(main: click.Group) -> None:
    """Add the commands."""
    main.add_command(serve)
    main.add_command(db)


@click.command()
@click.pass_obj
def serve(session: Session) -> None:
    """Run the bot: Slack, the worker, the clock, all in one process."""
    settings = session.settings
    settings.require_slack()
    log.begin(logging.INFO, settings.log.format)
    done = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: done.set())
    with only_process(settings.database_url):
        database = Database.open(settings.database_url)
        database.upgrade()
        database.close()
        with Service(settings) as service:
            pools = ", ".join(settings.pools) or "none"
            if service.web is not None:
                click.echo(f"Health and metrics: http://{service.web.host}:{service.web.port}/healthz", err=True)
            click.echo(f"xsbot is running. Pools: {pools}. Stop it with Ctrl-C.", err=True)
            done.wait()


@click.group()
def db() -> None:
    """The database."""


@db.command()
@click.pass_obj
def upgrade(session: Session) -> None:
    """Bring the database's tables to this release."""
    database = Database.open(session.settings.database_url)
    try:
        database.upgrade()
        click.echo(f"The database is at revision {database.revision}.")
    finally:
        database.close()
