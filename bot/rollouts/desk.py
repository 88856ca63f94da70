"""What all use-cases share: where things are kept, who is asked, and how a state is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from bot.rollout.errors import NotAllowed, StaleDigest
from bot.rollout.lifecycle import State
from bot.rollout.moment import next_time
from bot.rollout.proposal import Choices
from bot.rollout.reason import Reason
from bot.rollout.spec import Placement, Preset, StoppedVms, VmRestarts
from bot.rollout.vm_policy import wish_of
from bot.rollouts.hours import zone_of
from bot.rollouts.preview import Preview, look
from bot.rollouts.roles import Authority
from bot.rollouts.standing import Standing, approving_role, standing_of
from bot.settings import Settings, SettingsError
from bot.time import Time
from bot.xen.gateway import Gateway
from storage import audit, durations, pools, rollouts
from storage.actors import Actor
from storage.database import Database, Session
from storage.tables import RolloutRow


class Desk:
    """The base of `Rollouts`.

    `say` renders a reason to its English sentence for the audit trail; `wake` tells the worker that there is
    something to do; `settle` asks it to give back what is owed to a pool; `follow` runs something in the background;
    `polled` has a pool looked at soon.
    """

    def __init__(
        self,
        database: Database,
        gateways: Mapping[str, Gateway],
        settings: Settings,
        time: Time,
        authority: Authority,
        say: Callable[[Reason], str],
        *,
        wake: Callable[[], None] = lambda: None,
        settle: Callable[[str], None] = lambda alias: None,
        follow: Callable[[Callable[[], None]], object] = lambda work: work(),
        polled: Callable[[str], None] = lambda alias: None,
    ) -> None:
        self.database = database
        self.gateways = gateways
        self.settings = settings
        self.time = time
        self.authority = authority
        self.say = say
        self._wake = wake
        self._settle = settle
        self._follow = follow
        self._polled = polled

    def standing(self, rollout_id: int) -> Standing:
        """One rollout as it stands. Raises `storage.errors.NotFound`."""
        approvers = self._approvers(self._get(rollout_id))
        with self.database.reading() as tx:
            return standing_of(tx, rollouts.get(tx, rollout_id), self.settings, approvers)

    def usual(self, alias: str) -> Choices:
        """What is chosen for a pool when nobody chooses anything: its configuration. Raises `SettingsError`."""
        return usual_choices(self.settings, alias, self.time.now())

    def _look(self, alias: str, choices: Choices, owner: str = "", *, starting: bool = False) -> Preview:
        with self.database.reading() as tx:
            row = pools.pool_by_alias(tx, alias)
            learned = durations.estimates(tx, row.uuid if row is not None else "")
        return look(alias, self.gateways[alias], choices, learned, self.time, owner, starting=starting)

    def _get(self, rollout_id: int) -> RolloutRow:
        with self.database.reading() as tx:
            return rollouts.get(tx, rollout_id)

    def _approvers(self, row: RolloutRow) -> frozenset[str] | None:
        """Who may approve now, where that still matters. Asks Slack: never call it inside a write transaction."""
        if row.state not in (State.AWAITING_APPROVAL, State.APPROVED):
            return None
        return self.authority.holders(approving_role(row), row.pool_alias)

    def _move(self, tx: Session, row: RolloutRow, to: State, actor: Actor, reason: Reason) -> RolloutRow:
        return rollouts.transition(
            tx,
            row.id,
            to,
            frm=row.state,
            actor=actor,
            reason=reason,
            sentence=self.say(reason),
            at=self.time.now(),
        )

    def _audit(
        self, tx: Session, actor: Actor, action: str, reason: Reason, row: RolloutRow, *, digest: str = ""
    ) -> None:
        audit.append(
            tx,
            actor=actor,
            action=action,
            reason=reason,
            sentence=self.say(reason),
            at=self.time.now(),
            rollout_id=row.id,
            pool_uuid=row.pool_uuid,
            details={"digest": digest or row.digest},
        )

    def _known(self, alias: str) -> str:
        if alias not in self.gateways:
            self.settings.pool(alias)
            raise SettingsError(f"Pool {alias} is not connected.", "Restart xsbot after changing its configuration.")
        return alias

    @staticmethod
    def _current(row: RolloutRow, digest: str) -> None:
        if row.digest != digest:
            raise StaleDigest(
                f"Rollout {row.id} has changed since this card was drawn.",
                "Look at the new card; what you saw is no longer what would happen.",
            )

    @staticmethod
    def _awaiting(row: RolloutRow) -> None:
        if row.state is not State.AWAITING_APPROVAL:
            raise NotAllowed(
                f"Rollout {row.id} no longer waits for approval: it is {row.state.value.replace('_', ' ')}.",
                "`/xs status` shows where it stands.",
            )

    @staticmethod
    def _not_started(row: RolloutRow) -> None:
        if row.state not in (State.AWAITING_APPROVAL, State.APPROVED):
            raise NotAllowed(
                f"Rollout {row.id} waits no more: it is {row.state.value.replace('_', ' ')}.",
                f"`/xs status` shows where it stands, `/xs abort {row.id}` ends one that runs.",
            )


def usual_choices(settings: Settings, alias: str, now: datetime) -> Choices:
    """What a pool's configuration chooses at that moment. Raises `SettingsError` for a pool that there is not."""
    usual, vms = settings.rollout_for(alias), settings.pool(alias).vms
    return Choices(
        preset=Preset(usual.preset),
        placement=Placement(usual.placement),
        max_out=usual.max_out,
        deadline=next_time(usual.deadline, now, zone_of(settings, alias)) if usual.deadline else None,
        stopped_vms=StoppedVms(vms.cannot_move),
        tags=tuple(map(wish_of, vms.tags)),
        vm_restarts=VmRestarts(vms.restarts),
        vms_at_once=vms.at_once,
        evacuate_at_once=vms.evacuate_at_once,
        network=vms.network,
    )
