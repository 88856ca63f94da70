"""`xsbot serve`, its parts `xsbot web`, `xsbot worker` and `xsbot clock`, and `xsbot db`."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Collection

import click

from bot import log
from bot.app import EVERYTHING, Part, Service, only_process, tune_python
from bot.cli.main import Session
from bot.settings import Settings, SettingsError
from storage.database import Database

#: Seconds from the signal until the process is gone, whatever it waits for. Every row can be taken up again.
_LEAVE_WITHIN_S = 1.8


def register(main: click.Group) -> None:
    """Add the commands."""
    for command in (serve, web, worker, clock):
        main.add_command(command)
    main.add_command(db)


@click.command()
@click.pass_obj
def serve(session: Session) -> None:
    """Run the bot: Slack, the worker, the clock, all in one process."""
    settings = session.settings
    settings.require_slack()
    log.begin(logging.INFO, settings.log.format)
    with only_process(settings.database_url):
        database = Database.open(settings.database_url)
        database.upgrade()
        database.close()
        _run(settings, EVERYTHING)


@click.command()
@click.pass_obj
def web(session: Session) -> None:
    """Run the part that talks to Slack. Needs PostgreSQL, as worker and clock do."""
    _run_part(session, Part.WEB)


@click.command()
@click.pass_obj
def worker(session: Session) -> None:
    """Run the part that drives rollouts; as many processes as you like."""
    _run_part(session, Part.WORKER)


@click.command()
@click.pass_obj
def clock(session: Session) -> None:
    """Run the part that polls pools, reminds, expires and retries; one process acts, others stand by."""
    _run_part(session, Part.CLOCK)


def _run_part(session: Session, part: Part) -> None:
    settings = session.settings
    if not settings.shares_database:
        raise SettingsError(
            f"xsbot {part.value} shares its database with other processes, and SQLite is for one.",
            "Set DATABASE_URL=postgresql://…, or run `xsbot serve`, which is everything in one process.",
        )
    log.begin(logging.INFO, settings.log.format)
    _run(settings, {part})


def _run(settings: Settings, parts: Collection[Part]) -> None:
    """Until SIGTERM or Ctrl-C."""
    done = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: done.set())
    tune_python()
    with Service(settings, parts=parts) as service:
        pools = ", ".join(settings.pools) or "none"
        what = "" if len(parts) > 1 else "".join(f" {part.value}" for part in parts)
        if service.web is not None:
            click.echo(f"Health and metrics: http://{service.web.host}:{service.web.port}/healthz", err=True)
        click.echo(f"xsbot{what} is running. Pools: {pools}. Stop it with Ctrl-C.", err=True)
        done.wait()
        last = threading.Timer(_LEAVE_WITHIN_S, os._exit, (0,))
        last.daemon = True
        last.start()
    # Everything is closed. Python would now wait for every listener's thread, and one may be waiting for Slack.
    logging.shutdown()
    os._exit(0)


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
