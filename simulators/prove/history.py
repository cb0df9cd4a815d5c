"""Runs one history: a lane, its trucks, its faults, and every life of its controller."""

from dataclasses import dataclass
from functools import lru_cache

from edge.runtime import failpoints
from simulators.prove.box import Box
from simulators.prove.joins import AUTHORITIES
from simulators.prove.officers import OFFICERS
from simulators.prove.signers import Signers, site_signers
from simulators.prove.virtual_time import Killed
from simulators.prove.world import LANE, SITE, Plan, World


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
    weighings: frozenset[str] = frozenset()
    cases: frozenset[str] = frozenset()


@lru_cache(maxsize=2)
def _signers(real: bool) -> Signers:
    return site_signers(SITE, (LANE, "lane-2"), AUTHORITIES, OFFICERS, real=real)


def run(plan: Plan) -> Outcome:
    """Run the history of `plan` to its end."""
    world = World(plan, _signers)
    world.time.after(300, world.traffic.next_soon)
    vars(failpoints)["_armed"] = None
    boot = 0
    try:
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
    finally:
        world.keysets.close()
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
        judge.terminals["PASSED"] - world.traffic.passed_beside,
        tuple(judge.steps),
        frozenset(world.scale.seen),
        frozenset(world.outages.seen | world.opening.seen | world.operator.seen | world.reached),
    )
