"""What an electronic seal says while its vehicle stands in the lane: whatever was decided, an open one is an alarm."""

from collections.abc import Sequence

from edge.core.draft import Draft
from edge.core.readings import Seal
from edge.core.seal import SEAL_ALARMS, SEAL_OPEN, SEAL_OPENED, opened_since, unlocked


def begin_seals(draft: Draft) -> None:
    """Give a new passage what the reader sees, unless it was another vehicle's; what was told of that one is over."""
    draft.clear_alarms(SEAL_ALARMS)
    take_seals(draft)


def take_seals(draft: Draft) -> None:
    """Give the passage what the reader sees now, unless it has seen that since a vehicle that is gone was there.

    Whose it is that came while nobody asked, or nobody watched, is not known: it is nobody's, and an open one holds
    whoever stands there.
    """
    state = draft.state
    known = state.seals is not None and all(
        _behind(state.seals.since_ms, over_ms) for over_ms in (state.sealed_ms, state.unwatched_ms)
    )
    draft.change_passage(seals=state.seals if known else None)
    field = state.seals or state.lost_seals
    if field is not None and _behind(field.since_ms if field.read_ms is None else field.read_ms, state.sealed_ms):
        _tell_open(draft, field.seals)


def _behind(at_ms: int, over_ms: int | None) -> bool:
    return over_ms is None or at_ms > over_ms


def _tell_open(draft: Draft, seals: Sequence[Seal]) -> None:
    """Raise the alarms of seals that may be the passage's. While one stands nothing opens (`edge.core.doubts`)."""
    if count := unlocked(seals):
        # No number of a seal leaves the lane here (I19).
        draft.alarm(SEAL_OPEN, f"{count} of {len(seals)} seals not locked")
    identity = draft.passage.identity
    if identity is not None and opened_since(identity.seals.value or (), seals):
        draft.alarm(SEAL_OPENED, "opened in the lane, after it was read")
