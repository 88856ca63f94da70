"""Channel, proxy, schedule and bundles: what admins set on a pool, audited, and never during a rollout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import pytest

from bot.lab.xapi.bundle import make_bundle
from bot.messages.configuring import proxy_form, update_settings
from bot.rollout.channel import Channel, Frequency, Schedule, UpdateSettings, without_credentials
from bot.rollout.errors import NotAllowed, RolloutError
from bot.rollout.lifecycle import State
from bot.rollout.model import CLAIM_KEY
from bot.rollout.reason import Reason
from bot.rollouts.roles import LacksRole
from bot.xen.errors import PoolClaimed, XenError
from storage import leases
from storage.errors import Conflict, PoolBusy
from tests.rollout.rehearsal import Rehearsal, actor, rehearse, small

ERIN = actor("erin")


def settings_of(lab: Rehearsal) -> UpdateSettings:
    return lab.desk.update_settings("lab", ERIN)


def audited(lab: Rehearsal) -> list[str]:
    return [row.action for row in lab.audited()]


def test_a_channel_is_switched_the_old_one_disabled_first() -> None:
    with rehearse(small()) as lab:
        assert settings_of(lab).channel_name == "normal"
        now = lab.desk.set_channel("lab", Channel.EARLY_ACCESS, ERIN)
        assert (now.channel_name, now.last_sync, now.enabled[0].hash) == ("early-access", None, "")
        assert now.enabled[0].url == "https://repo.ops.xenserver.com/xs8/earlyaccess"
        order = lab.calls("pool.remove_repository", "pool.add_repository")
        assert order == ["pool.remove_repository", "pool.add_repository"]
        assert audited(lab) == ["pool.channel", "pool.channel_set"]
        assert "(before: normal)" in lab.audited()[-1].sentence
        lab.desk.sync("lab", ERIN)
        assert settings_of(lab).enabled[0].hash


def test_back_to_a_channel_that_the_pool_knows_introduces_nothing() -> None:
    with rehearse(small()) as lab:
        lab.desk.set_channel("lab", Channel.EARLY_ACCESS, ERIN)
        introduced = len(lab.calls("Repository.introduce"))
        assert lab.desk.set_channel("lab", Channel.NORMAL, ERIN).channel_name == "normal"
        assert lab.desk.set_channel("lab", Channel.NORMAL, ERIN).channel_name == "normal"
        assert len(lab.calls("Repository.introduce")) == introduced == 1


def test_to_the_offline_channel_and_back_the_base_repository_follows() -> None:
    with rehearse(small()) as lab:
        now = lab.desk.set_channel("lab", Channel.OFFLINE, ERIN)
        assert [entry.name for entry in now.repositories if entry.enabled] == ["offline_repo"]
        assert not now.schedule_on
        assert "No bundle was uploaded yet" in str(update_settings("lab", now).blocks)
        now = lab.desk.set_channel("lab", Channel.NORMAL, ERIN)
        assert {entry.name for entry in now.repositories if entry.enabled} == {"XenServer 8 Base", "XenServer 8 Normal"}


def test_a_bundle_is_uploaded_with_its_progress(tmp_path: Path) -> None:
    with rehearse(small()) as lab:
        bundle = tmp_path / "november.xsbundle"
        bundle.write_bytes(make_bundle([update.id for update in lab.pool.world.published]))
        with pytest.raises(RolloutError, match="only on the offline channel"):
            lab.desk.upload_bundle("lab", bundle, bundle.name, ERIN)
        lab.desk.set_channel("lab", Channel.OFFLINE, ERIN)
        heard: list[float] = []
        now = lab.desk.upload_bundle("lab", bundle, bundle.name, ERIN, heard.append)
        assert heard[-1] == 1.0
        assert now.enabled[0].hash
        assert now.last_sync is not None
        assert [host.current for host in now.hosts] == [False, False]
        assert audited(lab)[-1] == "pool.bundle_set"
        assert lab.carry_out() is State.SUCCEEDED
        assert (lab.verdict.hosts_behind, lab.verdict.ha_restored) == ([], True)


def test_a_bundle_that_xapi_refuses_is_told_with_its_reason(tmp_path: Path) -> None:
    with rehearse(small()) as lab:
        lab.desk.set_channel("lab", Channel.OFFLINE, ERIN)
        bundle = tmp_path / "broken.xsbundle"
        bundle.write_bytes(b"not a tar")
        with pytest.raises(XenError, match="could not be unpacked"):
            lab.desk.upload_bundle("lab", bundle, bundle.name, ERIN)
        assert audited(lab)[-1] == "pool.bundle_failed"
        bundle.write_bytes(b"")
        with pytest.raises(RolloutError, match="0 bytes"):
            lab.desk.upload_bundle("lab", bundle, bundle.name, ERIN)


def test_the_schedule_is_set_and_switched_off() -> None:
    with rehearse(small()) as lab:
        now = lab.desk.set_schedule("lab", Schedule(Frequency.WEEKLY, 2), ERIN)
        assert (now.schedule, now.schedule_on) == (Schedule(Frequency.WEEKLY, 2), True)
        now = lab.desk.set_schedule("lab", Schedule(Frequency.DAILY), ERIN)
        assert str(now.schedule) == "daily"
        now = lab.desk.set_schedule("lab", None, ERIN)
        assert (str(now.schedule), now.schedule_on) == ("daily", False)
        assert "(before: daily)" in lab.audited()[-1].sentence


def test_the_proxys_password_is_kept_nowhere() -> None:
    with rehearse(small()) as lab:
        now = lab.desk.set_proxy("lab", "http://proxy.example.com:3128", "joe", "hunter2-word", ERIN)
        assert (now.proxy_url, now.proxy_username) == ("http://proxy.example.com:3128", "joe")
        shown = str(proxy_form("lab", now)) + str(update_settings("lab", now))
        assert "joe" in shown
        assert "hunter2-word" not in shown + lab.stored() + str(lab.pool.calls)
        assert lab.desk.remove_proxy("lab", ERIN).proxy_url == ""
        assert audited(lab) == ["pool.proxy", "pool.proxy_set"] * 2


def test_half_of_the_credentials_is_refused_before_xapi_is_asked() -> None:
    with rehearse(small()) as lab:
        for url, user, word in (("http://proxy", "joe", ""), ("http://a:b@proxy", "", ""), ("proxy:3128", "", "")):
            with pytest.raises(RolloutError) as caught:
                lab.desk.set_proxy("lab", url, user, word, ERIN)
            assert "a:b" not in str(caught.value)
        assert audited(lab) == []
        lab.assert_untouched()


Change = Callable[[Rehearsal, Path], object]
CHANGES: list[Change] = [
    lambda lab, path: lab.desk.set_channel("lab", Channel.EARLY_ACCESS, ERIN),
    lambda lab, path: lab.desk.set_proxy("lab", "http://proxy", "", "", ERIN),
    lambda lab, path: lab.desk.remove_proxy("lab", ERIN),
    lambda lab, path: lab.desk.set_schedule("lab", None, ERIN),
    lambda lab, path: lab.desk.upload_bundle("lab", path, path.name, ERIN),
]


def test_nothing_is_configured_while_a_rollout_holds_the_pool(tmp_path: Path) -> None:
    bundle = tmp_path / "b"
    bundle.write_bytes(b"x")
    with rehearse(small()) as lab:
        lab.ask()
        for change in CHANGES:
            with pytest.raises(RolloutError, match="Rollout 1 holds pool lab"):
                change(lab, bundle)
        lab.assert_untouched()


def test_nothing_is_configured_while_another_installation_holds_the_pool(tmp_path: Path) -> None:
    bundle = tmp_path / "b"
    bundle.write_bytes(b"x")
    with rehearse(small()) as lab:
        pool = lab.pool.run(lambda: lab.pool.world.pool)
        lab.somebody("pool.add_to_other_config", pool, CLAIM_KEY, "other/7")
        for change in CHANGES:
            with pytest.raises(RolloutError, match="other/7"):
                change(lab, bundle)
        assert audited(lab) == []


def test_only_admins_of_a_pool_that_may_be_changed(tmp_path: Path) -> None:
    bundle = tmp_path / "b"
    bundle.write_bytes(b"x")
    with rehearse(small()) as lab:
        with pytest.raises(LacksRole):
            lab.desk.set_channel("lab", Channel.NORMAL, actor("mallory"))
        lab.assert_untouched()
    with rehearse(small(), mode="notify") as lab:
        for change in CHANGES:
            with pytest.raises(NotAllowed, match="notify mode"):
                change(lab, bundle)
        lab.assert_untouched()


def test_a_change_that_xapi_refuses_is_audited_as_failed() -> None:
    with rehearse(small()) as lab:
        lab.desk.set_channel("lab", Channel.OFFLINE, ERIN)
        with pytest.raises(XenError):
            lab.desk.set_schedule("lab", Schedule(Frequency.DAILY), ERIN)
        assert audited(lab)[-2:] == ["pool.schedule", "pool.schedule_failed"]


def test_bundles_come_from_the_configured_directory_alone(tmp_path: Path) -> None:
    directory = tmp_path / "bundles"
    directory.mkdir()
    (directory / "good.xsbundle").write_bytes(b"x")
    (tmp_path / "secret").write_bytes(b"x")
    (directory / "link").symlink_to(tmp_path / "secret")
    with rehearse(small()) as lab:
        with pytest.raises(RolloutError, match="no directory"):
            lab.desk.bundle_in_directory("good.xsbundle")
        lab.desk.settings = lab.settings.model_copy(update={"bundle_directory": directory})
        assert lab.desk.bundle_in_directory("good.xsbundle") == directory / "good.xsbundle"
        for name in ("../secret", "link", "..", ".", "", "/etc/passwd", str(directory / "good.xsbundle"), "x" * 256):
            with pytest.raises(RolloutError):
                lab.desk.bundle_in_directory(name)
        with pytest.raises(RolloutError, match=r"good\.xsbundle"):
            lab.desk.bundle_in_directory("bad.xsbundle")


def test_what_happens_to_the_answers_is_not_the_pools_fault(tmp_path: Path) -> None:
    def hiccup(share: float) -> None:
        raise URLError(f"Slack is away at {share}")

    with rehearse(small()) as lab:
        lab.desk.set_channel("lab", Channel.OFFLINE, ERIN)
        bundle = tmp_path / "november.xsbundle"
        bundle.write_bytes(make_bundle([update.id for update in lab.pool.world.published]))
        with pytest.raises(URLError, match="Slack is away"):
            lab.desk.upload_bundle("lab", bundle, bundle.name, ERIN, hiccup)
        assert audited(lab)[-2:] == ["pool.bundle", "pool.bundle_failed"]
        assert lab.calls("task.create", "task.destroy") == ["task.create", "task.destroy"]


def test_who_claims_the_pool_at_the_last_moment_keeps_it() -> None:
    with rehearse(small()) as lab:
        pool, say = lab.pool.run(lambda: lab.pool.world.pool), lab.desk.say

        def claimed_meanwhile(reason: Reason) -> str:
            if reason.code == "channel.asked":
                lab.somebody("pool.add_to_other_config", pool, CLAIM_KEY, "other/7")
            return say(reason)

        lab.desk.say = claimed_meanwhile
        with pytest.raises(PoolClaimed, match="other/7"):
            lab.desk.set_channel("lab", Channel.EARLY_ACCESS, ERIN)
        assert lab.calls("pool.remove_repository", "Repository.introduce") == []
        assert audited(lab) == ["pool.channel", "pool.channel_failed"]


@pytest.mark.parametrize("what", ["channel", "schedule", "sync"])
def test_no_rollout_is_asked_for_while_something_is_set(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with rehearse(small()) as lab:
        refused: list[str] = []

        def meanwhile(owner: str) -> None:
            with pytest.raises(PoolBusy) as busy:
                lab.ask()
            with pytest.raises(PoolBusy):
                lab.desk.set_schedule("lab", None, actor("frank"))
            refused.append(f"{busy.value.sentence} {busy.value.hint}")

        monkeypatch.setattr(lab.desk.gateways["lab"], "check_claim", meanwhile)
        deeds: dict[str, Callable[[], object]] = {
            "channel": lambda: lab.desk.set_channel("lab", Channel.EARLY_ACCESS, ERIN),
            "schedule": lambda: lab.desk.set_schedule("lab", None, ERIN),
            "sync": lambda: lab.desk.sync("lab", ERIN),
        }
        deeds[what]()
        assert len(refused) == 1
        assert f"erin is setting something on pool lab at this moment: {what}." in refused[0]
        monkeypatch.undo()
        lab.desk.sync("lab", ERIN)
        assert lab.ask().state is State.AWAITING_APPROVAL


@pytest.mark.failure("setting-cut-off")
def test_who_dies_while_something_is_set_keeps_others_away_for_five_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    with rehearse(small()) as lab:
        # A process that is killed ends nothing.
        monkeypatch.setattr(leases, "end", lambda tx, pool, holder: None)
        lab.desk.set_schedule("lab", None, ERIN)
        lab.new_process()
        with pytest.raises(PoolBusy, match="erin is setting something"):
            lab.ask()
        lab.wait(minutes=5.1)
        assert lab.ask().state is State.AWAITING_APPROVAL


def test_who_was_frozen_until_the_pool_was_free_for_others_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with rehearse(small()) as lab:

        def frozen(owner: str) -> None:
            lab.wait(minutes=6)
            lab.ask()

        monkeypatch.setattr(lab.desk.gateways["lab"], "check_claim", frozen)
        with pytest.raises(Conflict, match="took so long"):
            lab.desk.set_channel("lab", Channel.EARLY_ACCESS, ERIN)
        assert lab.calls("pool.remove_repository", "Repository.introduce") == []
        assert audited(lab)[-1] == "pool.channel_failed"
        assert lab.state is State.AWAITING_APPROVAL


def test_an_upload_holds_the_pool_for_as_long_as_it_takes(tmp_path: Path) -> None:
    with rehearse(small()) as lab:
        lab.desk.set_channel("lab", Channel.OFFLINE, ERIN)
        bundle = tmp_path / "november.xsbundle"
        bundle.write_bytes(make_bundle([update.id for update in lab.pool.world.published]))

        def slowly(share: float) -> None:
            lab.wait(minutes=4)
            with pytest.raises(PoolBusy, match="erin is setting something on pool lab at this moment: bundle"):
                lab.desk.set_schedule("lab", None, actor("frank"))

        lab.desk.upload_bundle("lab", bundle, bundle.name, ERIN, slowly)
        assert lab.ask().state is State.AWAITING_APPROVAL


def test_nothing_is_synced_while_another_installation_holds_the_pool() -> None:
    with rehearse(small()) as lab:
        pool = lab.pool.run(lambda: lab.pool.world.pool)
        lab.somebody("pool.add_to_other_config", pool, CLAIM_KEY, "other/7")
        with pytest.raises(PoolClaimed, match="other/7"):
            lab.desk.sync("lab", ERIN)
        assert lab.calls("pool.sync_updates", "Async.pool.sync_updates") == []
        assert audited(lab) == ["pool.sync", "pool.sync_failed"]


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("http://proxy.example.com:3128", "http://proxy.example.com:3128"),
        ("http://user:word@proxy:3128/x", "http://proxy:3128/x"),
        ("http://user:pa/ss@proxy:3128", "http://proxy:3128"),
        ("http://user:p@ss@proxy:3128", "http://proxy:3128"),
        ("user:word@proxy", "proxy"),
    ],
)
def test_no_part_of_a_password_is_left_in_an_address(stored: str, shown: str) -> None:
    assert without_credentials(stored) == shown
