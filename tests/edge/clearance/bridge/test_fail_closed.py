"""Field software of this kind opens where it should not (domain 0.2): each way, by name, against a real platform."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from edge.clearance.bridge.dialects import DIALECTS
from edge.clearance.bridge.wire import Frame
from edge.core.readings import Reading
from simulators.customs_book import REFUSED, Document
from simulators.customs_platform import PlatformFault
from tests.support.bridge_bench import BOX, CHANNEL, EPC, FORM, OTHER_BOX, PLATE, TWO_BOXES, BridgeBench, until
from tests.support.clearance import IDENTITY, NOTE
from tests.support.customs import STANDARD
from tests.support.mqtt import within


async def test_a_matching_timely_release_is_a_signed_grant_for_what_was_shown(bench: BridgeBench) -> None:
    async with bench.bridge():
        request = await bench.ask()
        grant = await bench.grant()
    assert (grant.verdict, grant.reason, grant.request_hash) == ("release", "", request.request_hash)
    assert (grant.boot, grant.passage, grant.nonce, grant.sequence) == ("boot1", "passage1", "nonce1", 1)
    assert grant.note == replace(NOTE, number=FORM)
    assert bench.refusals.empty()
    asked = bench.platform.asked[0].fields
    assert (asked["plate"], asked["container_front"], asked["tag"]) == (PLATE, BOX, EPC)
    assert asked["pictures"].split("|") == ["a" * 64, "b" * 64]
    ((verdict, raw),) = bench.rows("SELECT verdict, raw FROM asked")
    assert verdict == "release"
    assert b"<CHECK_RESULT>00000000000000000000<" in raw


async def test_where_customs_has_no_record_nothing_is_released(bench: BridgeBench) -> None:
    bench.platform.book.documents.clear()
    async with bench.bridge():
        await bench.ask()
        grant = await bench.grant()
    assert (grant.verdict, grant.reason, grant.note) == ("hold", "platform_no_document", None)


HOLDS: list[tuple[PlatformFault, str]] = [
    ("no_result", "platform_result_missing"),
    ("empty_result", "platform_result_empty"),
    ("wrong_vehicle", "platform_names_other_vehicle"),
    ("refused_then_released", "platform_refused"),
    ("closes", "platform_lost"),
]


@pytest.mark.parametrize(("fault", "reason"), HOLDS, ids=[fault for fault, _ in HOLDS])
async def test_an_answer_that_is_no_release_holds_at_once(
    bench: BridgeBench, fault: PlatformFault, reason: str
) -> None:
    bench.platform.fault = fault
    async with bench.bridge() as bridge:
        await bench.ask()
        grant = await bench.grant()
        assert (grant.verdict, grant.reason) == ("hold", reason)
        # And whatever came after it changed nothing.
        bench.platform.fault = "none"
        bench.platform.book.add(Document("HF-next", PLATE, (BOX,)))
        await until(lambda: bridge.platform.is_up)
        await bench.ask()
        assert (await bench.grant()).verdict == "release"


UNUSABLE: list[tuple[PlatformFault, str]] = [
    ("silent", "platform_silent"),
    ("late", "platform_silent"),
    ("garbage", "platform_silent"),
    ("wrong_channel", "platform_silent"),
    ("wrong_direction", "platform_silent"),
    ("wrong_passage", "platform_other_passage"),
    ("from_front_end", "platform_sent_by_front_end"),
    ("doctype", "platform_xml_doctype"),
]


@pytest.mark.parametrize(("fault", "reason"), UNUSABLE, ids=[fault for fault, _ in UNUSABLE])
async def test_what_is_no_answer_to_this_question_holds_when_its_time_is_over(
    bench: BridgeBench, fault: PlatformFault, reason: str
) -> None:
    bench.platform.fault = fault
    bench.platform.delay_s = 0.6
    async with bench.bridge(answer_ms=300):
        await bench.ask()
        grant = await bench.grant()
    assert (grant.verdict, grant.reason) == ("hold", reason)


async def test_the_answer_to_an_earlier_passage_releases_nobody(bench: BridgeBench) -> None:
    bench.platform.book.add(Document("HF2", "沪A99999"))
    async with bench.bridge(answer_ms=1_500):
        await bench.ask()
        assert (await bench.grant()).verdict == "release"
        bench.platform.fault = "earlier_passage"
        await bench.ask()
        grant = await bench.grant()
    assert (grant.verdict, grant.reason) == ("hold", "platform_other_passage")
    ((disposition,),) = bench.rows("SELECT disposition FROM heard")
    assert disposition == "other_passage"


async def test_a_release_that_comes_too_late_is_none(bench: BridgeBench) -> None:
    bench.platform.fault = "silent"
    async with bench.bridge():
        await bench.ask()
        await bench.asked()
        bench.clock.ahead_s += 20.0
        bench.platform.answer(bench.platform.asked[0])
        grant = await bench.grant()
    assert (grant.verdict, grant.reason) == ("hold", "platform_late")


async def test_a_duplicate_answer_releases_once(bench: BridgeBench, caplog: pytest.LogCaptureFixture) -> None:
    bench.platform.fault = "duplicate"
    async with bench.bridge():
        await bench.ask()
        assert (await bench.grant()).verdict == "release"
        # Heard before the next question is asked: behind that they would be another passage's.
        await until(lambda: caplog.messages.count("platform_message_unused") == 2)
        bench.platform.fault = "none"
        await bench.ask()
        assert (await bench.grant()).reason == "platform_refused"
    assert [one for (one,) in bench.rows("SELECT disposition FROM heard")] == ["nothing_asked"] * 2
    assert len(bench.published) == 2


async def test_a_refusal_after_a_release_takes_it_back_once(
    bench: BridgeBench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.platform.fault = "released_then_refused"
    async with bench.bridge():
        await bench.ask()
        assert (await bench.grant()).verdict == "release"
        denial = await bench.grant()
        assert (denial.verdict, denial.reason, denial.sequence) == ("deny", "platform_withdrew", 2)
        assert (denial.nonce, denial.note) == ("nonce1", None)
        bench.platform.answer(bench.platform.asked[0], REFUSED)
        # Heard before the next question is asked: behind that it would be another passage's.
        await until(lambda: caplog.messages.count("platform_message_unused") == 2)
        bench.platform.fault = "none"
        await bench.ask()
        assert (await bench.grant()).sequence == 3
    assert bench.rows("SELECT disposition FROM heard ORDER BY id") == [("withdrawn",), ("nothing_asked",)]
    assert bench.rows("SELECT last FROM grant_sequence") == [(3,)]


async def test_a_refusal_of_something_else_takes_nothing_back(bench: BridgeBench) -> None:
    async with bench.bridge():
        await bench.ask()
        assert (await bench.grant()).verdict == "release"
        other = replace(bench.platform.asked[0], fields=bench.platform.asked[0].fields | {"sequence": "9" * 20})
        bench.platform.answer(other, REFUSED)
        bench.platform.answer(bench.platform.asked[0])
        await bench.ask()
        assert (await bench.grant()).passage == "passage2"


async def test_two_boxes_are_released_together_or_not_at_all(bench: BridgeBench) -> None:
    bench.platform.book.add(Document(FORM, PLATE, (BOX, OTHER_BOX)))
    async with bench.bridge():
        bench.platform.fault = "wrong_count"
        await bench.ask(TWO_BOXES)
        assert (await bench.grant()).reason == "platform_counts_other_containers"
        bench.platform.fault = "none"
        bench.platform.book.add(Document(FORM, PLATE, (BOX, OTHER_BOX)))
        await bench.ask()
        assert (await bench.grant()).reason == "platform_refused"
        await bench.ask(TWO_BOXES)
        grant = await bench.grant()
    assert grant.verdict == "release"
    assert grant.note is not None
    assert grant.note.containers == (BOX, OTHER_BOX)


async def test_a_document_that_released_one_passage_releases_no_other(bench: BridgeBench) -> None:
    async with bench.bridge():
        await bench.ask()
        assert (await bench.grant()).verdict == "release"
        # A platform that forgot that it spent it.
        bench.platform.book.documents[PLATE].spent = False
        await bench.ask(passage="passage1")
        assert (await bench.grant()).verdict == "release"
        bench.platform.book.documents[PLATE].spent = False
        await bench.ask()
        grant = await bench.grant()
    assert (grant.verdict, grant.reason) == ("hold", "platform_form_used")


async def test_a_platform_that_is_not_there_holds_at_once(bench: BridgeBench) -> None:
    await bench.platform.stop()
    async with bench.bridge(connected=False):
        await bench.ask()
        grant = await bench.grant()
    assert (grant.verdict, grant.reason) == ("hold", "platform_unreachable")


async def test_a_platform_that_dies_holds_what_is_open_and_is_found_again(bench: BridgeBench) -> None:
    bench.platform.fault = "silent"
    async with bench.bridge() as bridge:
        await bench.ask()
        await bench.asked()
        await bench.platform.stop()
        assert (await bench.grant()).reason == "platform_lost"
        old = bench.platform.asked[0]
        bench.platform.fault = "none"
        await bench.platform.start()
        await until(lambda: bridge.platform.is_up)
        bench.platform.book.add(Document(FORM, PLATE, (BOX,)))
        # The answer of before, on the new connection.
        bench.platform.answer(old)
        await bench.ask()
        grant = await bench.grant()
    assert (grant.verdict, grant.passage) == ("release", "passage2")
    ((disposition,),) = bench.rows("SELECT disposition FROM heard")
    assert disposition in ("nothing_asked", "other_passage")


async def test_orders_for_the_boom_are_refused_kept_and_told(bench: BridgeBench) -> None:
    bench.platform.fault = "silent"
    answered = asyncio.Event()
    bench.platform.on_answered = lambda _frame: answered.set()
    async with bench.bridge(answer_ms=1_000):
        await bench.ask()
        await bench.asked()
        bench.platform.order(CHANNEL, sequence=bench.platform.asked[0].fields["sequence"])
        bench.platform.manual_release(CHANNEL, bench.platform.asked[0].fields["sequence"])
        bench.platform.manual_release(replace(CHANNEL, channel="7208109999"), "1")
        await within(answered.wait())
        grant = await bench.grant()
    assert (grant.verdict, grant.reason) == ("hold", "platform_order_not_taken")
    heard = bench.rows("SELECT kind, disposition FROM heard ORDER BY id")
    assert heard == [(0x31, "order_refused"), (0x39, "order_refused"), (0x39, "order_refused")]
    assert b"<EXECUTE_RESULT>1<" in bench.platform.orders_answered[0].body


async def test_messages_of_other_kinds_are_kept(bench: BridgeBench) -> None:
    async with bench.bridge():
        await bench.ask()
        await bench.grant()
        bench.platform.send(Frame(0x33, CHANNEL.area, CHANNEL.channel, "I", "platform", b"<A/>"))
        await bench.ask()
        await bench.grant()
    assert bench.rows("SELECT kind, disposition FROM heard") == [(0x33, "not_understood")]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"channels": {}}, "lane_not_bridged"),
        ({"simulated": True}, "real_lane_of_simulation"),
    ],
)
async def test_a_lane_that_customs_does_not_know_is_held(
    bench: BridgeBench, changes: dict[str, Any], reason: str
) -> None:
    async with bench.bridge(**changes):
        await bench.ask()
        assert (await bench.grant()).reason == reason


async def test_a_simulated_lane_asks_no_real_customs(bench: BridgeBench) -> None:
    async with bench.bridge():
        await bench.ask(simulated=True)
        assert (await bench.grant()).reason == "simulated_lane"
    assert bench.platform.asked == []


async def test_what_was_not_read_is_not_asked(bench: BridgeBench) -> None:
    async with bench.bridge():
        await bench.ask(replace(IDENTITY, containers=Reading("unread", reason="not_found")))
        assert (await bench.grant()).reason == "unread_containers"
    assert bench.platform.asked == []


async def test_a_platform_of_letters_is_understood_as_that_alone(bench: BridgeBench) -> None:
    async with bench.bridge(dialect=DIALECTS["letters"]):
        bench.platform.dialect = DIALECTS["letters"]
        await bench.ask()
        assert (await bench.grant()).verdict == "release"
        bench.platform.dialect = STANDARD
        bench.platform.book.add(Document("HF2", PLATE, (BOX,)))
        await bench.ask()
        assert (await bench.grant()).reason == "platform_result_malformed"
