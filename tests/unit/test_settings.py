"""Settings: what an operator may write, and what they are told when it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rollout.spec import StoppedVms, VmWay
from bot.rollout.vm_policy import VmWish
from bot.rollouts.desk import usual_choices
from bot.settings import Roles, Settings, SettingsError, documented_settings, load_settings

BOT = "xoxb-test-bot"
APP = "xapp-test-app"
FINGERPRINT = ":".join(["AB"] * 32)
ENVIRON = {
    "SLACK_BOT_TOKEN": BOT,
    "SLACK_APP_TOKEN": APP,
    "XSBOT_POOL_LAB_PASSWORD": "hunter2-secret",
}
GOOD = """
installation = "bot-1"

[slack]
audit_channel = "#xs-audit"

[roles]
requester = ["*"]
approver = ["U0BOB", "U0CAROL"]

[approval]
required = 2
start_within_hours = 12

[pools.lab]
urls = ["https://10.0.0.1:8443/", "https://10.0.0.2:8443"]
insecure_ignore_tls = true
channel = "C0UPDATES"
mode = "act"
"""


class Bench:
    """Writes a configuration file and reads it back as the program does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, toml: str, environ: Mapping[str, str] = ENVIRON) -> Settings:
        path = self.folder / "xsbot.toml"
        path.write_text(toml, encoding="utf-8")
        return load_settings(path, environ)

    def refused(self, toml: str, environ: Mapping[str, str] = ENVIRON) -> SettingsError:
        with pytest.raises(SettingsError) as caught:
            self.load(toml, environ)
        error = caught.value
        assert error.sentence
        assert error.hint
        chain = [str(error), repr(error), repr(error.__cause__)]
        for secret in environ.values():
            assert not any(secret in text for text in chain), "an error must not repeat a secret"
        return error


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_good_file_and_environment_are_read(bench: Bench) -> None:
    settings = bench.load(GOOD)
    pool = settings.pool("lab")
    assert pool.urls == ("https://10.0.0.1:8443", "https://10.0.0.2:8443")
    assert pool.password.get_secret_value() == "hunter2-secret"
    assert settings.slack.bot_token.get_secret_value() == BOT
    assert settings.approval_for("lab").required == 2
    assert settings.roles_for("lab").approver == ("U0BOB", "U0CAROL")
    assert settings.installation == "bot-1"
    settings.require_slack()


def test_without_file_and_environment_the_defaults_stand() -> None:
    settings = load_settings(None, {})
    assert settings.database_url == "sqlite:///xsbot.sqlite"
    assert settings.installation
    assert settings.roles.viewer == ("*",)
    assert dict(settings.pools) == {}


def test_a_new_pool_only_notifies(bench: Bench) -> None:
    toml = '[pools.lab]\nurls = ["https://xs-01"]\ninsecure_ignore_tls = true\n'
    assert bench.load(toml).pool("lab").mode == "notify"


def test_a_plan_needs_no_slack_but_serving_does(bench: Bench) -> None:
    settings = bench.load(GOOD, {"XSBOT_POOL_LAB_PASSWORD": "x-password"})
    with pytest.raises(SettingsError, match="bot token is missing") as caught:
        settings.require_slack()
    assert "SLACK_BOT_TOKEN" in caught.value.hint


def test_the_database_of_the_environment_wins(bench: Bench) -> None:
    environ = {**ENVIRON, "DATABASE_URL": "sqlite:////var/lib/xsbot/xsbot.sqlite"}
    settings = bench.load('database_url = "sqlite:///other.sqlite"\n' + GOOD, environ)
    assert settings.database_url == environ["DATABASE_URL"]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_several_processes_share_a_database_on_postgresql(bench: Bench, scheme: str) -> None:
    settings = bench.load(GOOD, {**ENVIRON, "DATABASE_URL": f"{scheme}://user:hunter2@host/db"})
    assert settings.shares_database
    assert not bench.load(GOOD, ENVIRON).shares_database
    assert "hunter2@" not in repr(settings)


def test_secrets_do_not_show(bench: Bench) -> None:
    environ = {**ENVIRON, "XSBOT_POOL_LAB_SYNC_TOKEN": "sync-secret", "XSBOT_POOL_LAB_SYNC_TOKEN_ID": "sync-id-secret"}
    settings = bench.load(GOOD, environ)
    shown = repr(settings) + str(settings) + settings.model_dump_json()
    for secret in environ.values():
        assert secret not in shown


def test_secrets_may_come_from_files_beside_the_configuration(bench: Bench) -> None:
    (bench.folder / "password").write_text("from-a-file\n", encoding="utf-8")
    (bench.folder / "bot").write_text("xoxb-from-file\n", encoding="utf-8")
    toml = GOOD.replace("[slack]", '[slack]\nbot_token_file = "bot"') + 'password_file = "password"\n'
    settings = bench.load(toml, {})
    assert settings.pool("lab").password.get_secret_value() == "from-a-file"
    assert settings.slack.bot_token.get_secret_value() == "xoxb-from-file"
    assert bench.load(toml).pool("lab").password.get_secret_value() == "hunter2-secret", "the environment wins"


def test_a_pool_sets_apart_only_what_it_names(bench: Bench) -> None:
    toml = GOOD + '[pools.lab.approval]\nrequired = 1\n[pools.lab.roles]\nrequester = ["U0ALICE"]\n'
    settings = bench.load(toml)
    assert settings.approval_for("lab").required == 1
    assert settings.approval_for("lab").start_within_hours == 12
    assert settings.roles_for("lab").requester == ("U0ALICE",)
    assert settings.roles_for("lab").approver == ("U0BOB", "U0CAROL")


def test_what_the_pool_says_of_its_vms_is_what_is_usual_there(bench: Bench) -> None:
    vms = '[pools.lab.vms]\ncannot_move = "suspend"\ntags = ["the db=shutdown:20"]\nat_once = 2\n'
    settings = bench.load(GOOD + vms)
    usual = usual_choices(settings, "lab", datetime(2026, 11, 20, tzinfo=UTC))
    assert (usual.stopped_vms, usual.vms_at_once) == (StoppedVms.SUSPEND, 2)
    assert usual.tags == (VmWish("the db", VmWay.SHUTDOWN, 20),)


@pytest.mark.parametrize(
    ("day", "deadline"),
    [
        (datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 20, 1, 30, tzinfo=UTC)),
        (datetime(2026, 11, 20, 1, 30, tzinfo=UTC), datetime(2026, 11, 21, 1, 30, tzinfo=UTC)),
        # The clocks leave 02:30 out on that Sunday; a form must open on it all the same.
        (datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
    ],
)
def test_a_configured_deadline_is_read_in_the_zone_of_the_pool(bench: Bench, day: datetime, deadline: datetime) -> None:
    zone = '[pools.lab.maintenance]\ntime_zone = "Europe/Berlin"\n[pools.lab.rollout]\ndeadline = "02:30"\n'
    assert usual_choices(bench.load(GOOD + zone), "lab", day).deadline == deadline


def test_an_unknown_pool_names_the_nearest(bench: Bench) -> None:
    settings = bench.load(GOOD)
    with pytest.raises(SettingsError, match="Did you mean lab"):
        settings.pool("labb")
    with pytest.raises(SettingsError, match="The configured pools are: lab"):
        settings.pool("production")


@pytest.mark.parametrize("alias", ["Lab_1", "-lab", "lab-", '"ein pool"', "a" * 33])
def test_an_alias_must_be_typable(bench: Bench, alias: str) -> None:
    error = bench.refused(GOOD.replace("[pools.lab]", f"[pools.{alias}]"))
    assert alias.strip('"') in error.sentence
    assert "small letters" in error.hint


def test_fingerprints_are_read_as_tools_print_them(bench: Bench) -> None:
    toml = GOOD.replace("insecure_ignore_tls = true", f'fingerprints = {{ "uuid-1" = "{FINGERPRINT}" }}')
    assert bench.load(toml).pool("lab").fingerprints == {"uuid-1": "ab" * 32}


@pytest.mark.parametrize(
    ("change", "named", "remedy"),
    [
        (("insecure_ignore_tls = true\n", ""), "no way to verify", "exactly one of"),
        (("insecure_ignore_tls = true", 'insecure_ignore_tls = true\nfingerprints = {a = "x"}'), "fingerprint", "64"),
        (("insecure_ignore_tls = true", 'ca_file = "ca.pem"'), "ca_file names a file that is not there", "ca.pem"),
        (("https://10.0.0.1:8443/", "http://10.0.0.1"), "pools.lab.urls", "password travels"),
        (("https://10.0.0.1:8443/", "https://root:pw@10.0.0.1"), "must not contain a user or password", "environment"),
        (("https://10.0.0.1:8443/", "https://10.0.0.1/RPC2"), "only https://", "everything else"),
        (("[pools.lab]", "[pools.lab-2]"), "password of pool lab-2 is missing", "XSBOT_POOL_LAB_PASSWORD"),
        (('mode = "act"', 'mode = "acting"'), "pools.lab.mode", "docs/configuration.md"),
        (('channel = "C0UPDATES"', 'chanel = "C0UPDATES"'), "no setting called pools.lab.chanel", "<alias>.channel"),
        (('audit_channel = "#xs-audit"', 'audit_channel = "xs-audit"'), "slack.audit_channel", "#its-name"),
        (('approver = ["U0BOB", "U0CAROL"]', 'approver = ["bob"]'), "roles.approver", "member id"),
        (('approver = ["U0BOB", "U0CAROL"]', 'approver = ["*"]'), "roles.approver", "Name the people"),
        (("[slack]", f'[slack]\nbot_token = "{BOT}"'), "stands in the configuration file", "SLACK_BOT_TOKEN"),
        (("[slack]", '[slack]\nbot_token_file = "gone"\n'), "", ""),
        (("[slack]", '[slack]\nbase_url = "http://slack.example/api/"'), "slack.base_url", "127.0.0.1"),
        (("[slack]", '[slack]\nprogress = "xx"'), "slack.progress", "docs/configuration.md"),
        (("urls = [", "url = ["), "no setting called pools.lab.url", "Did you mean pools.<alias>.urls"),
        (("required = 2", "required = 0"), "approval.required", "docs/configuration.md"),
        (("required = 2", "required = many"), "no valid TOML", "quotes"),
        (('mode = "act"', 'mode = "act"\nvms = {tags = ["db=kill"]}'), "pools.lab.vms.tags", "shutdown"),
        (("installation", 'database_url = "mysql://u:pw@h/d"\ninstallation'), "PostgreSQL", "sqlite:///"),
        (('installation = "bot-1"', 'database_url = "postgresql://u:pw@h/d"'), "installation must be set", "each"),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(
    bench: Bench, change: tuple[str, str], named: str, remedy: str
) -> None:
    assert change[0] in GOOD
    toml = GOOD.replace(*change)
    if not named:  # The environment has the token, so a file that is not there is not even opened.
        bench.load(toml)
        return
    error = bench.refused(toml)
    assert named in str(error)
    assert remedy in error.hint


@pytest.mark.parametrize(
    ("environ", "named", "remedy"),
    [
        ({"SLACK_BOT_TOKEN": APP}, "slack.bot_token", "swapped"),
        ({"SLACK_APP_TOKEN": BOT}, "slack.app_token", "swapped"),
        ({"SLACK_BOT_TOKEN": "legacy-token"}, "does not start with xoxb-", "OAuth"),
        ({"SLACK_BOT_TOKEN": f'"{BOT}"'}, "SLACK_BOT_TOKEN has quotes", "remove them"),
        ({"SLACK_APP_TOKEN": f"{APP}\n"}, "SLACK_APP_TOKEN begins or ends with white space", "Remove"),
        ({"XSBOT_POOL_LAB_PASSWORD": ""}, "password of pool lab is missing", "XSBOT_POOL_LAB_PASSWORD"),
        ({"XSBOT_POOL_LAB_SYNC_TOKEN": "only-half"}, "belong together", "_SYNC_TOKEN_ID"),
        ({"DATABASE_URL": "mysql://user:word@host/db"}, "PostgreSQL", "sqlite:///"),
    ],
)
def test_a_wrong_environment_is_named_with_its_remedy(
    bench: Bench, environ: dict[str, str], named: str, remedy: str
) -> None:
    error = bench.refused(GOOD, {key: value for key, value in {**ENVIRON, **environ}.items() if value})
    assert named in str(error)
    assert remedy in error.hint


@pytest.mark.parametrize(
    ("requester", "approver", "required", "possible"),
    [
        (["*"], ["U0BOB"], 1, True),
        (["U0BOB"], ["U0BOB"], 1, False),
        (["U0BOB", "U0ALICE"], ["U0BOB"], 1, True),
        (["U0BOB", "U0CAROL"], ["U0BOB", "U0CAROL"], 2, False),
        (["*"], ["U0BOB", "U0BOB"], 2, False),
        (["*"], ["S0GROUP"], 5, True),
        (["*"], [], 1, False),
        ([], ["U0BOB"], 1, False),
    ],
)
def test_rules_nobody_can_meet_are_refused(
    bench: Bench, requester: list[str], approver: list[str], required: int, possible: bool
) -> None:
    toml = (
        GOOD.replace('requester = ["*"]', f"requester = {requester}")
        .replace('approver = ["U0BOB", "U0CAROL"]', f"approver = {approver}")
        .replace("required = 2", f"required = {required}")
    )
    if possible:
        bench.load(toml)
        return
    assert "lab" in str(bench.refused(toml))
    bench.load(toml.replace('mode = "act"', 'mode = "notify"'))


POLICY = """
[policies.production]
pools = ["la?"]
approver = ["U0DAVE", "U0ERIN", "C0CHANGES"]
required = 2
required_mandatory = 1
required_full = 3
ticket = "CHG-[0-9]{4,}"
"""


def test_a_policy_stands_between_the_general_rules_and_those_of_a_pool(bench: Bench) -> None:
    settings = bench.load(GOOD + POLICY + "[pools.lab.approval]\nrequired_full = 4\n")
    rules = settings.approval_for("lab")
    assert (rules.required, rules.required_mandatory, rules.required_full) == (2, 1, 4)
    assert (rules.ticket, rules.start_within_hours) == ("CHG-[0-9]{4,}", 12)
    assert settings.roles_for("lab").approver == ("U0DAVE", "U0ERIN", "C0CHANGES")
    assert settings.approval.ticket == ""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('approver = ["U0DAVE", "U0ERIN", "C0CHANGES"]', 'approver = ["U0DAVE", "U0ERIN"]', "needs 3 approval(s)"),
        ("required = 2\nrequired_mandatory = 1", "required = 2\nrequired_mandatory = 3", "for the least"),
        ('pools = ["la?"]', 'pools = ["prod-*"]', "is for no pool"),
        ('ticket = "CHG-[0-9]{4,}"', 'ticket = "CHG-["', "no regular expression"),
        ('ticket = "CHG-[0-9]{4,}"', 'ticket = "(CHG)?"', "fits any reason"),
        ('approver = ["U0DAVE"', 'approver = ["*", "U0DAVE"', "is not allowed here"),
        ("ticket =", '[policies.other]\npools = ["*"]\nticket =', "several policies"),
    ],
)
def test_a_policy_that_can_never_be_met_is_refused(bench: Bench, old: str, new: str, said: str) -> None:
    assert old in POLICY
    assert said in str(bench.refused(GOOD + POLICY.replace(old, new)))


@pytest.mark.parametrize(
    ("holders", "required", "possible"),
    [(["U0BOB"], 1, False), (["U0BOB", "U0CAROL"], 1, True), (["U0BOB", "U0CAROL"], 2, False), (["S0ONCALL"], 3, True)],
)
def test_an_emergency_that_nobody_could_approve_is_refused(
    bench: Bench, holders: list[str], required: int, possible: bool
) -> None:
    toml = GOOD.replace('requester = ["*"]', f'requester = ["*"]\nemergency = {holders}')
    toml = toml.replace("required = 2", f"required = 2\nrequired_emergency = {required}")
    if possible:
        bench.load(toml)
    else:
        assert "emergency rollout of pool lab" in str(bench.refused(toml))


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="xsbot init"):
        load_settings(tmp_path / "none.toml", {})


def test_settings_cannot_be_changed(bench: Bench) -> None:
    settings = bench.load(GOOD)
    with pytest.raises(ValueError, match="frozen"):
        settings.roles.admin = ("U0EVE",)  # type: ignore[misc]


def test_every_setting_is_documented() -> None:
    entries = documented_settings()
    assert len({entry.name for entry in entries}) == len(entries)
    assert not [entry.name for entry in entries if len(entry.meaning) < 15]


@given(st.text(max_size=20))
def test_no_text_but_an_id_is_a_person(text: str) -> None:
    try:
        roles = Roles(approver=(text,))
    except ValueError:
        return
    assert roles.approver[0][0] in "UWSC"
    assert roles.approver[0].isalnum()
