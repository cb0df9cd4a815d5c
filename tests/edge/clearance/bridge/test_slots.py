"""Which picture stands in which slot of GATHER_INFO: by view and drive direction, and none that shows another."""

from pathlib import Path
from typing import Any

import pytest

from edge.clearance.bridge.dialects import DIALECTS, Dialect
from edge.clearance.bridge.judging import gather_of
from edge.clearance.bridge.messages import gather_frame, read_gather
from edge.clearance.bridge.slots import SLOTS, Pictured, filled, pictured
from tests.support.customs import CHANNEL, SEQUENCE, STANDARD, VIEWED, VIEWS, claims

GOLDEN = Path(__file__).parent / "golden"
CONTA_PIC = {
    "picture_f": "f" * 64, "picture_b": "b" * 64, "picture_lf": "1" * 64, "picture_lb": "2" * 64,
    "picture_rf": "3" * 64, "picture_rb": "3" * 64,
}  # fmt: skip

with_slots = pytest.mark.parametrize(
    "dialect",
    [pytest.param(one, id=one.name) for one in DIALECTS.values() if one.name != "compact" and one.pubsub is None],
)


def viewed(*views: dict[str, Any]) -> dict[str, Any]:
    return claims() | {"views": list(views), "evidence": sorted({one["sha256"] for one in views})}


@with_slots
def test_six_views_fill_the_six_slots_byte_for_byte(dialect: Dialect) -> None:
    frame = gather_frame(VIEWED, CHANNEL, dialect)
    assert frame.body == (GOLDEN / f"{dialect.name}.pictures.xml").read_bytes()
    fields = read_gather(frame, dialect)
    assert CONTA_PIC.items() <= fields.items()
    assert fields["plate_picture"] == "a" * 64
    # What looks from above has no slot, and is told of with all the others.
    assert "0" * 64 in fields["pictures"].split("|")


def test_a_request_with_views_is_what_customs_is_asked() -> None:
    found = gather_of(claims() | {"views": VIEWS, "evidence": list(VIEWED.pictures)}, SEQUENCE, VIEWED.file_time)
    assert found == VIEWED


def test_one_picture_of_a_side_shows_both_halves_and_two_one_each() -> None:
    one, two = Pictured("left", ("container",), "1"), Pictured("left", ("container",), "2")
    assert (filled(SLOTS, [one])["picture_lf"], filled(SLOTS, [one])["picture_lb"]) == ("1", "1")
    assert (filled(SLOTS, [one, two])["picture_lf"], filled(SLOTS, [one, two])["picture_lb"]) == ("1", "2")


@pytest.mark.parametrize(
    "picture",
    [Pictured("top", ("container",), "1"), Pictured("front", (), "1"), Pictured("inside", ("container", "plate"), "1")],
    ids=["top", "reads_nothing", "unknown_view"],
)
def test_a_picture_that_shows_no_slots_view_stands_in_none(picture: Pictured) -> None:
    assert set(filled(SLOTS, [picture]).values()) == {""}


def test_a_plate_camera_fills_no_slot_of_a_container() -> None:
    assert filled(SLOTS, [Pictured("front", ("plate",), "1")])["picture_f"] == ""
    assert filled(SLOTS, [Pictured("front", ("container",), "1")])["plate_picture"] == ""


def test_a_lane_that_tells_no_views_leaves_the_slots_empty() -> None:
    asked = gather_of(claims() | {"evidence": ["a" * 64]}, SEQUENCE, "")
    assert not isinstance(asked, str)
    fields = read_gather(gather_frame(asked, CHANNEL, STANDARD), STANDARD)
    assert {fields[name] for name in SLOTS} == {""}
    assert fields["pictures"] == "a" * 64


@pytest.mark.parametrize(
    "views",
    [[{"view": "left", "reads": ["container"], "sha256": "c" * 64}], [{"view": "left"}], [7], 7],
    ids=["no_evidence", "incomplete", "no_object", "no_list"],
)
def test_views_of_another_form_are_refused(views: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        pictured({"views": views, "evidence": ["a" * 64]})
