"""What customs is asked and what its answers mean: nothing but one form of one answer is a release."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.clearance.bridge.dialects import DIALECTS, RELEASE
from edge.clearance.bridge.judging import Ruling, gather_of, note_of, result_reason, rule
from edge.clearance.bridge.messages import Command, Gather, command_frame, gather_frame
from edge.clearance.bridge.wire import FrameDecoder, encode
from edge.core.grant import NotedPlate, NotedSeal, ReleaseNote
from tests.support.customs import (
    BOX,
    CHANNEL,
    EPC,
    OTHER_BOX,
    PLATE,
    SEQUENCE,
    STANDARD,
    TRAILER,
    TRUCK,
    box,
    claims,
    plate,
    reading,
)

GOOD = Command(SEQUENCE, "0" * 20, PLATE, "2", "HF1", "")
UNREAD = reading(None, "unread", "not_found")
NOT_LOOKED_FOR = reading(None, "unread", "not_looked_for")


def asked(**changes: Any) -> Gather | str:
    return gather_of(claims(**changes), SEQUENCE, TRUCK.file_time)


def ruling(**changes: Any) -> Ruling:
    return rule(command_frame(replace(GOOD, **changes), CHANNEL, STANDARD), TRUCK, CHANNEL, STANDARD)


def test_customs_is_shown_everything_that_was_read_and_the_note_says_the_same() -> None:
    assert asked() == TRUCK
    assert note_of(TRUCK, claims(), "HF1") == ReleaseNote(
        "HF1", (NotedPlate("front", PLATE, "yellow"), NotedPlate("rear", TRAILER, "yellow")), (BOX, OTHER_BOX), EPC
    )
    assert note_of(TRUCK, claims(), "").number == SEQUENCE


@pytest.mark.parametrize(
    ("weight", "weight_kg"),
    [(reading({"kg": 18_850}), 18_850), (reading(None), None), (reading(None, "unread", "overload"), None)],
    ids=["read", "withheld", "unread"],
)
def test_customs_is_told_the_weight_that_was_read_and_none_otherwise(weight: Any, weight_kg: int | None) -> None:
    assert asked(weight=weight) == replace(TRUCK, weight_kg=weight_kg)


@pytest.mark.parametrize(
    ("driver", "fields"),
    [
        (reading({"text": "6217000123", "medium": "ic"}) | {"policy": "allow"}, {"driver_card": "6217000123"}),
        (reading({"text": "PASS-7", "medium": "qr"}) | {"policy": "allow"}, {"bar_code": "PASS-7"}),
        # What was changed for this authority is no number that customs knows.
        (reading({"text": "********23", "medium": "ic"}) | {"policy": "mask"}, {}),
        (reading({"text": None, "medium": "ic"}) | {"policy": "deny"}, {}),
        (reading(None, "unread", "no_card") | {"policy": "allow"}, {}),
    ],
    ids=["ic", "qr", "masked", "withheld", "unread"],
)
def test_customs_is_told_who_drives_where_it_may_be_told(driver: Any, fields: dict[str, str]) -> None:
    told = replace(TRUCK, **fields)
    assert asked(driver=driver) == told
    body = gather_frame(told, CHANNEL, STANDARD).body.decode("gb18030")
    assert f"<DR_IC_NO>{fields.get('driver_card', '')}</DR_IC_NO>" in body or "<DR_IC_NO/>" in body
    assert all(value in body for value in fields.values())


SEAL = {"seal": "CNSEAL0001", "locked": True, "openings": 3, "battery_percent": 87}
SEALED = replace(TRUCK, seals=(("CNSEAL0001", 3), ("CNSEAL0002", None)))


def test_customs_is_told_the_seals_and_the_note_names_them_with_their_counts() -> None:
    other = SEAL | {"seal": "CNSEAL0002", "openings": None}
    assert asked(seals=reading([SEAL, other])) == SEALED
    assert "<ESEAL_ID>CNSEAL0001|CNSEAL0002</ESEAL_ID>" in gather_frame(SEALED, CHANNEL, STANDARD).body.decode(
        "gb18030"
    )
    assert note_of(SEALED, claims(), "HF1").seals == (NotedSeal("CNSEAL0001", 3), NotedSeal("CNSEAL0002", None))
    assert asked(seals=reading(None, "unread", "no_seal")) == TRUCK


@pytest.mark.parametrize(
    ("told", "changes", "reason"),
    [
        (SEALED, {"seal": "CNSEAL0002|CNSEAL0001"}, ""),
        (SEALED, {"seal": "CNSEAL0001"}, "platform_names_other_seal"),
        (TRUCK, {"seal": "CNSEAL0001"}, "platform_names_other_seal"),
        (SEALED, {"openings": "3"}, "platform_counts_other_openings"),
        (TRUCK, {"openings": "0"}, "platform_counts_other_openings"),
        (replace(TRUCK, seals=(("S1", 3),)), {"openings": "3", "seal": "S1"}, ""),
        (replace(TRUCK, seals=(("S1", 3),)), {"openings": "4"}, "platform_counts_other_openings"),
        (replace(TRUCK, seals=(("S1", None),)), {"openings": "0"}, "platform_counts_other_openings"),
    ],
)
def test_a_platform_that_means_other_seals_does_not_release(told: Gather, changes: Any, reason: str) -> None:
    frame = command_frame(replace(GOOD, **changes), CHANNEL, STANDARD)
    found = rule(frame, told, CHANNEL, STANDARD)
    assert (found.verdict, found.reason) == ("hold" if reason else "release", reason)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"plates": [plate(PLATE, status="conflict")]}, "conflict_front_plate"),
        ({"plates": [plate(PLATE), plate(TRAILER, "rear", status="conflict")]}, "conflict_rear_plate"),
        ({"plates": [plate(PLATE) | {"policy": "mask"}]}, "withheld_plates"),
        ({"containers": reading(None, "conflict")}, "conflict_containers"),
        ({"containers": UNREAD}, "unread_containers"),
        ({"containers": reading([box(BOX)]) | {"policy": "hash"}}, "withheld_containers"),
        ({"containers": reading([box(BOX, check="failed")])}, "container_check_failed"),
        ({"containers": reading([box(BOX), box(BOX)])}, "container_twice"),
        ({"containers": reading([box(BOX), box(OTHER_BOX)], reason="order_not_seen")}, "container_order_not_seen"),
        ({"containers": reading([box(BOX), box(OTHER_BOX), box("HLXU4074106")])}, "too_many_containers"),
        ({"tag": reading(None, "conflict")}, "conflict_tag"),
        ({"tag": reading({"epc": "x", "tid": None}) | {"policy": "deny"}}, "withheld_tag"),
        ({"driver": reading(None, "conflict") | {"policy": "allow"}}, "conflict_driver"),
        ({"seals": reading(None, "conflict")}, "conflict_seals"),
        ({"seals": reading([SEAL]) | {"policy": "mask"}}, "withheld_seals"),
        ({"seals": reading([SEAL, SEAL | {"locked": False}])}, "seal_open"),
        ({"seals": reading([SEAL | {"locked": None}])}, "seal_open"),
        ({"plates": [plate("", status="unread")], "tag": UNREAD}, "nothing_identified"),
        ({"plates": [], "tag": NOT_LOOKED_FOR}, "nothing_identified"),
    ],
)
def test_what_was_not_read_or_not_shown_is_not_asked(changes: dict[str, Any], reason: str) -> None:
    assert asked(**changes) == reason


def test_a_lane_asks_with_what_it_looks_for() -> None:
    only_tag = asked(plates=[], containers=NOT_LOOKED_FOR)
    assert only_tag == Gather(SEQUENCE, tag=EPC, file_time=TRUCK.file_time)
    assert note_of(only_tag, claims(plates=[]), "") == ReleaseNote(SEQUENCE, tag=EPC)
    empty = asked(containers=reading([]), tag=UNREAD)
    assert isinstance(empty, Gather)
    assert (empty.containers, empty.tag) == ((), "")


def test_a_complete_matching_positive_answer_releases() -> None:
    assert ruling() == Ruling("release", "", "HF1")
    assert ruling(vehicle=None, container_count=None, form=None) == Ruling("release")


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"sequence": "20260301080000000000"}, Ruling("ignore", "other_passage")),
        ({"sequence": ""}, Ruling("ignore", "other_passage")),
        ({"vehicle": "沪B12345"}, Ruling("hold", "platform_names_other_vehicle")),
        ({"container_count": "1"}, Ruling("hold", "platform_counts_other_containers")),
        ({"container_count": "0"}, Ruling("hold", "platform_counts_other_containers")),
        ({"result": None}, Ruling("hold", "platform_result_missing")),
        ({"result": ""}, Ruling("hold", "platform_result_empty")),
        ({"result": "11000000000000000000"}, Ruling("hold", "platform_refused")),
        ({"result": "11000000001002000000"}, Ruling("hold", "platform_no_document")),
        ({"result": "00000000001002000000"}, Ruling("hold", "platform_wants_inspection")),
        ({"result": "00000000001001000000"}, Ruling("hold", "platform_empty_or_leaving_zone")),
        ({"result": "10000000000000000000"}, Ruling("hold", "platform_refused")),
        ({"result": "20000000000000000000"}, Ruling("hold", "platform_refused")),
        ({"result": "01000000000000000000"}, Ruling("hold", "platform_keeps_boom_down")),
        ({"result": "02000000000000000000"}, Ruling("hold", "platform_keeps_boom_down")),
        ({"result": "00000000000000000001"}, Ruling("hold", "platform_result_unknown")),
        ({"result": "0" * 19}, Ruling("hold", "platform_result_malformed")),
        ({"result": "0" * 21}, Ruling("hold", "platform_result_malformed")),
        ({"result": "Y"}, Ruling("hold", "platform_result_malformed")),
        ({"form": "9" * 65}, Ruling("hold", "platform_form_malformed")),
    ],
)
def test_everything_else_holds_by_name(changes: dict[str, Any], wanted: Ruling) -> None:
    assert ruling(**changes) == wanted


@pytest.mark.parametrize("form", ["HF1 ", " HF1", " "])
def test_a_document_with_blanks_around_its_number_is_not_another_document(form: str) -> None:
    """In JSON nothing takes them away: the same document would release a second vehicle."""
    dialect = DIALECTS["json_redis"]
    frame = command_frame(replace(GOOD, form=form), CHANNEL, dialect)
    assert rule(frame, TRUCK, CHANNEL, dialect) == Ruling("hold", "platform_form_malformed")


@pytest.mark.parametrize("blank", ["\u3000", "\u00a0", "\u2003", "\u0085"])
def test_only_white_space_of_xml_is_none(blank: str) -> None:
    body = command_frame(GOOD, CHANNEL, STANDARD).body.decode("gb18030")

    def ruled(old: str, new: str) -> Ruling:
        changed = body.replace(old, new).encode("gb18030")
        return rule(replace(command_frame(GOOD, CHANNEL, STANDARD), body=changed), TRUCK, CHANNEL, STANDARD)

    assert ruled(">HF1<", ">\n\tHF1 \r<") == Ruling("release", "", "HF1")
    assert ruled(">HF1<", f">HF1{blank}<") == Ruling("hold", "platform_form_malformed")
    assert ruled("0" * 20, "0" * 20 + blank) == Ruling("hold", "platform_result_malformed")


def test_a_count_for_a_lane_that_sees_no_container_holds() -> None:
    gather = Gather(SEQUENCE, PLATE)
    frame = command_frame(replace(GOOD, container_count="1"), CHANNEL, STANDARD)
    assert rule(frame, gather, CHANNEL, STANDARD).reason == "platform_counts_other_containers"
    frame = command_frame(replace(GOOD, container_count="0"), CHANNEL, STANDARD)
    assert rule(frame, gather, CHANNEL, STANDARD).verdict == "release"


def test_a_command_from_a_front_end_is_none() -> None:
    frame = replace(command_frame(GOOD, CHANNEL, STANDARD), sender="front")
    assert rule(frame, TRUCK, CHANNEL, STANDARD) == Ruling("ignore", "sent_by_front_end")


@pytest.mark.parametrize("body", [b"", b"<COMMAND_INFO/>", b"<GATHER_INFO/>", "<a>苏</a>".encode()])
def test_a_body_that_is_no_command_of_this_channel_is_ignored_by_name(body: bytes) -> None:
    frame = replace(command_frame(GOOD, CHANNEL, STANDARD), body=body)
    found = rule(frame, TRUCK, CHANNEL, STANDARD)
    assert found.verdict == "ignore"
    assert found.reason


def test_two_results_in_one_command_are_none() -> None:
    body = command_frame(GOOD, CHANNEL, STANDARD).body
    twice = body.replace(b"<FORM_ID>", b"<CHECK_RESULT>11000000000000000000</CHECK_RESULT><FORM_ID>")
    assert rule(replace(command_frame(GOOD, CHANNEL, STANDARD), body=twice), TRUCK, CHANNEL, STANDARD) == Ruling(
        "ignore", "xml_twice"
    )


@pytest.mark.parametrize(
    ("result", "wanted"), [("Y", RELEASE), ("N", "platform_refused"), ("y", "platform_result_malformed"),
                           ("0" * 20, "platform_result_malformed")],
)  # fmt: skip
def test_a_dialect_of_letters_releases_on_its_letter_alone(result: str, wanted: str) -> None:
    assert result_reason(result, DIALECTS["letters"]) == wanted


@settings(max_examples=300, deadline=None)
@given(st.text("01", min_size=20, max_size=20))
def test_of_all_results_of_digits_one_releases(result: str) -> None:
    assert (result_reason(result, STANDARD) == RELEASE) is (result == "0" * 20)


def test_no_flipped_bit_turns_a_refusal_into_a_release() -> None:
    sent = encode(command_frame(replace(GOOD, result="11000000000000000000"), CHANNEL, STANDARD))
    for bit in range(len(sent) * 8):
        flipped = bytearray(sent)
        flipped[bit // 8] ^= 1 << bit % 8
        for frame in FrameDecoder().feed(bytes(flipped)):
            assert rule(frame, TRUCK, CHANNEL, STANDARD).verdict != "release", f"bit {bit}"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_body_is_ruled_and_never_released(body: bytes) -> None:
    frame = replace(gather_frame(TRUCK, CHANNEL, STANDARD), body=body, sender="platform")
    assert rule(frame, TRUCK, CHANNEL, STANDARD).verdict != "release"
