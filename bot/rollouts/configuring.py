"""Configuring where a pool's updates come from: channel, proxy, schedule, update bundles.

Each is a command of its own for administrators, audited before and after, and refused while a rollout holds the pool
or somebody else works on it: another channel or bundle means another checksum than the one that was approved. Nobody
asks for a rollout meanwhile either, because the pool's lease is held.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from bot.rollout.channel import Channel, Schedule, UpdateSettings, proxy_address
from bot.rollout.errors import NotAllowed, RolloutError
from bot.rollout.pending import Waiting, waiting
from bot.rollout.reason import Reason, because
from bot.rollouts.freezing import Freezing
from bot.rollouts.leasing import Lease
from bot.rollouts.roles import Role, require
from bot.settings import PoolSettings
from bot.xen.channels import Vendor
from bot.xen.errors import XenError
from bot.xen.gateway import Gateway
from storage import rollouts
from storage.actors import Actor
from storage.database import Session
from storage.errors import StorageError

#: Seconds between the first two looks at a bundle that XAPI takes in, and between later ones; how long it may take.
_FIRST_LOOK, _LATER_LOOKS = 1.0, 5.0
_BUNDLE_PATIENCE = timedelta(hours=2)
#: XAPI unpacks no more than this.
LARGEST_BUNDLE = 1 << 30
#: Bytes; file systems refuse to look for more.
_LONGEST_NAME = 255


class Configuring(Freezing):
    """What administrators set on a pool outside its rollouts."""

    def update_settings(self, alias: str, actor: Actor) -> UpdateSettings:
        """Where the pool's updates come from and how far its hosts are, asked of XAPI now."""
        require(self.authority, actor, Role.VIEWER, self._known(alias))
        return self.gateways[alias].update_settings()

    def pending(self, alias: str, actor: Actor) -> tuple[Waiting, ...]:
        """The tasks of earlier updates that hosts and VMs still wait for, asked of XAPI now."""
        require(self.authority, actor, Role.VIEWER, self._known(alias))
        return waiting(self.gateways[alias].snapshot(disks=False))

    def hosts_named(self, alias: str, names: Sequence[str], actor: Actor) -> tuple[str, ...]:
        """The uuids of the hosts with these names (or uuids). Raises `RolloutError` for a name that no host has."""
        require(self.authority, actor, Role.VIEWER, self._known(alias))
        hosts = self.gateways[alias].snapshot(disks=False).hosts
        found = {name: host.uuid for name in names for host in hosts if name in (host.name, host.uuid)}
        if missing := [name for name in names if name not in found]:
            known = ", ".join(host.name for host in hosts)
            raise RolloutError(f"Pool {alias} has no host called {', '.join(missing)}.", f"Its hosts are: {known}.")
        return tuple(dict.fromkeys(found.values()))

    def set_channel(self, alias: str, channel: Channel, actor: Actor) -> UpdateSettings:
        """Make `channel` the pool's only one; the pool must be synchronised (or a bundle uploaded) afterwards."""
        pool = self._may_configure(alias, actor)

        def work(gateway: Gateway, before: UpdateSettings, lease: Lease) -> Reason:
            gateway.set_channel(channel, Vendor(pool.repository_url, pool.repository_source_url), lease.keep)
            return because("channel.set", pool=alias, old=before.channel_name, new=channel.value)

        asked = because("channel.asked", user=actor.name, pool=alias, new=channel.value)
        return self._configure(alias, actor, "channel", asked, work)

    def set_proxy(self, alias: str, url: str, username: str, password: str, actor: Actor) -> UpdateSettings:
        """Have the pool reach its channel through a proxy. The password is handed to XAPI and kept nowhere here."""
        self._may_configure(alias, actor)
        address = proxy_address(url)
        if bool(username) != bool(password):
            raise RolloutError(
                "The proxy's user name and password belong together, and one of them is missing.",
                "Give both, or neither for a proxy that asks for none.",
            )

        def work(gateway: Gateway, before: UpdateSettings, lease: Lease) -> Reason:
            gateway.set_proxy(address, username, password, lease.keep)
            return because("proxy.set", pool=alias, url=address, name=username or "nobody")

        asked = because("proxy.asked", user=actor.name, pool=alias, url=address)
        return self._configure(alias, actor, "proxy", asked, work)

    def remove_proxy(self, alias: str, actor: Actor) -> UpdateSettings:
        """Have the pool reach its channel directly."""
        self._may_configure(alias, actor)

        def work(gateway: Gateway, before: UpdateSettings, lease: Lease) -> Reason:
            gateway.remove_proxy(lease.keep)
            return because("proxy.removed", pool=alias, url=before.proxy_url or "none")

        asked = because("proxy.removal_asked", user=actor.name, pool=alias)
        return self._configure(alias, actor, "proxy", asked, work)

    def set_schedule(self, alias: str, schedule: Schedule | None, actor: Actor) -> UpdateSettings:
        """Have the pool synchronise by itself at these times, or never (None)."""
        self._may_configure(alias, actor)
        wanted = str(schedule) if schedule is not None else "off"

        def work(gateway: Gateway, before: UpdateSettings, lease: Lease) -> Reason:
            gateway.set_schedule(schedule, lease.keep)
            return because(
                "schedule.set", pool=alias, old=str(before.schedule) if before.schedule_on else "off", new=wanted
            )

        asked = because("schedule.asked", user=actor.name, pool=alias, new=wanted)
        return self._configure(alias, actor, "schedule", asked, work)

    def upload_bundle(
        self,
        alias: str,
        bundle: Path,
        name: str,
        actor: Actor,
        progress: Callable[[float], object] = lambda share: None,
    ) -> UpdateSettings:
        """Upload an update bundle and wait until the pool has taken it in; takes minutes.

        `name` is what people call the file; `progress` hears the share that was sent.
        """
        self._may_configure(alias, actor)
        size = _size_of(bundle, name)

        def work(gateway: Gateway, before: UpdateSettings, lease: Lease) -> Reason:
            if before.channel_name != Channel.OFFLINE.value:
                raise RolloutError(
                    f"Pool {alias} takes bundles only on the offline channel; it has {before.channel_name}.",
                    f"Switch it with `/xs channel {alias} offline` first.",
                )

            def sent(share: float) -> None:
                lease.keep()
                progress(share)

            task = gateway.upload_bundle(bundle, sent)
            self._wait_for_bundle(gateway, task, lease)
            checksum = gateway.repository_state().hash
            return because("bundle.taken", pool=alias, file=name, checksum=checksum[:12])

        asked = because("bundle.asked", user=actor.name, pool=alias, file=name, size=size)
        return self._configure(alias, actor, "bundle", asked, work)

    def bundle_in_directory(self, name: str) -> Path:
        """The bundle of that name in the configured directory, and nowhere else. Raises `RolloutError`."""
        directory = self.settings.bundle_directory
        if directory is None:
            raise RolloutError(
                "This installation has no directory for update bundles.",
                "Share the file in Slack and name its link, or have an operator set bundle_directory.",
            )
        if len(name.encode()) > _LONGEST_NAME:
            raise RolloutError("This is no file name: it is too long.", "Name a file of the bundle directory.")
        wanted = directory / name
        # Neither a path nor a link may lead out of the directory.
        if Path(name).name != name or name in ("", ".", "..") or wanted.resolve().parent != directory.resolve():
            raise RolloutError(f"{name!r} is no file name.", "Name a file of the bundle directory, without a path.")
        if not wanted.is_file():
            there = sorted(entry.name for entry in directory.glob("*.xsbundle")) if directory.is_dir() else []
            raise RolloutError(
                f"There is no file {name!r} in the bundle directory.",
                f"It has: {', '.join(there[:10])}." if there else "It has no *.xsbundle file.",
            )
        return wanted

    def _may_configure(self, alias: str, actor: Actor) -> PoolSettings:
        require(self.authority, actor, Role.ADMIN, self._known(alias))
        pool = self.settings.pool(alias)
        if pool.mode != "act":
            raise NotAllowed(
                f"Pool {alias} is in notify mode: xsbot only tells about its updates and changes nothing.",
                'Set `mode = "act"` for this pool in the configuration once you trust it, and restart xsbot.',
            )
        return pool

    def _configure(
        self,
        alias: str,
        actor: Actor,
        what: str,
        asked: Reason,
        work: Callable[[Gateway, UpdateSettings, Lease], Reason],
    ) -> UpdateSettings:
        gateway = self.gateways[alias]
        before = gateway.update_settings()
        if before.claim is not None:
            raise RolloutError(
                f"Pool {alias} is held by another rollout: {before.claim}.",
                "Let it end first. `docs/recovery.md` says what to do when it no longer exists.",
            )

        def begin(tx: Session) -> None:
            _require_no_rollout(tx, alias)
            self._note(tx, actor, f"pool.{what}", asked, before.pool_uuid)

        with self._lease(alias, before.pool_uuid, what, actor, begin) as lease:
            try:
                # Asked once more, because XAPI may have taken its time and another installation may have begun.
                gateway.check_claim("")
                lease.renew()
                done = work(gateway, before, lease)
            except (XenError, RolloutError, StorageError, OSError) as error:
                why = f"{type(error).__name__}." if isinstance(error, OSError) else error.sentence
                failed = because("configuring.failed", what=what, pool=alias, why=why)
                self._note_failure(lease, actor, f"pool.{what}_failed", failed)
                raise
            try:
                self._conclude(lease, actor, f"pool.{what}_set", done)
            finally:
                # It is another pool now, whether or not that could be written down.
                self._polled(alias)
        return gateway.update_settings()

    def _wait_for_bundle(self, gateway: Gateway, task: str, lease: Lease) -> None:
        until, pause = self.time.now() + _BUNDLE_PATIENCE, _FIRST_LOOK
        while True:
            lease.keep()
            try:
                status = gateway.task(task)
            except XenError as error:
                if not error.transient or self.time.now() > until:
                    raise
            else:
                if status.error is not None:
                    gateway.forget_task(task)
                    raise status.error
                if status.state == "gone":
                    raise RolloutError(
                        "The pool's coordinator restarted while it took the bundle in; nobody knows what became of it.",
                        "Look at the pool with `/xs channel`, and upload the bundle again if its checksum is missing.",
                    )
                if status.state != "pending":
                    gateway.forget_task(task)
                    return
            if self.time.now() > until:
                raise RolloutError(
                    "The pool has been taking the bundle in for two hours.", "Look at the task on the pool itself."
                )
            self.time.wait_until(self.time.now() + timedelta(seconds=pause))
            pause = min(2 * pause, _LATER_LOOKS)


def _require_no_rollout(tx: Session, alias: str) -> None:
    busy = next((row for row in rollouts.open_rollouts(tx) if row.pool_alias == alias), None)
    if busy is not None:
        raise RolloutError(
            f"Rollout {busy.id} holds pool {alias}, and this would change what was approved.",
            "Do it when the rollout is over, or cancel it first.",
        )


def _size_of(bundle: Path, name: str) -> int:
    try:
        size = bundle.stat().st_size
    except OSError as error:
        raise RolloutError(f"The bundle {name} cannot be read: {error.strerror}.", "Check the file.") from error
    if not 0 < size <= LARGEST_BUNDLE:
        raise RolloutError(
            f"The file {name} has {size} bytes; an update bundle has at most {LARGEST_BUNDLE}, and not none.",
            "Check that it is the whole bundle, as it was downloaded.",
        )
    return size
