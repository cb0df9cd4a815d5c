"""Runs one history: a lane, its trucks, its faults, and every life of its controller."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from edge.core import step as core_step
from edge.core.effects import Effect
from edge.core.events import Event
from edge.core.state import LaneState
from edge.runtime import failpoints, lane_runner
from simulators.prove.box import Box
from simulators.prove.signers import Signers, site_signers
from simulators.prove.virtual_time import Killed
from simulators.prove.world import CUSTOMS, LANE, PORT, SITE, Plan, World


@dataclass(slots=True)
class Outcome:
    """What came of one history."""

    plan: Plan
    trace: str
    violations: list[tuple[str, str]]
    terminals: dict[str, int]
    rows: set[str]
    phases: set[str]
    passages: int = 0
    entitled: int = 0
    passed: int = 0
    steps: tuple[str, ...] = ()


@lru_cache(maxsize=2)
def _signers(real: bool) -> Signers:
    return site_signers(SITE, (LANE, "lane-2"), (CUSTOMS.id, PORT.id), real=real)


@contextmanager
def _judged(world: World) -> Iterator[None]:
    """Let the judge see each step of the lane that runs."""
    names = vars(lane_runner)
    real = names["step"]

    def step(before: LaneState, event: Event) -> tuple[LaneState, tuple[Effect, ...]]:
        after, effects = core_step.step(before, event)
        if world.box is not None and not world.box.dead:
            world.judge.stepped(before, event, after, effects)
            world.stepped(before, after)
        return after, effects

    names["step"] = step
    try:
        yield
    finally:
        names["step"] = real


def run(plan: Plan) -> Outcome:
    """Run the history of `plan` to its end."""
    world = World(plan, _signers)
    world.time.after(300, world.traffic.next_soon)
    vars(failpoints)["_armed"] = None
    with _judged(world):
        boot = 0
        while not world.finished:
            box = world.box = Box(world, boot)
            boot += 1
            try:
                box.run()
            except Killed:
                box.die(power_cut=world.trouble.power_cut)
                world.died()
            finally:
                box.die(power_cut=False)
    world.judge.close()
    judge = world.judge
    return Outcome(
        plan,
        judge.trace.hexdigest(),
        judge.violations,
        dict(judge.terminals),
        judge.rows,
        judge.phases,
        sum(judge.terminals.values()),
        world.traffic.entitled,
        judge.terminals["PASSED"],
        tuple(judge.steps),
    )
