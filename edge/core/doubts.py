"""What lets nothing open by itself although it does not stop the lane: while such an alarm stands, a person decides."""

from edge.core.draft import Draft
from edge.core.inputs import LaneInputs
from edge.core.seal import SEAL_ALARMS
from edge.core.state import LaneState
from edge.core.tags import TAG_IN_TWO_LANES, ambiguous

LAMP_FAULT = "lamp_fault"
DOUBTS = (LAMP_FAULT, *SEAL_ALARMS)


def doubts(state: LaneState) -> tuple[str, ...]:
    """Return why nothing opens by itself now: alarms that hold every vehicle, or a tag that another lane sees too.

    A person may still open.
    """
    standing = tuple(code for code in state.alarms if code in DOUBTS)
    return (*standing, TAG_IN_TWO_LANES) if ambiguous(state) else standing


def watch_lamps(draft: Draft, inputs: LaneInputs) -> None:
    """Compare the lamps with the light that was asked for, where the site feeds them back (P22).

    A lamp needs a moment, so a difference counts after `lamp_ms`. What was wrong while a light was asked for is right
    only once it agrees while the same is asked for: a dead green lamp looks well as long as red is wanted.
    """
    state = draft.state
    asked = state.light
    if asked is None or (inputs.red_lamp_on is None and inputs.green_lamp_on is None):
        return
    since_ms, wrong_at = state.lamps_wrong_since_ms, state.lamps_wrong_at
    if (inputs.red_lamp_on is not (asked != "red")) and (inputs.green_lamp_on is not (asked != "green")):
        left = tuple(light for light in wrong_at if light != asked)
        if since_ms is not None or left != wrong_at:
            draft.change(lamps_wrong_since_ms=None, lamps_wrong_at=left)
        if not left:
            draft.clear_alarms([LAMP_FAULT])
    elif since_ms is None:
        draft.change(lamps_wrong_since_ms=draft.at_ms)
    elif draft.at_ms - since_ms >= state.profile.timing.lamp_ms and asked not in wrong_at:
        draft.change(lamps_wrong_at=(*wrong_at, asked))
        lamps = {"red": inputs.red_lamp_on, "green": inputs.green_lamp_on}
        lit = " and ".join(name for name, on in lamps.items() if on)
        draft.alarm(LAMP_FAULT, f"{asked} is asked for, lit: {lit or 'none'}")
