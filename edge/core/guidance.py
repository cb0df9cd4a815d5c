"""What sign and voice tell the driver at the lane: one stable phrase for each state of the lane, and where to go.

The sign promises no more than what is measured: `released` stands exactly as long as the light is green, which needs
the boom measured up and an authority that is alive (I7).
"""

from functools import lru_cache

from edge.core.draft import Draft
from edge.core.effects import Guide, Phrase
from edge.core.inspection import targets_of
from edge.core.modes import held_for
from edge.core.state import LaneState, Phase

_BY_PHASE: dict[Phase, Phrase] = {
    Phase.STARTING: "not_ready",
    Phase.IDENTIFYING: "stop",
    Phase.WAITING: "wait",
    Phase.CONSUMING: "wait",
    Phase.OPENING: "wait",
    # Red while the boom is up: whoever reads the sign now is not the one who was let in.
    Phase.OPEN: "one_at_a_time",
    Phase.CLOSING: "one_at_a_time",
    Phase.TURNING_BACK: "turn_back",
    Phase.LEAVING: "turn_back",
    Phase.FAULT: "out_of_order",
}
# Each event asks, and the words are few: one is made once, however often it is asked for.
_word = lru_cache(maxsize=128)(Guide)


def guidance(state: LaneState) -> Guide:
    """Return what the driver at the lane is to do now."""
    passage = state.passage
    drill = state.mode == "DRILL" if passage is None else passage.drill
    if state.light == "green":
        evacuating = passage is not None and passage.evacuated is not None
        return _word("leave" if evacuating else "released", None, drill)
    if state.phase is Phase.IDLE:
        return _word(_idle(state), None, drill)
    if state.phase is Phase.HELD:
        if passage is not None and passage.decision == "refer":
            # Of a merged inspection, the first place.
            return _word("go_to", next(iter(targets_of(passage.inspections)), None), drill)
        return _word("wait_for_person", None, drill)
    return _word(_BY_PHASE[state.phase], None, drill)


def _idle(state: LaneState) -> Phrase:
    if held_for(state.mode, state.hours) is not None:
        return "closed"
    return "appointments" if state.hours == "appointments" else "ready"


def guide(draft: Draft) -> None:
    """Tell the driver, where what is to be told has changed."""
    if not draft.state.profile.guides:
        return
    now = guidance(draft.state)
    if now is not draft.state.guide and now != draft.state.guide:
        draft.change(guide=now)
        draft.emit(now)
