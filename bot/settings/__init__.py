"""The one tree of settings, and nothing of ours below it but the root of errors.

sections    the parts: Slack, roles, approval, polling, one pool
digests     the part for weekly digests
tree        `Settings`, the root, with the questions others ask of it
rules       what a single value must look like
source      `load_settings`: TOML file, environment, files with secrets
reference   `documented_settings`: the list of all settings for documentation
"""

from bot.settings.digests import DigestSettings
from bot.settings.errors import SettingsError
from bot.settings.reference import DocumentedSetting, documented_settings
from bot.settings.rules import EVERYBODY
from bot.settings.sections import (
    ApprovalSettings,
    MaintenanceSettings,
    PollSettings,
    PoolSettings,
    Roles,
    SlackSettings,
)
from bot.settings.source import load_settings
from bot.settings.tree import Settings

__all__ = [
    "EVERYBODY",
    "ApprovalSettings",
    "DigestSettings",
    "DocumentedSetting",
    "MaintenanceSettings",
    "PollSettings",
    "PoolSettings",
    "Roles",
    "Settings",
    "SettingsError",
    "SlackSettings",
    "documented_settings",
    "load_settings",
]
