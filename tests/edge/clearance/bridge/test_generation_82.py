"""The 81/82 generation on the messages of before: y alone releases, m waits for a person, an error is no release."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.clearance.bridge.dialects import DIALECTS
from edge.clearance.bridge.judging import Ruling, rule
from edge.clearance.bridge.messages import Command, command_frame, gather_frame, read_command, read_gather
from edge.clearance.bridge.wire import Frame
from simulators.customs_platform import PlatformFault
from tests.support.bridge_bench import BridgeBench
from tests.support.customs import CHANNEL, PLATE, SEQUENCE, TRUCK

GOLDEN = Path(__file__).parent / "golden"
DIALECT = DIALECTS["generation_82"]
RELEASED = Command(SEQUENCE, "y", PLATE, "2", "HF2026030001", "放行抬杆")

NEGATIVES: dict[str, tuple[dict[str, Any], Ruling]] = {
    "alarm": ({"result": "n"}, Ruling("hold", "platform_alarm")),
    "pending": ({"result": "m"}, Ruling("hold", "platform_waits_for_person")),
    "upper_case": ({"result": "Y"}, Ruling("hold", "platform_result_malformed")),
    "digits": ({"result": "0" * 20}, Ruling("hold", "platform_result_malformed")),
    "business_error": ({"business_error": ("B017", "核放单已作废")}, Ruling("hold", "platform_business_error")),
    "business_text": ({"business_error": ("", "核放单已作废")}, Ruling("hold", "platform_business_error")),
    "technical_error": ({"technical_error": ("T500", "")}, Ruling("ignore", "technical_error")),
    "technical_zero": ({"technical_error": ("0", "")}, Ruling("ignore", "technical_error")),
    "second_plate": ({"second_vehicle": "1234УБА"}, Ruling("hold", "platform_names_second_plate")),
}


def ruled(body: bytes) -> Ruling:
    return rule(Frame(0x22, CHANNEL.area, CHANNEL.channel, "I", "platform", body), TRUCK, CHANNEL, DIALECT)


def test_y_without_any_error_releases() -> None:
    assert ruled((GOLDEN / "generation_82.command.xml").read_bytes()) == Ruling("release", "", "HF2026030001")


@pytest.mark.parametrize("name", NEGATIVES)
def test_each_negative_fixture_is_no_release(name: str) -> None:
    changes, wanted = NEGATIVES[name]
    command = replace(RELEASED, **changes)
    body = (GOLDEN / f"generation_82.negative_{name}.xml").read_bytes()
    frame = command_frame(command, CHANNEL, DIALECT)
    assert frame.body == body
    assert read_command(frame, CHANNEL, DIALECT) == command
    assert ruled(body) == wanted


def test_an_error_that_is_there_twice_is_no_answer() -> None:
    body = (GOLDEN / "generation_82.command.xml").read_bytes()
    assert b"<TECH_ERR>" in body
    assert ruled(body.replace(b"<TECH_ERR>", b"<TECH_ERR/><TECH_ERR>")) == Ruling("ignore", "xml_twice")


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (b"<BUSI_ERR>", b"<BUSI_ERR>B017", Ruling("hold", "platform_business_error")),
        (b"<BUSI_ERR>", b"<BUSI_ERR><ERR_NO>B017</ERR_NO>", Ruling("hold", "platform_business_error")),
        (b"<BUSI_ERR>", b'<BUSI_ERR code="B017">', Ruling("hold", "platform_business_error")),
        (b"<BUSI_ERR>", b"<BUSI_ERR><LIST><ONE>B017</ONE></LIST>", Ruling("hold", "platform_business_error")),
        (b"<TECH_ERR>", b"<TECH_ERR><DETAIL>T500</DETAIL>", Ruling("ignore", "technical_error")),
        (b"<TECH_ERR><ERR_CODE/>", b"<TECH_ERR><ERR_CODE><A>T500</A></ERR_CODE>", Ruling("ignore", "xml_not_text")),
        (b"<VE_NAME2/>", b"<VE_NAME2><A>1234</A></VE_NAME2>", Ruling("ignore", "xml_not_text")),
        (b">y<", b">y<A>n</A><", Ruling("ignore", "xml_not_text")),
    ],
)
def test_an_error_under_a_name_that_is_not_known_is_one_as_well(old: bytes, new: bytes, wanted: Ruling) -> None:
    body = (GOLDEN / "generation_82.command.xml").read_bytes()
    assert old in body
    assert ruled(body.replace(old, new)) == wanted


def test_how_it_was_gathered_is_said() -> None:
    fields = read_gather(gather_frame(TRUCK, CHANNEL, DIALECT), DIALECT)
    assert (fields["gather_mode"], fields["second_plate"], fields["plate"]) == ("A", "", PLATE)
    completed = gather_frame(replace(TRUCK, supplemented=True), CHANNEL, DIALECT)
    assert read_gather(completed, DIALECT)["gather_mode"] == "M"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("none", ""),
        ("pending_person", "platform_waits_for_person"),
        ("business_error", "platform_business_error"),
        ("technical_error", "platform_technical_error"),
    ],
)
async def test_a_platform_of_this_generation_is_asked_and_answers(
    bench: BridgeBench, fault: PlatformFault, reason: str
) -> None:
    bench.platform.dialect = DIALECT
    bench.platform.fault = fault
    async with bench.bridge(dialect=DIALECT, answer_ms=700):
        await bench.ask()
        grant = await bench.grant()
        assert (grant.verdict, grant.reason) == ("hold" if reason else "release", reason)
        if fault == "pending_person":
            # Their person releases after all: this question had its answer.
            bench.platform.answer(bench.platform.asked[0], "y")
            await bench.ask()
            assert (await bench.grant()).nonce == "nonce2"
