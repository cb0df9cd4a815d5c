"""Whether the weight on the scale is that of one whole vehicle, by the light beams at the two ends of its platform.

A scale that is at rest proves that nothing moves on it, and neither that every axle stands on it nor that all of them
are of one vehicle. A beam that is interrupted is a vehicle that reaches over that end; each interruption of the rear
one is a further vehicle that drove on, until the scale is empty.
"""

from edge.core.draft import Draft
from edge.core.inputs import LaneInputs
from edge.core.state import LaneState
from edge.core.weight import ROLLS_OFF_MS, Weighing, is_anothers

PARTLY = "partly_on_scale"
NOT_ALONE = "not_alone_on_scale"


def since_it_came(state: LaneState) -> Weighing | None:
    """Return what the scale says, unless it has shown that since before this vehicle came onto the arrival loop.

    Whoever comes moves what the scale shows: a display at rest from before is stuck, and shows whoever was there then.
    """
    weighing, came_ms = state.weighing, state.arrival_since_ms
    if weighing is None or weighing.kg is None or came_ms is None:
        return weighing
    # The loop may have been occupied for as long as a scan may be old.
    return weighing if weighing.since_ms >= came_ms - state.profile.timing.sample_max_age_ms else None


def begin_weighing(draft: Draft) -> None:
    """Give a new passage what the scale says of its vehicle."""
    weighing = since_it_came(draft.state)
    if weighing is not None and is_anothers(weighing, _gone_ms(draft.state)):
        # The scale has not moved since: an indicator that is stuck would give this vehicle the last one's weight.
        weighing = None
    draft.change_passage(weighing=weighing, scale_doubt=doubt(draft.state))


def watch_scale(draft: Draft, before: LaneInputs) -> None:
    """Count who is on the scale, and keep for the passage what speaks against its weight. Nothing without beams."""
    if not draft.state.profile.scale_beams:
        return
    count = _counted(draft.state, before)
    if count != draft.state.on_scale:
        draft.change(on_scale=count)
    if before.scale_front_beam is True and draft.state.inputs.scale_front_beam is False:
        draft.change(off_scale_ms=draft.at_ms)
    passage, why = draft.state.passage, doubt(draft.state)
    if passage is not None and passage.scale_doubt != why:
        draft.change_passage(scale_doubt=why)


def doubt(state: LaneState) -> str | None:
    """Return why what the scale shows is not the weight of one vehicle; None where nothing speaks against it."""
    if not state.profile.scale_beams:
        return None
    if state.inputs.scale_front_beam is not False or state.inputs.scale_rear_beam is not False:
        return PARTLY
    return None if state.on_scale == 1 else NOT_ALONE


def _gone_ms(state: LaneState) -> int | None:
    """When the vehicle before was off the scale: by its beams where they count, else by the loops.

    Who follows close behind keeps the arrival loop occupied, and the loops tell late that the one before has gone.
    """
    if state.on_scale is not None:
        return state.off_scale_ms
    return None if state.weighed_ms is None else state.weighed_ms + ROLLS_OFF_MS


def _counted(state: LaneState, before: LaneInputs) -> int | None:
    """How many vehicles are on the scale; None where that is not known, until the scale is empty."""
    front, rear = state.inputs.scale_front_beam, state.inputs.scale_rear_beam
    if front is None or rear is None:
        return None
    if state.weighing is not None and state.weighing.status == "empty":
        # No axle is on it: there is nobody but who reaches over an end.
        return int(front) + int(rear)
    if state.on_scale is None or before.scale_front_beam is None or before.scale_rear_beam is None:
        return None
    came = rear and not before.scale_rear_beam
    left = before.scale_front_beam and not front
    return max(0, state.on_scale + int(came) - int(left))
