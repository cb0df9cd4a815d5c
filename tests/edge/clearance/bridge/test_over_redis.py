"""The JSON variant over Redis, ours and Debian's: a release for what was shown, and nothing else opens."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.clearance.bridge.connecting import way_to_platform
from edge.clearance.bridge.dialects import DIALECTS
from edge.clearance.bridge.platform_link import PlatformSettings
from edge.clearance.bridge.wire import Frame, MessageType
from simulators.broker import DefaultBroker
from simulators.customs_book import REFUSED, Document
from simulators.customs_platform import PLATFORM_FAULTS, PlatformFault
from simulators.customs_pubsub import CustomsPubSub
from tests.edge.clearance.bridge.test_storm import HARMLESS, RELEASING
from tests.support.bridge_bench import BOX, CHANNEL, EPC, FORM, OTHER_BOX, PLATE, TWO_BOXES, BridgeBench, open_bench
from tests.support.bridge_bench import until as until_so
from tests.support.brokers import BrokerCase
from tests.support.clearance import World
from tests.support.redis import RunningRedis

GOLDEN = Path(__file__).parent / "golden"
OTHER_SEQUENCE = b"20260301080000000001"


@pytest.fixture
async def bench(
    default_broker: DefaultBroker, world: World, tmp_path: Path, redis: RunningRedis
) -> AsyncIterator[BridgeBench]:
    async with open_bench(BrokerCase(default_broker, "5"), world, tmp_path, redis_port=redis.port) as bench:
        yield bench


def pubsub(bench: BridgeBench) -> CustomsPubSub:
    assert isinstance(bench.platform, CustomsPubSub)
    return bench.platform


async def test_a_matching_timely_release_is_a_signed_grant_for_what_was_shown(bench: BridgeBench) -> None:
    async with bench.bridge():
        request = await bench.ask()
        grant = await bench.grant()
    assert (grant.verdict, grant.request_hash) == ("release", request.request_hash)
    assert grant.note is not None
    assert (grant.note.number, grant.note.containers, grant.note.tag) == (FORM, (BOX,), EPC)
    asked = bench.platform.asked[0].fields
    assert (asked["plate"], asked["optical_plate"], asked["container_front"], asked["tag"]) == (PLATE, PLATE, BOX, EPC)
    ((raw,),) = bench.rows("SELECT raw FROM asked")
    assert rb"\"CHECK_RESULT\":\"00000000000000000000\"" in raw


HOLDS: list[tuple[PlatformFault, str]] = [
    ("no_result", "platform_result_missing"),
    ("empty_result", "platform_result_empty"),
    ("wrong_vehicle", "platform_names_other_vehicle"),
    ("wrong_count", "platform_counts_other_containers"),
    ("refused_then_released", "platform_refused"),
]


@pytest.mark.parametrize(("fault", "reason"), HOLDS, ids=[fault for fault, _ in HOLDS])
async def test_an_answer_that_is_no_release_holds_at_once(
    bench: BridgeBench, fault: PlatformFault, reason: str
) -> None:
    bench.platform.fault = fault
    bench.platform.book.add(Document(FORM, PLATE, (BOX, OTHER_BOX)))
    async with bench.bridge():
        await bench.ask(TWO_BOXES)
        grant = await bench.grant()
    assert (grant.verdict, grant.reason) == ("hold", reason)


UNUSABLE: list[tuple[PlatformFault, str]] = [
    ("silent", "platform_silent"),
    ("late", "platform_silent"),
    ("wrong_channel", "platform_silent"),
    ("wrong_direction", "platform_silent"),
    ("wrong_passage", "platform_other_passage"),
    ("from_front_end", "platform_sent_by_front_end"),
    ("doctype", "platform_json_duplicate_key"),
    ("garbage", "platform_json_not_utf8"),
    ("half_frame", "platform_json_syntax"),
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


NEGATIVE = {
    "not_escaped": "json_not_escaped",
    "escaped_twice": "json_not_an_object",
    "other_channel_within": "head_contradicts_envelope",
    "other_direction_within": "head_contradicts_envelope",
    "other_number": "other_passage",
    "no_number": "other_passage",
    "other_event": "other_message",
    "no_event": "json_event",
    "other_description": "json_kind",
    "no_sender": "json_sender",
    "result_twice": "json_duplicate_key",
    "not_a_number": "json_number",
    "not_utf8": "json_not_utf8",
    "result_in_a_list": "json_value",
    "data_as_text": "json_no_data",
    "name_of_two_words": "json_name",
    "too_deep": "json_too_deep",
}


async def test_each_spoilt_release_is_ignored_by_name(bench: BridgeBench) -> None:
    """Each file is a good release with one fault."""
    bench.platform.fault = "silent"
    async with bench.bridge(answer_ms=300):
        for count, name in enumerate(NEGATIVE, 1):
            bench.clock.ahead_s += 1.0
            await bench.ask()
            await bench.asked(count)
            spoilt = (GOLDEN / "negative" / f"json_redis.{name}.json").read_bytes()
            sequence = bench.platform.asked[-1].fields["sequence"].encode()
            pubsub(bench).publish(CHANNEL, spoilt.replace(OTHER_SEQUENCE, sequence))
            grant = await bench.grant()
            assert (grant.verdict, grant.reason) == ("hold", f"platform_{NEGATIVE[name]}"), name
    assert [one for (one,) in bench.rows("SELECT disposition FROM heard ORDER BY id")] == list(NEGATIVE.values())


def test_each_spoilt_release_has_its_line() -> None:
    assert {path.name.split(".")[1] for path in (GOLDEN / "negative").glob("json_redis.*")} == set(NEGATIVE)


async def test_the_unspoilt_file_releases(bench: BridgeBench) -> None:
    bench.platform.fault = "silent"
    async with bench.bridge():
        await bench.ask()
        await bench.asked()
        good = (GOLDEN / "json_redis.command.json").read_bytes()
        sequence = bench.platform.asked[0].fields["sequence"].encode()
        good = good.replace(OTHER_SEQUENCE, sequence).replace("苏A88888".encode(), PLATE.encode())
        pubsub(bench).publish(CHANNEL, good.replace(rb"\"CONTA_NUM\":\"2\"", rb"\"CONTA_NUM\":\"1\""))
        assert (await bench.grant()).verdict == "release"


async def test_a_message_longer_than_any_of_the_protocol_is_left_and_the_next_one_read(bench: BridgeBench) -> None:
    bench.platform.fault = "silent"
    async with bench.bridge() as bridge:
        await bench.ask()
        await bench.asked()
        pubsub(bench).publish(CHANNEL, b" " * 70_000)
        bench.platform.answer(bench.platform.asked[0])
        assert (await bench.grant()).verdict == "release"
        assert bridge.platform.counters.bad_frames == 1
        assert bridge.platform.counters.losses == 0


async def test_a_question_that_nobody_hears_is_held_at_once(bench: BridgeBench) -> None:
    await bench.platform.stop()
    async with bench.bridge():
        await bench.ask()
        grant = await bench.grant()
    assert (grant.verdict, grant.reason) == ("hold", "platform_not_listening")


async def test_a_server_that_dies_holds_what_is_open_and_is_found_again(
    bench: BridgeBench, redis: RunningRedis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "edge")
    bench.platform.fault = "silent"
    async with bench.bridge() as bridge:
        await bench.ask()
        await bench.asked()
        await redis.stop()
        assert (await bench.grant()).reason == "platform_lost"
        await bench.ask()
        assert (await bench.grant()).reason == "platform_unreachable"
        old = bench.platform.asked[0]
        await until_so(lambda: bridge.platform.counters.losses >= 3)
        await redis.start()
        await until_so(lambda: bridge.platform.is_up)
        await bench.platform.stop()
        bench.platform.fault = "none"
        await bench.platform.start()
        bench.platform.book.add(Document(FORM, PLATE, (BOX,)))
        # The answer of before, on the new connection.
        bench.platform.answer(old)
        await bench.ask()
        grant = await bench.grant()
    assert (grant.verdict, grant.passage) == ("release", "passage3")
    # Once each way, however often it was tried.
    assert (caplog.messages.count("platform_down"), caplog.messages.count("platform_up")) == (1, 2)


async def test_an_order_on_an_answering_topic_is_refused_and_kept(bench: BridgeBench) -> None:
    bench.platform.fault = "silent"
    async with bench.bridge(answer_ms=500):
        await bench.ask()
        await bench.asked()
        bench.platform.order(CHANNEL, sequence=bench.platform.asked[0].fields["sequence"])
        bench.platform.manual_release(CHANNEL, bench.platform.asked[0].fields["sequence"])
        grant = await bench.grant()
    assert (grant.verdict, grant.reason) == ("hold", "platform_order_not_taken")
    heard = bench.rows("SELECT kind, disposition FROM heard ORDER BY id")
    assert heard == [(MessageType.DEVICE_COMMAND, "order_refused"), (MessageType.MANUAL_RELEASE, "order_refused")]


async def test_a_refusal_after_a_release_takes_it_back(bench: BridgeBench) -> None:
    async with bench.bridge():
        await bench.ask()
        assert (await bench.grant()).verdict == "release"
        bench.platform.answer(bench.platform.asked[0], REFUSED)
        denial = await bench.grant()
    assert (denial.verdict, denial.reason) == ("deny", "platform_withdrew")


async def test_a_document_that_released_one_passage_releases_no_other(bench: BridgeBench) -> None:
    async with bench.bridge():
        await bench.ask()
        assert (await bench.grant()).verdict == "release"
        bench.platform.book.documents[PLATE].spent = False
        await bench.ask()
        grant = await bench.grant()
    assert (grant.verdict, grant.reason) == ("hold", "platform_form_used")


async def test_whatever_it_does_wrong_every_release_is_one_that_customs_gave(bench: BridgeBench) -> None:
    async with bench.bridge(answer_ms=150):
        for number, fault in enumerate((*PLATFORM_FAULTS, *PLATFORM_FAULTS), 1):
            if fault in ("always_releases", "closes"):
                continue
            bench.platform.fault = fault
            bench.platform.book.add(Document(f"HF{number}", PLATE, (BOX, OTHER_BOX)))
            bench.clock.ahead_s += 1.0
            await bench.ask(TWO_BOXES)
            answer = await bench.grant()
            while answer.verdict == "deny":
                answer = await bench.grant()
            assert (answer.verdict == "release") == (fault in HARMLESS | RELEASING), fault


async def test_a_dialect_is_spoken_on_its_own_way_alone() -> None:
    with pytest.raises(ValueError, match="json_redis"):
        way_to_platform(
            PlatformSettings("127.0.0.1", 1), [], DIALECTS["json_redis"],
            on_frame=lambda _frame: None, on_down=lambda _down: None, on_unheard=lambda _frame: None,
        )  # fmt: skip


async def test_a_question_answered_meanwhile_is_not_held_because_nobody_heard_it(bench: BridgeBench) -> None:
    """What the server says of an older question is nothing about the one that is open now."""
    bench.platform.fault = "silent"
    async with bench.bridge() as bridge:
        await bench.ask()
        await bench.asked()
        other = Frame(MessageType.GATHER, CHANNEL.area, CHANNEL.channel, "I", "front", b"{}")
        bridge._unheard(other)
        bridge._unheard(Frame(MessageType.GATHER, "9", "9", "I", "front", b"{}"))
        bench.platform.answer(bench.platform.asked[0])
        assert (await bench.grant()).verdict == "release"


async def test_a_message_that_has_no_topic_is_not_sent(bench: BridgeBench) -> None:
    async with bench.bridge() as bridge:
        for kind in (MessageType.PICTURE_RETURN, MessageType.SUPPLEMENT):
            other = Frame(kind, CHANNEL.area, CHANNEL.channel, "I", "front", b"{}")
            assert not bridge.platform.send(other)
            assert not await bridge.platform.send_when_idle(other)
        assert bridge.platform.is_up
