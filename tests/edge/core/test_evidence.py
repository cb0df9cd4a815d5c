"""Frames that differ in single characters are joined by evidence, place by place; no second answer is ever tried."""

import math
from dataclasses import replace

import pytest

from edge.core.boxes import fuse_containers
from edge.core.container import parse_container
from edge.core.events import FrameRead
from edge.core.evidence import Look, differences, joined, look_of, of_one_thing
from edge.core.fusion import fuse
from edge.core.plate import parse_plate
from edge.core.profile import CameraProfile, LaneProfile
from edge.core.readings import ContainerSighting, PictureReading, PlateSighting, Reading
from edge.core.state import Passage

CODE = "CSQU3054383"
SURE, WEAK = 0.97, 0.4


def look(text: str, *, weak: str = "", name: str = "a", sure: float = SURE) -> Look:
    """A look that is sure of each character but those places that `weak` marks with a dot."""
    marks = weak.ljust(len(text))
    return Look(text, tuple(WEAK if mark == "." else sure for mark in marks), name)


# --- one place after the other --------------------------------------------------------------------------------------


def test_the_surer_character_wins_whichever_came_first() -> None:
    sure, unsure = look("AB1"), look("A81", weak=" . ", name="b")
    for looks in ([sure, unsure], [unsure, sure]):
        top = joined(looks, 1, 1)
        assert top is not None
        assert (top.text, set(top.evidence)) == ("AB1", {"a", "b"})
        assert 0.9 < top.confidence <= SURE


def test_two_that_are_as_sure_of_two_characters_leave_it_open() -> None:
    assert joined([look("AB1"), look("A81", name="b")], 1, 1) is None


def test_each_character_needs_the_pictures_that_were_asked_for() -> None:
    looks = [look("AB1"), look("AB7", weak="  .", name="b"), look("A81", weak=" . ", name="c")]
    top = joined(looks, 2, 2)
    assert top is not None
    assert top.text == "AB1"
    assert joined(looks, 3, 2) is None
    assert joined(looks[:2], 2, 2) is None, "the last one stands in one picture"
    assert joined(looks[:2], 2, 1) is not None


def test_what_no_picture_is_sure_of_is_not_answered() -> None:
    assert joined([look("AB1", weak=" . "), look("AB1", weak=" . ", name="b")], 2, 2) is None


def test_a_confidence_that_is_no_number_wins_nothing() -> None:
    spoilt = replace(look("AB1"), characters=(math.nan,) * 3)
    assert joined([spoilt, replace(spoilt, sha256="b")], 2, 2) is None


def test_a_look_that_missed_a_character_in_between_does_not_shift_the_others() -> None:
    """MAGU2112920 without its 9, twice and sure, and a check digit from another: MAGU2112200 would pass."""
    short = [look("MAGU211220", name=name) for name in "abc"]
    assert joined([look("MAGU2112920", weak="        ..", name="d"), *short], 2, 1) is None
    assert joined([look("MAGU2112200", name="d"), *short], 2, 1) is not None


def test_many_pictures_do_not_make_a_character_surer_than_the_surest_of_them() -> None:
    top = joined([look("AB1", sure=0.8, name=str(number)) for number in range(9)], 2, 2)
    assert top is not None
    assert top.confidence == 0.8


@pytest.mark.parametrize("certain", [1.0, 2.0])
def test_one_picture_that_claims_certainty_does_not_outvote_two(certain: float) -> None:
    liar = look("A81", sure=certain)
    others = [look("AB1", name="b"), look("AB1", name="c")]
    top = joined([liar, *others], 1, 1)
    assert top is not None
    assert top.text == "AB1"


def test_a_reader_without_characters_has_its_line_s_confidence_for_each() -> None:
    assert look_of("AB1", 0.7, (), "a") == Look("AB1", (0.7, 0.7, 0.7), "a")
    assert look_of("AB12", 0.7, (0.9, 0.8, 0.7), "a") == Look("AB1", (0.9, 0.8, 0.7), "a")


def test_what_differs_too_much_is_another_thing_and_so_is_a_second_one_in_the_same_picture() -> None:
    looks = [look("ABCD", sure=0.9), look("ABCE", name="b"), look("XYZW", name="c"), look("ABCD", sure=0.5, name="b")]
    assert [[one.text for one in group] for group in of_one_thing(looks, 1)] == [["ABCE", "ABCD"], ["XYZW"], ["ABCD"]]
    assert differences("ABC", "AXCD") == 1


def test_a_missing_last_character_is_borne_where_it_may_be() -> None:
    looks = [look("ABCD"), look("ABC", sure=0.9, name="b")]
    assert [len(of_one_thing(looks, 1, missing=most)) for most in (0, 1)] == [2, 1]


# --- containers -----------------------------------------------------------------------------------------------------


def sighting(text: str, **places: float) -> ContainerSighting:
    """A code with the confidence of single places (`p7=0.4`), SURE elsewhere."""
    container = parse_container(text, "22G1")
    assert container is not None
    characters = tuple(places.get(f"p{place}", SURE) for place in range(len(text)))
    return ContainerSighting(container, min(characters), (0, 0, 99, 9), characters)


def boxes(*views: tuple[ContainerSighting, ...], needed: int = 2, cameras: int = 1) -> Reading:  # type: ignore[type-arg]
    """What so many cameras, one frame each in turn, make of these views together."""
    profiles = tuple(CameraProfile(f"cam-{one}", "top", ("container",), needed) for one in range(cameras))
    frames = tuple(
        FrameRead(1, "p", f"cam-{number % cameras}", f"frame-{number}", 1, PictureReading(containers=view))
        for number, view in enumerate(views)
    )
    profile = LaneProfile("site", "lane", "in", authorities=(), cameras=profiles)
    return fuse_containers(profile, Passage("p", 0, frames=frames), ())


def codes(reading: Reading) -> list[str]:  # type: ignore[type-arg]
    return [one.code for one in reading.value or ()]


def test_three_frames_each_wrong_in_another_place_spell_the_code() -> None:
    reading = boxes((sighting("CSQU3054388", p10=WEAK),), (sighting("CSQU8054383", p4=WEAK),), (sighting(CODE),))
    assert (reading.status, codes(reading)) == ("read", [CODE])
    assert reading.evidence == ("frame-2", "frame-0", "frame-1")
    assert reading.value is not None
    assert reading.value[0].size_type == "22G1"


def test_a_check_digit_that_one_frame_read_confirms_what_two_spell() -> None:
    assert codes(boxes((sighting(CODE[:-1]),), (sighting(CODE),))) == [CODE]
    # Computed twice, read never.
    assert boxes((sighting(CODE[:-1]),), (sighting(CODE[:-1]),)).status == "unread"


def test_one_frame_is_not_joined_with_itself() -> None:
    assert boxes((sighting("CSQU3054388", p10=WEAK),), needed=1).status == "unread"
    assert boxes((sighting(CODE),)).status == "unread"


def test_only_the_top_answer_is_held_against_the_check_digit() -> None:
    """The second answer would fit: that is no reason to give it."""
    reading = boxes((sighting("CSQU3054388"),), (sighting("CSQU3054388"),), (sighting(CODE, p10=WEAK),))
    assert (reading.status, codes(reading)) == ("unread", [])


def test_views_of_two_cameras_are_joined() -> None:
    assert codes(boxes((sighting(CODE),), (sighting(CODE),), cameras=2)) == [CODE]
    weak = sighting("CSQU3054388", p10=WEAK)
    assert codes(boxes((weak,), (sighting("CSQU8054383", p4=WEAK),), needed=1, cameras=2)) == [CODE]


def test_a_second_box_beside_one_that_is_read_is_joined_for_itself() -> None:
    other = "HLXU4074106"
    views = [(sighting(CODE), sighting(f"{other[:-1]}8", p10=WEAK)), (sighting(CODE), sighting(other))]
    assert sorted(codes(boxes(*views))) == sorted([CODE, other])


def test_a_verified_code_of_one_frame_that_the_joined_one_contradicts_is_a_conflict() -> None:
    # Equal but for letters of equal value: the check digit cannot tell them apart.
    alike = "CSGU3054383"
    views = [(sighting(alike, p2=WEAK),), (sighting(CODE[:-1]),), (sighting(CODE),)]
    reading = boxes(*views)
    assert (reading.status, reading.reason) == ("conflict", "code_seen_once")


# --- plates ---------------------------------------------------------------------------------------------------------


def plate(text: str, *, colour: str = "blue", confidence: float = 0.9, **places: float) -> PlateSighting:
    found = parse_plate(text, colour)  # type: ignore[arg-type]
    assert found is not None
    characters = tuple(places.get(f"p{place}", SURE) for place in range(len(text)))
    return PlateSighting(found, confidence, (0, 0, 90, 30), characters)


def front(*sightings: PlateSighting, needed: int = 2) -> Reading:  # type: ignore[type-arg]
    camera = CameraProfile("cam", "front", ("plate",), needed)
    frames = tuple(
        FrameRead(1, "p", "cam", f"frame-{number}", 1, PictureReading(plates=(one,)))
        for number, one in enumerate(sightings)
    )
    profile = LaneProfile("site", "lane", "in", authorities=(), cameras=(camera,))
    ((_, reading),) = fuse(profile, Passage("p", 0, frames=frames), ()).plates
    return reading


def test_a_plate_that_each_frame_spells_otherwise_is_what_two_frames_say_at_each_place() -> None:
    reading = front(plate("粤B12345"), plate("粤B12845", p4=WEAK), plate("粤B12346", p6=WEAK))
    assert (reading.status, len(reading.evidence)) == ("read", 3)
    assert reading.value is not None
    assert (reading.value.text, reading.value.colour) == ("粤B12345", "blue")
    assert reading.confidence == 0.9, "no surer than the surest frame is of its plate as a whole"


def test_two_frames_that_differ_do_not_make_a_plate() -> None:
    assert front(plate("粤B12345"), plate("粤B12845", p4=WEAK)).reason == "no_agreement"


def test_what_frames_agree_about_as_a_whole_stands_before_single_characters() -> None:
    same = [plate("粤B12845", p4=WEAK)] * 2
    assert front(plate("粤B12345"), *same, plate("粤B12346")).value == same[0].plate


def test_joined_characters_that_are_no_plate_are_none() -> None:
    """At each place two frames agree, and what they spell together is of no class."""
    spelt = (("粤B1I345", {}), ("粤B1I845", {"p4": WEAK}), ("粤B1I346", {"p6": WEAK}))
    frames = []
    for text, places in spelt:
        good = plate("粤B12345", **places)
        frames.append(replace(good, plate=replace(good.plate, text=text)))
    assert front(*frames).status == "unread"
