"""`xsbot doctor`: everything that can be wrong with an installation, each with its remedy."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.cli import slack_health
from bot.lab.pool import LabPool
from bot.lab.slack import LabSlack
from bot.lab.time import ScaledTime
from bot.settings import Settings
from bot.time import RealTime
from tests.cli.configuration import configure, configured, secrets
from tests.cli.conftest import FAST
from tests.cli.machine import Said, xsbot


def doctor(path: Path, environ: dict[str, str], *options: str) -> Said:
    assert xsbot("--config", path, "db", "upgrade", environ=environ).code == 0
    return xsbot("--config", path, "doctor", *options, environ=environ)


def failures(said: Said) -> list[str]:
    return [line for line in said.out.splitlines() if line.startswith("FAIL")]


def test_all_is_well(tmp_path: Path, small: LabPool, slack: LabSlack) -> None:
    seen = doctor(configured(tmp_path, small, slack), secrets(small.password, slack))
    assert seen.code == 0, seen.out
    assert failures(seen) == []
    assert seen.out.splitlines()[-1] == "Everything is well."
    for said in (
        "Slack bot token: workspace",
        "Slack scopes: all there",
        "Socket Mode opens",
        "Slack says hello",
        "clock: agrees with Slack's",
        "channel C0AUDIT (the audit): exists",
        "user group S0APPROVERS: 2 people",
        "3 hosts",
        "certificate of xs-01: matches its pin",
        "certificate of xs-03: matches its pin",
        "role: may do all that is needed",
        "update channel",
    ):
        assert said in seen.out
    assert small.password not in seen.out
    assert slack.bot_token not in seen.out
    assert small.effects == []


def test_the_local_superuser_may_do_everything(tmp_path: Path, small: LabPool) -> None:
    seen = doctor(configured(tmp_path, small, username="root"), secrets(small.password), "--no-slack")
    assert seen.code == 0, seen.out
    assert "may do all that is needed" in seen.out
    assert "Slack" not in seen.out


def test_a_missing_database_names_the_remedy(tmp_path: Path, small: LabPool) -> None:
    path = configured(tmp_path, small)
    seen = xsbot("--config", path, "doctor", "--no-slack", environ=secrets(small.password))
    assert seen.code == 1
    assert len(failures(seen)) == 1
    assert "xsbot db upgrade" in seen.out


def test_a_wrong_fingerprint_shows_the_one_to_compare(tmp_path: Path, small: LabPool) -> None:
    pins = {host.uuid: "ab" * 32 for host in small.hosts}
    path = configure(tmp_path, urls=[host.url for host in small.hosts], fingerprints=pins)
    before = len(small.calls)
    seen = doctor(path, secrets(small.password), "--no-slack")
    assert seen.code == 1
    assert len(failures(seen)) == 1
    for host in small.hosts:
        assert host.fingerprint in seen.out
    assert len(small.calls) == before, "nothing may be said to a host that is not trusted"


def test_one_wrong_fingerprint_of_three_is_found(tmp_path: Path, small: LabPool) -> None:
    pins = {host.uuid: host.fingerprint for host in small.hosts}
    pins[small.host("xs-02").uuid] = "cd" * 32
    path = configure(tmp_path, urls=[small.coordinator_url], fingerprints=pins)
    seen = doctor(path, secrets(small.password), "--no-slack")
    assert seen.code == 1
    assert len(failures(seen)) == 1
    assert "certificate of xs-02" in failures(seen)[0]
    assert f'fingerprints."{small.host("xs-02").uuid}" = "{small.host("xs-02").fingerprint}"' in seen.out


def test_a_wrong_password_is_not_repeated(tmp_path: Path, small: LabPool) -> None:
    seen = doctor(configured(tmp_path, small), secrets("w0rng-passw0rd"), "--no-slack")
    assert seen.code == 1
    assert len(failures(seen)) == 1
    assert "login" in failures(seen)[0]
    assert "w0rng-passw0rd" not in seen.out + seen.err


def test_an_account_that_may_only_look_is_told_what_it_lacks(tmp_path: Path, small: LabPool) -> None:
    seen = doctor(configured(tmp_path, small, username="viewer"), secrets(small.password), "--no-slack")
    assert seen.code == 1
    assert len(failures(seen)) == 1
    assert "host.reboot" in failures(seen)[0]
    assert "http/get_updates" in failures(seen)[0]
    assert "Give the account the role pool-operator." in seen.out


def test_swapped_tokens_are_recognised(tmp_path: Path, small: LabPool, slack: LabSlack) -> None:
    swapped = {
        **secrets(small.password),
        "SLACK_BOT_TOKEN": slack.app_token,
        "SLACK_APP_TOKEN": slack.bot_token,
    }
    seen = xsbot("--config", configured(tmp_path, small, slack), "doctor", environ=swapped)
    assert seen.code != 0
    said = seen.out + seen.err
    assert "slack.bot_token" in said
    assert "they look swapped" in said
    assert slack.app_token not in said
    assert slack.bot_token not in said


def test_a_revoked_token_says_so(tmp_path: Path, small: LabPool, slack: LabSlack) -> None:
    environ = {**secrets(small.password, slack), "SLACK_BOT_TOKEN": "xoxb-lab-revoked"}
    seen = doctor(configured(tmp_path, small, slack), environ)
    assert seen.code == 1
    assert failures(seen) == ["FAIL  Slack bot token: Slack says invalid_auth."]
    assert "Copy the token again" in seen.out


@pytest.mark.parametrize("scope", ["usergroups:read", "chat:write", "commands"])
def test_a_missing_scope_is_named(tmp_path: Path, small: LabPool, slack: LabSlack, scope: str) -> None:
    slack.scopes.discard(scope)
    seen = doctor(configured(tmp_path, small, slack), secrets(small.password, slack))
    assert seen.code == 1
    assert failures(seen) == [f"FAIL  Slack scopes: missing: {scope}"]
    assert "OAuth & Permissions" in seen.out


def changed(path: Path, old: str, new: str) -> Path:
    """The configuration with one thing written differently."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_a_channel_that_is_not_there_is_named(tmp_path: Path, small: LabPool, slack: LabSlack) -> None:
    path = changed(configured(tmp_path, small, slack), "C0UPDATES", "C0NOWHERE")
    changed(path, "[pools.lab]", '[digests.weekly]\nchannel = "C0NOBODY"\n\n[pools.lab]')
    seen = doctor(path, secrets(small.password, slack))
    assert failures(seen) == [
        "FAIL  channel C0NOWHERE (pool lab): Slack says channel_not_found.",
        "FAIL  channel C0NOBODY (digest weekly): Slack says channel_not_found.",
    ]
    assert "/invite @xsbot" in seen.out
    assert slack.messages("xs-audit") == [], "it looks, and says nothing to anybody"


def test_a_channel_without_the_bot_is_found_by_posting(tmp_path: Path, small: LabPool, slack: LabSlack) -> None:
    path = changed(configured(tmp_path, small, slack), "C0UPDATES", "#random")
    assert failures(doctor(path, secrets(small.password, slack))) == []
    seen = doctor(path, secrets(small.password, slack), "--post")
    assert failures(seen) == ["FAIL  channel #random (pool lab): Slack says not_in_channel."]
    assert "Type `/invite @xsbot` in that channel." in seen.out
    assert [entry.text for entry in slack.messages("xs-audit")] == ["xsbot doctor: this channel can be posted to."]


def test_a_free_plan_has_no_user_groups(tmp_path: Path, small: LabPool, slack: LabSlack) -> None:
    slack.fault("plan_upgrade_required", times=3)
    seen = doctor(configured(tmp_path, small, slack), secrets(small.password, slack))
    assert [line.split(":")[0] for line in failures(seen)] == [
        f"FAIL  user group {group}" for group in ("S0REQUESTERS", "S0APPROVERS", "S0ADMINS")
    ]
    assert "Name user ids in [roles] instead." in seen.out


def test_groups_and_people_that_are_not_there_are_named(tmp_path: Path, small: LabPool, slack: LabSlack) -> None:
    path = changed(configured(tmp_path, small, slack), 'admin = ["S0ADMINS"]', 'admin = ["S0NONE", "U0NOBODY"]')
    seen = doctor(path, secrets(small.password, slack))
    assert [line.split(":")[0] for line in failures(seen)] == ["FAIL  user group S0NONE", "FAIL  person U0NOBODY"]
    assert "Correct the member id in [roles]." in seen.out


def test_whoever_holds_a_role_in_any_way_is_looked_up(tmp_path: Path, small: LabPool, slack: LabSlack) -> None:
    """Members of a channel, the approvers of a policy, and those who may declare an emergency."""
    more = 'admin = ["S0ADMINS"]\nemergency = ["U0NOBODY", "U0ERIN"]\n\n[policies.all]\npools = ["*"]\n'
    path = changed(
        configured(tmp_path, small, slack), 'admin = ["S0ADMINS"]', more + 'approver = ["C0UPDATES", "C0NONE"]'
    )
    seen = doctor(path, secrets(small.password, slack))
    assert [line.split(":")[0] for line in failures(seen)] == [
        "FAIL  members of channel C0NONE",
        "FAIL  person U0NOBODY",
    ]
    assert "members of channel C0UPDATES: " in seen.out
    assert "person U0ERIN: erin" in seen.out


def test_a_clock_that_is_off_is_told(
    tmp_path: Path, small: LabPool, slack: LabSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(RealTime):
        def now(self) -> datetime:
            return super().now() - timedelta(minutes=4)

    monkeypatch.setattr(slack_health, "RealTime", Slow)
    seen = doctor(configured(tmp_path, small, slack), secrets(small.password, slack))
    assert len(failures(seen)) == 1
    assert re.search(r"FAIL  clock: is 2[34]\d s behind Slack's", seen.out)
    assert "NTP" in seen.out


def test_a_socket_that_is_never_greeted_is_told(
    tmp_path: Path, small: LabPool, slack: LabSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_health, "_HELLO_S", 0.5)
    slack.fault("no_hello")
    seen = doctor(configured(tmp_path, small, slack), secrets(small.password, slack))
    assert len(failures(seen)) == 1
    assert "Slack socket: opens, but Slack's hello was not seen" in failures(seen)[0]
    assert "wss://wss-primary.slack.com" in seen.out


@pytest.mark.parametrize(
    ("environ", "well", "told"),
    [
        ({}, True, "none in the environment"),
        ({"HTTPS_PROXY": "http://bot:s3cret@proxy.example:3128"}, True, "HTTPS_PROXY=http://proxy.example:3128"),
        ({"https_proxy": "proxy.example:3128"}, False, "is no address"),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "slack.com"}, False, "does not look at NO_PROXY"),
    ],
)
def test_traps_of_proxies(environ: dict[str, str], well: bool, told: str) -> None:
    settings = Settings.model_validate(
        {"slack": {"bot_token": "xoxb-1", "app_token": "xapp-1", "audit_channel": "C0AUDIT"}}
    )
    seen = next(iter(slack_health.slack_health(settings, environ)))
    assert (seen.what, seen.well) == ("proxy", well)
    assert told in seen.seen
    assert "s3cret" not in seen.seen + seen.remedy


def test_a_pool_that_does_not_answer_is_named(tmp_path: Path, slack: LabSlack) -> None:
    pool = LabPool.start(scenario="small", time=ScaledTime(FAST), number=3)
    path, environ = configured(tmp_path, pool, slack), secrets(pool.password, slack)
    pool.stop()
    seen = doctor(path, environ)
    assert seen.code == 1
    assert "pool lab" in failures(seen)[0]
    assert all("pool lab" in line for line in failures(seen))
    assert "Slack scopes: all there" in seen.out
