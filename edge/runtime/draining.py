"""Wait for the moment in which the controller may be replaced: no lane in the middle of anything."""

import asyncio
from collections.abc import Iterable
from typing import Any

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

    Returns `drained`, and where that is false the lanes that are not: `moving`, with a boom that is not proved down,
    and `unfinished`, whose passage a restart would end by record and begin anew. Lanes serve on meanwhile.
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
    unfinished = sorted(lane for lane, phase in phases.items() if phase not in AT_REST and phase not in MOVING)
    return {"drained": not (moving or unfinished), "moving": moving, "unfinished": unfinished}
