"""HTTP control of a simulated pool: its state, its logs, its verdict, its faults. JSON in and out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.lab.handles import LabHost
from bot.lab.xapi.faults import FAULTS, FaultError
from bot.lab.xapi.world import World

if TYPE_CHECKING:
    from bot.lab.pool import LabPool


def describe_state(world: World, handles: list[LabHost]) -> dict[str, Any]:
    """The pool as it stands, in names rather than refs. Runs on the pool's thread."""
    pool = world.db.record("pool", world.pool)
    urls = {host.name: host.url for host in handles}
    return {
        "scenario": world.scenario.name,
        "title": world.scenario.title,
        "now": world.now.isoformat(),
        "pool": {
            "uuid": pool["uuid"],
            "name": pool["name_label"],
            "coordinator": world.coordinator.name,
            "checksum": world.checksum,
            "ha_enabled": pool["ha_enabled"],
            "wlb_enabled": pool["wlb_enabled"],
            "update_sync_enabled": pool["update_sync_enabled"],
            "last_update_sync": pool["last_update_sync"].isoformat(),
            "other_config": dict(pool["other_config"]),
            "operations": sorted(world.pool_operations.values()),
        },
        "hosts": [
            {
                "name": machine.name,
                "uuid": machine.uuid,
                "url": urls[machine.name],
                "state": machine.state,
                "enabled": world.db.get("host", machine.ref, "enabled"),
                "live": world.live(machine.ref),
                "last_update_hash": world.db.get("host", machine.ref, "last_update_hash"),
                "software_version": dict(world.db.get("host", machine.ref, "software_version")),
                "pending": {
                    level: list(world.db.get("host", machine.ref, f"pending_guidances{suffix}"))
                    for level, suffix in (("mandatory", ""), ("recommended", "_recommended"), ("full", "_full"))
                },
                "operations": sorted(machine.operations.values()),
            }
            for machine in world.machines.values()
        ],
        "vms": [
            {
                "name": vm["name_label"],
                "uuid": vm["uuid"],
                "power_state": vm["power_state"],
                "host": world.name("host", vm["resident_on"]),
                "memory_gib": vm["memory_static_max"] >> 30,
                "operations": sorted(vm["current_operations"].values()),
            }
            for _, vm in world.db.items("VM")
            if not vm["is_control_domain"] and not vm["is_a_template"]
        ],
    }


def control_routes(pool: LabPool) -> list[Route]:
    """Routes relative to where they are mounted (`/control/pool`)."""

    async def state(request: Request) -> Response:
        return JSONResponse(pool.state())

    async def calls(request: Request) -> Response:
        return JSONResponse([call.as_dict() for call in pool.calls[_from(request) :]])

    async def effects(request: Request) -> Response:
        return JSONResponse([effect.as_dict() for effect in pool.effects[_from(request) :]])

    async def verdict(request: Request) -> Response:
        return JSONResponse(pool.verdict().as_dict())

    async def faults(request: Request) -> Response:
        return JSONResponse(FAULTS)

    async def fault(request: Request) -> Response:
        try:
            body = json.loads(await request.body())
            name = str(body.pop("name"))
        except (ValueError, KeyError, AttributeError):
            return JSONResponse({"error": 'Send {"name": "...", ...} as JSON.'}, 400)
        try:
            pool.fault(name, **body)
        except (FaultError, TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"ok": True})

    return [
        Route("/state", state, methods=["GET"]),
        Route("/calls", calls, methods=["GET"]),
        Route("/effects", effects, methods=["GET"]),
        Route("/verdict", verdict, methods=["GET"]),
        Route("/fault", faults, methods=["GET"]),
        Route("/fault", fault, methods=["POST"]),
    ]


def _from(request: Request) -> int:
    """`?from=N`: skip the first N entries, so that a page can poll."""
    text = request.query_params.get("from", "0")
    return int(text) if text.isdigit() else 0
