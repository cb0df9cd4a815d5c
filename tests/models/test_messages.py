import json
from dataclasses import replace

import pytest

from edge.core.container import Container
from edge.core.masks import Mask
from edge.core.plate import Plate
from edge.core.readings import ContainerSighting, PictureReading, PlateSighting, Unread, VehicleSighting
from models.messages import (
    MAX_MESSAGE_BYTES,
    PREFIX,
    Fault,
    MessageError,
    decode_fault,
    decode_message,
    decode_question,
    decode_reading,
    encode_reading,
    length_of,
    request,
)

CORNERS = ((0, -1), (90, 2), (89, 40), (1, 38))
READING = PictureReading(
    (PlateSighting(Plate("粤AT781挂", "yellow", "trailer", 2), 0.9, (1, 2, 3, 4), (0.9,) * 7, CORNERS),),
    (ContainerSighting(Container("CSQU3054383", "verified", "45G1", True), 0.8, (5, 6, 7, 8), (), CORNERS, "column"),),
    (VehicleSighting("truck", 0.7, (0, 0, 9, 9)),),
    (Unread("plate", "not_found"), Unread("container", "check_digit", (1, 1, 1, 1))),
    12.5,
)


def test_a_reading_survives_the_way():
    assert decode_reading(decode_message(encode_reading(READING))) == READING


def test_what_is_not_told_survives_the_way():
    reading = replace(
        READING,
        plates=(replace(READING.plates[0], corners=None),),
        containers=(replace(READING.containers[0], corners=None, layout=None),),
    )
    assert decode_reading(decode_message(encode_reading(reading))) == reading


def test_a_request_is_two_messages():
    question = b'{"look_for": ["plate"], "masks": []}'
    assert request(frozenset({"plate"}), b"xy") == PREFIX.pack(len(question)) + question + PREFIX.pack(2) + b"xy"


def test_what_to_leave_out_survives_the_way():
    masks = (Mask(0.0, 0.1, 1.0, 0.3), Mask(1 / 3, 0.5, 2 / 3, 1.0))
    sent = request(frozenset({"plate", "vehicle"}), b"xy", masks)
    question = sent[PREFIX.size :][: PREFIX.unpack(sent[: PREFIX.size])[0]]
    assert decode_question(question) == (frozenset({"plate", "vehicle"}), masks)


@pytest.mark.parametrize("prefix", [b"", b"\0\0", PREFIX.pack(MAX_MESSAGE_BYTES + 1)])
def test_a_length_out_of_bounds(prefix):
    with pytest.raises(MessageError):
        length_of(prefix)


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"\xff", b"[" * 200_000])
def test_what_is_no_message(payload):
    with pytest.raises(MessageError):
        decode_message(payload)


@pytest.mark.parametrize("body", [{}, {"plates": [1]}, {"plates": [], "containers": [{"container": {}}]}])
def test_a_malformed_reading(body):
    with pytest.raises(MessageError):
        decode_reading({"reading": body})


@pytest.mark.parametrize("spoilt", [float("nan"), float("inf"), -0.1, 1.1])
@pytest.mark.parametrize("where", ["confidence", "characters"])
def test_a_confidence_that_is_none_is_no_reading(spoilt, where):
    value = (spoilt,) * 7 if where == "characters" else spoilt
    sighting = replace(READING.plates[0], **{where: value})
    with pytest.raises(MessageError, match="confidence"):
        decode_reading(decode_message(encode_reading(replace(READING, plates=(sighting,)))))


def test_a_number_that_no_float_can_hold_is_no_reading():
    sighting = replace(READING.plates[0], confidence=10**400)
    for spoilt in (replace(READING, plates=(sighting,)), replace(READING, elapsed_ms=10**400)):
        with pytest.raises(MessageError, match="OverflowError"):
            decode_reading(decode_message(encode_reading(spoilt)))


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("plates", {"plate": {"text": 5}}),
        ("plates", {"plate": {"text": "\ud800"}}),
        ("plates", {"plate": {"colour": ["blue"]}}),
        ("plates", {"plate": {"kind": "boat"}}),
        ("plates", {"plate": {"rows": True}}),
        ("plates", {"box": [0.5, 0, 1, 1]}),
        ("containers", {"container": {"code": None}}),
        ("containers", {"container": {"check": "believed"}}),
        ("containers", {"container": {"size_type": 45}}),
        ("containers", {"container": {"repaired": 1}}),
        ("plates", {"corners": [[0, 0], [1, 0], [1, 1]]}),
        ("plates", {"corners": [[0, 0], [1, 0], [1, 1], [0, 1.5]]}),
        ("plates", {"corners": [[0, 0], [1, 0], [1, 1], [0]]}),
        ("containers", {"corners": 4}),
        ("containers", {"layout": "heap"}),
        ("containers", {"layout": ["row"]}),
        ("vehicles", {"vehicle_class": {}}),
        ("unread", {"what": "\0"}),
        ("unread", {"reason": 7}),
    ],
)
def test_a_reading_that_no_journal_takes_is_none(kind, changes):
    message = json.loads(encode_reading(READING))
    sighting = message["reading"][kind][0]
    for name, value in changes.items():
        sighting[name] = {**sighting[name], **value} if name in ("plate", "container") else value
    with pytest.raises(MessageError):
        decode_reading(message)


@pytest.mark.parametrize("duration", [float("nan"), float("inf"), -1.0])
def test_a_duration_that_is_none_is_no_reading(duration):
    with pytest.raises(MessageError, match="duration"):
        decode_reading(decode_message(encode_reading(replace(READING, elapsed_ms=duration))))


def test_a_fault_is_told_beside_the_reading():
    fault = Fault("model_output", "plate_reader", "model_output: plate_reader answered (1, 2)")
    assert decode_fault(decode_message(encode_reading(PictureReading(), fault))) == fault
    assert decode_fault(decode_message(encode_reading(PictureReading()))) is None


@pytest.mark.parametrize("fault", [5, [], "text", {}, {"code": "a", "model": "b", "message": "c\n"}, {"code": 5}])
def test_a_fault_that_is_none_is_no_message(fault):
    with pytest.raises(MessageError, match="malformed fault"):
        decode_fault({"fault": fault})
