"""What leads a controller to each named point of `edge.runtime.failpoints`, where it is killed.

`CONFIRM` configures handheld terminals, without which no challenge is ever made.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from edge.runtime.control import ControlError, ask
from edge.runtime.failpoints import COMMIT_NAMES, NAMES
from simulators.clearance import Behaviour
from tests.support.controller import LIMIT_S
from tests.support.system_lane import AUTHORITY, LANE, SystemLane

CONFIRM = f"    handheld: {{authority: {AUTHORITY}, answer_s: 60}}\n"
ORDERED_MODE = "EMERGENCY_HOLD"
# A controller that starts gets here before its lane is idle.
IN_START = tuple(name for name in NAMES if name.startswith(("recovery_", "boot_")))
# The first light is that of the start, in its second the barrier is found; then come green and red of a passage.
_LIGHTS = (3, 4)
# The groups of a start, and those of two passages after it.
_MOST_COMMITS = 30
_TRUCKS = 4


def hit_of(point: str, number: int) -> str:
    """Return the failpoint for the `number`-th kill at this point: which of its hits is the deadly one."""
    if point in COMMIT_NAMES:
        return f"{point}:{1 + number * 7 % _MOST_COMMITS}"
    if point.startswith("light_"):
        return f"{point}:{_LIGHTS[number % len(_LIGHTS)]}"
    return point


async def die_at(lane: SystemLane, point: str, number: int = 0) -> None:
    """Start the controller, lead it to the point, and return once it is dead. What was in its way is taken away."""
    if point in IN_START:
        await die_at(lane, "raise_after")
    if point.startswith("challenge_"):
        lane.write_config(handheld=CONFIRM)
    await lane.start_controller(failpoint=hit_of(point, number), ready=point not in (*IN_START, *COMMIT_NAMES))
    await _ways(point)(lane)
    lane.plant.faults.forced.pop("emergency_stop", None)


def _ways(point: str) -> Callable[[SystemLane], Awaitable[None]]:
    ways = {"challenge": _hold, "referral": _refer, "mode": _order_mode, "stop": _press_stop}
    return SystemLane.dies if point in IN_START else ways.get(point.partition("_")[0], _drive)


async def _drive(lane: SystemLane) -> None:
    """Trucks come until it dies: where a busy machine read the tag too late the lane holds, and the next one may."""
    dying = asyncio.ensure_future(lane.controller.process.wait())
    for _ in range(_TRUCKS):
        lane.arrive()
        settling = asyncio.create_task(lane.settle())
        await asyncio.wait((dying, settling), timeout=LIMIT_S, return_when=asyncio.FIRST_COMPLETED)
        settling.cancel()
        await asyncio.gather(settling, return_exceptions=True)
        if dying.done():
            return await lane.dies()
    dying.cancel()
    raise AssertionError(f"the point was never reached; state {lane.state}")


async def _hold(lane: SystemLane) -> None:
    lane.arrive(noted=False)
    await lane.dies()


async def _refer(lane: SystemLane) -> None:
    lane.service.behave(Behaviour("refer", target="weigh"))
    await _drive(lane)


async def _order_mode(lane: SystemLane) -> None:
    lane.arrive(noted=False)
    await lane.phase("held")
    order = {"verb": "mode", "lane": LANE, "mode": ORDERED_MODE, "operator": "chen", "reason": "exercise"}
    # It dies before it answers.
    with contextlib.suppress(ControlError):
        await ask(lane.socket, order)
    await lane.dies()


async def _press_stop(lane: SystemLane) -> None:
    for _ in range(_TRUCKS):
        lane.arrive()
        await lane.phase("open", "held")
        if lane.state["phase"] == "open":
            lane.plant.faults.forced["emergency_stop"] = True
            return await lane.dies()
        await lane.settle()
    raise AssertionError(f"the boom never rose; state {lane.state}")
