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

    Whose it is that came while nobody asked is not known: it is nobody's, and an open one holds whoever stands there.
    """
    field, gone_ms = draft.state.seals, draft.state.sealed_ms
    if field is None or gone_ms is None or field.since_ms > gone_ms:
        draft.change_passage(seals=field)
        watch_seals(draft)
        return
    draft.change_passage(seals=None)
    if field.read_ms is not None and field.read_ms > gone_ms:
        _tell_open(draft, field.seals)


def watch_seals(draft: Draft) -> None:
    """Raise the alarms of the passage's seals. While one stands nothing opens by itself (`edge.core.doubts`)."""
    passage = draft.passage
    seals = () if passage.seals is None else passage.seals.seals
    _tell_open(draft, seals)
    if passage.identity is not None and opened_since(passage.identity.seals.value or (), seals):
        draft.alarm(SEAL_OPENED, "opened in the lane, after it was read")


def _tell_open(draft: Draft, seals: Sequence[Seal]) -> None:
    if count := unlocked(seals):
        # No number of a seal leaves the lane here (I19).
        draft.alarm(SEAL_OPEN, f"{count} of {len(seals)} seals not locked")
