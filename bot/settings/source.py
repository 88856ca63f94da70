"""Where settings come from: a TOML file for what everybody may read, the environment or files for secrets."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bot.settings.errors import SettingsError
from bot.settings.reference import documented_settings
from bot.settings.rules import ALIAS, ALIAS_HINT
from bot.settings.tree import Settings


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings from a TOML file (none: defaults) and the environment.

    Relative paths in the file are relative to the file. Raises `SettingsError`, which names the setting and its remedy.
    """
    tree = _read_toml(path) if path is not None else {}
    base = path.parent if path is not None else Path()
    slack = _table(tree, "slack")
    for name in ("bot_token", "app_token", "signing_secret"):
        _take_secret(slack, name, "slack", f"SLACK_{name.upper()}", environ, base)
    if slack:
        tree["slack"] = slack
    if environ.get("DATABASE_URL"):
        tree["database_url"] = _clean("DATABASE_URL", environ["DATABASE_URL"])
    backup = _table(tree, "backup")
    if isinstance(backup.get("directory"), str):
        backup["directory"] = base / backup["directory"]
    if isinstance(tree.get("bundle_directory"), str):
        tree["bundle_directory"] = base / tree["bundle_directory"]
    for alias, pool in _table(tree, "pools").items():
        if isinstance(pool, dict):
            _complete_pool(alias, pool, environ, base)
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise _translated(error) from None


def _complete_pool(alias: str, pool: dict[str, Any], environ: Mapping[str, str], base: Path) -> None:
    if not ALIAS.fullmatch(alias):  # It names environment variables, so it is looked at before the rest of the tree.
        raise SettingsError(f"{alias!r} cannot be a pool's alias.", ALIAS_HINT)
    where = f"pools.{alias}"
    prefix = f"XSBOT_POOL_{alias.upper().replace('-', '_')}"
    for name in ("password", "sync_token", "sync_token_id"):
        _take_secret(pool, name, where, f"{prefix}_{name.upper()}", environ, base)
    if "password" not in pool:
        others = [name for name in environ if name.startswith("XSBOT_POOL_") and name.endswith("_PASSWORD")]
        seen = f" The environment has {', '.join(sorted(others))}." if others else ""
        raise SettingsError(
            f"The password of pool {alias} is missing.", f"Set {prefix}_PASSWORD or {where}.password_file.{seen}"
        )
    if isinstance(pool.get("ca_file"), str):
        pool["ca_file"] = base / pool["ca_file"]
        if not pool["ca_file"].is_file():
            raise SettingsError(f"{where}.ca_file names a file that is not there.", f"Looked for {pool['ca_file']}.")


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"There is no configuration file {path}.", "xsbot init writes a commented one.") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        where = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "not UTF-8 text"
        raise SettingsError(f"{path} is no valid TOML: {where}.", "Texts need quotes, lists need brackets.") from None


def _table(tree: dict[str, Any], name: str) -> dict[str, Any]:
    value = tree.get(name, {})
    if not isinstance(value, dict):
        raise SettingsError(f"{name} must be a table.", f"Write [{name}] on a line of its own.")
    return value


def _take_secret(
    table: dict[str, Any], name: str, where: str, variable: str, environ: Mapping[str, str], base: Path
) -> None:
    """Put a secret into its table: from the environment, else from the file that the table names."""
    if name in table:
        sentence = f"{where}.{name} stands in the configuration file."
        raise SettingsError(sentence, f"Remove it there, and set the environment variable {variable} instead.")
    file = table.get(f"{name}_file")
    if environ.get(variable):
        table[name] = _clean(variable, environ[variable])
    elif isinstance(file, str):
        path = base / file
        try:
            text = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise SettingsError(f"{where}.{name}_file cannot be read.", f"Looked for {path}.") from None
        if not text:
            raise SettingsError(f"{where}.{name}_file is empty.", f"Put the secret into {path}.")
        table[name] = text


def _clean(variable: str, value: str) -> str:
    """Refuse what shells and env files leave behind, without repeating the value."""
    if value != value.strip():
        raise SettingsError(f"{variable} begins or ends with white space.", "Remove the space or line break around it.")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        raise SettingsError(
            f"{variable} has quotes around its value.",
            "Env files of containers take quotes literally: remove them. A secret that has quotes goes into a file.",
        )
    return value


def _translated(error: ValidationError) -> SettingsError:
    """The first thing pydantic found, in our words; how many more there are."""
    found = error.errors(include_url=False, include_input=False)
    # A misspelt name is often the reason why another one is missing, so it is told first.
    first = min(found, key=lambda entry: entry["type"] != "extra_forbidden")
    name = ".".join(str(part) for part in first["loc"])
    more = f" ({len(found) - 1} more setting(s) are wrong.)" if len(found) > 1 else ""
    if first["type"] == "setting":
        context = first["ctx"]
        return SettingsError(f"{name}: {context['sentence']}" if name else context["sentence"], context["hint"] + more)
    if first["type"] == "extra_forbidden":
        known = [entry.name for entry in documented_settings()]
        generic = re.sub(r"^pools\.[^.]+", "pools.<alias>", name)
        near = difflib.get_close_matches(generic, known, n=1)
        hint = f"Did you mean {near[0]}?" if near else "docs/configuration.md lists every setting."
        return SettingsError(f"There is no setting called {name}.", hint + more)
    if first["type"] == "missing":
        return SettingsError(f"{name} is missing.", "docs/configuration.md says what belongs there." + more)
    return SettingsError(f"{name} is wrong: {first['msg']}.", "docs/configuration.md says what belongs there." + more)
