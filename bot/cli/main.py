"""The command group, what all commands share, and how errors are shown."""

from __future__ import annotations

import getpass
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bot import log
from bot.errors import XsbotError
from bot.settings import Settings, load_settings
from storage.actors import Actor
from storage.database import Database

#: Read when no file is named.
DEFAULT_CONFIG = Path("xsbot.toml")


class Session:
    """What the options of the group chose; settings are read when a command first needs them."""

    def __init__(self, config: Path | None) -> None:
        self._config = config
        self._settings: Settings | None = None

    @property
    def settings(self) -> Settings:
        """The settings. Raises `SettingsError`."""
        if self._settings is None:
            path = self._config
            if path is None and DEFAULT_CONFIG.is_file():
                path = DEFAULT_CONFIG
            self._settings = load_settings(path, os.environ)
        return self._settings

    def database(self) -> Database:
        """The database, up to date. Raises `storage.errors.StorageError`."""
        database = Database.open(self.settings.database_url)
        database.require_upgraded()
        return database


def os_user() -> Actor:
    """The operating-system user as an actor; what the command line does is audited under this name."""
    name = getpass.getuser()
    return Actor("cli", name, name)


class _Group(click.Group):
    """Shows our own errors as a sentence and a hint, never as a stack trace."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except XsbotError as error:
            click.echo(f"xsbot: {error.sentence}", err=True)
            if error.hint:
                click.echo(f"       {error.hint}", err=True)
            ctx.exit(2)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="xsbot")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="XSBOT_CONFIG",
    help="The configuration file (default: xsbot.toml here, if there is one).",
)
@click.option("--verbose", is_flag=True, help="Log more.")
@click.pass_context
def main(ctx: click.Context, config: Path | None, verbose: bool) -> None:
    """Keeps XenServer pools up to date, from Slack."""
    log.begin(logging.INFO if verbose else logging.WARNING)
    ctx.obj = Session(config)


def _add(*modules: str) -> None:
    """Load the commands; each module adds its own to `main`."""
    import importlib

    for module in modules:
        register: Callable[[click.Group], None] = importlib.import_module(f"bot.cli.{module}").register
        register(main)


_add("serve", "rehearsal", "setup", "doctor", "plan", "configure", "records")
