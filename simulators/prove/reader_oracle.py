"""An independent judge of seals, drivers and weights of empty vehicles: what opens by itself, by the readings."""

from collections.abc import Sequence

from edge.core.effects import ConsumeAuthority
from edge.core.grant import ReleaseNote
from edge.core.profile import LaneProfile
from edge.core.readings import Identity
from edge.core.state import LaneState, Passage, Phase

# What a lane is short of, and no more: nothing contradicts.
_SHORT_OF = ("unread_", "not_noted_")
_DEMANDED = {"seals": "unread_seals", "driver": "unread_driver"}


def judge_readers(before: LaneState, after: LaneState, effects: Sequence[object]) -> None:
    """Assert it for one step: nothing opens with an open seal, another one, or none where one is demanded."""
    passage = after.passage
    if passage is None or passage.identity is None:
        return
    for effect in effects:
        if isinstance(effect, ConsumeAuthority) and effect.source != "person":
            _opens(before, passage, passage.identity, effect)
    if after.phase is Phase.HELD and before.phase is Phase.WAITING:
        _held(after, passage, passage.identity)


def _demands(state: LaneState, name: str) -> bool:
    """The lane's configuration or its mode wants it read."""
    there = state.profile.seal_reader if name == "seals" else state.profile.driver_identity
    return name in state.profile.must_match or (state.mode == "HEIGHTENED" and there is not None)


def _opens(before: LaneState, passage: Passage, identity: Identity, effect: ConsumeAuthority) -> None:
    assert identity.seals.status != "conflict", "I1: opened with more seals than a vehicle has"
    assert identity.driver.status != "conflict", "I1: opened for two drivers"
    seals = {one.id: one for one in identity.seals.value or ()}
    assert all(one.locked is True for one in seals.values()), "I1: opened with a seal that is not locked"
    for name, reading in (("seals", identity.seals), ("driver", identity.driver)):
        assert not _demands(before, name) or reading.status == "read", f"I1: opened without the {name} it demands"
    if effect.source == "offline":
        assert not _demands(before, "seals"), "I21: no list names the seals that are demanded"
    notes = [
        one.answer.note
        for one in passage.requests
        if one.nonce in effect.nonces and one.answer is not None and one.answer.note is not None
    ]
    for note in notes:
        _as_noted(note, {name: one.openings for name, one in seals.items()}, read=identity.seals.status == "read")
    _not_heavy(before.profile, passage, identity)


def _as_noted(note: ReleaseNote, seen: dict[str, int | None], *, read: bool) -> None:
    """Where a note names seals they hang there, these and no others, opened as often as it says."""
    if not note.seals:
        return
    assert read, "I1: opened without the seals that the note names"
    assert seen.keys() == {one.id for one in note.seals}, "I1: opened with other seals than the note names"
    for one in note.seals:
        assert one.openings in (None, seen[one.id]), "I1: opened with a seal that was opened on the way"


def _not_heavy(profile: LaneProfile, passage: Passage, identity: Identity) -> None:
    """A vehicle that looks empty weighs what empty ones do, unless a person said what is on it."""
    limits, weight = profile.empty_weights, identity.weight.value
    if limits is None or weight is None or weight.kg <= limits.chassis_most_kg:
        return
    said = passage.supplement is not None and bool(passage.supplement.containers)
    looked = [one.reading for one in passage.frames if one.reading.vehicles]
    hidden = bool(looked) and not any(one.reading.containers for one in passage.frames)
    undecided = identity.containers.status == "read" and not identity.containers.value
    assert said or not (undecided or (hidden and "containers" in profile.must_match)), "I1: empty, and too heavy for it"


def _held(after: LaneState, passage: Passage, identity: Identity) -> None:
    """All have released it, and it is held because something demanded was not read: then it says which."""
    answers = [one.answer for one in passage.requests]
    if not answers or not all(one is not None and one.verdict == "release" and one.note for one in answers):
        return
    assert passage.reasons, "I11: held without a reason"
    if not all(reason.startswith(_SHORT_OF) for reason in passage.reasons):
        return
    for name, reading in (("seals", identity.seals), ("driver", identity.driver)):
        if _demands(after, name) and reading.status != "read":
            assert _DEMANDED[name] in passage.reasons, f"I11: held without the {name}, and does not say so"
