"""The npm client `xen-api` on a pool that the unchanged bot is rolling: it lists everything and follows every event."""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.cli.stage import Stage
from bot.lab.pool import LabPool
from tests.slack.conftest import request_update

HERE = Path(__file__).parent
#: Slower than other tests: the client looks again in real time.
SPEED = 300.0


class Follower:
    """The running client and what it said."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self.said: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(json.loads(line))

    def until(self, condition: Callable[[dict[str, Any]], bool], seconds: float = 60.0) -> dict[str, Any]:
        """The first thing it says that fits."""
        while True:
            said = self._lines.get(timeout=seconds)
            self.said.append(said)
            if condition(said):
                return said


@contextmanager
def following(pool: LabPool) -> Iterator[Follower]:
    node = shutil.which("node")
    assert node is not None
    process = subprocess.Popen(
        [node, str(HERE / "follow.mjs"), pool.coordinator_url, pool.username, pool.password],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": str(Path(node).parent)},
    )
    try:
        yield Follower(process)
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.mark.xen_api
@pytest.mark.timeout(300)
def test_it_lists_every_object_and_follows_a_rollout() -> None:
    with Stage("small", SPEED, 0) as stage:
        slack, pool = stage.slack, stage.pool
        slack.wait_connected()
        slack.wait_for(lambda: slack.messages("xs-updates"), timeout=30)
        with following(pool) as client:
            listed = client.until(lambda said: "objects" in said)
            assert listed["pool"] == pool.name
            tables = pool.run(lambda: {cls: len(table) for cls, table in pool.world.db.tables.items() if table})
            for cls, count in tables.items():
                if cls not in ("session", "task", "event", "message", "VM"):
                    assert listed["objects"][cls] == count, cls
            vms = sum(listed["objects"].get(kind, 0) for kind in ("VM", "VM-controller", "VM-template", "VM-snapshot"))
            assert vms == tables["VM"]
            card = request_update(slack)
            for name in ("bob", "carol"):
                slack.click("Approve", as_=name, message=card)
            for host in ("xs-01", "xs-02", "xs-03"):
                # Away for its turn, updated, and in service again: the coordinator's reboot lies between the first two.
                client.until(lambda said, host=host: said.get("host") == host and not said["enabled"])  # type: ignore[misc]
                client.until(lambda said, host=host: said.get("host") == host and said["enabled"] and said["hash"])  # type: ignore[misc]
            seen = {said["task"] for said in client.said if "task" in said}
        assert {"Async.VM.pool_migrate", "Async.host.apply_updates"} <= seen
        slack.wait_for(lambda: not any(pool.verdict().hosts_behind), timeout=60)
