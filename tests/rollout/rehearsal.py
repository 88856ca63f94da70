"""A rollout rehearsed from request to outcome: the real desk, worker, gateway and database on a simulated pool.

Time stands still while the bot works and jumps while it waits. The test speaks as the people do (`ask`, `approve`,
`retry`, `abort`), lets things happen at named moments (`when`, `before`), and reads the end from the pool's own state
and logs.
"""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import time as real
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlmodel import col, select

from bot.clock import Clock
from bot.delivery.rendering import Outgoing, Overtaken, render
from bot.lab.journal import Effect
from bot.lab.pool import LabPool
from bot.lab.scenario import Durations, HostSpec, Scenario, VmSpec, load_scenario
from bot.lab.slack.plain import plain_blocks
from bot.lab.time import SteppedTime
from bot.lab.verdict import Verdict
from bot.messages.progress import progress
from bot.messages.sentences import recorded, sentence
from bot.polling import Poller
from bot.rollout.action import Action
from bot.rollout.guidance import Level
from bot.rollout.lifecycle import DRIVEN, State
from bot.rollout.memory import Debt, DebtKind
from bot.rollout.model import PoolSnapshot
from bot.rollout.proposal import Choices
from bot.rollout.reason import Reason
from bot.rollout.spec import OnLivepatchFailure, Preset, StoppedVms
from bot.rollouts import AmendmentStanding, Role, Rollouts, Standing
from bot.settings import Settings
from bot.worker import Embedded
from bot.xen.address import PoolAddress
from bot.xen.gateway import Gateway
from storage import amendments, audit, debts, intents
from storage.actors import Actor
from storage.columns import Topic
from storage.database import Database
from storage.tables import AuditRow, OutboxRow

#: Fast machines: a rehearsal costs as much as the looks that its waits are made of.
_FAST = Durations(
    apply=20.0,
    reboot=20.0,
    toolstack=10.0,
    sync=20.0,
    migration_gib_per_s=2.0,
    wire_gib_per_s=16.0,
    ha_enable=5.0,
    ha_disable=5.0,
)
#: As long as they take in a machine room: members lose their coordinator while it reboots, and find it again.
REAL = Durations()
#: Secrets of the configuration; the pool's password is made up by the lab.
SYNC_TOKEN = "s3cret-of-the-vendor"
BOT_TOKEN = "xoxb-lab-0123456789-abcdef"
APP_TOKEN = "xapp-lab-0123456789-abcdef"
_PERMALINK = "https://slack.example/p1"
#: More rounds than any rehearsal needs: a rollout that never ends shows as a failed test, not as a test without end.
_ROUNDS = 1000


class Killed(BaseException):
    """kill -9: no handler of the product may see it, as none runs in a dead process."""


def scene(
    name: str,
    *,
    hosts: Collection[str] = ("xs-01", "xs-02"),
    vms: Collection[str] = ("web-01", "dns-01", "web-02"),
    more: Collection[VmSpec] = (),
    **changes: Any,
) -> Scenario:
    """The scenario of that name with a few of its hosts and VMs, so that a rehearsal takes a second."""
    whole = load_scenario(name)
    return replace(
        whole,
        hosts=tuple(host for host in whole.hosts if host.name in hosts),
        vms=(*(vm for vm in whole.vms if vm.name in vms), *more),
        **{"durations": _FAST, **changes},
    )


def small(**changes: Any) -> Scenario:
    """Two hosts that reboot, three VMs, HA on."""
    return scene("small", **changes)


def host(name: str) -> HostSpec:
    """One more host."""
    return HostSpec(name, 256)


def actor(name: str) -> Actor:
    """The person with that name."""
    return Actor("slack", f"U{name.upper()}", name)


class People:
    """Who holds which role at this moment."""

    def __init__(self, approvers: Collection[str]) -> None:
        self.approvers = set(approvers)

    def roles_of(self, user_id: str, pool: str) -> frozenset[Role]:
        roles = {Role.VIEWER, Role.REQUESTER, Role.ADMIN} if user_id != "UMALLORY" else set()
        return frozenset(roles | ({Role.APPROVER} if user_id in self.holders(Role.APPROVER, pool) else set()))

    def holders(self, role: Role, pool: str) -> frozenset[str]:
        return frozenset(f"U{name.upper()}" for name in self.approvers)


class _Script:
    """What happens when: acts wait for a moment and happen once."""

    def __init__(self) -> None:
        self.pool: LabPool | None = None
        self.rounds = 0
        self.at_round: list[tuple[Callable[[], bool], Callable[[], object]]] = []
        self.before: list[tuple[Callable[[Action], bool], Callable[[], object]]] = []
        self.every_round: Callable[[], object] = lambda: None
        self.every_ask: Callable[[Action], object] = lambda action: None
        self.every_asked: Callable[[Action], object] = lambda action: None

    def round_begins(self) -> None:
        self.rounds += 1
        if self.rounds > _ROUNDS:
            raise AssertionError(f"still not over after {_ROUNDS} rounds")
        for entry in list(self.at_round):
            due, act = entry
            if due():
                self.at_round.remove(entry)
                act()
        self.every_round()

    def asking(self, action: Action) -> None:
        for entry in list(self.before):
            fits, act = entry
            if fits(action):
                self.before.remove(entry)
                act()
        self.every_ask(action)


class _Gateway(Gateway):
    """The real gateway, with the script looking over its shoulder."""

    def __init__(self, address: PoolAddress, time: SteppedTime, script: _Script) -> None:
        super().__init__(address, time=time, name="lab")
        self.script = script

    def snapshot(self, *, disks: bool = True) -> PoolSnapshot:
        self.script.round_begins()
        return super().snapshot(disks=disks)

    def begin(self, action: Action, snapshot: PoolSnapshot) -> str | None:
        self.script.asking(action)
        task = super().begin(action, snapshot)
        self.script.every_asked(action)
        return task


class _HereAndNow(Embedded):
    """The worker without threads: what it would start beside itself happens before it returns."""

    def _in_thread(self, name: str, work: Callable[[threading.Event], None]) -> None:
        assert callable(work)
        work(threading.Event())


class Rehearsal:
    """One pool, one installation, and everything that people do to them."""

    def __init__(
        self,
        pool: LabPool,
        time: SteppedTime,
        directory: Path,
        *,
        required: int,
        approvers: Collection[str],
        mode: str,
        url: str,
        pool_settings: Mapping[str, Any] = MappingProxyType({}),
        more_settings: Mapping[str, Any] = MappingProxyType({}),
        installation: str = "test",
    ) -> None:
        self.pool = pool
        self.time = time
        self.people = People(approvers)
        self.script = _Script()
        self.id = 0
        self.digest = ""
        entry: dict[str, Any] = {
            "urls": [host.url for host in pool.hosts],
            "username": pool.username,
            "password": pool.password,
            "fingerprints": {host.uuid: host.fingerprint for host in pool.hosts},
            "channel": "C0UPDATES",
            "sync_token": SYNC_TOKEN,
            "sync_token_id": "token-id",
            **pool_settings,
        }
        self.settings = Settings.model_validate(
            {
                "installation": installation,
                "database_url": url or f"sqlite:///{directory}/xsbot.sqlite",
                "slack": {"audit_channel": "C0AUDIT", "bot_token": BOT_TOKEN, "app_token": APP_TOKEN},
                "approval": {"required": required},
                "roles": {"requester": ["*"], "approver": ["S0APPROVERS"]},
                "pools": {"lab": {**entry, **({"mode": mode} if mode else {})}},
                **more_settings,
            }
        )
        self._begin_process()
        self.database.upgrade()

    # -- processes -------------------------------------------------------------------------------------------

    def _begin_process(self) -> None:
        self.database = Database.open(self.settings.database_url)
        pool = self.settings.pool("lab")
        address = PoolAddress(
            urls=pool.urls,
            username=pool.username,
            password=pool.password.get_secret_value(),
            fingerprints=pool.fingerprints,
            sync_token=pool.sync_token.get_secret_value(),
            sync_token_id=pool.sync_token_id.get_secret_value(),
        )
        self.gateway = _Gateway(address, self.time, self.script)
        self.desk = Rollouts(
            self.database,
            {"lab": self.gateway},
            self.settings,
            self.time,
            self.people,
            recorded,
            settle=lambda alias: self.worker.settle(alias),
        )
        self.worker = _HereAndNow(self.desk)

    def new_process(self) -> None:
        """The old process is dead; another one begins with nothing but the database."""
        self.close()
        self._begin_process()

    def close(self) -> None:
        """End the process."""
        self.gateway.close()
        self.database.close()

    # -- what people do --------------------------------------------------------------------------------------

    def ask(
        self,
        *,
        by: str = "alice",
        level: Level = Level.RECOMMENDED,
        stopped_vms: StoppedVms = StoppedVms.REFUSE,
        on_livepatch_failure: OnLivepatchFailure = OnLivepatchFailure.ASK,
        preset: Preset = Preset.SERIAL,
        fixes: Collection[str] = (),
        **more: Any,
    ) -> Rehearsal:
        """Ask for the update of the pool; `more` are further fields of `Choices`."""
        choices = Choices(
            level=level,
            stopped_vms=stopped_vms,
            on_livepatch_failure=on_livepatch_failure,
            preset=preset,
            fixes=frozenset(fixes),
            **more,
        )
        standing = self.desk.propose("lab", choices, actor(by), "the November fixes", "C0UPDATES")
        self.id, self.digest = standing.row.id, standing.digest
        return self

    def approve(self, *people: str) -> Rehearsal:
        """Approve it, one person after the other."""
        for name in people or ("bob", "carol"):
            self.desk.approve(self.id, self.digest, actor(name))
        return self

    def drive(self) -> State:
        """Let the worker work until nothing is left for it to do; the state it ends in."""
        for _ in range(20):
            self.worker.sweep()
            if self.state not in DRIVEN or self._waits_for_its_time():
                return self.state
        raise AssertionError(f"the worker leaves it {self.state.value}")

    def _waits_for_its_time(self) -> bool:
        row = self.standing.row
        return row.state is State.APPROVED and row.due_at is not None and row.due_at > self.time.now()

    def carry_out(self) -> State:
        """Ask, approve and drive."""
        return self.ask().approve().drive()

    def retry(self, by: str = "bob") -> State:
        """Press Retry, and let the worker work."""
        self.desk.retry(self.id, actor(by))
        return self.drive()

    def proceed(self, by: str = "bob") -> State:
        """Press Go on anyway, and let the worker work."""
        self.desk.proceed(self.id, actor(by))
        return self.drive()

    def amend(self, what: str, by: str = "alice") -> AmendmentStanding:
        """Press the button that asks for this change of what was approved."""
        proposed = self.desk.amend(self.id, what, actor(by)).amendment
        assert proposed is not None
        return proposed

    def agree(self, *people: str) -> State:
        """Approve the open amendment, one person after the other, and let the worker work."""
        proposed = self.standing.amendment
        assert proposed is not None
        for name in people or ("bob", "carol"):
            self.desk.approve(self.id, proposed.row.digest, actor(name))
        return self.drive()

    def offered(self) -> list[str]:
        """The changes that people are offered."""
        return [offer.kind.value for offer in self.standing.row.problem_offers]

    def amendments(self) -> list[str]:
        """What became of each amendment, oldest first."""
        with self.database.reading() as tx:
            return [amendment.state.value for amendment in amendments.of(tx, self.id)]

    def abort(self, by: str = "bob") -> None:
        """Press Abort."""
        self.desk.abort(self.id, actor(by), "the shop is too busy")

    @contextmanager
    def clock(self) -> Iterator[Callable[[], None]]:
        """The timers of the process, beating once at each call."""
        clock = Clock(self.desk, self.worker, Poller(self.desk))

        def beat() -> None:
            clock.beat()
            # Polls are other threads; simulated time stands still for them while this one does not wait.
            limit = real.monotonic() + 20
            while clock._polling and real.monotonic() < limit:
                real.sleep(0.01)

        try:
            yield beat
        finally:
            clock.shut_down()

    # -- what happens meanwhile ------------------------------------------------------------------------------

    def when(self, kind: str, act: Callable[[], object], *, host: str = "", times: int = 1, **detail: Any) -> None:
        """Do `act` at the beginning of the first round after the pool saw the effect `times` times."""
        self.script.at_round.append((lambda: len(self.effects(kind, host=host, **detail)) >= times, act))

    def before(self, action: type[Action], act: Callable[[], object], *, subject: str = "") -> None:
        """Do `act` after the bot decided on the action and just before it asks XAPI for it."""
        uuid = self.pool.host(subject).uuid if subject else ""
        self.script.before.append(
            (lambda asked: isinstance(asked, action) and (not uuid or asked.subject == uuid), act)
        )

    def wait(self, *, minutes: float) -> None:
        """Let time pass while nobody does anything."""
        self.time.wait_until(self.time.now() + timedelta(minutes=minutes))

    def somebody(self, method: str, *params: Any) -> Any:
        """Somebody with another client does this to the pool."""
        address = PoolAddress(
            urls=self.settings.pool("lab").urls,
            username="root",
            password=self.pool.password,
            fingerprints=self.settings.pool("lab").fingerprints,
        )
        other = Gateway(address, time=self.time, name="somebody")
        try:
            return other._connection.effect(method, *params)
        finally:
            other.close()

    # -- what became of it -----------------------------------------------------------------------------------

    @property
    def standing(self) -> Standing:
        return self.desk.standing(self.id)

    @property
    def state(self) -> State:
        return State(self.standing.row.state)

    @property
    def problem(self) -> Reason:
        """What people are asked about."""
        reason = self.standing.row.problem_reason
        assert reason is not None
        return reason

    @property
    def headline(self) -> Reason:
        """Why the rollout is where it is."""
        reason = self.standing.row.headline_reason
        assert reason is not None
        return reason

    @property
    def owed(self) -> dict[str, Debt]:
        """The debts that are open, by kind (and name, where the kind has one)."""
        with self.database.reading() as tx:
            found = debts.open_debts(tx, self.pool.uuid)
        return {f"{debt.kind.value} {debt.label}".strip(): debt for debt in found}

    @property
    def ha_owed(self) -> Debt | None:
        """The debt of high availability, None when nothing is owed."""
        return next((debt for debt in self.owed.values() if debt.kind is DebtKind.HA), None)

    @property
    def verdict(self) -> Verdict:
        """What became of the pool, from its own state and logs."""
        return self.pool.verdict()

    def effects(self, kind: str, *, host: str = "", **detail: Any) -> list[Effect]:
        """The changes of that kind, in order."""
        return [
            effect
            for effect in self.pool.effects
            if effect.kind == kind
            and host in ("", effect.host)
            and all(effect.detail.get(name) == value for name, value in detail.items())
        ]

    def calls(self, *methods: str) -> list[str]:
        """The calls of these methods (with or without Async.) that our account made, in order."""
        ours = self.settings.pool("lab").username
        made = [call.method for call in self.pool.calls if call.user == ours]
        return [method for method in made if method.removeprefix("Async.") in methods]

    def intents(self) -> dict[str, int]:
        """How often each effect was asked for."""
        with self.database.reading() as tx:
            return {key: intent.attempts for key, intent in intents.all_intents(tx, self.id).items()}

    def audited(self) -> list[AuditRow]:
        """The audit trail of the pool, oldest first."""
        with self.database.reading() as tx:
            assert audit.verify(tx).ok
            return list(reversed(audit.recent(tx, limit=5000)))

    def messages(self) -> list[Outgoing]:
        """Every message that waits to be sent, as Slack would get it now."""
        with self.database.reading() as tx:
            rows = tx.exec(select(OutboxRow).order_by(col(OutboxRow.id))).all()
            found = []
            for row in rows:
                for plan in (True, False):
                    with suppress(Overtaken):
                        found.append(render(tx, row, self.settings, plan=plan, permalink=lambda place: _PERMALINK))
            return found

    def progress(self) -> str:
        """What the progress message says now, in words."""
        return plain_blocks(list(progress(self.standing).blocks), {})

    def told(self) -> list[str]:
        """The lines of the rollout's thread, oldest first."""
        with self.database.reading() as tx:
            rows = tx.exec(select(OutboxRow).where(OutboxRow.topic == Topic.LINE).order_by(col(OutboxRow.id))).all()
        return [sentence(Reason.from_dict(row.payload["reason"])) for row in rows]

    def stored(self) -> str:
        """The whole database as SQL."""
        with closing(sqlite3.connect(self.settings.database_url.removeprefix("sqlite:///"))) as file:
            return "\n".join(file.iterdump())

    def assert_untouched(self) -> None:
        """Nothing on the pool was changed, however briefly."""
        assert [effect for effect in self.pool.effects if effect.kind != "fault"] == []

    def assert_as_it_was(self) -> None:
        """The pool's settings, HA and VMs are as they began, nothing is owed, nothing forbidden happened."""
        verdict = self.verdict
        assert verdict.violations == []
        assert (verdict.ha_restored, verdict.settings_changed, verdict.vms_away) == (True, [], {})
        assert self.owed == {}

    def assert_done(self) -> None:
        """Every host is updated, and all is as it was."""
        assert self.state is State.SUCCEEDED, self.headline
        self.assert_as_it_was()
        assert self.verdict.hosts_behind == []


@contextmanager
def another_installation(first: Rehearsal) -> Iterator[Rehearsal]:
    """A second bot with a database of its own that knows nothing of the first, on the same pool."""
    with tempfile.TemporaryDirectory() as directory:
        second = Rehearsal(
            first.pool,
            first.time,
            Path(directory),
            required=2,
            approvers=("bob", "carol", "dave"),
            mode="act",
            url="",
            installation="second",
        )
        try:
            yield second
        finally:
            second.close()


@contextmanager
def rehearse(
    scenario: str | Scenario,
    *,
    required: int = 2,
    approvers: Collection[str] = ("bob", "carol", "dave"),
    mode: str = "act",
    url: str = "",
    pool_settings: Mapping[str, Any] = MappingProxyType({}),
    more_settings: Mapping[str, Any] = MappingProxyType({}),
) -> Iterator[Rehearsal]:
    """A rehearsal on a fresh pool and a fresh database (that of `url` when given); everything is closed at the end.

    `pool_settings` and `more_settings` are added to what the configuration says of the pool, and at its top.
    """
    time = SteppedTime()
    with ExitStack() as stack:
        pool = stack.enter_context(LabPool.start(scenario, time))
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        stack.enter_context(time.participant())
        place = Path(directory)
        rehearsal = Rehearsal(
            pool,
            time,
            place,
            required=required,
            approvers=approvers,
            mode=mode,
            url=url,
            pool_settings=pool_settings,
            more_settings=more_settings,
        )
        stack.callback(lambda: rehearsal.close())
        yield rehearsal
        assert pool.world.kernel.crashes == []
