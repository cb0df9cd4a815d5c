"""The operator and the technician: they look at what the lane shows, and decide as people do."""

from dataclasses import replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from edge.core.events import ModeOrdered, PersonAction, PersonDecided, Supplemented
from edge.core.modes import Mode
from edge.core.state import Phase
from edge.runtime import failpoints
from simulators.prove.words import Words

if TYPE_CHECKING:
    from simulators.prove.world import World

_NORMAL = frozenset({Phase.IDLE, Phase.IDENTIFYING, Phase.WAITING, Phase.CONSUMING, Phase.OPENING, Phase.CLOSING})
_LOOK_MS = (400, 900)
# What has to have come of orders in a large campaign.
ORDER_CASES = ("opened_by_one", "opened_by_two")
# The scan that an order's proof needs is asked for this long before the order comes.
_BEFORE_ORDER_MS = 60
# Who gives an order for the second time where two have to, and after how long: mostly another person.
_SECONDS: tuple[tuple[str | None, ...], tuple[int, ...]] = (("li", " CHEN ", None), (7, 2, 1))
_SECOND_MS = (100, 1_500)


class Operator:
    """One person, who comes some time after the lane needs one."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self._words = Words(world)
        self._draw = Random(world.plan.seed + "|second person")  # noqa: S311 - a repeatable simulation
        self.seen: set[str] = set()
        self._coming = False
        self._ended = False

    def saw(self, phase: Phase) -> None:
        """Something may be wrong."""
        if phase not in _NORMAL:
            self._come()

    def _come(self) -> None:
        if not self._coming:
            self._coming = True
            self.world.time.after(self.world.draw.uniform(*_LOOK_MS), self._look)

    def _look(self) -> None:
        self._coming = False
        box, phase = self.world.box, self.world.phase
        if box is None or box.dead or phase in _NORMAL:
            return
        self._come()
        match phase:
            case Phase.HELD if (said := self._words.of(box.runner.state)) is not None:
                self.world.poke()
                self.world.time.after(_BEFORE_ORDER_MS, partial(self._complete, said))
            case Phase.HELD:
                self._order(self.world.draw.choices(("open", "refuse", "retry"), (4, 4, 2))[0])
            case Phase.FAULT if box.runner.state.journal_lost:
                # What the alarm says: make room on the disk, start the service again.
                self.world.disk.fails = None
                self.world.kill()
            case Phase.FAULT:
                self.world.trouble.repair()
                self._order("reset")
            case Phase.STARTING | Phase.OPEN:
                signals = self.world.plant.signals()
                state = box.runner.state
                if phase is Phase.STARTING:
                    self.world.trouble.repair()
                stuck = phase is Phase.STARTING or "vehicle_stopped" in state.alarms
                if stuck and not signals["boom_down"] and not signals["safety_loop"]:
                    self._order("lower")
            case _:
                pass

    def _order(self, action: PersonAction) -> None:
        self._soon(action, "chen", 0)
        if action in self.world.profile.two_persons:
            name = self._draw.choices(*_SECONDS)[0]
            if name is not None:
                self._soon(action, name, self._draw.uniform(*_SECOND_MS))

    def _soon(self, action: PersonAction, name: str, in_ms: float) -> None:
        self.world.time.after(in_ms, partial(self._look_at, action, name))

    def _look_at(self, action: PersonAction, name: str) -> None:
        self.world.poke()
        box = self.world.box
        state = None if box is None else box.state
        meant = None if state is None or state.passage is None else state.passage.id
        self.world.time.after(_BEFORE_ORDER_MS, partial(self._say, action, name, meant))

    def _say(self, action: PersonAction, name: str, passage: str | None) -> None:
        """Order it for what was looked at: who drove off meanwhile is not meant any more, nor who came after."""
        if self.world.box is not None:
            self.world.box.take(PersonDecided(self.world.time.now_ms, name, action, "looked", passage))

    def _complete(self, said: Supplemented) -> None:
        if self.world.box is not None:
            self.world.box.take(replace(said, at_ms=self.world.time.now_ms))

    def spent(self, effect: dict[str, Any]) -> None:
        """An opening is on the disk as ordered: by one person, or by two."""
        if effect["source"] == "person":
            self.seen.add("opened_by_two" if effect["first_operator"] else "opened_by_one")

    def order_mode(self, mode: Mode) -> None:
        """Two persons order a mode, one right after the other."""
        for number, name in enumerate(("chen", "li")):
            self.world.time.after(number * 80, partial(self._say_mode, mode, name))

    def _say_mode(self, mode: Mode, name: str) -> None:
        if self.world.box is not None:
            self.world.box.take(ModeOrdered(self.world.time.now_ms, mode, name, "exercise"))

    def end(self) -> None:
        """Everybody goes home, once the lane is at rest."""
        box = self.world.box
        state = None if box is None else box.state
        if not self._ended:
            self._ended = True
            self.world.swarm.active = frozenset()
            vars(failpoints)["_armed"] = None
            self.world.disk.fails = None
            self.world.trouble.repair()
            self.world.outages.restore()
            self.order_mode("NORMAL")
            if state is not None and state.journal_lost:
                self.world.time.after(1_000, self.end)
                self.world.kill()
        elif state is not None and state.mode != "NORMAL":
            # Said to a controller that was started again before it had heard it.
            self.order_mode("NORMAL")
        at_rest = box is not None and not box.dead and self.world.phase is Phase.IDLE
        self.world.judge.waited(at_rest=at_rest)
        if at_rest or self.world.judge.gave_up:
            self.world.stop()
        else:
            self.world.time.after(1_000, self.end)
