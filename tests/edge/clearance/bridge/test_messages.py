"""Each dialect's messages, against fixtures in the bytes of its wire."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from edge.clearance.bridge.dialects import DIALECTS, RELEASE, STANDARD_RESULTS, Dialect
from edge.clearance.bridge.messages import (
    Channel,
    Command,
    Gather,
    command_frame,
    device_command_frame,
    gather_frame,
    heartbeat_frame,
    read_command,
    read_gather,
    refused_order_frame,
    sequence_of,
)
from edge.clearance.bridge.strict_xml import BodyError
from edge.clearance.bridge.wire import Frame, FrameDecoder, MessageType, encode
from tests.support.customs import BOX, CHANNEL, EPC, OTHER_BOX, PLATE, SEQUENCE, STANDARD, TRAILER, TRUCK

GOLDEN = Path(__file__).parent / "golden"
COMMAND = Command(SEQUENCE, "0" * 20, PLATE, "2", "HF2026030001", "放行抬杆")


def golden(dialect: Dialect, word: str) -> bytes:
    return (GOLDEN / f"{dialect.name}.{word}.{'xml' if dialect.pubsub is None else 'json'}").read_bytes()


def command_of(dialect: Dialect) -> Command:
    result = next(code for code, meaning in dialect.results.items() if meaning == RELEASE)
    return Command(SEQUENCE, result, PLATE, "2", "HF2026030001", "放行抬杆")


dialects = pytest.mark.parametrize("dialect", [pytest.param(one, id=one.name) for one in DIALECTS.values()])
of_xml = pytest.mark.parametrize(
    "dialect", [pytest.param(one, id=one.name) for one in DIALECTS.values() if one.pubsub is None]
)


@dialects
def test_each_dialect_writes_and_reads_its_fixtures_byte_for_byte(dialect: Dialect) -> None:
    assert gather_frame(TRUCK, CHANNEL, dialect).body == golden(dialect, "gather")
    assert command_frame(command_of(dialect), CHANNEL, dialect).body == golden(dialect, "command")
    received = Frame(0x22, CHANNEL.area, CHANNEL.channel, dialect.inward, "platform", golden(dialect, "command"))
    assert read_command(received, CHANNEL, dialect) == command_of(dialect)


@of_xml
def test_each_fixture_says_the_truck_to_a_reader_of_its_own(dialect: Dialect) -> None:
    text = golden(dialect, "gather").decode(dialect.encoding).split("?>", 1)[1]
    root = ElementTree.fromstring(text)
    found = {one.tag: one.text for one in root.iter() if one.text} | root.attrib
    shown = {"VE_NAME": PLATE, "CAR_EC_NO": EPC, "CONTA_ID_F": BOX, "CONTA_ID_B": OTHER_BOX, "SEQ_NO": SEQUENCE}
    assert shown.items() <= found.items()
    assert {"AREA_ID": "7208100000", "CHNL_NO": "7208100001", "I_E_TYPE": dialect.inward}.items() <= found.items()
    if dialect.name != "compact":
        assert {
            "TR_NAME": TRAILER,
            "CONTA_NUM": "2",
            "PCAR_NO": PLATE,
            "CONTA_MODEL_F": "22G1",
        }.items() <= found.items()
        assert found["CONTA_RECO"] == ("0" if dialect.name == "reco_inverted" else "1")


@dialects
def test_a_platform_reads_what_was_gathered(dialect: Dialect) -> None:
    (frame,) = FrameDecoder().feed(encode(gather_frame(TRUCK, CHANNEL, dialect)))
    assert (frame.kind, frame.sender, frame.direction) == (MessageType.GATHER, "front", dialect.inward)
    fields = read_gather(frame, dialect)
    assert (fields["plate"], fields["container_back"]) == (PLATE, OTHER_BOX)


def test_the_fixture_of_topics_says_the_truck_to_a_reader_of_its_own() -> None:
    """Written twice: the data is a string of JSON within JSON."""
    outer = json.loads((GOLDEN / "json_redis.gather.json").read_text(encoding="utf-8"))
    said = json.loads(outer["tData"])
    assert {name: said[name] for name in ("Cmd", "Cmd_desc", "Event", "C_Type", "TimeSpan")} == {
        "Cmd": 33, "Cmd_desc": "0x21", "Event": "GATHER_INFO", "C_Type": "Front", "TimeSpan": "20260301080000",
    }  # fmt: skip
    assert (said["AREA_ID"], said["CHNL_NO"], said["I_E_TYPE"], said["SEQ_NO"]) == (
        "7208100000", "7208100001", "I", SEQUENCE,
    )  # fmt: skip
    data = said["Data"]
    assert (data["CAR"]["VE_NAME"], data["CAR"]["CAR_EC_NO"], data["VENOIDENTIFY"]["VIVE_NAME"]) == (PLATE, EPC, PLATE)
    assert (data["CONTA"]["CONTA_ID_F"], data["CONTA"]["CONTA_ID_B"], data["CONTA"]["CONTA_NUM"]) == (
        BOX, OTHER_BOX, "2",
    )  # fmt: skip
    assert {"IC", "SEAL", "CIMCESEAL", "WEIGHT", "BarCode", "PIC", "CHNL_TYPE", "FILE_TIME", "GATHER_FLAG"} <= set(data)


def test_no_container_looked_for_is_no_empty_truck() -> None:
    nothing = read_gather(gather_frame(Gather(SEQUENCE, PLATE), CHANNEL, STANDARD), STANDARD)
    empty = read_gather(gather_frame(Gather(SEQUENCE, PLATE, containers=()), CHANNEL, STANDARD), STANDARD)
    assert (nothing["container_count"], nothing["containers_read"]) == ("", "0")
    assert (empty["container_count"], empty["containers_read"]) == ("0", "1")


@of_xml
def test_a_supplement_is_its_fixture_byte_for_byte_and_a_platform_reads_it(dialect: Dialect) -> None:
    said = replace(TRUCK, trailer_plate="", models=(), supplemented=True)
    frame = gather_frame(said, CHANNEL, dialect)
    assert (frame.kind, frame.body) == (MessageType.SUPPLEMENT, golden(dialect, "supplement"))
    assert read_gather(frame, dialect)["container_front"] == BOX


def test_what_a_person_added_is_sent_as_a_supplement() -> None:
    frame = gather_frame(Gather(SEQUENCE, PLATE, weight_kg=18850, supplemented=True), CHANNEL, STANDARD)
    assert frame.kind == MessageType.SUPPLEMENT
    assert b"<MODI_FLAG>1</MODI_FLAG>" in frame.body
    assert b"<GROSS_WT>18850</GROSS_WT>" in frame.body


@pytest.mark.parametrize(
    ("channel", "reason"),
    [
        (Channel("7208100009", "7208100001", "in"), "head_contradicts_envelope"),
        (Channel("7208100000", "7208100002", "in"), "head_contradicts_envelope"),
        (Channel("7208100000", "7208100001", "out"), "head_contradicts_envelope"),
    ],
)
def test_a_command_for_another_channel_is_not_read(channel: Channel, reason: str) -> None:
    with pytest.raises(BodyError) as refused:
        read_command(command_frame(COMMAND, CHANNEL, STANDARD), channel, STANDARD)
    assert refused.value.reason == reason


def test_another_message_is_neither_a_command_nor_a_gathering() -> None:
    with pytest.raises(BodyError):
        read_command(gather_frame(TRUCK, CHANNEL, STANDARD), CHANNEL, STANDARD)
    with pytest.raises(BodyError):
        read_gather(command_frame(COMMAND, CHANNEL, STANDARD), STANDARD)


def test_orders_for_devices_are_answered_under_their_own_number() -> None:
    order = device_command_frame({"EXCUTE_COMMAND": "00", "OP_ID": "1"}, SEQUENCE, CHANNEL, STANDARD)
    assert (order.kind, sequence_of(order, STANDARD)) == (MessageType.DEVICE_COMMAND, SEQUENCE)
    refusal = refused_order_frame(SEQUENCE, CHANNEL, STANDARD)
    assert refusal.kind == MessageType.DEVICE_RESULT
    assert b"<EXECUTE_RESULT>1</EXECUTE_RESULT>" in refusal.body


@pytest.mark.parametrize(
    "body", [b"<a", b"<a/>", b"<a SEQ_NO='123456789012345678901'/>", "<a SEQ_NO='\x85'/>".encode("gb18030")]
)
def test_a_number_that_cannot_be_repeated_is_none(body: bytes) -> None:
    assert sequence_of(Frame(0x31, "1", "2", "I", "platform", body), STANDARD) == ""


def test_a_heartbeat_is_an_empty_envelope() -> None:
    assert heartbeat_frame(CHANNEL, STANDARD).kind == 0x71
    assert heartbeat_frame(CHANNEL, STANDARD, "platform").kind == 0x72
    assert len(encode(heartbeat_frame(CHANNEL, STANDARD))) == 40


def test_a_site_may_name_the_results_that_release() -> None:
    inspected = "00000000001002000000"
    named = STANDARD.releasing([inspected])
    assert named.results[inspected] == RELEASE
    assert "0" * 20 not in named.results
    assert named.by_digits
    assert STANDARD.results is STANDARD_RESULTS


@pytest.mark.parametrize("code", ["1" + "0" * 19, "01" + "0" * 18, "02" + "0" * 18, "0" * 19, "Y", "0" * 19 + "０"])
def test_no_site_can_make_a_refusal_a_release(code: str) -> None:
    with pytest.raises(ValueError):
        STANDARD.releasing([code])


def test_letters_are_not_for_a_site_to_choose() -> None:
    with pytest.raises(ValueError):
        DIALECTS["letters"].releasing(["0" * 20])
