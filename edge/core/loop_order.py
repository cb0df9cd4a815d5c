"""The order of the loops: who stands below the boom came over another loop before, or a loop is faulty (P6)."""

from edge.core.draft import Draft
from edge.core.inputs import LaneInputs
from edge.core.state import LaneState, Phase

LOOPS_DISAGREE = "loops_disagree"
# A vehicle that was on the arrival loop within this time may have waited between the loops.
BETWEEN_LOOPS_MS = 60_000
# Shorter than this is a person, or cross-talk.
UNSEEN_MS = 2_000
_WATCHED = frozenset({Phase.IDLE, Phase.OPENING, Phase.OPEN})


def watch_order(draft: Draft, before: LaneInputs, inputs: LaneInputs) -> None:
    """Remember since when the safety loop has been occupied by something that came over no other loop.

    Only a site with an exit loop can tell it from what comes from there. In a passage it is told at once, for the
    boom is up already, and stops the lane once the boom is down; a closed lane stops (`unseen_long_enough`).
    """
    state = draft.state
    if inputs.safety_loop is not True:
        if state.unseen_since_ms is not None:
            draft.change(unseen_since_ms=None)
    elif state.unseen_since_ms is None:
        if before.safety_loop is False and _came_from_nowhere(state, inputs, draft.at_ms):
            draft.change(unseen_since_ms=draft.at_ms)
    elif state.passage is not None and not state.passage.unseen and unseen_long_enough(state):
        draft.change_passage(unseen=True)
        draft.alarm(LOOPS_DISAGREE, "something is below the boom that came over no other loop")


def unseen_long_enough(state: LaneState) -> bool:
    """Say whether it stands there for longer than a person or cross-talk would."""
    since_ms, now_ms = state.unseen_since_ms, state.sampled_at_ms
    return since_ms is not None and now_ms is not None and now_ms - since_ms >= UNSEEN_MS


def _came_from_nowhere(state: LaneState, inputs: LaneInputs, at_ms: int) -> bool:
    passage, edges = state.passage, state.arrival_edges_ms
    if state.phase not in _WATCHED or not state.profile.exit_loop or "wrong_way" in state.alarms:
        return False
    if passage is not None and (
        passage.arrived_at_ms is not None or passage.reached_exit or passage.evacuated is not None
    ):
        return False
    clear = inputs.arrival_loop is False and inputs.exit_loop is False
    return clear and not (edges and at_ms - edges[-1] <= BETWEEN_LOOPS_MS)
