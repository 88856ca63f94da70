"""Every error that XAPI may answer to what we ask of it: raised by the lab, it arrives with its sentence and its hint.

`error_codes.json` is distilled from XAPI's data model (the errors it documents for a message) and from what its source
raises besides, with the names of their parameters.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.lab.pool import LabPool
from bot.lab.time import SteppedTime
from bot.lab.xapi.surface import SURFACE
from bot.rollout import action as do
from bot.rollout.model import HaSettings, PoolSnapshot
from bot.xen.address import PoolAddress
from bot.xen.codes import CODES
from bot.xen.errors import XenError, translate
from bot.xen.gateway import Gateway

TABLE: dict[str, dict[str, list[str]]] = json.loads(
    (Path(__file__).parent / "error_codes.json").read_text(encoding="utf-8")
)
#: How the gateway deals with them is proven there; they never reach a rollout as they are.
ELSEWHERE = {"session.login_with_password": "test_connection.py", "event.from": "test_mirror.py"}
CASES = [(message, code) for message, codes in TABLE.items() if message not in ELSEWHERE for code in codes]


class Scene:
    """A pool, a gateway to it, and one look at it."""

    def __init__(self, pool: LabPool, time: SteppedTime) -> None:
        self.pool, self.time = pool, time
        address = PoolAddress(
            urls=(pool.coordinator_url,), username="root", password=pool.password, ca_file=str(pool.ca_file)
        )
        self.gateway = Gateway(address, time=time, name="lab")
        pool.fault("local_cd", vm="web-01")
        self.snapshot: PoolSnapshot = self.gateway.snapshot()

    def action(self, message: str) -> do.Action:
        """The action that makes this call."""
        snapshot = self.snapshot
        host = next(host.uuid for host in snapshot.hosts if not host.is_coordinator)
        vm = next(vm for vm in snapshot.vms if vm.name == "web-01")
        drive = vm.drives[0]
        shared = next(sr for sr in snapshot.srs if sr.shared)
        made: dict[str, do.Action] = {
            "host.evacuate": do.EvacuateHost(host=host),
            "host.apply_updates": do.ApplyUpdates(host=host, checksum=snapshot.checksum),
            "host.enable": do.EnableHost(host=host),
            "host.disable": do.DisableHost(host=host),
            "host.reboot": do.RebootHost(host=host),
            "host.restart_agent": do.RestartToolstack(host=host),
            "pool.enable_ha": do.EnableHa(settings=HaSettings(True, (shared.uuid,))),
            "pool.disable_ha": do.DisableHa(),
            "pool.set_wlb_enabled": do.SetWlb(enabled=True),
            "pool.set_ha_host_failures_to_tolerate": do.SetHaFailures(failures=1),
            "VM.pool_migrate": do.MigrateVm(vm=vm.uuid, to=host),
            "VM.suspend": do.SuspendVm(vm=vm.uuid),
            "VM.resume_on": do.ResumeVm(vm=vm.uuid, on=host),
            "VM.start_on": do.StartVm(vm=vm.uuid, on=host),
            "VM.clean_shutdown": do.ShutdownVm(vm=vm.uuid),
            "VM.clean_reboot": do.RestartVm(vm=vm.uuid),
            "VM.restart_device_models": do.RestartDeviceModel(vm=vm.uuid),
            "PBD.plug": do.PlugStorage(host=host, sr=shared.uuid),
            "VBD.eject": do.EjectDisc(vm=vm.uuid, drive=drive.vbd),
            "VBD.insert": do.InsertDisc(vm=vm.uuid, drive=drive.vbd, disc=drive.disc),
        }
        return made[message]

    def ask(self, message: str) -> XenError:
        """Ask for it the way a rollout does, and give back what went wrong."""
        try:
            if message == "pool.sync_updates":
                task: str | None = self.gateway.sync()
            else:
                task = self.gateway.begin(self.action(message), self.snapshot)
        except XenError as error:
            return error
        assert task is not None, f"{message} did not fail"
        for _ in range(20):
            status = self.gateway.task(task)
            if status.state != "pending":
                break
            self.time.wait_until(self.time.now() + timedelta(seconds=1))
        assert status.error is not None
        self.gateway.forget_task(task)
        return status.error


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    time = SteppedTime()
    with LabPool.start("small", time) as pool, time.participant():
        made = Scene(pool, time)
        pool.run(lambda: _gather(pool))
        yield made
        made.gateway.close()


def _gather(pool: LabPool) -> None:
    """All VMs on the coordinator: the gateway itself refuses to reboot a host on which some run."""
    for vm in [vm for machine in pool.world.machines.values() for vm in pool.world.guests(machine.ref)]:
        pool.world.place(vm, pool.world.coordinator.ref)


@pytest.mark.parametrize(("message", "code"), CASES, ids=[f"{message}-{code}" for message, code in CASES])
def test_the_error_arrives_with_its_sentence_and_hint(scene: Scene, message: str, code: str) -> None:
    params = [f"some-{name.replace(' ', '-')}" for name in TABLE[message][code]]
    scene.pool.fault("call_fails", method=message, code=", ".join([code, *params]))
    error = scene.ask(message)
    assert (error.code, list(error.params)) == (code, params)
    known = CODES.get(code) or CODES[re.sub(r"_\d+$", "", code)]
    assert error.hint == known.hint
    assert error.sentence == translate([code, *params]).sentence
    assert not error.sentence.startswith("XAPI refused with")
    assert "?" not in error.sentence, "the sentence wants a parameter that XAPI does not send"


def test_every_message_that_documents_errors_and_that_we_call_is_in_the_table() -> None:
    called = set()
    for path in (Path(__file__).parents[2] / "bot" / "xen").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                called.add(node.value.removeprefix("Async."))
    assert set(TABLE) <= called
    assert all(message.partition(".")[2] in SURFACE.classes[message.partition(".")[0]].messages for message in TABLE)


def test_nothing_is_lost_of_a_code_that_nobody_knows(scene: Scene) -> None:
    scene.pool.fault("call_fails", method="host.evacuate", code="SOMETHING_NEW, one, two")
    error = scene.ask("host.evacuate")
    assert (error.code, error.params) == ("SOMETHING_NEW", ("one", "two"))
    assert all(word in error.sentence for word in ("SOMETHING_NEW", "one", "two"))
