"""The documents say what the program does: every setting, scope, command, call and dependency, no more and no less."""

from __future__ import annotations

import ast
import configparser
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from slack_sdk import WebClient

from bot.cli import main
from bot.lab.xapi.surface import ROLES, SURFACE
from bot.manifest import APP_TOKEN_SCOPE, EVENTS, METHODS, SCOPES, USAGE_HINT, manifest
from bot.measures import Measures
from bot.rollout.checks import CHECKS
from bot.settings import documented_settings, load_settings
from bot.web import figures
from bot.xen.snapshot import CLASSES
from bot.xen.transfers import PERMISSIONS
from commands.xs import VERBS
from storage.database import Database
from tests.docs import checks_page

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])
TEMPLATE = ROOT / "bot" / "configuration.toml"


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """The cells of every table row; heads and rulers left out."""
    found = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:1] == "|"]
    return [row for row in found if not set(row[0]) <= {"-", "|"}]


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in sorted((ROOT / folder).rglob("*.py")) if "lab" not in path.parts)


# -- settings ----------------------------------------------------------------------------------------------------------


def test_every_setting_is_on_the_page_as_the_code_has_it() -> None:
    described = [line for line in read("configuration.md").splitlines() if re.match(r"\| `[a-z_]+(\.|`)", line)]
    expected = [f"| `{s.name}` | {s.type} | {s.default} | {s.meaning} |" for s in documented_settings()]
    assert sorted(described) == sorted(expected)


def test_the_template_is_a_valid_configuration_as_it_is(tmp_path: Path) -> None:
    assert dict(load_settings(TEMPLATE, {}).pools) == {}


def test_the_template_has_every_setting_but_the_secrets(tmp_path: Path) -> None:
    text = TEMPLATE.read_text(encoding="utf-8")
    # Comments of prose have a blank after their "#", settings have none.
    settings = re.sub(r"^#(?=\S)", "", text, flags=re.MULTILINE)
    tree = tomllib.loads(settings)
    found = set()

    def walk(table: dict[str, object], prefix: str) -> None:
        for name, value in table.items():
            deeper = isinstance(value, dict) and name != "fingerprints"
            if deeper:
                assert isinstance(value, dict)
                walk(value, f"{prefix}{name}.")
            else:
                shown = f"{prefix}{name}".replace("pools.prod.", "pools.<alias>.")
                shown = shown.replace("policies.production.", "policies.<name>.")
                found.add(shown.replace("digests.weekly.", "digests.<name>."))

    walk(tree, "")
    assert found == {entry.name for entry in documented_settings() if entry.type != "secret"}


def test_the_template_shows_the_defaults() -> None:
    text = TEMPLATE.read_text(encoding="utf-8")
    for entry in documented_settings():
        last = entry.name.rsplit(".", 1)[-1]
        if entry.default in ("empty", "required", "host name") or entry.default.startswith("as "):
            continue
        assert f"#{last} = {entry.default}\n" in text, entry.name


# -- the Slack app -----------------------------------------------------------------------------------------------------


def test_the_slack_page_lists_scopes_and_methods() -> None:
    cells = {row[0].strip("`"): row[1].strip("`") for row in rows(read("slack-app.md"))}
    assert {scope: why for scope, why in cells.items() if ":" in scope or scope == "commands"} == SCOPES
    methods = [method for method in cells if re.fullmatch(r"[a-z]+(\.[a-zA-Z]+)+", method)]
    assert {method: re.split("[`,]", cells[method])[0] for method in methods} == {
        method: scope or "none" for method, scope in METHODS.items()
    }
    assert APP_TOKEN_SCOPE in read("slack-app.md")
    assert {event: cells.get(event) for event in EVENTS} == EVENTS


def test_the_manifest_asks_for_no_more_than_the_methods_need() -> None:
    needed = {scope for scope in METHODS.values() if scope} | {"commands"}
    needed -= {APP_TOKEN_SCOPE}  # a scope of the app-level token, which no manifest names
    assert set(SCOPES) == needed
    assert set(manifest()["oauth_config"]["scopes"]["bot"]) == needed


def test_the_code_calls_the_methods_of_the_table_and_no_others() -> None:
    known = {name for name in dir(WebClient) if "_" in name and not name.startswith("_")} - {"api_call"}
    called = {
        node.attr
        for path in python_files("bot", "commands")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in known
    }
    # auth.test is called by Bolt itself, to learn who the bot is; an upload of Slack's module is two methods.
    uploads = {"files.getUploadURLExternal", "files.completeUploadExternal"} if "files_upload_v2" in called else set()
    spelled = {name.replace("_", ".") for name in called - {"files_upload_v2"}}
    assert spelled | uploads | {"auth.test"} == set(METHODS)


def test_the_manifest_keeps_slacks_limits() -> None:
    app = manifest()
    assert app["settings"]["socket_mode_enabled"]
    assert "url" not in json.dumps(app), "in Socket Mode the manifest has no address"
    assert len(app["display_information"]["name"]) <= 35
    assert len(app["display_information"]["description"]) <= 140
    (command,) = app["features"]["slash_commands"]
    assert command["command"] == "/xs"
    assert len(command["usage_hint"]) <= 1000
    assert app["features"]["app_home"]["home_tab_enabled"]
    assert app["settings"]["event_subscriptions"]["bot_events"] == list(EVENTS)
    with_address = manifest(socket_mode=False, request_url="https://xsbot.example.com/slack/events")
    for part in ("interactivity", "event_subscriptions"):
        assert with_address["settings"][part]["request_url"].startswith("https://")


# -- commands ----------------------------------------------------------------------------------------------------------


def test_the_page_and_the_usage_hint_have_the_same_verbs() -> None:
    described = re.findall(r"^\| `/xs (\w+)", read("commands.md"), flags=re.MULTILINE)
    assert described == [part.split()[0] for part in USAGE_HINT.split(" | ")]


def test_every_slash_command_is_on_the_page_with_its_role() -> None:
    described = {row[0].strip("`"): row[1] for row in rows(read("commands.md")) if row[0].startswith("`/xs ")}
    assert described == {f"/xs {verb.usage.removeprefix('/xs ')}": verb.role or "everybody" for verb in VERBS}


def test_every_xsbot_command_is_on_the_page() -> None:
    def names(command: click.Command, prefix: str) -> Iterator[str]:
        if not isinstance(command, click.Group):
            yield prefix
            return
        for name, below in command.commands.items():
            yield from names(below, f"{prefix} {name}")

    described = {re.sub(r" <\w+>", "", text) for text in re.findall(r"^\| `(xsbot [^`]+)`", read("commands.md"), re.M)}
    assert described == set(names(main, "xsbot"))


# -- operations --------------------------------------------------------------------------------------------------------


def failures_proven() -> set[str]:
    """The ids of the marker `failure` in the tests."""
    found: set[str] = set()
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.failure":
                found.update(ast.literal_eval(argument) for argument in node.args)
    return found


def test_every_failure_on_the_page_has_its_test_and_the_other_way_round() -> None:
    described = re.findall(r"^### `([a-z-]+)` \S", read("operations.md"), flags=re.MULTILINE)
    assert len(described) == len(set(described))
    assert set(described) == failures_proven()


def test_every_failure_says_what_happens_and_what_to_do() -> None:
    for entry in read("operations.md").split("\n### ")[1:]:
        assert "\n*What happens.* " in entry, entry
        assert "\n*What to do.* " in entry, entry


def test_the_metrics_on_the_page_are_those_that_are_served(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'xsbot.sqlite'}")
    database.upgrade()
    measures = Measures()
    measures.read_with(lambda: figures(database))
    measures.call("lab", "pool.get_all", 0.1, "HOST_IS_SLAVE")
    measures.ack(0.1)
    types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", measures.text().decode(), flags=re.MULTILINE))
    database.close()
    served = {name: kind for name, kind in types.items() if not name.endswith("_created")}
    described = {row[0].strip("`"): row[1].split()[0] for row in rows(read("operations.md")) if "xsbot_" in row[0]}
    assert described == served


# -- the account on the pool -------------------------------------------------------------------------------------------


def described_calls() -> dict[str, str]:
    found = {}
    for row in rows(read("xapi-role.md")):
        for call in re.findall(r"`([\w.]+|GET /\w+)`", row[0]):
            found[call] = row[-1]
    return found


def test_the_roles_on_the_page_are_those_of_the_data_model() -> None:
    for call, least in described_calls().items():
        if call.startswith("GET "):
            continue
        cls, name = call.split(".")
        # client-cert is internal to pools: no account has it.
        roles = SURFACE.classes[cls].messages[name].roles - {"client-cert"}
        assert least == [role for role in ROLES if role in roles][-1], call


def test_every_call_of_the_code_is_on_the_page_and_the_other_way_round() -> None:
    called = {f"{name}.get_all_records" for name in CLASSES}
    for path in python_files("bot/xen"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                match = re.fullmatch(r"(?:Async\.)?(\w+)\.(\w+)", node.value)
                if match and match[1] in SURFACE.classes and match[2] in SURFACE.classes[match[1]].messages:
                    called.add(f"{match[1]}.{match[2]}")
    described = {call for call in described_calls() if not call.startswith("GET ")}
    assert called - described == set(), "called, but not on the page"
    assert described - called == set(), "on the page, but not called"


def test_every_http_page_of_the_code_is_on_the_page() -> None:
    described = set(re.findall(r"^\| `(?:GET|PUT) (/[\w/]+)`", read("xapi-role.md"), flags=re.MULTILINE))
    assert described == {"/updates", *PERMISSIONS}


# -- the house ---------------------------------------------------------------------------------------------------------


def test_every_dependency_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [re.split(r"[<>=~!\[;]", entry)[0].strip() for entry in project["dependencies"]]
    tools = [re.split(r"[<>=~!\[;]", entry)[0].strip() for entry in project["optional-dependencies"]["dev"]]
    text = read("dependencies.md")
    at_run_time, for_development = text.split("## For development")
    assert [row[0].strip("`") for row in rows(at_run_time)[1:]] == sorted(named, key=str.lower)
    assert [row[0].strip("`") for row in rows(for_development)[1:]] == sorted(tools, key=str.lower)
    assert all(len(row) == 4 and all(row) for row in rows(text))


def test_the_lock_has_every_dependency_with_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = {line.split("==")[0].lower() for line in lock.splitlines() if "==" in line and line[:1].isalnum()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for entry in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        assert re.split(r"[<>=~!\[;]", entry)[0].strip().lower() in locked
    assert lock.count("--hash=sha256:") >= len(locked)
    assert "://" not in lock
    assert "index-url" not in lock


def parts_of_the_house() -> list[str]:
    """What stands directly in bot/, as import names, and the two other packages."""
    inside = [path for path in (ROOT / "bot").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    return [f"bot.{path.stem}" for path in inside if path.stem != "__init__"] + ["commands", "storage"]


def test_every_part_of_the_house_is_on_the_map() -> None:
    text = read("architecture.md")
    for name in parts_of_the_house():
        entry = rf"^(  )?{name.removeprefix('bot.')}[ /]"
        assert re.search(entry, text, flags=re.MULTILINE), f"{name} is not on the map"


def test_every_part_of_the_house_has_a_layer() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter", encoding="utf-8")
    layers = re.split(r"[\s|:()]+", contracts["importlinter:contract:layers"]["layers"])
    # The lab is beside the layers: two contracts of its own say who may know it and what it may know.
    assert set(parts_of_the_house()) - {"bot.lab"} == set(filter(None, layers))
    strangers = contracts["importlinter:contract:lab-stands-alone"]["forbidden_modules"].split()
    assert set(parts_of_the_house()) - {"bot.lab", "bot.time", "bot.errors"} == set(strangers)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_pages_point_to_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
    for target in re.findall(r"`((?:bot|commands|storage|tests|docs)/[\w./*-]*)`", text):
        assert list(ROOT.glob(target.rstrip("/"))), f"{page.name} names {target}"


# -- the two commands --------------------------------------------------------------------------------------------------


def test_make_names_what_is_missing() -> None:
    """Without a Python new enough, `make setup` says so and what to install."""
    result = subprocess.run(
        ["make", "--silent", "--always-make", "setup", "PYTHON="], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode != 0
    assert "Python 3.11 or newer" in result.stdout
    assert "apt install python3 python3-venv" in result.stdout


def test_make_names_the_package_for_virtual_environments(tmp_path: Path) -> None:
    python = tmp_path / "python3.12"
    python.write_text('#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; *) exit 0;; esac\n', encoding="utf-8")
    python.chmod(0o755)
    result = subprocess.run(
        ["make", "--silent", "--always-make", "setup", f"PYTHON={python}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert "apt install python3-venv" in result.stdout


def test_the_readmes_rehearsals_are_there() -> None:
    examples = re.findall(r"make demo ARGS='([^']+)'", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert examples
    for example in examples:
        main.commands["demo"].make_context("demo", example.split())


def test_the_build_machine_runs_the_readmes_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "XSBOT_REQUIRE=all" in script
    assert script.rstrip().endswith("make test")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "    make test\n" in readme
    assert "    make demo\n" in readme
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True)


# -- the checks --------------------------------------------------------------------------------------------------------


def test_the_page_of_checks_is_the_one_that_the_code_writes() -> None:
    assert checks_page.PAGE.read_text(encoding="utf-8") == checks_page.page(), "python -m tests.docs.checks_page"


def test_no_check_of_a_peer_is_missing() -> None:
    ours = {check.name for check in CHECKS}
    for theirs in (checks_page.XENCENTER, checks_page.XEN_ORCHESTRA):
        for what, covered in theirs.items():
            assert covered, what
            assert set(covered) <= ours, what
