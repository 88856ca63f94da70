"""What is done at which level: restarts in the right order, VMs restarted once, live patches and their failures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.rollout.guidance import Level
from bot.rollout.lifecycle import State
from bot.rollout.spec import OnLivepatchFailure, Preset

from .rehearsal import rehearse, scene, small

LIVEPATCH = scene("livepatch")
SPLIT = scene("split-guidance", hosts=("xs-01", "xs-02", "xs-03"), vms=("web-01", "web-02", "web-03"))


def test_at_the_mandatory_level_every_toolstack_restarts_coordinator_first_and_ha_returns() -> None:
    with rehearse(SPLIT) as rollout:
        rollout.ask(level=Level.MANDATORY).approve().drive()
        rollout.assert_done()
        assert [effect.host for effect in rollout.effects("toolstack_restarted")] == ["xs-01", "xs-02", "xs-03"]
        assert rollout.effects("host_rebooted") == []


@pytest.mark.parametrize("level", [Level.MANDATORY, Level.RECOMMENDED])
def test_the_coordinator_is_updated_and_restarted_before_any_member_restarts(level: Level) -> None:
    # Taken by name, the coordinator would be last.
    pool = scene("split-guidance")
    with rehearse(replace(pool, hosts=tuple(reversed(pool.hosts)))) as rollout:
        rollout.ask(level=level).approve().drive()
        rollout.assert_done()
        effects = [(effect.kind, effect.host) for effect in rollout.pool.effects]
        restarts = [entry for entry in effects if entry[0] in ("host_rebooted", "toolstack_restarted")]
        first = next(index for index, (_, host) in enumerate(restarts) if host == "xs-01")
        assert "xs-02" in {host for _, host in restarts[:first]}
        assert effects.index(("apply_done", "xs-02")) < effects.index(restarts[0])
        assert effects.index(("apply_done", "xs-02")) < effects.index(("apply_started", "xs-01"))


def test_toolstacks_restart_for_a_new_version_even_where_the_update_does_not_ask_for_it() -> None:
    # The packages change the version, and at the mandatory level nothing at all is asked for.
    silent = tuple(replace(update, guidance={**update.guidance, "mandatory": ()}) for update in SPLIT.updates)
    with rehearse(replace(SPLIT, updates=silent)) as rollout:
        rollout.ask(level=Level.MANDATORY)
        assert all({task.value for task in host.tasks} == {"RestartToolstack"} for host in rollout.standing.spec.hosts)
        assert "forecast.versions_change" in {line.code for line in rollout.standing.forecast.headlines}
        rollout.approve().drive()
        rollout.assert_done()
        assert [effect.host for effect in rollout.effects("toolstack_restarted")] == ["xs-01", "xs-02", "xs-03"]


def test_at_the_full_level_every_running_vm_restarts_exactly_once() -> None:
    with rehearse(scene("split-guidance")) as rollout:
        rollout.ask(level=Level.FULL).approve().drive()
        rollout.assert_done()
        restarts: dict[str, int] = {}
        for effect in rollout.pool.effects:
            if effect.kind in ("vm_started", "vm_rebooted"):
                restarts[effect.vm] = restarts.get(effect.vm, 0) + 1
        assert restarts == {"web-01": 1, "dns-01": 1, "web-02": 1}
        assert all(vm.pending == {"mandatory": [], "recommended": [], "full": []} for vm in rollout.pool.vms)
        # Those that were moved away start at home on the updated host, and are not moved back first.
        moved = {effect.vm for effect in rollout.effects("vm_migrated", host="xs-02")}
        assert moved >= {"web-01", "dns-01"}
        assert {effect.vm for effect in rollout.effects("vm_started", host="xs-01")} == moved


def test_a_live_patch_spares_the_reboot() -> None:
    with rehearse(LIVEPATCH) as rollout:
        rollout.carry_out()
        rollout.assert_done()
        assert rollout.effects("host_rebooted") == rollout.effects("vm_migrated") == []


@pytest.mark.failure("livepatch-fails")
@pytest.mark.parametrize("preset", [Preset.SERIAL, Preset.STANDARD])
@pytest.mark.parametrize("name", ["xs-01", "xs-02"])
def test_a_failed_live_patch_is_asked_about_and_tried_again(name: str, preset: Preset) -> None:
    with rehearse(LIVEPATCH) as rollout:
        host = rollout.pool.host(name)
        host.livepatch_fails()
        assert rollout.ask(preset=preset).approve().drive() is State.NEEDS_ATTENTION
        assert (rollout.problem.code, rollout.problem.params["host"]) == ("livepatch.failed", name)
        assert rollout.effects("host_rebooted") == []
        host.livepatch_fails(False)
        assert rollout.retry() is State.SUCCEEDED
        rollout.assert_done()
        assert rollout.effects("host_rebooted") == []
        assert {effect.host for effect in rollout.effects("livepatched")} == {"xs-01", "xs-02"}


def test_a_failed_live_patch_can_end_the_rollout() -> None:
    with rehearse(LIVEPATCH) as rollout:
        rollout.pool.host("xs-02").livepatch_fails()
        assert rollout.carry_out() is State.NEEDS_ATTENTION
        rollout.abort()
        assert rollout.drive() is State.ABORTED
        rollout.assert_as_it_was()
        assert rollout.effects("host_rebooted") == []


@pytest.mark.parametrize("preset", [Preset.SERIAL, Preset.STANDARD])
def test_a_live_patch_that_failed_in_an_earlier_rollout_is_tried_again_in_the_next(preset: Preset) -> None:
    with rehearse(LIVEPATCH) as rollout:
        host = rollout.pool.host("xs-01")
        host.livepatch_fails()
        assert rollout.ask(preset=preset).approve().drive() is State.NEEDS_ATTENTION
        rollout.abort()
        assert rollout.drive() is State.ABORTED
        host.livepatch_fails(False)
        assert rollout.ask(preset=preset).approve().drive() is State.SUCCEEDED, rollout.headline
        rollout.assert_done()
        assert rollout.effects("host_rebooted") == []


def test_a_failed_live_patch_reboots_where_that_was_approved() -> None:
    with rehearse(LIVEPATCH) as rollout:
        rollout.pool.host("xs-02").livepatch_fails()
        rollout.ask(on_livepatch_failure=OnLivepatchFailure.REBOOT).approve().drive()
        rollout.assert_done()
        assert rollout.verdict.reboots_by_host == {"xs-01": 0, "xs-02": 1}


def test_nothing_is_moved_before_ha_is_off() -> None:
    with rehearse(small()) as rollout:
        rollout.carry_out()
        kinds = [(effect.kind, effect.detail.get("name")) for effect in rollout.pool.effects]
        assert kinds.index(("setting_changed", "ha_enabled")) < kinds.index(("vm_migrated", None))
