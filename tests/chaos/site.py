"""Where a run takes place: simulated pools, the local Slack workspace, one clock, and the bot's configuration."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.lab.pool import LabPool
from bot.lab.scenario import Durations, HostSpec, Scenario, VmSpec, load_scenario
from bot.lab.slack import LabSlack
from bot.lab.time import ScaledTime

#: What the pools of a run are like, one after the other.
KINDS = ("small", "livepatch", "split-guidance", "pinned", "small", "toolstack-only")
#: A machine room in a hurry: what counts is what happens between the steps, not how long they take.
_BRISK = Durations(
    apply=60.0, reboot=90.0, toolstack=15.0, sync=20.0, migration_gib_per_s=2.0, start=10.0, clean_shutdown=10.0,
    ha_enable=10.0, ha_disable=5.0,
)  # fmt: skip


def scenario(number: int, hosts: int, seed: int) -> Scenario:
    """Pool `number` of a run: hosts with two VMs each, one kind of update, and in some a VM that cannot move."""
    kind = KINDS[(number - 1) % len(KINDS)]
    whole = load_scenario(kind)
    names = [f"xs-{index:02}" for index in range(1, hosts + 1)]
    vms = [VmSpec(f"web-{name[3:]}", name, 4, protected=whole.ha) for name in names]
    vms += [VmSpec(f"db-{name[3:]}", name, 8) for name in names]
    if kind == "pinned":
        vms.append(VmSpec("cache-01", names[-1], 8, local=True))
    return replace(
        whole,
        pool=alias_of(number),
        seed=seed * 1000 + number,
        hosts=tuple(HostSpec(name, 256) for name in names),
        vms=tuple(vms),
        durations=_BRISK,
    )


def alias_of(number: int) -> str:
    """What the configuration calls pool `number`."""
    return f"pool-{number:02}"


class Site:
    """Pools and workspace of one run; they outlive every process of the bot. A context manager."""

    def __init__(self, directory: Path, *, pools: int, hosts: int, seed: int, speed: float, url: str) -> None:
        self.directory = directory
        self.time = ScaledTime(speed)
        self.url = url or f"sqlite:///{directory / 'xsbot.sqlite'}"
        self.kinds = {alias_of(number): KINDS[(number - 1) % len(KINDS)] for number in range(1, pools + 1)}
        self._shape = (pools, hosts, seed)
        self._stack = ExitStack()
        self.pools: dict[str, LabPool] = {}
        #: Faults stay until they are mended; people and the disturber do both.
        self._mending = threading.Lock()

    def __enter__(self) -> Self:
        pools, hosts, seed = self._shape
        try:
            for number in range(1, pools + 1):
                shape = scenario(number, hosts, seed)
                pool = LabPool.start(shape, self.time, number=number)
                self.pools[alias_of(number)] = self._stack.enter_context(pool)
            self.slack = self._stack.enter_context(LabSlack.start())
        except BaseException:
            self._stack.close()
            raise
        self.config = self._configure()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _configure(self) -> Path:
        text = f"""
database_url = "sqlite:///{self.directory / "xsbot.sqlite"}"
installation = "chaos"

[slack]
audit_channel = "C0AUDIT"
base_url = "{self.slack.api_url}"

[roles]
requester = ["S0REQUESTERS", "U0ERIN"]
approver = ["S0APPROVERS"]
admin = ["S0ADMINS"]

[approval]
required = 2
"""
        for alias, pool in self.pools.items():
            pinned = ", ".join(f'"{host.uuid}" = "{host.fingerprint}"' for host in pool.hosts)
            text += f"""
[pools.{alias}]
urls = {json.dumps([host.url for host in pool.hosts])}
username = "{pool.username}"
fingerprints = {{ {pinned} }}
channel = "C0UPDATES"
mode = "act"
timeout_s = 5
"""
        path = self.directory / "xsbot.toml"
        path.write_text(text, encoding="utf-8")
        return path

    @property
    def environ(self) -> dict[str, str]:
        """What the bot's processes are given besides the configuration."""
        passwords = {
            f"XSBOT_POOL_{alias.upper().replace('-', '_')}_PASSWORD": pool.password
            for alias, pool in self.pools.items()
        }
        shared = {"DATABASE_URL": self.url} if self.url.startswith("postgresql") else {}
        tokens = {"SLACK_BOT_TOKEN": self.slack.bot_token, "SLACK_APP_TOKEN": self.slack.app_token}
        return {"XSBOT_CONFIG": str(self.config), **shared, **tokens, **passwords}

    def mend(self, alias: str) -> None:
        """Take back every fault of a pool that stays until somebody mends it."""
        pool = self.pools[alias]
        with self._mending:
            for name, arguments in pool.run(lambda: _on(pool)):
                pool.fault(name, **arguments, on=False)

    def sim(self, minutes: float) -> float:
        """Real seconds in so many simulated minutes."""
        return minutes * 60 / self.time.speed


def _on(pool: LabPool) -> list[tuple[str, dict[str, str]]]:
    """The faults of a pool that are on, and what they concern."""
    faults = pool.world.faults
    of_hosts = {
        "host_never_returns": faults.never_returns,
        "unreachable": faults.unreachable,
        "apply_fails": {host for host, count in faults.apply_fails.items() if count},
        "livepatch_fails": faults.livepatch_fails,
    }
    of_vms = {"migration_fails": faults.migration_fails, "vm_stop_fails": faults.vm_stop_fails}
    of_all = {
        "coordinator_slow": faults.coordinator_slow,
        "ha_enable_fails": faults.ha_enable_fails,
        "answers_lost": faults.answers_lost,
    }
    found = [(name, {"host": host}) for name, hosts in of_hosts.items() for host in hosts]
    found += [(name, {"vm": vm}) for name, counts in of_vms.items() for vm, count in counts.items() if count]
    found += [(name, {}) for name, value in of_all.items() if value]
    blocked = [vm.name for vm in pool.vms if vm.blocked]
    return found + [("evacuation_blocked", {"vm": vm}) for vm in blocked]
