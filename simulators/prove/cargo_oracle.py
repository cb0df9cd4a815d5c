"""Who is released is who was read, box for box and plate for plate; no box is seen, never assumed."""

from collections.abc import Sequence

from edge.core.effects import ConsumeAuthority
from edge.core.grant import ReleaseNote
from edge.core.profile import LaneProfile
from edge.core.readings import Identity
from edge.core.state import LaneState, Passage
from edge.core.supplement import Supplement


def judge_identity(before: LaneState, after: LaneState, effects: Sequence[object]) -> None:
    """Assert it for one step, from the frames and the notes themselves."""
    passage = after.passage
    if passage is None or passage.identity is None:
        return
    identity, profile = passage.identity, after.profile
    if identity.containers.value == () and (before.passage is None or before.passage.identity is None):
        _empty(profile, passage)
    for effect in effects:
        if isinstance(effect, ConsumeAuthority) and effect.source == "grant":
            words = passage.supplement
            assert words is None or profile.supplement_opens, "I1: a person's words opened where a person has to"
            said = words is not None and bool(words.containers) and before.mode != "HEIGHTENED"
            if "containers" in profile.must_match:
                assert said or identity.containers.status == "read", "I1: released with boxes that were not read"
            heightened = before.mode == "HEIGHTENED" and profile.weighbridge is not None
            if heightened or "weight" in profile.must_match:
                assert identity.weight.status == "read", "I1: released without the weight that is demanded"
            for request in passage.requests:
                if request.nonce in effect.nonces and request.answer is not None:
                    _equal(request.answer.note, identity)
                    _as_said(request.answer.note, words)


def _empty(profile: LaneProfile, passage: Passage) -> None:
    for camera in (one for one in profile.cameras if "container" in one.reads):
        seen = [one.reading for one in passage.frames if one.camera == camera.id]
        assert sum(bool(one.vehicles) for one in seen) >= camera.frames_needed, "I1: emptiness was not seen"
        assert not any(one.containers for one in seen), "I1: a box was seen"


def _as_said(note: ReleaseNote | None, words: Supplement | None) -> None:
    """Nor anything that a person said."""
    if note is None or words is None:
        return
    said = not words.containers or sorted(words.containers) == sorted(note.containers)
    assert said, "I1: other boxes than those that were said"
    for noted in note.plates:
        assert dict(words.plates).get(noted.place, noted.text) == noted.text, "I1: another plate than was said"


def _equal(note: ReleaseNote | None, identity: Identity) -> None:
    """Nothing that was read differs from the note: one that differs releases nobody."""
    if note is None:
        return
    if identity.containers.value is not None:
        codes = sorted(one.code for one in identity.containers.value)
        assert codes == sorted(note.containers), "I1: other boxes than those that were released"
    read = dict(identity.plates)
    for noted in note.plates:
        plate = read[noted.place].value if noted.place in read else None
        assert plate is None or plate.text == noted.text, "I1: another plate than the one that was released"
