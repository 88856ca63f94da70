"""The sections of the settings tree. The string below a field is its documentation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator, model_validator

from bot.settings import rules
from bot.settings.rules import EVERYBODY, wrong

#: The languages there are catalogues for; `bot.messages.language.LANGUAGES` has the same.
Language = Literal["en", "es", "pt_BR"]


class Section(BaseModel):
    """What all sections share: immutable, no unknown names, and no value repeated in an error."""

    model_config = ConfigDict(
        use_attribute_docstrings=True, frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True
    )


class SlackSettings(Section):
    """How the bot reaches Slack."""

    bot_token: SecretStr = SecretStr("")
    """The app's bot token (`xoxb-…`). Only from `SLACK_BOT_TOKEN` or `slack.bot_token_file`."""
    bot_token_file: Path | None = None
    """A file that contains nothing but the bot token, for secret mounts. `SLACK_BOT_TOKEN` wins over it."""
    app_token: SecretStr = SecretStr("")
    """The app-level token for Socket Mode (`xapp-…`, scope `connections:write`). Only from `SLACK_APP_TOKEN` or
    `slack.app_token_file`."""
    app_token_file: Path | None = None
    """A file that contains nothing but the app-level token. `SLACK_APP_TOKEN` wins over it."""
    mode: Literal["socket", "http"] = "socket"
    """How Slack reaches the bot: `socket` needs no address and no open port (the bot calls Slack), `http` has Slack
    call `/slack/events` at `[web]`, behind a proxy of yours that speaks HTTPS."""
    signing_secret: SecretStr = SecretStr("")
    """Proves, with `mode = "http"`, that a request is from Slack. Only from `SLACK_SIGNING_SECRET` or
    `slack.signing_secret_file`."""
    signing_secret_file: Path | None = None
    """A file that contains nothing but the signing secret. `SLACK_SIGNING_SECRET` wins over it."""
    audit_channel: str = ""
    """The channel that gets one line for every request, decision, transition and setting change: its id (`C…`), or its
    name with `#`. `xsbot serve` needs it."""
    language: Language = "en"
    """The language of the audit channel, of channels whose pools set none, and of private answers to people whose own
    Slack is in a language that xsbot does not speak."""
    progress: Literal["auto", "plan", "sections"] = "auto"
    """How the thread shows the progress of hosts: `plan` uses Slack's plan block, `sections` plain sections, `auto`
    tries the plan block and falls back where the workspace refuses it."""
    base_url: str = ""
    """Another address of Slack's Web API, for rehearsals against a local workspace. Empty means Slack itself. Plain
    `http://` is accepted for this machine's own addresses only."""

    @field_validator("bot_token", "app_token")
    @classmethod
    def _is_the_right_token(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if info.field_name == "bot_token":
            rules.token(value.get_secret_value(), "xoxb-", "xapp-", "bot", "“OAuth & Permissions”")
        else:
            rules.token(value.get_secret_value(), "xapp-", "xoxb-", "app-level", "“Basic Information”")
        return value

    @field_validator("audit_channel")
    @classmethod
    def _is_a_channel(cls, value: str) -> str:
        return rules.channel(value)

    @field_validator("base_url")
    @classmethod
    def _is_safe(cls, value: str) -> str:
        return rules.web_api_url(value)


class WebSettings(Section):
    """What the bot answers over HTTP."""

    host: str = Field(default="127.0.0.1", min_length=1)
    """The address to listen on. Health and metrics ask nobody for a password: leave it on the machine itself, or on a
    network that only your proxy and your monitoring reach."""
    port: int | None = Field(default=None, ge=0, le=65_535)
    """The port for `/healthz`, `/readyz`, `/metrics` and, with `slack.mode = "http"`, `/slack/events`. Empty: nothing
    listens. 0: any free port."""


class LogSettings(Section):
    """What the bot writes to standard error."""

    format: Literal["text", "json"] = "text"
    """`text` for people, `json` for collectors: one object per line, with `rollout` and `pool` wherever a line concerns
    one."""


class Roles(Section):
    """Who may do what: Slack user ids (`U…`, `W…`), user group ids (`S…`) and ids of public channels (`C…`), whose
    members hold the role. No role includes another, except that whoever holds any role may look."""

    viewer: tuple[str, ...] = (EVERYBODY,)
    """Who may look at pools, updates, status, history and audit. `"*"` is everybody in the workspace."""
    requester: tuple[str, ...] = ()
    """Who may ask for a rollout, or for an amendment of one. `"*"` is everybody in the workspace."""
    approver: tuple[str, ...] = ()
    """Who may approve, reject, pause, resume, retry, proceed, skip a host, abort, and ask for an amendment. The person
    who asked for a rollout or an amendment never counts as its approver."""
    admin: tuple[str, ...] = ()
    """Who may have a pool synchronised with its update channel, choose its channel, proxy and schedule, upload update
    bundles, and have debts restored by hand."""

    emergency: tuple[str, ...] = ()
    """Who may ask for an emergency rollout, which waits for no window and no freeze, and approve one that somebody else
    asked for. Empty: there are none."""

    @field_validator("viewer", "requester", "approver", "admin", "emergency")
    @classmethod
    def _are_ids(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return rules.role_entries(value, everybody_allowed=info.field_name in ("viewer", "requester"))


class ApprovalSettings(Section):
    """What it takes before anything on a pool is changed."""

    required: int = Field(default=1, ge=1, le=20)
    """How many different approvers are needed. The requester is not counted."""
    required_mandatory: int = Field(default=0, ge=0, le=20)
    """How many are enough where the guidance level is *mandatory*, the least that can be done. 0: as many as
    otherwise."""
    required_full: int = Field(default=0, ge=0, le=20)
    """How many it takes where the guidance level is *full*, the most that can be done. 0: as many as otherwise."""
    required_emergency: int = Field(default=1, ge=1, le=20)
    """How many of `roles.emergency`, besides the requester, it takes for an emergency rollout."""
    ticket: str = ""
    """A regular expression for the ticket that the reason of each request must name, `"CHG-[0-9]{4,}"`. Empty: none is
    asked for, nor a reason."""
    expires_after_hours: int = Field(default=24, ge=1, le=24 * 90)
    """Hours after which a request that did not get its approvals expires."""
    start_within_hours: int = Field(default=8, ge=1, le=24 * 30)
    """Hours within which an approved rollout must have started; later its approval is void."""
    allow_unreviewed: bool = False
    """Start rollouts without anybody's approval. Every card says so. For test pools."""

    @field_validator("ticket")
    @classmethod
    def _is_an_expression(cls, value: str) -> str:
        return rules.expression(value)


class PolicySettings(ApprovalSettings):
    """What it takes on some pools; what is not named here is as in `[approval]`."""

    pools: tuple[str, ...] = Field(min_length=1)
    """The pools that it is for: aliases, or patterns of them with `*` and `?`. Each pool has one policy at most."""
    approver: tuple[str, ...] = ()
    """Who may approve on these pools, instead of `roles.approver`. Empty: those."""

    @field_validator("approver")
    @classmethod
    def _are_ids(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return rules.role_entries(value, everybody_allowed=False)


class RolloutSettings(Section):
    """What is chosen for a rollout when nobody chooses otherwise; people still may."""

    preset: Literal["serial", "gentle", "standard", "fast"] = "standard"
    """How the hosts are worked through: `serial` one after the other, VMs placed by XenServer; `gentle` one at a time
    with the fewest VM moves; `standard` several at once while one more may fail; `fast` several without that spare."""
    placement: Literal["home", "balance", "leave"] = "home"
    """Where moved VMs are in the end: on the hosts they came from, spread evenly, or where they went."""
    max_out: int = Field(default=0, ge=0, le=64)
    """The most hosts out of service at once. 0: as many as pay off, at most a third."""
    deadline: str = Field(default="", pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9])?$")
    """A time of day in the pool's time zone, for example `"05:30"`: no host is begun that would not be done the next
    time it is that late; then people are asked. Empty: no deadline unless somebody chooses one."""


class MaintenanceSettings(Section):
    """When rollouts may work on a pool, and who hears of it beforehand."""

    time_zone: str = "UTC"
    """The time zone of the windows, and of the times that people type: a name like `Europe/Berlin`. Everybody reads
    times in their own."""
    windows: tuple[str, ...] = ()
    """Maintenance windows: the five fields of cron (weekdays by name) and a duration, `"0 22 * * sat 6h"`. Rollouts
    start in one only; a host that would not be done when it closes is not begun, and the rollout goes on in the next
    one. Empty: at any time."""
    announce_minutes: int = Field(default=60, ge=0, le=10_080)
    """Minutes beforehand at which the start of a rollout that waits for its time, and that it goes on in its next
    window, are announced in the pool's channel. 0: they are not."""
    warn_after_minutes: int = Field(default=0, ge=0, le=10_080)
    """Minutes of work after which the thread is told that the rollout takes long. 0: never."""
    stop_after_minutes: int = Field(default=0, ge=0, le=10_080)
    """Minutes of work after which no further host is begun until somebody resumes the rollout. 0: never."""

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        return rules.time_zone(value)

    @field_validator("windows")
    @classmethod
    def _are_windows(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(map(rules.window, value)))


class VmSettings(Section):
    """How a pool's VMs are treated when nobody chooses otherwise; people still may, and see it in what they approve."""

    cannot_move: Literal["refuse", "suspend", "shutdown"] = "refuse"
    """What is done with VMs that cannot move while their host is updated: `refuse` the request, `suspend` them and
    resume them afterwards, `shutdown` and start again."""
    tags: tuple[str, ...] = ()
    """What VMs with a tag get, whether or not they could move: `tag=migrate` (only ever moved), `tag=suspend`,
    `tag=shutdown`, `tag=leave` (not touched: a host that would have to be emptied is left out), or `tag=usual`. A
    number behind it orders VMs of one host, `tag=shutdown:20`: higher ones go down first and come back last. The first
    that fits counts."""
    restarts: Literal["home", "now", "pending"] = "home"
    """Where VMs restart that guidance wants restarted: on their updated `home` host, `now` wherever they run on an
    updated one, or not at all: the task stays `pending`."""
    at_once: int = Field(default=0, ge=0, le=64)
    """How many VMs of a rollout are stopped, started or brought home at a time. 0: four."""

    evacuate_at_once: int = Field(default=0, ge=0, le=64)
    """How many VMs XenServer moves at a time where it empties a host itself (preset `serial`). 0: ten."""
    network: str = ""
    """The network, by name or uuid, over which VMs move; every host needs an address on it. Empty: the management
    network."""

    @field_validator("tags")
    @classmethod
    def _are_rules(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return rules.vm_tags(value)


class BackupSettings(Section):
    """Where backups before a run are kept."""

    directory: Path | None = None
    """Where backups are written: a directory of the machine that drives rollouts (with several workers, of each; a
    shared one is best), outside xsbot's own files. Dumps hold secrets: files get mode 0600. Pools that back up need
    it."""
    keep: int = Field(default=10, ge=1, le=1000)
    """How many rollouts' backups are kept for each pool; older ones are deleted when a new one is complete."""

    @field_validator("directory")
    @classmethod
    def _is_elsewhere(cls, value: Path | None) -> Path | None:
        return rules.backup_directory(value)


class PollSettings(Section):
    """How often pools are looked at while no rollout runs."""

    every_s: int = Field(default=300, ge=10, le=86_400)
    """Seconds between two looks at a pool. A look costs a few small XAPI calls."""
    stale_sync_days: int = Field(default=30, ge=1, le=365)
    """Days without a sync after which the channel is told that the pool's knowledge of updates is old."""


class HealthSettings(Section):
    """How long after its turn a host may lack something before the rollout stops and asks."""

    storage_s: int = Field(default=300, ge=0, le=7200)
    """Seconds for shared storage to come back after a boot. After a minute, or half of this, XAPI is asked to connect
    it."""
    links_s: int = Field(default=120, ge=0, le=7200)
    """Seconds for the host itself, its network links and bonds."""
    guests_s: int = Field(default=300, ge=0, le=7200)
    """Seconds for its VMs and their guest agents, counted from the last VM that came home."""


class PoolSettings(Section):
    """One pool."""

    urls: tuple[str, ...]
    """`https://` addresses of the coordinator and, so that the pool is found after the coordinator's role moved, of
    other members. A port other than 443 may be given and is kept for every member."""
    username: str = Field(default="root", min_length=1)
    """The account the bot logs in with. It needs the role pool-operator."""
    password: SecretStr
    """The account's password. Only from `XSBOT_POOL_<ALIAS>_PASSWORD` (alias in capitals, `-` as `_`) or
    `pools.<alias>.password_file`."""
    password_file: Path | None = None
    """A file that contains nothing but the password. `XSBOT_POOL_<ALIAS>_PASSWORD` wins over it."""
    ca_file: Path | None = None
    """TLS, first way: a PEM file with the certificate authority (or the self-signed certificates) of all members."""
    fingerprints: Mapping[str, str] = Field(default_factory=dict)
    """TLS, second way: for every host's uuid the SHA-256 fingerprint of its certificate, as the host's own console
    says it (`docs/install.md`). `xsbot doctor` prints what it sees from here."""
    insecure_ignore_tls: bool = False
    """TLS, third way: trust whatever answers. The password can then be stolen by anybody on the network."""
    channel: str = ""
    """The Slack channel for this pool's notices, cards and threads: its id (`C…`), or its name with `#`. `xsbot serve`
    needs it."""
    language: Language | None = None
    """The language of what is posted in this pool's channel. Empty: `slack.language`. Private answers follow each
    reader's own Slack."""
    mode: Literal["notify", "act"] = "notify"
    """`notify` only tells about updates; `act` also lets rollouts change the pool."""
    repository_url: str = "https://repo.ops.xenserver.com/xs8"
    """Where the vendor's repositories are, for `/xs channel` on a pool that does not know the wanted one yet: `base`,
    `normal` and `earlyaccess` lie below it. A mirror of yours goes here."""
    repository_source_url: str = "https://repo-src.ops.xenserver.com/xs8"
    """The same for the sources of their packages."""
    sync_token: SecretStr = SecretStr("")
    """The vendor's access token for syncing with the update channel, where the licence asks for one. Only from
    `XSBOT_POOL_<ALIAS>_SYNC_TOKEN`."""
    sync_token_id: SecretStr = SecretStr("")
    """The id that belongs to the sync token. Only from `XSBOT_POOL_<ALIAS>_SYNC_TOKEN_ID`."""
    backups: tuple[str, ...] = ()
    """What is backed up before a rollout begins: any of `pool_database` and `hosts` (both need the role pool-admin),
    `vm_metadata`, `snapshots`. It is part of what people approve. Empty: nothing."""
    snapshot_tag: str = Field(default="xsbot-snapshot", min_length=1, max_length=100)
    """With `snapshots`: the disks of VMs that carry this tag get a snapshot, which stays until somebody deletes it."""
    on_backup_failure: Literal["block", "go_on"] = "block"
    """What a backup that fails does: `block` asks people before anything is touched, `go_on` says so and begins."""
    approval: ApprovalSettings | None = None
    """What differs from `[approval]` for this pool."""
    roles: Roles | None = None
    """What differs from `[roles]` for this pool: a list given here replaces the general one."""
    rollout: RolloutSettings | None = None
    """What differs from `[rollout]` for this pool."""
    maintenance: MaintenanceSettings | None = None
    """What differs from `[maintenance]` for this pool; windows given here replace the general ones."""
    vms: VmSettings = VmSettings()
    """How the pool's VMs are treated."""
    timeout_s: int = Field(default=60, ge=5, le=600)
    """Seconds after which an unanswered XAPI call counts as lost."""

    @field_validator("urls")
    @classmethod
    def _are_https(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise wrong("There is no address.", 'Give at least the coordinator\'s: urls = ["https://xs-01.example"].')
        return tuple(rules.pool_url(url) for url in value)

    @field_validator("backups")
    @classmethod
    def _are_backups(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return rules.backups(value)

    @field_validator("repository_url", "repository_source_url")
    @classmethod
    def _are_repositories(cls, value: str) -> str:
        return rules.repository_url(value)

    @field_validator("fingerprints")
    @classmethod
    def _are_sha256(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        return rules.fingerprints(value)

    @field_validator("channel")
    @classmethod
    def _is_a_channel(cls, value: str) -> str:
        return rules.channel(value)

    @model_validator(mode="after")
    def _has_one_way_of_tls(self) -> Self:
        ways = [bool(self.ca_file), bool(self.fingerprints), self.insecure_ignore_tls]
        if sum(ways) != 1:
            raise wrong(
                "There is no way to verify the hosts' certificates."
                if not any(ways)
                else "There are several ways to verify the hosts' certificates.",
                "Set exactly one of ca_file, fingerprints (xsbot doctor prints them) and insecure_ignore_tls.",
            )
        if bool(self.sync_token.get_secret_value()) != bool(self.sync_token_id.get_secret_value()):
            raise wrong(
                "The sync token and its id belong together, and one of them is missing.",
                "Set both _SYNC_TOKEN and _SYNC_TOKEN_ID, or neither.",
            )
        return self
