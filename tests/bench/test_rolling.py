"""The bench of rolling updates cannot rot: every tool on a small pool, bounds and log readers on cases done by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
import XenAPI

from bot.lab.journal import Effect
from bot.lab.pool import LabPool
from bot.lab.scenario import VmSpec
from bot.lab.time import SteppedTime
from bot.lab.xapi.surface import SURFACE
from tests.bench.rolling.bench import OURS, PEERS, Row, mean, rows, run, summary
from tests.bench.rolling.bounds import bounds
from tests.bench.rolling.near import Reader
from tests.bench.rolling.outcome import log_of
from tests.bench.rolling.pools import EXTRA_GIB, MIXES, ROOM_GIB, Draw, Shape, draw
from tests.bench.rolling.table import Aims, Cell, publish

#: Two hosts and half a dozen VMs.
_SMALL = Shape(2, 12)


@pytest.fixture(scope="module")
def row() -> Row:
    (found,) = rows(_SMALL, [3], (*PEERS, OURS), "serial", "")
    return found


# -- the tools -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", [*PEERS, OURS])
def test_every_tool_updates_a_small_pool_within_the_rules(row: Row, tool: str) -> None:
    found = row.outcomes[tool]
    assert found.completed, found.error
    assert found.downtime == 0
    assert found.lost == 0
    assert found.makespan >= row.bounds.makespan
    assert found.moves >= row.bounds.moves
    assert found.host_seconds >= row.bounds.host_seconds
    # All hosts patched, and disabled by it, before any toolstack restarts.
    assert (len(found.violations) > 0) == (tool == "legacy")


def test_who_brings_vms_home_moves_them_twice_and_who_does_not_leaves_them(row: Row) -> None:
    home = {tool: (found.moves / found.vms, found.away) for tool, found in row.outcomes.items()}
    assert {tool for tool, figures in home.items() if figures == (2.0, 0)} >= {"xencenter", "vendor", OURS}
    assert home["cloudstackops"][0] < 2
    assert home["cloudstackops"][1] > 0


def test_rounds_in_this_process_and_the_products_worker_come_to_the_same_end() -> None:
    drawn = draw(Shape(2, 3), 1)
    assert len(drawn.scenario.vms) >= 2
    near, _ = run(drawn, OURS, "serial")
    product, _ = run(drawn, OURS, "serial", product=True)
    assert product.completed, product.error
    assert (product.moves, product.away, product.violations) == (near.moves, near.away, near.violations)
    # The worker asks its tasks every four seconds, the bench hears of their end.
    assert product.makespan == pytest.approx(near.makespan, rel=0.05)


def test_an_unknown_preset_is_said_to_be_missing() -> None:
    found, _ = run(draw(_SMALL, 3), OURS, "headlong")
    assert found.error == "this release has no preset headlong"
    assert not found.completed


def test_who_is_refused_something_stops_and_says_so() -> None:
    drawn = draw(replace(_SMALL, failing=100), 3)
    found, _ = run(drawn, "vendor")
    assert not found.completed
    assert "migration aborted" in found.error


# -- the wire that is left out ---------------------------------------------------------------------------------------


@pytest.fixture
def pool() -> Iterator[LabPool]:
    with LabPool.start("pinned", SteppedTime()) as found:
        yield found


def test_what_is_read_near_is_what_a_client_reads(pool: LabPool) -> None:
    session = XenAPI.Session(pool.coordinator_url, ignore_ssl=True)
    session.xenapi.login_with_password("root", pool.password, "1.1", "tests")
    reader, address = Reader(), pool.hosts[0].address
    calls: list[tuple[str, list[object]]] = [(f"{cls}.get_all_records", []) for cls in SURFACE.classes]
    calls += [("event.from", [["*"], "", 0.0]), ("host.compute_free_memory", [pool.hosts[0].ref])]
    for method, params in calls:
        call = [session.handle, *params]
        try:
            far = getattr(session, method)(*call)
        except XenAPI.Failure:
            continue
        if far["Status"] != "Success":
            continue
        for _ in range(2):
            assert _plain(reader.read(pool.answer(address, method, call))) == _plain(far["Value"]), method
    session.xenapi.session.logout()
    session("close")()


def _plain(value: object) -> object:
    """Dates of the client compare by what they say."""
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value if isinstance(value, bool | int | float) else str(value)


# -- bounds ----------------------------------------------------------------------------------------------------------


def by_hand(hosts: int, vms: list[VmSpec], guidance: str = "reboot") -> Draw:
    """A pool whose hosts take 100 s to install, 200 s to boot and 50 s for the toolstack."""
    drawn = draw(Shape(hosts, 0, guidance), 1)
    same = tuple(replace(host, apply_s=100.0, reboot_s=200.0, toolstack_s=50.0) for host in drawn.scenario.hosts)
    return replace(drawn, scenario=replace(drawn.scenario, hosts=same, vms=tuple(vms)))


def test_without_vms_the_lock_is_the_bound() -> None:
    # The coordinator: 100 + 10 + 200 + 8. Three members install in turn, and the last reboots.
    found = bounds(by_hand(4, []))
    assert found.makespan == pytest.approx(318 + 300 + 218)
    assert found.moves == 0
    assert found.host_seconds == pytest.approx(4 * 318)
    assert bounds(by_hand(4, [], "toolstack")).makespan == pytest.approx(159 + 300 + 59)
    assert bounds(by_hand(4, [], "none")).makespan == pytest.approx(400)


def test_the_first_hosts_vms_move_twice_only_where_every_host_is_emptied() -> None:
    vms = [VmSpec("a", "xs-01", 4), VmSpec("b", "xs-01", 4), VmSpec("c", "xs-02", 4), VmSpec("p", "xs-02", 4, pci=True)]
    assert bounds(by_hand(2, vms)).moves == 3 + 2
    half = by_hand(2, vms)
    assert bounds(replace(half, tasks={"xs-01": "reboot", "xs-02": "toolstack"})).moves == 2


def test_one_spare_host_makes_the_others_wait_for_it() -> None:
    full = [VmSpec(f"v{n}", f"xs-{n:02d}", 200) for n in range(1, 4)]
    spread = bounds(by_hand(4, full))
    empty = 318.0
    # Each member's hole is 318 s; between two of them 92.5 GiB at least have to move at 1 GiB/s.
    first = 5 + 200 / 0.25
    refill = 5 + (600 + 3 * EXTRA_GIB - 2 * ROOM_GIB) / 1.0
    assert spread.makespan == pytest.approx(first + empty + 3 * (empty + refill))


def test_what_fits_nowhere_has_no_bound() -> None:
    full = [VmSpec(f"v{n}", f"xs-{n:02d}", 250) for n in range(1, 4)]
    assert bounds(by_hand(3, full)).makespan == float("inf")


@pytest.mark.parametrize("guidance", MIXES)
def test_pools_are_what_was_asked_for_and_the_same_for_everybody(guidance: str) -> None:
    shape = Shape(16, 60, guidance, pinned=20, failing=10)
    drawn = draw(shape, 7)
    assert drawn == draw(shape, 7)
    assert drawn.scenario.vms != draw(shape, 8).scenario.vms
    share = sum(task == "reboot" for task in drawn.tasks.values()) / 16
    assert share == MIXES[guidance][1]
    used = sum(vm.memory_gib + EXTRA_GIB for vm in drawn.scenario.vms) / (16 * ROOM_GIB)
    assert used == pytest.approx(0.6, abs=0.06)
    assert 0.1 < sum(vm.pci for vm in drawn.scenario.vms) / len(drawn.scenario.vms) < 0.3


# -- the log ---------------------------------------------------------------------------------------------------------

_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_START = 0.0
_NO_MORE: Mapping[str, object] = {}


def read(*effects: tuple[float, str, str, Mapping[str, object]], vm: str = "") -> tuple[str, ...]:
    """The violations that the log of a pool of three hosts shows, whose VM of 200 GiB is on the third."""
    drawn = by_hand(3, [VmSpec("big", "xs-03", 200)])
    entries = [
        Effect(_BEGAN + timedelta(seconds=at), kind, host, vm, dict(detail)) for at, kind, host, detail in effects
    ]
    return tuple(log_of(entries, drawn, _BEGAN).violations)


def test_two_installations_at_a_time_are_a_violation() -> None:
    first, second = (_START, "apply_started", "xs-01", _NO_MORE), (5.0, "apply_started", "xs-02", _NO_MORE)
    assert read(first, second) == ("xs-02 installs while xs-01 does",)
    assert read(first, (4.0, "apply_done", "xs-01", _NO_MORE), second) == ()


def test_a_move_back_to_an_old_host_is_a_violation() -> None:
    moved = (9.0, "vm_migrated", "xs-02", {"from": "xs-03", "to": "xs-02"})
    assert read(moved, vm="big") == ()
    assert len(read((1.0, "apply_done", "xs-03", {}), moved, vm="big")) == 1
    assert read((1.0, "apply_done", "xs-03", {}), (2.0, "apply_done", "xs-02", {}), moved, vm="big") == ()


def test_work_under_way_when_the_coordinator_goes_is_a_violation() -> None:
    assert read((1.0, "coordinator_lost", "xs-01", {"vms": [], "hosts": []})) == ()
    assert len(read((1.0, "coordinator_lost", "xs-01", {"vms": ["big"], "hosts": []}))) == 1
    assert len(read((1.0, "coordinator_lost", "xs-01", {"vms": [], "hosts": ["xs-02"]}))) == 1


def test_a_second_host_is_taken_out_only_where_the_fullest_could_still_be_lost() -> None:
    out = [(float(n), "host_disabled", f"xs-0{n}", {"by": "call"}) for n in (1, 2)]
    assert len(read(*out)) == 1
    assert read(out[0], (1.5, "host_enabled", "xs-01", {"by": "call"}), out[1]) == ()
    assert read(out[0], (2.0, "host_disabled", "xs-02", {"by": "startup"})) == ()


# -- the page --------------------------------------------------------------------------------------------------------


def test_the_page_gets_figures_aims_and_pictures(row: Row, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    page = tmp_path / "page.md"
    page.write_text(
        "before\n<!-- bench-rolling: begin -->\nold\n<!-- bench-rolling: end -->\nafter\n", encoding="utf-8"
    )
    cell = Cell(_SMALL, "serial", "", Aims(xencenter=0.01))
    two = [row.outcomes[OURS], row.outcomes["xencenter"]]
    publish(page, [(cell, [row])], two, "serial", range(3, 4))
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    ratio = two[0].makespan / two[1].makespan
    assert f"| 2 hosts, 12 % | serial | 1 of 1 | **{ratio:.2f}** |" in text
    assert f"XenCenter's time {ratio:.2f} instead of at most 0.01" in text
    for name in ("rolling-makespans", "rolling-gantt"):
        drawing = ElementTree.fromstring((tmp_path / "pictures" / f"{name}.svg").read_text(encoding="utf-8"))
        assert len(list(drawing)) > 10


def test_the_summary_counts_only_what_both_completed(row: Row) -> None:
    stopped = replace(row.outcomes["legacy"], error="NO_HOSTS_AVAILABLE")
    result = summary(_SMALL, [row, replace(row, outcomes={**row.outcomes, "legacy": stopped})])
    ours, theirs = row.outcomes[OURS], row.outcomes["legacy"]
    assert result["completed"]["legacy"] == 1
    assert result["errors"] == {"legacy": ["NO_HOSTS_AVAILABLE"]}
    assert result["ratios"]["legacy"] == pytest.approx(ours.makespan / theirs.makespan, abs=0.001)
    never = summary(_SMALL, [replace(row, outcomes={**row.outcomes, "legacy": stopped})])
    assert never["ratios"]["legacy"] is None
    assert mean([2.0, 8.0]) == pytest.approx(4.0)
