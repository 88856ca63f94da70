"""The root of the settings tree."""

from __future__ import annotations

import difflib
import socket
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from bot.settings import rules
from bot.settings.digests import DigestSettings
from bot.settings.errors import SettingsError
from bot.settings.rules import EVERYBODY, is_group, wrong
from bot.settings.sections import (
    ApprovalSettings,
    BackupSettings,
    HealthSettings,
    LogSettings,
    MaintenanceSettings,
    PolicySettings,
    PollSettings,
    PoolSettings,
    Roles,
    RolloutSettings,
    Section,
    SlackSettings,
    WebSettings,
)


class Settings(Section):
    """Everything that can be configured."""

    slack: SlackSettings = SlackSettings()
    """How the bot reaches Slack."""
    database_url: str = Field(default="sqlite:///xsbot.sqlite", repr=False)
    """Where everything is kept: `sqlite:///…` for one process, `postgresql://user:password@host/name` for several.
    `DATABASE_URL` wins over it."""
    installation: str = Field(default_factory=socket.gethostname, min_length=1, max_length=64)
    """The name this installation writes into a pool while it works on it, so that two installations never roll the same
    pool. By default the machine's host name; set it where host names change, as in containers. With PostgreSQL it must
    be set, because the machines that share the work are one installation."""
    roles: Roles = Roles()
    """Who may do what, in every pool."""
    approval: ApprovalSettings = ApprovalSettings()
    """What it takes before anything is changed, in every pool."""
    policies: Mapping[str, PolicySettings] = Field(default_factory=dict)
    """What it takes on some pools, each policy under a name of its own."""
    rollout: RolloutSettings = RolloutSettings()
    """What is chosen for a rollout when nobody chooses otherwise."""
    maintenance: MaintenanceSettings = MaintenanceSettings()
    """When rollouts may work on pools."""
    digests: Mapping[str, DigestSettings] = Field(default_factory=dict)
    """Messages each week about how pools are, each under a name of its own."""
    backup: BackupSettings = BackupSettings()
    """Where backups before a run are kept."""
    poll: PollSettings = PollSettings()
    """How often pools are looked at."""
    health: HealthSettings = HealthSettings()
    """How long after its turn a host may lack something before the rollout stops and asks."""
    web: WebSettings = WebSettings()
    """What the bot answers over HTTP."""
    log: LogSettings = LogSettings()
    """What the bot writes to standard error."""
    bundle_directory: Path | None = None
    """The directory whose update bundles `/xs bundle` may upload by their file names. Empty: only files that are shared
    in Slack."""
    attention_reminder_minutes: int = Field(default=30, ge=1, le=1440)
    """Minutes between two reminders while a rollout waits for a person."""
    pools: Mapping[str, PoolSettings] = Field(default_factory=dict)
    """The pools, each under its alias: the short name people type."""

    @field_validator("database_url")
    @classmethod
    def _is_known(cls, value: str) -> str:
        return rules.database_url(value)

    @field_validator("pools")
    @classmethod
    def _have_aliases(cls, value: Mapping[str, PoolSettings]) -> Mapping[str, PoolSettings]:
        return {rules.alias(alias): pool for alias, pool in value.items()}

    @model_validator(mode="after")
    def _is_one_installation(self) -> Self:
        if self.shares_database and "installation" not in self.model_fields_set:
            raise wrong(
                "With PostgreSQL, installation must be set: every machine that shares the work uses the same name.",
                'Write installation = "…" into the configuration of each, and another one for another database.',
            )
        return self

    @property
    def shares_database(self) -> bool:
        """Whether several processes may work on the database."""
        return not self.database_url.startswith("sqlite:")

    @model_validator(mode="after")
    def _have_one_policy(self) -> Self:
        for alias in self.pools:
            names = [name for name, policy in self.policies.items() if _is_for(policy, alias)]
            if len(names) > 1:
                raise wrong(
                    f"Pool {alias} has several policies: {', '.join(names)}.",
                    "Narrow their patterns, so that each pool has one.",
                )
        for name, policy in self.policies.items():
            if not any(_is_for(policy, alias) for alias in self.pools):
                raise wrong(f"The policy {name} is for no pool that there is.", "Correct its patterns, or remove it.")
        return self

    @model_validator(mode="after")
    def _are_about_pools(self) -> Self:
        for name, digest in self.digests.items():
            if not any(_is_for(digest, alias) for alias in self.pools):
                raise wrong(f"The digest {name} is about no pool that there is.", "Correct its patterns, or remove it.")
        return self

    @model_validator(mode="after")
    def _can_be_approved(self) -> Self:
        for alias, pool in self.pools.items():
            if pool.mode == "act":
                _check_policy(alias, self.roles_for(alias), self.approval_for(alias))
        return self

    @model_validator(mode="after")
    def _can_be_backed_up(self) -> Self:
        for alias, pool in self.pools.items():
            if set(pool.backups) - {"snapshots"} and self.backup.directory is None:
                raise wrong(
                    f"Pool {alias} is to be backed up, and there is no directory for it.", "Set backup.directory."
                )
        return self

    def pool(self, alias: str) -> PoolSettings:
        """The pool with this alias. Raises `SettingsError` that names the nearest alias."""
        if alias in self.pools:
            return self.pools[alias]
        near = difflib.get_close_matches(alias, self.pools, n=1)
        known = ", ".join(sorted(self.pools)) or "none"
        hint = f"Did you mean {near[0]}?" if near else f"The configured pools are: {known}."
        raise SettingsError(f"There is no pool called {alias!r}.", hint)

    @model_validator(mode="after")
    def _speaks_one_language_in_each_channel(self) -> Self:
        spoken: dict[str, tuple[str, str]] = {}
        for alias, pool in self.pools.items():
            language = self.language_for(alias)
            other, heard = spoken.setdefault(pool.channel, (alias, language))
            if pool.channel and heard != language:
                raise wrong(
                    f"The pools {other} and {alias} share the channel {pool.channel} and speak different languages.",
                    "Give both the same language, or each a channel of its own.",
                )
        return self

    def language_for(self, alias: str) -> str:
        """The language of what is posted in the channel of a pool."""
        return self.pool(alias).language or self.slack.language

    def language_in(self, channel: str) -> str:
        """The language of a channel: that of the pools which report to it, where there are any."""
        return next(
            (self.language_for(alias) for alias, pool in self.pools.items() if pool.channel == channel),
            self.slack.language,
        )

    def digest_channels(self, name: str) -> dict[str, tuple[str, ...]]:
        """The channels that get the digest of that name, each with the pools it is about there; none for a name that
        there is not."""
        digest = self.digests.get(name)
        if digest is None:
            return {}
        found: dict[str, tuple[str, ...]] = {}
        for alias, pool in self.pools.items():
            channel = digest.channel or pool.channel
            if channel and _is_for(digest, alias):
                found[channel] = (*found.get(channel, ()), alias)
        return found

    def approval_for(self, alias: str) -> ApprovalSettings:
        """The approval rules of a pool: the general ones, with what its policy and the pool itself set differently."""
        own, policy = self.pool(alias).approval, self.policy_of(alias)
        given = {} if policy is None else _given(policy)
        given = {name: given[name] for name in given.keys() & ApprovalSettings.model_fields.keys()}
        return self.approval.model_copy(update={**given, **(_given(own) if own is not None else {})})

    def policy_of(self, alias: str) -> PolicySettings | None:
        """The policy whose patterns fit the pool, None when none does."""
        return next((policy for policy in self.policies.values() if _is_for(policy, alias)), None)

    def rollout_for(self, alias: str) -> RolloutSettings:
        """What is chosen for a pool's rollouts: the general choices with what the pool sets differently."""
        own = self.pool(alias).rollout
        return self.rollout if own is None else self.rollout.model_copy(update=_given(own))

    def maintenance_for(self, alias: str) -> MaintenanceSettings:
        """When rollouts may work on a pool: the general rules with what the pool sets differently."""
        own = self.pools[alias].maintenance if alias in self.pools else None
        return self.maintenance if own is None else self.maintenance.model_copy(update=_given(own))

    def roles_for(self, alias: str) -> Roles:
        """The roles of a pool: the general ones with the lists that its policy and the pool itself replace."""
        own, policy = self.pool(alias).roles, self.policy_of(alias)
        given: dict[str, Any] = {"approver": policy.approver} if policy is not None and policy.approver else {}
        return self.roles.model_copy(update={**given, **(_given(own) if own is not None else {})})

    def _require_http(self) -> None:
        if not self.slack.signing_secret.get_secret_value():
            raise SettingsError(
                "The Slack signing secret is missing, and without it anybody could pose as Slack.",
                'Set SLACK_SIGNING_SECRET or slack.signing_secret_file, or slack.mode to "socket".',
            )
        if self.web.port is None:
            raise SettingsError(
                'web.port is missing: with slack.mode = "http" Slack calls the bot.', "Set the port to listen on."
            )

    def require_slack(self) -> None:
        """Raise `SettingsError` unless everything is there that talking to Slack needs.

        Apart from validation, because reading a pool's plan needs no Slack.
        """
        if not self.slack.bot_token.get_secret_value():
            raise SettingsError("The Slack bot token is missing.", "Set SLACK_BOT_TOKEN or slack.bot_token_file.")
        if self.slack.mode == "http":
            self._require_http()
        elif not self.slack.app_token.get_secret_value():
            raise SettingsError("The Slack app-level token is missing.", "Set SLACK_APP_TOKEN or slack.app_token_file.")
        if not self.slack.audit_channel:
            raise SettingsError("slack.audit_channel is missing.", 'Name the channel for the audit: "C…" or "#name".')
        for alias, pool in self.pools.items():
            if not pool.channel:
                raise SettingsError(f"pools.{alias}.channel is missing.", 'Name the pool\'s channel: "C…" or "#name".')


def _given(section: Section) -> dict[str, Any]:
    return {name: getattr(section, name) for name in section.model_fields_set}


def _is_for(chosen: PolicySettings | DigestSettings, alias: str) -> bool:
    return any(fnmatchcase(alias, pattern) for pattern in chosen.pools)


def _check_policy(alias: str, roles: Roles, approval: ApprovalSettings) -> None:
    """Refuse rules under which no request could ever get its approvals.

    Only ids can be counted here; a user group is taken to have enough members, `xsbot doctor` looks into it.
    """
    if not roles.requester:
        sentence = f"Nobody may ask for a rollout of pool {alias}."
        raise wrong(sentence, 'Fill roles.requester, or set the pool\'s mode to "notify".')
    _check_emergency(alias, roles, approval)
    most_needed = max(approval.required, approval.required_mandatory, approval.required_full)
    if approval.required_mandatory > approval.required:
        raise wrong(
            f"Pool {alias} needs more approvals for the least that can be done than otherwise.",
            "Lower approval.required_mandatory, or raise approval.required.",
        )
    if approval.allow_unreviewed or any(map(is_group, roles.approver)):
        return
    approvers = set(roles.approver)
    outsider = any(entry == EVERYBODY or is_group(entry) for entry in roles.requester)
    most = len(approvers) if outsider else max(len(approvers - {person}) for person in roles.requester)
    if most < most_needed:
        raise wrong(
            f"Pool {alias} needs {most_needed} approval(s), but at most {most} approver(s) could ever give one, "
            "because the requester does not count.",
            "Add people or a user group to roles.approver, or lower approval.required.",
        )


def _check_emergency(alias: str, roles: Roles, approval: ApprovalSettings) -> None:
    """Refuse an emergency that nobody could approve: whoever finds out has one."""
    people = set(roles.emergency)
    if not people or any(map(is_group, people)) or len(people) > approval.required_emergency:
        return
    raise wrong(
        f"An emergency rollout of pool {alias} needs {approval.required_emergency} approval(s), but besides its "
        f"requester only {len(people) - 1} of roles.emergency could ever give one.",
        "Add people or a user group to roles.emergency, or lower approval.required_emergency.",
    )
