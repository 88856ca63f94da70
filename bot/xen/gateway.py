"""One pool, as the rest of the bot sees it: look at it, ask it, change it.

Every method raises `XenError` and nothing else for whatever XAPI or the network does.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.rollout.action import Action
from bot.rollout.equipment import Probe
from bot.rollout.model import AvailableUpdates, Host, PoolSnapshot, VmBlocker
from bot.time import Time
from bot.xen import tasks, updates, verbs, wire
from bot.xen.address import Endpoint, PoolAddress
from bot.xen.channels import Channels
from bot.xen.connection import Observer, PoolConnection
from bot.xen.equipment import FULL, RECENT
from bot.xen.errors import TIMEOUT, HandleGone, SessionLost, Unreachable, XenError, translate, unreachable
from bot.xen.fields import PENDING
from bot.xen.mirror import Mirror
from bot.xen.permissions import missing_permissions
from bot.xen.probe import Prober
from bot.xen.snapshot import CLASSES, TASK_MARK, MadeVms, PoolRecords, enabled_repository, names_of, snapshot_of
from bot.xen.tasks import TaskStatus
from bot.xen.transfers import Transfers
from bot.xen.trust import seen_fingerprint
from bot.xen.wire import Records

_log = logging.getLogger(__name__)

#: ``GET /updates`` waits for a sync or an installation to end, and may ask every host for its packages first.
_UPDATES_S = 600.0
#: What is looked at while a rollout is under way.
_WITHOUT_DISKS = tuple(name for name in CLASSES if name not in FULL)


@dataclass(frozen=True, slots=True)
class RepositoryState:
    """What polling looks at. `hash` is "" when never synced or when not exactly one update channel is enabled.

    `current` says whether every host has all synced updates (None while XAPI has not worked that out for each).
    `server_time` is the coordinator's clock, with which XAPI's own stamps are compared. `pending_hosts` counts hosts
    with tasks that earlier updates left (`pending_guidances` and its two siblings), `updated_at` is when the host that
    lags most was updated last (`last_software_update`; None where a host does not say), `version` the coordinator's
    product version.
    """

    hash: str
    last_update_sync: datetime | None
    update_sync_enabled: bool
    pool_operations: frozenset[str]
    pool_uuid: str
    pool_name: str
    current: bool | None
    server_time: datetime
    ha_enabled: bool = False
    pending_hosts: int = 0
    updated_at: datetime | None = None
    version: str = ""


class Gateway(Channels, Transfers):
    """One pool. Safe for use by many threads; logs in when first needed."""

    def __init__(self, address: PoolAddress, *, time: Time, name: str, observe: Observer | None = None) -> None:
        """`name` is the pool's alias in the configuration, `observe` is told of every call. Raises ValueError for an
        unusable url, TlsRefused for an unusable CA file or fingerprint; connects to nothing."""
        self.name = name
        watched = {} if observe is None else {"observe": observe}
        self._time = time
        self._connection = PoolConnection(address, time=time, name=name, **watched)
        self._address = address
        self._mirror = Mirror(self._connection, _WITHOUT_DISKS, time)
        self._made: MadeVms = MadeVms()
        self._our_tasks: set[str] = set()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Gateway({self.name!r})"

    def snapshot(self, *, disks: bool = True) -> PoolSnapshot:
        """Look at the whole pool.

        Without `disks` VMs do not say which storage, drives and tools they have, nor hosts how their links are. On a
        large pool these are more than half of what there is to read, and few of a rollout's looks need them. Such looks
        come again and again, so only what changed since the last is asked for (`bot.xen.mirror`).
        """
        classes = self._records(disks)
        if not disks:
            pool = next(iter(classes["pool"].values()))
            # HA's heartbeat SRs are found through its statefiles.
            statefiles = wire.texts(pool, "ha_statefiles") if wire.flag(pool, "ha_enabled") else ()
            classes["VDI"] = {ref: record for ref in statefiles if (record := self._disk(ref)) is not None}
        coordinator = next(iter(classes["pool"].values()))["master"]
        servertime = self._server_time(coordinator)
        with self._lock:
            self._our_tasks.intersection_update(classes["task"])
            ours = frozenset(self._our_tasks)
        records = PoolRecords(classes, servertime, ours)
        found = snapshot_of(records, None if disks else self._made)
        self._connection.learn(names_of(records), [host.address for host in found.hosts])
        return found

    def _records(self, disks: bool) -> dict[str, Records]:
        mirrored = None if disks else self._mirror.look()
        if mirrored is not None:
            return dict(mirrored)
        wanted = CLASSES if disks else _WITHOUT_DISKS
        return {name: self._class(name) for name in wanted}

    def _class(self, name: str) -> Records:
        try:
            found: Records = self._connection.read(f"{name}.get_all_records")
        except XenError as error:
            if name in RECENT and error.code == "MESSAGE_METHOD_UNKNOWN":
                return {}
            raise
        return found

    def stirred(self, tasks: Collection[str]) -> bool:
        """Whether a look would show something new since the last (without disks), or one of the tasks is over.

        One small call; where events do not tell, the tasks alone are looked at.
        """
        stirred = self._mirror.stirred(tasks)
        return any(self.task(ref).state != "pending" for ref in tasks) if stirred is None else stirred

    def _disk(self, ref: str) -> wire.Record | None:
        try:
            record: wire.Record = self._connection.read("VDI.get_record", ref)
        except HandleGone:
            return None
        return record

    def _server_time(self, coordinator: str) -> datetime:
        moment = wire.moment(self._connection.read("host.get_servertime", coordinator))
        if moment is None:
            raise translate(["INTERNAL_ERROR", "the coordinator does not know the time"])
        return moment

    def repository_state(self) -> RepositoryState:
        """Look at what changes when there are updates; four calls."""
        read = self._connection.read
        pool = next(iter(read("pool.get_all_records").values()))
        repository = enabled_repository(pool, read("Repository.get_all_records"))
        hosts = read("host.get_all_records")
        applied = {wire.text(host, "latest_synced_updates_applied") for host in hosts.values()}
        updated = [wire.moment(host.get("last_software_update")) for host in hosts.values()]
        known = [at for at in updated if at is not None]
        software = wire.mapping(hosts.get(pool["master"], {}), "software_version")
        return RepositoryState(
            hash=repository.hash if repository is not None else "",
            last_update_sync=wire.moment(pool.get("last_update_sync")),
            update_sync_enabled=wire.flag(pool, "update_sync_enabled"),
            pool_operations=wire.operations(pool),
            pool_uuid=wire.text(pool, "uuid"),
            pool_name=wire.text(pool, "name_label"),
            current=False if "no" in applied else True if applied == {"yes"} else None,
            server_time=self._server_time(pool["master"]),
            ha_enabled=wire.flag(pool, "ha_enabled"),
            pending_hosts=sum(any(wire.texts(host, field) for field in PENDING) for host in hosts.values()),
            updated_at=min(known) if known and len(known) == len(updated) else None,
            version=software.get("product_version", ""),
        )

    def updates(self) -> AvailableUpdates:
        """Which updates there are (``GET /updates``).

        XAPI answers only after a running sync or installation has ended. Raises Refused with NO_REPOSITORY_ENABLED
        or MULTIPLE_UPDATE_REPOSITORIES_ENABLED, and Busy with GET_HOST_UPDATES_FAILED while a host is away.
        """
        try:
            return self._updates()
        except (SessionLost, Unreachable) as error:
            if error.code == TIMEOUT:
                raise
            return self._updates()

    def _updates(self) -> AvailableUpdates:
        connection = self._connection
        hosts = {ref: wire.text(record, "uuid") for ref, record in connection.read("host.get_all_records").items()}
        link = connection.link()
        try:
            status, body = connection.http_get("/updates", link, _UPDATES_S)
        except Unreachable as error:
            connection.lost(link, error)
            raise
        if status == 200:
            try:
                return updates.parse_updates(body, hosts)
            except ValueError as error:
                raise translate(["INVALID_UPDATEINFO_XML"]) from error
        if status == 401:
            gone = translate(["SESSION_INVALID"])
            connection.lost(link, gone)
            raise gone
        if status == 403:
            raise translate(["RBAC_PERMISSION_DENIED", "http/get_updates"])
        if status == 404:
            why = self._why_no_updates()
            # A member answers 404 too: asking it anything else has led to a session on the new coordinator.
            raise why if connection.link() is link else translate(["SESSION_INVALID"])
        details = updates.error_details(body)
        if details is not None:
            raise connection.translated(details)
        raise unreachable(link.endpoint.url, f"it answered HTTP {status} to GET /updates")

    def _why_no_updates(self) -> XenError:
        # 404 has no words: no enabled repository, several, or one whose description cannot be read.
        pool = next(iter(self._connection.read("pool.get_all_records").values()))
        repositories = self._connection.read("Repository.get_all_records")
        carrying = [
            ref
            for ref in wire.texts(pool, "repositories")
            if ref in repositories and wire.flag(repositories[ref], "update")
        ]
        if not carrying:
            return translate(["NO_REPOSITORY_ENABLED"])
        return translate(["MULTIPLE_UPDATE_REPOSITORIES_ENABLED" if len(carrying) > 1 else "INVALID_UPDATEINFO_XML"])

    def evacuation_blockers(self, host_uuid: str) -> tuple[VmBlocker, ...]:
        """Ask XAPI which VMs it could not move off the host, and why; parameters carry names for references."""
        read = self._connection.read
        if not self._connection.knows_names:
            self.snapshot()
        answer = read("host.get_vms_which_prevent_evacuation", read("host.get_by_uuid", host_uuid))
        return tuple(
            sorted(
                (
                    VmBlocker(str(read("VM.get_uuid", vm)), details[0], self._connection.named(details[1:]))
                    for vm, details in answer.items()
                ),
                key=lambda blocker: blocker.vm,
            )
        )

    def probe(self, hosts: Sequence[Host]) -> dict[str, Probe]:
        """Ask every host itself how it is, through the coordinator; by uuid."""
        coordinator = next((host.ref for host in hosts if host.is_coordinator), "")
        if not coordinator:
            return {}
        began, told = self._time.now(), self._server_time(coordinator)
        prober = Prober(self._connection)
        return {host.uuid: prober.ask(host, told + (self._time.now() - began)) for host in hosts if host.live}

    def begin(self, action: Action, snapshot: PoolSnapshot) -> str | None:
        """Start an action, at most once; returns the task's reference, or None when it has already happened.

        A transient error means that it may or may not have happened: look again. Raises TypeError for an action that
        is none of XAPI's business (AskEvacuation, CloseDebt).
        """
        ref = verbs.begin(self._connection, action, snapshot)
        if ref is not None:
            self._mark(ref)
        return ref

    def sync(self, force: bool = False) -> str:
        """Start a sync with the vendor's update servers; returns the task's reference."""
        pool = self._connection.read("pool.get_all")[0]
        token = (self._address.sync_token, self._address.sync_token_id)
        params = (pool, force, *token) if any(token) else (pool, force)
        ref = str(self._connection.effect("Async.pool.sync_updates", *params))
        self._mark(ref)
        return ref

    def check_claim(self, owner: str) -> None:
        """Raise `PoolClaimed` when another installation than `owner` holds the pool now; one small call."""
        verbs.claimed(self._connection, str(self._connection.read("pool.get_all")[0]), owner)

    def claim(self, owner: str) -> None:
        """Write our claim into the pool. Raises PoolClaimed when somebody else's is there."""
        verbs.claim(self._connection, str(self._connection.read("pool.get_all")[0]), owner)

    def release(self, owner: str) -> None:
        """Remove our claim. Raises PoolClaimed when somebody else's is there."""
        verbs.release(self._connection, str(self._connection.read("pool.get_all")[0]), owner)

    def task(self, ref: str) -> TaskStatus:
        """Look at a task; ``gone`` when XAPI no longer knows it."""
        try:
            record = self._connection.read("task.get_record", ref)
        except HandleGone:
            return tasks.GONE
        return tasks.status_of(record, self._connection.translated)

    def forget_task(self, ref: str) -> None:
        """Remove a finished task from XAPI's list; fine when it is gone."""
        with self._lock:
            self._our_tasks.discard(ref)
        try:
            self._connection.effect("task.destroy", ref)
        except HandleGone:
            _log.debug("%s: the task was already gone", self.name)

    #: The live patches that failed, from the result of an ApplyUpdates task.
    livepatch_failures = staticmethod(tasks.livepatch_failures)

    def missing_permissions(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """Those of the wanted permissions (named like calls, see `bot.xen.permissions`) that the account lacks."""
        return missing_permissions(self._connection, wanted)

    def member_certificates(self) -> dict[str, str]:
        """The SHA-256 fingerprint that each member shows now, by host uuid; members that do not answer are missing."""
        hosts = self._connection.read("host.get_all_records")
        endpoint: Endpoint = self._connection.link().endpoint
        seen: dict[str, str] = {}
        for record in hosts.values():
            try:
                seen[wire.text(record, "uuid")] = seen_fingerprint(
                    endpoint.at(wire.text(record, "address")), self._address.connect_timeout_s
                )
            except Unreachable as error:
                _log.warning("%s: %s", self.name, error.sentence)
        return seen

    def rest(self) -> None:
        """Nothing more is asked for the moment: close the connections that are kept for the next call. The session
        on the coordinator stays."""
        self._mirror.forget()
        self._made.clear()
        self._connection.rest()

    def close(self) -> None:
        """Log out and close all connections; may be repeated."""
        self._connection.close()

    def _mark(self, ref: str) -> None:
        with self._lock:
            self._our_tasks.add(ref)
        try:
            self._connection.effect("task.add_to_other_config", ref, TASK_MARK, "true")
        except XenError as error:
            # The effect itself has begun and its task is known here; the mark only helps after our own restart.
            _log.info("%s: could not mark our task: %s", self.name, error.sentence)
