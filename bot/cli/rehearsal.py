"""`xsbot demo` and `xsbot lab`: rehearsals that need no Slack, no XenServer and no account."""

from __future__ import annotations

import json
import signal
import threading

import click
from starlette.routing import Mount

from bot.cli.scripted import hold_conversation
from bot.cli.stage import Stage
from bot.lab.pool import LabPool
from bot.lab.scenario import scenario_names
from bot.lab.slack import LabSlack
from bot.lab.time import ScaledTime
from bot.messages.language import LANGUAGES

_SCENARIO = click.option(
    "--scenario", type=click.Choice(scenario_names()), default="small", show_default=True, help="Which pool."
)


def register(main: click.Group) -> None:
    """Add the commands."""
    main.add_command(demo)
    main.add_command(lab)


@click.command()
@_SCENARIO
@click.option(
    "--speed",
    type=click.FloatRange(min=0.1, max=2000),
    help="Simulated seconds per second (default: 60, scripted 300).",
)
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    default="en",
    show_default=True,
    help="The language of the workspace and its people.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=8421, show_default=True, help="The page's port.")
@click.option("--headless", is_flag=True, help="Say nothing about a browser; for other programs.")
@click.option("--scripted", is_flag=True, help="Hold the whole conversation and end with its outcome.")
@click.option(
    "--stopped-vms",
    type=click.Choice(["refuse", "suspend", "shutdown"]),
    default="refuse",
    show_default=True,
    help="With --scripted: what is asked for VMs that cannot move.",
)
@click.option("--json", "as_json", is_flag=True, help="With --scripted: one JSON object on the last line.")
@click.option("--patience", type=float, default=420.0, hidden=True, help="Real seconds before a run counts as stuck.")
@click.pass_context
def demo(
    ctx: click.Context,
    scenario: str,
    speed: float | None,
    language: str,
    port: int,
    headless: bool,
    scripted: bool,
    stopped_vms: str,
    as_json: bool,
    patience: float,
) -> None:
    """A pool with updates, a Slack page in your browser, and the bot. Nothing real is touched."""
    if scripted:
        if language != "en":
            raise click.UsageError("The scripted conversation looks for English buttons; leave --language out.")
        with Stage(scenario, speed or 300.0, 0) as stage:
            figures = hold_conversation(stage, stopped_vms=stopped_vms, patience_s=patience)
        if as_json:
            click.echo(json.dumps(figures))
        else:
            for name, value in figures.items():
                click.echo(f"{name:20} {value}")
        ctx.exit(0 if figures["outcome"] == "succeeded" else 1)
    with Stage(scenario, speed or 60.0, port, language=language) as stage:
        if stage.slack.port_taken:
            click.echo(f"Port {port} is taken, so another one was chosen.")
        click.echo(f"The page is at {stage.slack.url}")
        if not headless:
            _say_how_to_get_there(stage)
        _until_stopped()


def _say_how_to_get_there(stage: Stage) -> None:
    port = stage.slack.port
    click.echo("Open it in a browser. From another machine, reach it through:")
    click.echo(f"    ssh -L {port}:127.0.0.1:{port} THIS-MACHINE      then open http://127.0.0.1:{port}")
    click.echo("Start with:  /xs update lab     then act as Bob and Carol to approve. Stop with Ctrl-C.")


@click.command()
@_SCENARIO
@click.option("--speed", type=click.FloatRange(min=0.1, max=2000), default=60.0, show_default=True)
@click.option("--xapi-port", type=click.IntRange(0, 65535), default=0, help="Port of every simulated host.")
@click.option("--slack-port", type=click.IntRange(0, 65535), default=0, help="Port of the workspace and its page.")
def lab(scenario: str, speed: float, xapi_port: int, slack_port: int) -> None:
    """The simulated pool and the local Slack workspace alone, for other programs; see docs/lab.md."""
    with (
        LabPool.start(scenario=scenario, time=ScaledTime(speed), port=xapi_port) as pool,
        LabSlack.start(port=slack_port, extra_routes=[Mount("/control/pool", routes=pool.control_routes())]) as slack,
    ):
        described = {
            "coordinator_url": pool.coordinator_url,
            "hosts": [{"name": host.name, "url": host.url} for host in pool.hosts],
            "username": pool.username,
            "password": pool.password,
            "ca_file": str(pool.ca_file),
            "fingerprint": pool.hosts[0].fingerprint,
            "fingerprints": {host.uuid: host.fingerprint for host in pool.hosts},
            "slack_url": slack.url,
            "control_url": f"{slack.url}/control",
            "bot_token": slack.bot_token,
            "app_token": slack.app_token,
        }
        click.echo(json.dumps(described))
        _until_stopped()


def _until_stopped() -> None:
    done = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: done.set())
    done.wait()
