"""JSON within JSON: what is written is read again, and each way to spoil it has its name."""

import json
from typing import Any

import pytest

from edge.clearance.bridge.dialects import DIALECTS
from edge.clearance.bridge.json_body import JsonBodyError, PubSub, heading, read, write
from edge.clearance.bridge.messages import (
    command_frame,
    gather_frame,
    heartbeat_frame,
    refused_order_frame,
    sequence_of,
)
from edge.clearance.bridge.strict_xml import MAX_ELEMENTS, MAX_TEXT, Element
from edge.clearance.bridge.wire import MessageType
from tests.edge.clearance.bridge.test_messages import COMMAND
from tests.support.customs import CHANNEL, SEQUENCE, TRUCK

DIALECT = DIALECTS["json_redis"]
WORDS = PubSub()
GOOD: dict[str, Any] = {
    "Cmd": 34, "Cmd_desc": "0x22", "Event": "COMMAND_INFO", "C_Type": "PLATFORM", "AREA_ID": "1", "CHNL_NO": "2",
    "I_E_TYPE": "I", "SEQ_NO": "3", "Data": {"CHECK_RESULT": "0"},
}  # fmt: skip


def body(**changes: Any) -> bytes:
    return json.dumps({"tType": "COMMAND_INFO", "tData": json.dumps(GOOD | changes)}).encode()


def reason(raw: bytes) -> str:
    with pytest.raises(JsonBodyError) as refused:
        read(raw, MessageType.COMMAND, "platform", WORDS)
    return refused.value.reason


def test_topics_are_named_by_role_channel_direction_and_the_type_in_decimal() -> None:
    assert WORDS.asking_topic("7208100000", "7208100001", "I") == "FRONT_GRATH/7208100000/7208100001/I/33"
    assert WORDS.answering_topic("7208100000", "7208100001", "E") == "PLAT_FORM/7208100000/7208100001/E/34"
    turned = PubSub(front_role="PLAT_FORM", platform_role="FRONT_GRATH", asks=0x22, answers=0x21)
    assert turned.asking_topic("1", "2", "I") == "PLAT_FORM/1/2/I/34"


def test_whole_numbers_become_digits_and_nothing_becomes_empty_text() -> None:
    root = read(body(SEQ_NO=3, Data={"A": {"B": 17, "C": None}}), MessageType.COMMAND, "platform", WORDS)
    assert (root.name, root.attributes["SEQ_NO"], root.at("A/B"), root.at("A/C"), root.at("D")) == (
        "COMMAND_INFO", "3", "17", "", None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Cmd": 33}, "json_kind"),
        ({"Cmd": True}, "json_value"),
        ({"Cmd": 34.0}, "json_value"),
        ({"Cmd_desc": "34"}, "json_kind"),
        ({"C_Type": "Front"}, "json_sender"),
        ({"Event": "COMMAND INFO"}, "json_event"),
        ({"Data": None}, "json_no_data"),
        ({"Data": []}, "json_no_data"),
        ({"Data": {"A": 1.5}}, "json_value"),
        ({"Data": {"A": False}}, "json_value"),
        ({"Data": {"A": ["1"]}}, "json_value"),
        ({"Data": {"A B": ""}}, "json_name"),
        ({"Data": {"A": "x" * (MAX_TEXT + 1)}}, "json_text_too_long"),
        ({"Data": {f"A{number}": "" for number in range(MAX_ELEMENTS + 1)}}, "json_too_many"),
        ({"Data": {"A": "\ud800"}}, "json_text"),
        ({"Data": {"A": 2**53}}, "json_number"),
        ({"SEQ_NO": {"A": "1"}}, "json_value"),
    ],
)
def test_what_is_no_message_of_this_kind_and_side_is_refused(changes: dict[str, Any], expected: str) -> None:
    assert reason(body(**changes)) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", "json_syntax"),
        (b"[]", "json_not_an_object"),
        (b"{}", "json_not_escaped"),
        (b'{"tData":"{}","tData":"{}"}', "json_duplicate_key"),
        (b'{"tData":"[]"}', "json_not_an_object"),
        (b'\xef\xbb\xbf{"tData":"{}"}', "json_byte_order_mark"),
        (b'{"tData":"\xff"}', "json_not_utf8"),
        (b'{"tData":"{}"', "json_syntax"),
        (b'{"tData":"{}"}', "json_kind"),
    ],
)
def test_what_is_no_json_in_json_is_refused(raw: bytes, expected: str) -> None:
    assert reason(raw) == expected


def test_the_heading_of_what_cannot_be_read_is_that_of_an_answer() -> None:
    assert heading(b"nonsense", WORDS) == (0x22, "platform")
    assert heading(body(C_Type=["Front"]), WORDS) == (0x22, "platform")
    assert heading(body(Cmd="49"), WORDS) == (0x22, "platform")
    assert heading(body(Cmd=300), WORDS) == (0x22, "platform")
    assert heading(body(Cmd=49), WORDS) == (0x31, "platform")
    assert heading(gather_frame(TRUCK, CHANNEL, DIALECT).body, WORDS) == (0x21, "front")


def test_what_json_cannot_tell_apart_is_not_written() -> None:
    twice = Element("A", children=[Element("B"), Element("B")])
    for root in (twice, Element("A", children=[Element("B", text="a\nb")])):
        with pytest.raises(ValueError):
            write(root, 0x22, "platform", WORDS)


def test_other_messages_of_the_protocol_have_a_form_too() -> None:
    assert sequence_of(refused_order_frame(SEQUENCE, CHANNEL, DIALECT), DIALECT) == SEQUENCE
    assert sequence_of(command_frame(COMMAND, CHANNEL, DIALECT), DIALECT) == SEQUENCE
    assert heartbeat_frame(CHANNEL, DIALECT).body == b""
