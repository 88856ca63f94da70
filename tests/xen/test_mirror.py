"""Looks that are fed by events show what a reading of everything shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bot.lab.pool import LabPool
from bot.lab.scenario import load_scenario
from bot.lab.time import SteppedTime
from bot.rollout.model import PoolSnapshot
from bot.time import RealTime, Time
from bot.xen.address import Endpoint, PoolAddress
from bot.xen.connection import Link
from bot.xen.equipment import FULL
from bot.xen.errors import SessionLost, XenError, translate
from bot.xen.gateway import Gateway
from bot.xen.mirror import Mirror
from bot.xen.snapshot import CLASSES
from bot.xen.wire import Records

DURING = tuple(name for name in CLASSES if name not in FULL)


class Reading(Gateway):
    """A gateway that reads everything at each look."""

    def _records(self, disks: bool) -> dict[str, Records]:
        return {name: self._connection.read(f"{name}.get_all_records") for name in DURING}


class Scene:
    """A small pool, somebody who works on it, and the bot's gateway that looks."""

    def __init__(self, lab: LabPool, time: SteppedTime) -> None:
        self.lab, self.time = lab, time
        self.address = PoolAddress(
            tuple(host.url for host in lab.hosts),
            lab.username,
            lab.password,
            fingerprints={host.uuid: host.fingerprint for host in lab.hosts},
        )
        self.gateway = Gateway(self.address, time=time, name="lab")
        self.reading = Reading(self.address, time=time, name="reading")
        self.somebody = Gateway(replace(self.address, username="root"), time=time, name="somebody")

    def do(self, method: str, *params: Any) -> Any:
        """Somebody does it; what XAPI refuses is refused."""
        try:
            return self.somebody._connection.effect(method, *params)
        except XenError:
            return None

    def wait(self, seconds: float) -> None:
        self.time.wait_until(self.time.now() + timedelta(seconds=seconds))

    def assert_same(self) -> PoolSnapshot:
        """What the events show is what reading everything shows."""
        mirrored = self.gateway.snapshot(disks=False)
        assert mirrored == self.reading.snapshot(disks=False)
        return mirrored

    def close(self) -> None:
        self.gateway.close()
        self.reading.close()
        self.somebody.close()


@contextmanager
def on_stage() -> Iterator[Scene]:
    time = SteppedTime()
    base = load_scenario("small")
    scenario = replace(base, vms=base.vms[:6])
    with LabPool.start(scenario, time) as lab, time.participant():
        made = Scene(lab, time)
        yield made
        made.close()
        assert lab.world.kernel.crashes == []


@pytest.fixture
def scene() -> Iterator[Scene]:
    with on_stage() as made:
        yield made


# Each takes the scene and two numbers that choose a host, a VM or a span.
Deed = Callable[[Scene, int, int], object]


def host(scene: Scene, number: int) -> str:
    return scene.lab.hosts[number % len(scene.lab.hosts)].ref


def vm(scene: Scene, number: int) -> str:
    return scene.lab.vms[number % len(scene.lab.vms)].ref


DEEDS: dict[str, Deed] = {
    "time passes": lambda s, a, b: s.wait(1 + 40 * (a % 8)),
    "a host is disabled": lambda s, a, b: s.do("host.disable", host(s, a)),
    "a host is enabled": lambda s, a, b: s.do("host.enable", host(s, a)),
    "a host is evacuated": lambda s, a, b: s.do("Async.host.evacuate", host(s, a)),
    "a VM moves": lambda s, a, b: s.do("Async.VM.pool_migrate", vm(s, a), host(s, b), {"live": "true"}),
    "a VM is suspended": lambda s, a, b: s.do("Async.VM.suspend", vm(s, a)),
    "a VM is shut down": lambda s, a, b: s.do("Async.VM.clean_shutdown", vm(s, a)),
    "a VM starts": lambda s, a, b: s.do("Async.VM.start_on", vm(s, a), host(s, b), False, False),
    "a VM gets a tag": lambda s, a, b: s.do("VM.add_tags", vm(s, a), f"tag-{b}"),
    "a task is forgotten": lambda s, a, b: [s.do("task.destroy", t.ref) for t in s.gateway.snapshot().tasks[:1]],
    "HA is switched off": lambda s, a, b: s.do("Async.pool.disable_ha"),
    "a setting changes": lambda s, a, b: s.do("pool.set_update_sync_enabled", s.lab.world.pool, bool(b % 2)),
    "a toolstack restarts": lambda s, a, b: s.do("host.restart_agent", host(s, a)),
    "connections break": lambda s, a, b: s.lab.hosts[a % 3].drop_connections(),
    "updates are applied": lambda s, a, b: s.do(
        "Async.host.apply_updates", host(s, a), s.lab.world.checksum
    ),
    "a VM is made": lambda s, a, b: s.lab.run(lambda: s.lab.world.db.create("VM", power_state="Halted")),
}  # fmt: skip


# Without shrinking: a failure names its deeds, and to shrink them takes minutes.
@settings(max_examples=12, phases=(Phase.explicit, Phase.generate))
@given(st.lists(st.tuples(st.sampled_from(sorted(DEEDS)), st.integers(0, 30), st.integers(0, 30)), max_size=12))
def test_whatever_happens_events_show_what_reading_everything_shows(
    deeds: list[tuple[str, int, int]],
) -> None:
    with on_stage() as scene:
        scene.assert_same()
        for name, first, second in deeds:
            DEEDS[name](scene, first, second)
            for _ in range(60):
                try:
                    scene.assert_same()
                    break
                except XenError as error:
                    if not error.transient:
                        raise
                    scene.wait(10)
            else:
                raise AssertionError("the pool never came back")


class Events:
    """A connection that answers ``event.from`` from a list."""

    name = "lab"

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.session = Link(Endpoint.parse("https://10.0.0.1"), "OpaqueRef:first")
        self.asked: list[str] = []

    def link(self) -> Link:
        return self.session

    def once(self, link: Link, method: str, classes: list[str], token: str, timeout: float) -> Any:
        assert (method, timeout) == ("event.from", 0.0)
        self.asked.append(token)
        answer = self.answers.pop(0)
        if isinstance(answer, XenError):
            raise answer
        return answer

    def lost(self, link: Link, error: XenError) -> bool:
        if not isinstance(error, SessionLost):
            return False
        self.session = Link(link.endpoint, "OpaqueRef:next")
        return True


def batch(token: str, count: int, *events: tuple[str, str, dict[str, str] | None]) -> dict[str, Any]:
    """An answer that leaves `count` hosts and no tasks."""
    listed = [
        {"class": "host", "operation": operation, "ref": ref, **({"snapshot": record} if record is not None else {})}
        for operation, ref, record in events
    ]
    return {"events": listed, "valid_ref_counts": {"host": count, "task": 0}, "token": token}


def mirror_of(connection: Events, time: Time | None = None) -> Mirror:
    return Mirror(connection, ("host", "task"), time or RealTime())  # type: ignore[arg-type]


FIRST = batch("1", 2, ("add", "H1", {"uuid": "1"}), ("add", "H2", {"uuid": "2"}))


def test_after_the_first_look_only_changes_are_asked_for() -> None:
    events = Events(FIRST, batch("2", 1, ("mod", "H1", {"uuid": "one"}), ("del", "H2", None)))
    mirror = mirror_of(events)
    assert mirror.look() == {"host": {"H1": {"uuid": "1"}, "H2": {"uuid": "2"}}, "task": {}}
    assert mirror.look() == {"host": {"H1": {"uuid": "one"}}, "task": {}}
    assert events.asked == ["", "1"]


def test_counts_that_differ_from_xapis_own_begin_it_anew() -> None:
    events = Events(FIRST, batch("2", 3), batch("3", 1, ("add", "H3", {"uuid": "3"})))
    mirror = mirror_of(events)
    mirror.look()
    assert mirror.look() == {"host": {"H3": {"uuid": "3"}}, "task": {}}
    assert events.asked == ["", "1", ""]


def test_another_session_begins_it_anew() -> None:
    gone = translate(["SESSION_INVALID", "x"])
    events = Events(FIRST, gone, batch("1", 1, ("add", "H9", {"uuid": "9"})))
    mirror = mirror_of(events)
    mirror.look()
    assert mirror.look() == {"host": {"H9": {"uuid": "9"}}, "task": {}}
    assert events.asked == ["", "1", ""]


def test_a_session_that_somebody_else_replaced_begins_it_anew() -> None:
    events = Events(FIRST, FIRST)
    mirror = mirror_of(events)
    mirror.look()
    events.session = Link(events.session.endpoint, "OpaqueRef:next")
    mirror.look()
    assert events.asked == ["", ""]


def test_a_place_that_xapi_forgot_begins_it_anew() -> None:
    events = Events(FIRST, translate(["EVENT_FROM_TOKEN_PARSE_FAILURE", "1"]), FIRST)
    mirror = mirror_of(events)
    mirror.look()
    assert mirror.look() is not None
    assert events.asked == ["", "1", ""]


def test_after_ten_minutes_it_begins_anew() -> None:
    time = SteppedTime()
    events = Events(FIRST, batch("2", 2), FIRST)
    mirror = mirror_of(events, time)
    mirror.look()
    time.wait_until(time.now() + timedelta(minutes=9))
    mirror.look()
    time.wait_until(time.now() + timedelta(minutes=2))
    mirror.look()
    assert events.asked == ["", "1", ""]


@pytest.mark.parametrize("nonsense", [batch("1", 7), {"events": []}, {}, batch("", 0)])
def test_events_that_do_not_tell_everything_are_not_asked_again_in_that_session(nonsense: Any) -> None:
    events = Events(nonsense)
    mirror = mirror_of(events)
    assert mirror.look() is None
    assert mirror.look() is None
    assert mirror.stirred(()) is None
    assert len(events.asked) == 1
    events.session = Link(events.session.endpoint, "OpaqueRef:next")
    events.answers = [FIRST]
    assert mirror.look() is not None


def test_an_error_that_says_nothing_about_the_session_is_handed_on_and_begins_it_anew() -> None:
    events = Events(FIRST, translate(["INTERNAL_ERROR", "x"]), FIRST)
    mirror = mirror_of(events)
    mirror.look()
    with pytest.raises(XenError):
        mirror.look()
    mirror.look()
    assert events.asked == ["", "1", ""]


def test_it_stirs_when_a_look_would_show_something_new_or_a_task_is_over(scene: Scene) -> None:
    gateway = scene.gateway
    assert gateway.stirred(())
    gateway.snapshot(disks=False)
    assert not gateway.stirred(())
    scene.do("VM.add_tags", vm(scene, 0), "new")
    assert gateway.stirred(())
    assert gateway.stirred(()), "until somebody has looked"
    gateway.snapshot(disks=False)
    task = scene.do("Async.host.evacuate", host(scene, 1))
    gateway.snapshot(disks=False)
    assert not gateway.stirred((task,))
    scene.wait(600)
    gateway.snapshot(disks=False)
    assert gateway.stirred((task,))
    assert not gateway.stirred(())


def test_what_changed_between_two_looks_is_shown(scene: Scene) -> None:
    scene.assert_same()
    scene.do("VM.add_tags", vm(scene, 0), "new")
    assert [found.name for found in scene.assert_same().vms if found.tags] == [scene.lab.vms[0].name]


def test_a_look_that_follows_a_look_is_two_small_calls(scene: Scene) -> None:
    scene.do("Async.pool.disable_ha")
    scene.wait(60)
    scene.gateway.snapshot(disks=False)
    before = len(scene.lab.calls)
    scene.gateway.snapshot(disks=False)
    assert [call.method for call in scene.lab.calls[before:]] == ["event.from", "host.get_servertime"]


def test_where_events_do_not_tell_everything_is_read_and_tasks_are_looked_at(scene: Scene) -> None:
    gateway = scene.gateway
    vars(gateway)["_mirror"] = mirror_of(Events({}))
    assert gateway.snapshot(disks=False) == scene.reading.snapshot(disks=False)
    task = scene.do("Async.host.disable", host(scene, 1))
    scene.wait(5)
    assert gateway.stirred((task,))
    assert not gateway.stirred(())
