"""What an electronic seal says while its vehicle stands in the lane: whatever was decided, an open one is an alarm."""

from edge.core.draft import Draft
from edge.core.seal import SEAL_ALARMS, SEAL_OPEN, SEAL_OPENED, opened_since, unlocked


def begin_seals(draft: Draft) -> None:
    """Give a new passage what the reader sees, unless it was another vehicle's; what was told of that one is over."""
    draft.clear_alarms(SEAL_ALARMS)
    field = draft.state.seals
    gone_ms = draft.state.sealed_ms
    if field is not None and (gone_ms is None or field.since_ms > gone_ms):
        draft.change_passage(seals=field)
        watch_seals(draft)


def watch_seals(draft: Draft) -> None:
    """Raise the alarms of the passage's seals. While one stands nothing opens by itself (`edge.core.doubts`)."""
    passage = draft.passage
    seals = () if passage.seals is None else passage.seals.seals
    if count := unlocked(seals):
        # No number of a seal leaves the lane here (I19).
        draft.alarm(SEAL_OPEN, f"{count} of {len(seals)} seals not locked")
    if passage.identity is not None and opened_since(passage.identity.seals.value or (), seals):
        draft.alarm(SEAL_OPENED, "opened in the lane, after it was read")
