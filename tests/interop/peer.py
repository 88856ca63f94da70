"""How Xen Orchestra rolls a XenServer 8.4 pool, call for call over JSON-RPC: a peer that the pools must bear.

Written from a description of its calls. One host after the other, coordinator first: disable, evacuate in batches of
three, apply, reboot, wait for the host; then every VM home, one at a time, the last host's first; HA at the end.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.interop.jsonrpc import AWAY, JsonRpc, Refusal

NULL = "OpaqueRef:NULL"
#: Simulated seconds a host may take to come back, and between two tries to reach a pool that is away.
_PATIENCE, _KNOCK = 20 * 60.0, 5.0


class EventsLost(Exception):
    """The long poll broke, or the session is no longer known."""


class Peer:
    """One connection that follows events, and the rolling update on top of it."""

    def __init__(self, client: JsonRpc) -> None:
        self.client = client
        self.objects: dict[str, dict[str, Any]] = {}
        self.token = ""
        self.lost = 0
        self.counts: dict[str, int] = {}

    # -- connecting and following -----------------------------------------------------------------------------

    def connect(self) -> Peer:
        """Log in, ask what there is, and take everything over."""
        client = self.client.login()
        client("pool.get_all_records")
        listed = client.call("system.listMethods")
        self.objects = {}
        self.token = client("event.inject", "pool", client("pool.get_all")[0])
        for method in listed:
            if method.endswith(".get_all_records"):
                cls = method.partition(".")[0].lower()
                self.objects |= {ref: {**record, "$class": cls} for ref, record in client(method).items()}
        self.token = ""
        self.follow(0.1)
        return self

    def follow(self, seconds: float = 60.1) -> None:
        """One long poll; what it brings goes into `objects`. Raises `EventsLost`."""
        try:
            batch = self.client("event.from", ["*"], self.token, seconds)
        except AWAY as error:
            raise EventsLost from error
        except Refusal as error:
            if error.code not in ("SESSION_INVALID", "HOST_STILL_BOOTING"):
                raise
            raise EventsLost from error
        self.token, self.counts = batch["token"], batch["valid_ref_counts"]
        for event in batch["events"]:
            if event["operation"] == "del":
                self.objects.pop(event["ref"], None)
            else:
                self.objects[event["ref"]] = {**event["snapshot"], "$class": event["class"]}

    def find_again(self) -> None:
        """The coordinator is away: knock at every host until one lets us in, then take everything over anew."""
        self.lost += 1
        addresses = [host.url for host in self.client.pool.hosts]
        for _ in range(2000):
            for url in addresses:
                try:
                    self.client.login(url)
                    self.connect()
                except AWAY:
                    continue
                except EventsLost:
                    continue
                except Refusal as error:
                    if error.code not in ("HOST_IS_SLAVE", "HOST_STILL_BOOTING", "SESSION_INVALID"):
                        raise
                    continue
                return
            self.client.passes(_KNOCK)
        raise AssertionError("the pool did not come back")

    def until(self, condition: Any, what: str) -> None:
        """Follow events until it holds."""
        for _ in range(4000):
            if condition():
                return
            try:
                self.follow()
            except EventsLost:
                self.find_again()
        raise AssertionError(f"never: {what}")

    def task(self, method: str, *params: Any) -> dict[str, Any]:
        """Run a message as a task and wait for it by its events."""
        ref = self.client(f"Async.{method}", *params)
        self.until(lambda: self.objects.get(ref, {}).get("status", "pending") != "pending", method)
        record = self.objects[ref]
        assert record["status"] == "success", (method, record["error_info"])
        self.client("task.destroy", ref)
        return record

    # -- the rolling update -----------------------------------------------------------------------------------

    def of(self, cls: str) -> dict[str, dict[str, Any]]:
        """All objects of a class as the events told."""
        return {ref: entry for ref, entry in self.objects.items() if entry["$class"] == cls}

    @property
    def pool(self) -> dict[str, Any]:
        return next(iter(self.of("pool").values()))

    def roll(self) -> None:
        """Update the whole pool."""
        client = self.client
        pool_ref = next(iter(self.of("pool")))
        if client("pool.get_wlb_enabled", pool_ref):
            client("pool.set_wlb_enabled", pool_ref, False)
        checksum = client.updates()["hash"]
        heartbeats = [client("VDI.get_SR", ref) for ref in self.pool["ha_statefiles"]]
        configuration = self.pool["ha_configuration"]
        had_ha = self.pool["ha_enabled"]
        if had_ha:
            client("pool.disable_ha")
        homes = {
            host: [
                vm
                for vm, record in self.of("vm").items()
                if record["resident_on"] == host
                and record["power_state"] == "Running"
                and not record["is_control_domain"]
            ]
            for host in self.of("host")
        }
        for host in homes:
            assert client("host.get_vms_which_prevent_evacuation", host) == {}
        order = sorted(homes, key=lambda ref: ref != self.pool["master"])
        for host in order:
            self._one(host, checksum)
        order[0], order[-1] = order[-1], order[0]
        for host in order:
            there = set(client("host.get_resident_VMs", host))
            for vm in homes[host]:
                if vm not in there:
                    self.task("VM.pool_migrate", vm, host, {"force": "false"})
        if had_ha:
            client("pool.enable_ha", heartbeats, configuration)

    def _one(self, host: str, checksum: str) -> None:
        client, pool_ref = self.client, next(iter(self.of("pool")))
        # A mark that comes back as an event says that everything before it was seen.
        client("pool.remove_from_other_config", pool_ref, "xo:barrier:1")
        client("pool.add_to_other_config", pool_ref, "xo:barrier:1", host)
        self.until(lambda: self.pool["other_config"].get("xo:barrier:1") == host, "the barrier")
        client("host.assert_can_evacuate", host)
        client("host.disable", host)
        self.task("host.evacuate", host, NULL, 3)
        self.task("host.apply_updates", host, checksum)
        asked_at = _seconds(client("host.get_servertime", host))
        self.task("host.reboot", host)

        def back() -> bool:
            record = self.objects.get(host, {})
            metrics = self.objects.get(record.get("metrics", ""), {})
            started = float(record.get("other_config", {}).get("agent_start_time", 0))
            return bool(record.get("enabled") and started > asked_at and metrics.get("live"))

        began = client.clock.now()
        self.until(back, f"{host} is back")
        assert (client.clock.now() - began).total_seconds() < _PATIENCE


def _seconds(written: str) -> float:
    """A moment as XAPI writes it in JSON, in seconds since the epoch."""
    return datetime.strptime(written, "%Y%m%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
