"""Looking again: a lane that could not read what must match triggers its devices anew, then leaves it to a person."""

from edge.core.draft import Draft
from edge.core.effects import StartCapture
from edge.core.events import Event
from edge.core.fusion import is_complete
from edge.core.guards import identified
from edge.core.modes import demanded
from edge.core.readings import Identity, Reading

# Looking again adds nothing where nothing was looked for, or nothing is there to look with.
_FINAL = ("not_looked_for", "device_lost")


def worth_another_look(draft: Draft, event: Event) -> bool:
    """Waiting adds nothing more, something that must match is not read, and the lane may look again."""
    state, passage = draft.state, draft.passage
    if passage.recaptures >= state.profile.recaptures or not identified(draft, event):
        return False
    identity = draft.fused()
    return any(
        reading.status != "read" and reading.reason not in _FINAL
        for name in demanded(state.mode, state.profile).must_match
        if (reading := _reading(identity, name)) is not None
    )


def stands_on_the_scale(draft: Draft, event: Event) -> bool:
    """The beams at the scale let its weight count, nothing else is waited for, and nothing is worth another look."""
    profile, lost = draft.state.profile, draft.state.lost_devices
    if not profile.scale_beams or not is_complete(profile, draft.passage, draft.fused(), lost):
        return False
    return not worth_another_look(draft, event)


def _reading(identity: Identity, name: str) -> Reading[object] | None:
    """The reading that `name` stands for. A tag is not waited for: many trucks have none, and a note says which."""
    if name == "containers":
        return identity.containers  # type: ignore[return-value]
    return dict(identity.plates).get(name.removesuffix("_plate"))  # type: ignore[return-value]


def look_again(draft: Draft, event: Event) -> None:
    """Trigger every device anew for the same vehicle: what was seen before does not count any more."""
    passage = draft.passage
    draft.change_passage(
        attempt=passage.attempt + 1, recaptures=passage.recaptures + 1, triggered_at_ms=event.at_ms, frames=(), tags=(),
        shared_tags=(),
    )  # fmt: skip
    draft.report("recaptured", ("number", passage.recaptures + 1))
    draft.emit(StartCapture(passage.id, event.at_ms))
