"""`xsbot init` and `xsbot manifest`."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import click

from bot.manifest import manifest as app_manifest


def register(main: click.Group) -> None:
    """Add the commands."""
    main.add_command(init)
    main.add_command(manifest)


@click.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), default=Path("xsbot.toml"))
@click.pass_context
def init(ctx: click.Context, path: Path) -> None:
    """Write a commented configuration file to begin with."""
    text = resources.files("bot").joinpath("configuration.toml").read_text(encoding="utf-8")
    try:
        with path.open("x", encoding="utf-8") as handle:
            handle.write(text)
    except FileExistsError:
        click.echo(f"xsbot: {path} exists and was left as it is.", err=True)
        click.echo("       Name another file, or move that one away.", err=True)
        ctx.exit(2)
    click.echo(f"Wrote {path}. Fill in the pools, then run `xsbot doctor`.")


@click.command()
@click.option("--request-url", default="", help="For HTTP instead of Socket Mode: the https address Slack calls.")
def manifest(request_url: str) -> None:
    """Print the Slack app's manifest, with the least scopes the bot can do with."""
    click.echo(json.dumps(app_manifest(socket_mode=not request_url, request_url=request_url), indent=2))
