"""A peer product's whole rolling update on the simulated pool, with the loss of its events in the middle."""

from __future__ import annotations

from bot.lab.pool import LabPool
from bot.lab.time import SteppedTime
from tests.interop.jsonrpc import JsonRpc
from tests.interop.peer import Peer
from tests.rollout.rehearsal import scene


def test_a_peer_rolls_the_pool_and_finds_it_again_after_the_coordinators_reboot() -> None:
    clock = SteppedTime()
    three = scene("small", hosts=("xs-01", "xs-02", "xs-03"), vms=("web-01", "dns-01", "web-02", "db-01", "web-03"))
    with LabPool.start(scenario=three, time=clock) as pool:
        peer = Peer(JsonRpc(pool, clock)).connect()
        assert peer.counts["host"] == len(peer.of("host")) == 3
        peer.roll()
        verdict = pool.verdict()
        assert peer.lost >= 1
        assert verdict.reboots_by_host == {"xs-01": 1, "xs-02": 1, "xs-03": 1}
        assert (verdict.hosts_behind, verdict.violations, verdict.vms_away) == ([], [], {})
        assert verdict.ha_restored
        # What it was told by events is what the pool is.
        known = {record["name_label"]: record["last_update_hash"] for record in peer.of("host").values()}
        assert set(known.values()) == {pool.run(lambda: pool.world.checksum)}
        # It never synchronises, and this pool's own schedule brought nothing new.
        methods = [call.method for call in pool.calls]
        assert not any("sync_updates" in method for method in methods)
        # Each of its evacuations was asked for with the network left open and batches of three.
        batches = [call.params[2:] for call in pool.calls if call.method == "Async.host.evacuate"]
        assert [tuple(entry) for entry in batches] == [("OpaqueRef:NULL", 3)] * 3
        assert pool.world.kernel.crashes == []
