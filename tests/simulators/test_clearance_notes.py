from dataclasses import replace

import pytest

from edge.clearance.request import readings_claims
from edge.core.container import Container
from edge.core.grant import NotedPlate, ReleaseNote
from edge.core.plate import Plate
from edge.core.readings import Identity, Reading
from edge.core.tag import Tag
from edge.field_policy import FieldPolicy
from simulators.release_notes import ReleaseNotes, Ruling
from tests.support.clearance import IDENTITY, NOTE


def rule(identity: Identity, note: ReleaseNote = NOTE, policy: FieldPolicy | None = None) -> Ruling:
    return ReleaseNotes.of([note]).rule(readings_claims(identity, policy or FieldPolicy()), "p1")


def front(text: str, colour: str | None = "yellow") -> Identity:
    return replace(IDENTITY, plates=(("front", Reading("read", Plate(text, colour, "ordinary"), 0.9)),))  # type: ignore[arg-type]


def boxes(*codes: str) -> Reading[tuple[Container, ...]]:
    return Reading("read", tuple(Container(code, "verified") for code in codes), 0.9)


def test_released_where_everything_agrees() -> None:
    assert rule(IDENTITY) == Ruling("release", "", NOTE)


HELD = {
    "unread_front_plate": replace(IDENTITY, plates=(("front", Reading("unread", reason="dark")),)),
    "conflict_front_plate": replace(IDENTITY, plates=(("front", Reading("conflict")),)),
    "no_note": front("沪A12346"),
    "unread_container": replace(IDENTITY, containers=Reading("unread", reason="dark")),
    "conflict_container": replace(IDENTITY, containers=Reading("conflict")),
    "unread_tag": replace(IDENTITY, tag=Reading("unread", reason="none_seen")),
    "conflict_tag": replace(IDENTITY, tag=Reading("conflict")),
}


@pytest.mark.parametrize("reason", HELD)
def test_held_where_something_required_was_not_read(reason: str) -> None:
    ruling = rule(HELD[reason])
    assert (ruling.verdict, ruling.reason) == ("hold", reason)


CONTRADICTIONS = {
    "other_colour": front("沪A12345", "blue"),
    "other_container": replace(IDENTITY, containers=boxes("MSKU9070323")),
    "missing_container": replace(IDENTITY, containers=boxes()),
    "extra_container": replace(IDENTITY, containers=boxes("CSQU3054383", "MSKU9070323")),
    "other_tag": replace(IDENTITY, tag=Reading("read", Tag("E2801160600002055"), 1.0)),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_held_where_something_contradicts_the_note(name: str) -> None:
    ruling = rule(CONTRADICTIONS[name])
    assert (ruling.verdict, ruling.reason) == ("hold", "contradicts_note")


def test_no_plate_camera_at_all_is_unread() -> None:
    assert rule(replace(IDENTITY, plates=())).reason == "unread_front_plate"


def test_a_withheld_value_cannot_be_matched() -> None:
    assert rule(IDENTITY, policy=FieldPolicy(plates="mask")).reason == "withheld_front_plate"


def test_an_unknown_colour_contradicts_nothing() -> None:
    assert rule(front("沪A12345", None)).verdict == "release"


def test_the_rear_plate_is_compared_where_it_was_read() -> None:
    note = replace(NOTE, plates=(*NOTE.plates, NotedPlate("rear", "沪B1234挂", "yellow")))
    for text, verdict in (("沪B1234挂", "release"), ("沪B1235挂", "hold")):
        rear = ("rear", Reading("read", Plate(text, "yellow", "trailer"), 0.9))
        assert rule(replace(IDENTITY, plates=(*IDENTITY.plates, rear)), note).verdict == verdict
    unread: Reading[Plate] = Reading("unread", reason="dark")
    assert rule(replace(IDENTITY, plates=(*IDENTITY.plates, ("rear", unread))), note).verdict == "release"


def test_a_lane_that_looks_for_no_container_serves_notes_without_one() -> None:
    bare = replace(NOTE, containers=(), tag=None)
    identity = Identity(plates=IDENTITY.plates)
    assert rule(identity, bare).verdict == "release"
    assert rule(identity, NOTE).reason == "unread_container"
    assert rule(replace(identity, containers=Reading("unread", reason="dark")), bare).reason == "unread_container"


def test_a_conflicting_tag_holds_even_a_note_without_one() -> None:
    assert rule(replace(IDENTITY, tag=Reading("conflict")), replace(NOTE, tag=None)).reason == "conflict_tag"


def test_a_release_is_for_one_passage() -> None:
    book = ReleaseNotes.of([NOTE])
    readings = readings_claims(IDENTITY, FieldPolicy())
    assert book.rule(readings, "p1").verdict == "release"
    assert book.used_by(NOTE.number) == "p1"
    assert book.rule(readings, "p1").verdict == "release"
    assert book.rule(readings, "p2") == Ruling("hold", "note_used", NOTE)
    book.add(NOTE)
    assert book.rule(readings, "p2").verdict == "release"


def test_a_note_without_front_plate_is_refused() -> None:
    with pytest.raises(ValueError, match="front plate"):
        ReleaseNotes.of([replace(NOTE, plates=())])
