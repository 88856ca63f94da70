"""High availability and workload balancing of the pool."""

from __future__ import annotations

from bot.lab.xapi.calls import Context, xapi
from bot.lab.xapi.failure import NULL, XapiFailure
from bot.lab.xapi.kernel import Steps
from bot.lab.xapi.operations import claim_pool, release_pool
from bot.lab.xapi.placement import needs
from bot.lab.xapi.world import World


def tolerable_failures(world: World, without: str = NULL) -> int:
    """How many of the biggest hosts may fail before protected VMs do not fit any more."""
    sizes: list[int] = []
    for ref, host in world.db.items("host"):
        if ref != without and host["enabled"]:
            total = int(world.db.get("host_metrics", host["metrics"], "memory_total"))
            dom0 = needs(world, host["control_domain"])
            sizes.append(total - int(host["memory_overhead"]) - dom0)
    protected = sum(
        needs(world, ref)
        for ref, vm in world.db.items("VM")
        if vm["ha_always_run"] and vm["ha_restart_priority"] == "restart"
    )
    sizes.sort()
    failures = 0
    while len(sizes) > 1:
        sizes.pop()
        if sum(sizes) < protected:
            break
        failures += 1
    return failures


def assert_plan_survives(world: World, without: str) -> None:
    """With HA on, refuse what would leave fewer tolerable failures than configured."""
    record = world.db.record("pool", world.pool)
    if not record["ha_enabled"] or record["ha_allow_overcommit"]:
        return
    if tolerable_failures(world, without) < record["ha_host_failures_to_tolerate"]:
        raise XapiFailure("HA_OPERATION_WOULD_BREAK_FAILOVER_PLAN")


@xapi("pool.enable_ha")
def enable_ha(ctx: Context, heartbeat_srs: list[str], configuration: dict[str, str]) -> Steps:
    """Turn HA on; refused while versions differ, while a host is away, or without a shared SR."""
    world = ctx.world
    yield from claim_pool(world, "ha_enable", ctx.key)
    try:
        record = world.db.record("pool", world.pool)
        if record["ha_enabled"]:
            raise XapiFailure("HA_IS_ENABLED")
        compared = {
            (version["platform_version"], version["xapi"])
            for version in (host["software_version"] for _, host in world.db.items("host"))
        }
        if len(compared) > 1:
            raise XapiFailure("NOT_SUPPORTED_DURING_UPGRADE")
        for machine in world.machines.values():
            if not world.live(machine.ref) or not world.reachable(machine):
                raise XapiFailure("HOST_OFFLINE", machine.ref)
        if not heartbeat_srs:
            raise XapiFailure("CANNOT_CREATE_STATE_FILE")
        sr = heartbeat_srs[0]
        if not world.db.get("SR", sr, "shared"):
            raise XapiFailure("HA_CONSTRAINT_VIOLATION_SR_NOT_SHARED", sr)
        yield world.takes("ha_enable")
        if world.faults.takes_ha_enable():
            raise XapiFailure("HA_FAILED_TO_FORM_LIVESET")
        statefile = world.db.find("VDI", SR=sr, type="ha_statefile")
        if statefile == NULL:
            statefile = world.db.create(
                "VDI", name_label="Statefile for HA", SR=sr, type="ha_statefile", virtual_size=4 << 20
            )
            world.db.set("SR", sr, VDIs=[*world.db.get("SR", sr, "VDIs"), statefile])
        world.db.set(
            "pool",
            world.pool,
            ha_enabled=True,
            ha_statefiles=[statefile],
            ha_configuration=configuration or {"timeout": "60"},
            ha_plan_exists_for=tolerable_failures(world),
            ha_cluster_stack="xhad",
        )
        world.change_setting("ha_enabled", False, True)
    finally:
        release_pool(world, ctx.key)


@xapi("pool.disable_ha")
def disable_ha(ctx: Context) -> Steps:
    """Turn HA off; statefiles, configuration and the number of failures stay as they are. Waits for hosts away."""
    world = ctx.world
    yield from claim_pool(world, "ha_disable", ctx.key)
    try:
        if not world.db.get("pool", world.pool, "ha_enabled"):
            raise XapiFailure("HA_NOT_ENABLED")
        yield world.takes("ha_disable")
        while not all(world.reachable(machine) for machine in world.machines.values()):
            yield 30.0
        world.db.set("pool", world.pool, ha_enabled=False, ha_plan_exists_for=0)
        world.change_setting("ha_enabled", True, False)
    finally:
        release_pool(world, ctx.key)


@xapi("pool.set_ha_host_failures_to_tolerate")
def set_failures(ctx: Context, self: str, value: int) -> None:
    """How many host failures the plan must survive."""
    world = ctx.world
    before = world.db.get("pool", self, "ha_host_failures_to_tolerate")
    if value < 0:
        raise XapiFailure("INVALID_VALUE", "ha_host_failures_to_tolerate", str(value))
    if world.db.get("pool", self, "ha_enabled"):
        possible = tolerable_failures(world)
        if value > possible:
            raise XapiFailure("HA_OPERATION_WOULD_BREAK_FAILOVER_PLAN")
        world.db.set("pool", self, ha_plan_exists_for=min(possible, value))
    world.db.set("pool", self, ha_host_failures_to_tolerate=value)
    world.change_setting("ha_host_failures_to_tolerate", before, value)


@xapi("pool.ha_compute_max_host_failures_to_tolerate")
def compute_failures(ctx: Context) -> int:
    """The largest number the plan could survive now."""
    return tolerable_failures(ctx.world)


@xapi("pool.set_wlb_enabled")
def set_wlb_enabled(ctx: Context, self: str, value: bool) -> None:
    """Let workload balancing place VMs, or not; its credentials stay."""
    before = ctx.world.db.get("pool", self, "wlb_enabled")
    if value and not ctx.world.db.get("pool", self, "wlb_url"):
        raise XapiFailure("WLB_NOT_INITIALIZED")
    ctx.world.db.set("pool", self, wlb_enabled=value)
    ctx.world.change_setting("wlb_enabled", before, value)


@xapi("pool.deconfigure_wlb")
def deconfigure_wlb(ctx: Context) -> None:
    """Forget the balancing server: not recoverable."""
    world = ctx.world
    before = world.db.get("pool", world.pool, "wlb_enabled")
    world.db.set("pool", world.pool, wlb_enabled=False, wlb_url="", wlb_username="")
    world.change_setting("wlb_enabled", before, False)
