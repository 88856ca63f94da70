"""Where stories are told: a stage in front of one browser, kept for as long as the next story can use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from playwright.sync_api import Browser, BrowserContext, Locator

from bot.cli.stage import Stage
from bot.lab.time import DEFAULT_START
from bot.messages.language import SOURCE
from bot.rollout.lifecycle import OPEN, State
from bot.settings import DigestSettings, MaintenanceSettings, Settings
from bot.settings.digests import Weekday
from storage import rollouts
from storage.actors import Actor
from storage.tables import RolloutRow
from tests.browser.visitor import Visitor

WIDE, PHONE = (1280, 760), (390, 844)
_ALICE = Actor("slack", "U0ALICE", "alice")
#: Where people sit who read these languages: it says how the page writes their times.
_PLACES = {SOURCE: ("en-GB", "Europe/London"), "pt_BR": ("pt-BR", "America/Sao_Paulo")}


@dataclass(frozen=True)
class Scene:
    """What a story needs of its stage. Simulated time passes `speed` times as fast as ours, from `begins` on."""

    scenario: str = "small"
    speed: float = 150.0
    language: str = SOURCE
    begins: datetime = DEFAULT_START
    configured: Callable[[Settings], Settings] = lambda settings: settings


def only_at_these_hours(*windows: str) -> Callable[[Settings], Settings]:
    """Settings under which the pool is worked on in these maintenance windows, or in an emergency that Bob and Erin
    may declare."""

    def configured(settings: Settings) -> Settings:
        roles = settings.roles.model_copy(update={"emergency": ("U0BOB", "U0ERIN")})
        return settings.model_copy(update={"maintenance": MaintenanceSettings(windows=windows), "roles": roles})

    return configured


def with_a_digest(day: Weekday, time: str, *windows: str) -> Callable[[Settings], Settings]:
    """The same, with a digest each week at that time (UTC)."""

    def configured(settings: Settings) -> Settings:
        weekly = DigestSettings(day=day, time=time, time_zone="UTC")
        return only_at_these_hours(*windows)(settings).model_copy(update={"digests": {"weekly": weekly}})

    return configured


class Camera(Protocol):
    """What is done with a moment that is worth a picture."""

    def __call__(self, name: str, visitor: Visitor, what: Locator, *, every_look: bool) -> None: ...


def _no_camera(name: str, visitor: Visitor, what: Locator, *, every_look: bool) -> None:
    """Tests look for themselves."""


class Tale:
    """One story while it is told: its stage, the first tab, and what was to be read at its moments."""

    def __init__(self, stage: Stage, context: BrowserContext, scene: Scene, name: str, camera: Camera) -> None:
        self.stage = stage
        self._context = context
        self._language = scene.language
        self._name = name
        self._camera = camera
        self._visitors: list[Visitor] = []
        #: The text of each moment by its name.
        self.told: dict[str, str] = {}
        self.visitor = self.visit("Alice")

    def visit(self, name: str) -> Visitor:
        """Another tab, of that person."""
        visitor = Visitor(self._context.new_page(), self.stage.slack.url, self._language)
        visitor.become(name)
        self._visitors.append(visitor)
        return visitor

    def shows(self, what: Locator, moment: str = "", *, by: Visitor | None = None) -> None:
        """The decisive moment of the story; with a name, one on the way there."""
        name = "-".join(filter(None, ["story", self._name, moment]))
        self.told[name] = what.inner_text()
        self._camera(name, by or self.visitor, what, every_look=not moment)

    @property
    def untouched(self) -> bool:
        """Whether nothing was done to the pool."""
        return {effect.kind for effect in self.stage.pool.effects} <= {"fault", "synced"}

    @property
    def problems(self) -> list[str]:
        """What the scripts of the pages complained about."""
        return [problem for visitor in self._visitors for problem in visitor.problems]


class Theatre:
    """One stage at a time. The next story gets it too, if it needs the same and nothing is under way there."""

    def __init__(self, browser: Browser, camera: Camera = _no_camera) -> None:
        self._browser = browser
        self._camera = camera
        self._scene: Scene | None = None
        self._stage: Stage | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End what is on stage."""
        if self._stage is not None:
            self._stage.stop()
        self._stage = self._scene = None

    @contextmanager
    def tell(self, name: str, scene: Scene) -> Iterator[Tale]:
        """A stage as the scene wants it, and somebody in front of it. Raises `AssertionError` for errors of scripts."""
        stage = self._prepared(scene)
        locale, zone = _PLACES[scene.language]
        context = self._browser.new_context(
            viewport={"width": WIDE[0], "height": WIDE[1]},
            color_scheme="light",
            reduced_motion="reduce",
            locale=locale,
            timezone_id=zone,
        )
        try:
            tale = Tale(stage, context, scene, name, self._camera)
            yield tale
            assert tale.problems == []
        finally:
            context.close()

    def _prepared(self, scene: Scene) -> Stage:
        if self._stage is not None and self._scene == scene:
            self._tidy(self._stage)
            return self._stage
        self.close()
        self._stage = Stage(
            scene.scenario,
            scene.speed,
            0,
            language=scene.language,
            begins=scene.begins,
            configured=scene.configured,
        )
        self._scene = scene
        return self._stage

    @staticmethod
    def _tidy(stage: Stage) -> None:
        """Withdraw what the story before asked for; what runs is left behind with its whole stage."""
        left = _latest(stage)
        if left is None or left.state not in OPEN:
            return
        if left.state in (State.AWAITING_APPROVAL, State.APPROVED):
            stage.service.rollouts.cancel(left.id, _ALICE)
        else:
            stage.change_scenario(stage.scenario)


def _latest(stage: Stage) -> RolloutRow | None:
    with stage.service.database.reading() as tx:
        return next(iter(rollouts.recent(tx, limit=1)), None)
