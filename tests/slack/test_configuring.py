"""Where a pool's updates come from, set through Slack by administrators."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from bot.cli.stage import Stage
from bot.lab.slack import Answer
from bot.lab.xapi.bundle import make_bundle
from bot.rollout.channel import UpdateSettings
from commands.shared_file import file_id
from storage.actors import Actor
from tests.slack.conftest import dialog

WORD = "hunter2-word"


def told(stage: Stage, text: str, as_: str = "erin") -> str:
    """The first private answer."""
    answer: Answer = stage.slack.say(text, as_=as_)
    shown = answer.wait(10)
    assert shown is not None
    return shown.plain


def audited(stage: Stage, action: str) -> bool:
    return any(action in entry.plain for entry in stage.slack.messages("xs-audit"))


def private(stage: Stage, saying: str, as_: str = "erin") -> bool:
    return any(saying in entry.plain for entry in stage.slack.ephemerals(as_))


def test_anybody_may_look_at_channel_schedule_and_hosts(small: Stage) -> None:
    shown = told(small, "/xs channel lab", as_="dave")
    for words in ("normal", "weekly, Friday", "XenServer 8 Normal", "has updates to install"):
        assert words in shown
    assert "weekly, Friday" in told(small, "/xs schedule", as_="dave")


@pytest.mark.parametrize("text", ["channel lab offline", "schedule lab off", "proxy lab remove", "bundle lab x"])
def test_others_are_refused(small: Stage, text: str) -> None:
    assert "You cannot change settings of pool lab" in told(small, f"/xs {text}", as_="alice")


def test_what_cannot_be_understood_is_answered_with_what_can(small: Stage) -> None:
    assert "early-access, normal, offline" in told(small, "/xs channel lab beta")
    assert "weekly tuesday" in told(small, "/xs schedule lab hourly")
    assert "no directory for update bundles" in told(small, "/xs bundle lab november.xsbundle")
    shown = told(small, f"/xs proxy lab set http://proxy joe {WORD}")
    assert "form" in shown
    assert WORD not in shown


def test_channel_and_schedule_are_changed_answered_and_audited(fresh: Stage) -> None:
    assert "has the channel early-access now" in told(fresh, "/xs channel lab early-access")
    fresh.slack.wait_for(lambda: audited(fresh, "pool.channel_set"), timeout=20)
    assert "weekly, Tuesday now" in told(fresh, "/xs schedule lab weekly tue")
    assert "is off now" in told(fresh, "/xs schedule lab off")


def test_the_proxys_password_is_seen_by_the_form_alone(fresh: Stage) -> None:
    slack = fresh.slack
    slack.say("/xs proxy lab set", as_="erin")
    form = dialog(slack, "erin", submit="Set proxy")
    form.fill("Address", "proxy.example.com")
    assert "no address of a proxy" in str(form.submit().errors)
    form.fill("Address", "http://proxy.example.com:3128")
    form.fill("User name", "joe")
    assert "belong together" in str(form.submit().errors)
    form.fill("Password", WORD)
    assert not form.submit().errors
    dialog(slack, "erin", saying="as joe, with a password")
    slack.wait_for(lambda: audited(fresh, "pool.proxy_set"), timeout=20)
    assert WORD not in json.dumps([body for method, body in slack.api.calls], default=str)
    assert WORD not in str([entry.plain for entry in slack.messages("xs-audit")])
    assert "without a proxy now" in told(fresh, "/xs proxy lab remove")


def test_a_bundle_shared_in_slack_reaches_the_pool(fresh: Stage) -> None:
    slack = fresh.slack
    assert "now" in told(fresh, "/xs channel lab offline")
    ids = [update.id for update in fresh.pool.run(lambda: fresh.pool.world.published)]
    shared = slack.share("november.xsbundle", make_bundle(ids), as_="erin")
    assert "Uploading november.xsbundle" in told(fresh, f"/xs bundle lab {slack.url}/files/{shared}/november.xsbundle")
    slack.wait_for(lambda: private(fresh, "has taken the bundle in"), timeout=30)
    assert private(fresh, "is taking it in now")
    slack.wait_for(lambda: audited(fresh, "pool.bundle_set"), timeout=20)


def test_uploads_that_last_keep_nobody_waiting(fresh: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    slack, go_on = fresh.slack, threading.Event()
    desk = fresh.service.rollouts
    settings = desk.update_settings("lab", Actor("slack", "U0ERIN", "erin"))

    def lasting(*_: object) -> UpdateSettings:
        go_on.wait(20)
        return settings

    monkeypatch.setattr(desk, "upload_bundle", lasting)
    shared = slack.share("november.xsbundle", b"x", as_="erin")
    try:
        for _ in range(8):
            assert "Uploading november.xsbundle" in told(fresh, f"/xs bundle lab {shared}")
        assert "weekly, Friday" in told(fresh, "/xs schedule", as_="dave")
    finally:
        go_on.set()
    slack.wait_for(lambda: private(fresh, "has taken the bundle in"), timeout=20)


def test_files_that_the_bot_cannot_see_stay_where_they_are(small: Stage) -> None:
    slack = small.slack
    hidden = slack.share("november.xsbundle", b"x", as_="erin", channel="random")
    assert "invited to" in told(small, f"/xs bundle lab {hidden}")
    seen = slack.share("november.xsbundle", b"x", as_="erin")
    slack.scopes.discard("files:read")
    try:
        assert "lacks the scope files:read" in told(small, f"/xs bundle lab {seen}")
    finally:
        slack.scopes.add("files:read")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("F0123ABCDE", "F0123ABCDE"),
        ("https://acme.slack.com/files/U0ERIN/F0123ABCDE/x.xsbundle", "F0123ABCDE"),
        ("<https://acme.slack.com/files/U0ERIN/F0123ABCDE/x.xsbundle>", "F0123ABCDE"),
        ("FEBRUARY.xsbundle", ""),
        ("november.xsbundle", ""),
        (str(Path("/etc/F0123ABCDE")), ""),
    ],
)
def test_what_counts_as_a_shared_file(given: str, found: str) -> None:
    assert file_id(given) == found


def test_pending_tasks_are_told_by_level_with_the_way_to_carry_them_out(fresh: Stage) -> None:
    assert "Nothing is pending on pool lab" in told(fresh, "/xs tasks lab", as_="dave")
    world = fresh.pool.world
    host, vm = fresh.pool.host("xs-02").ref, fresh.pool.vm("web-01").ref
    fresh.pool.run(lambda: world.db.set("host", host, pending_guidances_recommended=["reboot_host"]))
    fresh.pool.run(lambda: world.db.set("VM", vm, pending_guidances_full=["restart_vm"]))
    shown = fresh.slack.say("/xs tasks", as_="dave").wait(10)
    assert shown is not None
    for words in ("1 host and 1 VM", "xs-02: recommended reboot", "web-01: full restart VMs"):
        assert words in shown.plain
    assert shown.buttons == ["Plan rollout…"]
    fresh.slack.click("Plan rollout…", as_="alice", message=shown)
    form = dialog(fresh.slack, "alice", submit="Request approval")
    assert "nothing is installed" in form.text
    form.close()
    fresh.slack.say("/xs tasks lab reboot xs-02 xs-03", as_="alice")
    form = dialog(fresh.slack, "alice", submit="Request approval")
    assert "reboots xs-02, xs-03" in form.text
    form.pick("Guidance level", "Mandatory: only the tasks that cannot be left out")
    dialog(fresh.slack, "alice", saying="reboots xs-02, xs-03", submit="Request approval").submit()
    fresh.slack.wait_for(
        lambda: any("reboot hosts of pool lab in turn" in entry.text for entry in fresh.slack.messages("xs-updates")),
        timeout=20,
    )
    dialog(fresh.slack, "alice", saying="is requested")
