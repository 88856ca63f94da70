"""Giving back what a rollout owes: settings switched back, VMs home, the claim released.

A debt is settled only if the value is still the one we set; what other people changed meanwhile is left alone and
struck off. Where XAPI forbids settling for now the debt stays open and is listed.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.rollout.action import (
    EnableHa,
    EnableHost,
    ReleasePool,
    SetAutoPoweron,
    SetHaFailures,
    SetSyncSchedule,
    SetWlb,
    close,
)
from bot.rollout.guidance import Task
from bot.rollout.homes import MIXED
from bot.rollout.memory import Debt, DebtKind
from bot.rollout.model import HaSettings, Host
from bot.rollout.pursuit import Round
from bot.rollout.reason import because
from bot.rollout.remedying import settle_lent
from bot.rollout.snapshotting import settle_schedules


def ha_from(original: object) -> HaSettings:
    """The HA settings kept in a debt's `original` (the JSON of `ha_document`)."""
    data = original if isinstance(original, dict) else {}
    return HaSettings(
        enabled=True,
        heartbeat_srs=tuple(data.get("heartbeat_srs", ())),
        configuration=tuple((str(key), str(value)) for key, value in data.get("configuration", ())),
        failures_to_tolerate=int(data.get("failures_to_tolerate", 0)),
        allow_overcommit=bool(data.get("allow_overcommit", False)),
    )


def ha_document(ha: HaSettings) -> dict[str, object]:
    """HA settings as the JSON that a debt keeps."""
    return {
        "heartbeat_srs": list(ha.heartbeat_srs),
        "configuration": [list(pair) for pair in ha.configuration],
        "failures_to_tolerate": ha.failures_to_tolerate,
        "allow_overcommit": ha.allow_overcommit,
    }


def settle_host(round_: Round, host: Host) -> bool:
    """Put the host back into service if we took it out; True when that is no longer owed."""
    debt = round_.memory.debt(DebtKind.HOST_ENABLED, host.uuid)
    if debt is None:
        return True
    if host.enabled and round_.may_still_happen(f"DisableHost:{host.uuid}"):
        round_.look_again(4)
        return False
    if host.enabled:
        round_.step(close(debt, "settled"), because("host.in_service", host=host.name))
        return True
    if not host.live and round_.memory.lenient(host.uuid):
        round_.waiting.append((debt.key, "HOST_OFFLINE"))
        return True
    if host.pending.mandatory & {Task.REBOOT_HOST, Task.RESTART_TOOLSTACK}:
        if round_.memory.settling or host.uuid in round_.memory.skipped:
            round_.waiting.append((debt.key, "HOST_PENDING_MANDATORY_GUIDANCE_NOT_EMPTY"))
            return True
        round_.problem(because("host.mandatory_left", host=host.name), f"EnableHost:{host.uuid}")
        return False
    round_.pursue(EnableHost(host=host.uuid), because("host.enabling", host=host.name))
    return False


def settle_pool(round_: Round) -> bool:
    """Give back the pool's settings; True when nothing is left that XAPI would let us settle now."""
    pool = round_.snapshot.pool
    # With HA on XAPI may refuse to do without a host, so hosts go back to people before it returns.
    lent = settle_lent(round_)
    return all(
        [
            lent,
            _settle_switch(
                round_,
                DebtKind.AUTO_POWERON,
                pool.auto_poweron is not None,
                "auto_poweron",
                lambda debt: SetAutoPoweron(value=str(debt.original)),
            ),
            _settle_switch(round_, DebtKind.WLB, pool.wlb_enabled, "wlb", lambda _: SetWlb(enabled=True)),
            lent and _settle_ha(round_),
            settle_schedules(round_),
            _settle_switch(
                round_,
                DebtKind.SYNC_SCHEDULE,
                pool.update_sync_enabled,
                "sync",
                lambda _: SetSyncSchedule(enabled=True),
            ),
        ]
    )


def release(round_: Round) -> bool:
    """Take our claim off the pool, last of all; True when it is gone."""
    debt = round_.memory.debt(DebtKind.CLAIM)
    if round_.snapshot.pool.claim == round_.memory.owner:
        round_.pursue(ReleasePool(owner=round_.memory.owner), because("pool.releasing"))
        return False
    if debt is not None:
        round_.step(close(debt, "settled"), because("pool.released"))
    return True


def _settle_ha(round_: Round) -> bool:
    debt = round_.memory.debt(DebtKind.HA)
    if debt is None:
        return True
    original = ha_from(debt.original)
    ha = round_.snapshot.pool.ha
    enabled_by_us = round_.memory.intent("EnableHa:") is not None
    if ha.enabled and round_.may_still_happen("DisableHa:"):
        round_.look_again(5, because("ha.disabling"))
        return False
    if ha.enabled:
        if enabled_by_us and ha.failures_to_tolerate != original.failures_to_tolerate:
            round_.pursue(
                SetHaFailures(failures=original.failures_to_tolerate),
                because("ha.failures", failures=original.failures_to_tolerate),
            )
            return False
        outcome = "settled" if enabled_by_us else "left_alone"
        round_.step(close(debt, outcome), because("ha.restored"), milestone=True)
        return True
    if round_.snapshot.pool.versions_mixed and (round_.memory.aborting or round_.memory.skipped):
        round_.waiting.append((debt.key, MIXED))
        return True
    if any(not host.live and host.uuid in round_.memory.skipped for host in round_.snapshot.hosts):
        # HA needs every host; the one that people left behind comes back when they bring it back.
        round_.waiting.append((debt.key, "HOST_OFFLINE"))
        return True
    round_.pursue(EnableHa(settings=original), because("ha.enabling"))
    return False


def _settle_switch(
    round_: Round,
    kind: DebtKind,
    is_on: bool,
    words: str,
    switch: Callable[[Debt], SetWlb | SetSyncSchedule | SetAutoPoweron],
) -> bool:
    """Switch on again what the debt says was on; `switch` makes the action, `words` begin the reasons' codes."""
    debt = round_.memory.debt(kind)
    if debt is None:
        return True
    action = switch(debt)
    if is_on and round_.may_still_happen(action.key.removesuffix("on") + "off"):
        round_.look_again(4)
        return False
    if is_on:
        round_.step(close(debt, "settled"), because(f"{words}.restored"))
        return True
    round_.pursue(action, because(f"{words}.enabling"))
    return False
