"""Wait for the moment in which the controller may be replaced: no lane in the middle of anything."""

import asyncio
from collections.abc import Iterable
from typing import Any

from edge.core.events import HandedOver
from edge.core.state import LaneState, Phase
from edge.runtime.lane_runner import LaneRunner

AT_REST = frozenset({Phase.STARTING, Phase.IDLE, Phase.LEAVING, Phase.FAULT, Phase.HELD, Phase.TURNING_BACK})
# Something was commanded, or stands below the boom: nobody replaces the controller now.
MOVING = frozenset({Phase.CONSUMING, Phase.OPENING, Phase.OPEN, Phase.CLOSING})
LONGEST_WAIT_S = 600.0


def at_rest(state: LaneState) -> bool:
    """No passage under way, or one that a person has in hand."""
    return state.phase in AT_REST


async def drained(runners: Iterable[LaneRunner], wait_s: float) -> dict[str, Any]:
    """Wait up to `wait_s` (at most `LONGEST_WAIT_S`) until all lanes are at rest at one moment.

    Where only undecided passages are left then, a person gets them: `handed_over` names their lanes. Where a boom is
    not proved down (`moving`), nobody is drained, and nothing is handed over. Lanes serve on meanwhile.
    """
    lanes = list(runners)
    try:
        async with asyncio.timeout(min(wait_s, LONGEST_WAIT_S)):
            while busy := [runner for runner in lanes if not at_rest(runner.state)]:
                await busy[0].reached(at_rest)
    except TimeoutError:
        pass
    phases = {runner.state.profile.lane: runner.state.phase for runner in lanes}
    moving = sorted(lane for lane, phase in phases.items() if phase in MOVING)
    undecided = [] if moving else [runner for runner in lanes if not at_rest(runner.state)]
    for runner in undecided:
        runner.take(HandedOver(runner.now_ms()))
    handed_over = sorted(runner.state.profile.lane for runner in undecided)
    return {"drained": not moving, "moving": moving, "handed_over": handed_over}
