"""The simulated platform: its book spends releases, two boxes are all or nothing, and each fault is what it says."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.clearance.bridge.judging import Ruling, rule
from edge.clearance.bridge.messages import Gather, gather_frame, refused_order_frame
from edge.clearance.bridge.wire import Frame, FrameDecoder, MessageType, encode
from simulators.customs_book import NO_DOCUMENT, REFUSED, RELEASE, CustomsBook, Document
from simulators.customs_platform import CustomsPlatform, PlatformFault
from tests.support.customs import BOX, CHANNEL, EPC, OTHER_BOX, PLATE, SEQUENCE, STANDARD, TRUCK
from tests.support.mqtt import within


def fields(*boxes: str, plate: str = PLATE, tag: str = "", count: str | None = None) -> dict[str, str]:
    front, back = (*boxes, "", "")[:2]
    counted = str(len(boxes)) if count is None else count
    return {"plate": plate, "tag": tag, "container_front": front, "container_back": back, "container_count": counted}


def test_a_document_releases_once_and_all_its_boxes_or_none() -> None:
    book = CustomsBook.of([Document("HF1", PLATE, (BOX, OTHER_BOX))])
    assert book.rule(fields(BOX))[0] == REFUSED
    assert book.rule(fields(BOX, OTHER_BOX, count="1"))[0] == REFUSED
    assert book.rule(fields(OTHER_BOX, BOX))[0] == RELEASE
    assert book.rule(fields(OTHER_BOX, BOX))[0] == REFUSED
    assert book.rule(fields(plate="沪A00001")) == (NO_DOCUMENT, None)
    book.add(Document("HF2", EPC))
    assert book.rule(fields(plate="", tag=EPC, count=""))[0] == RELEASE


class Wire:
    """A bare front end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.decoder = reader, writer, FrameDecoder()

    async def frames(self, count: int) -> list[Frame]:
        found: list[Frame] = []
        while len(found) < count:
            data = await within(self.reader.read(4096))
            if not data:
                break
            found += self.decoder.feed(data)
        return found


@pytest.fixture
async def platform() -> AsyncIterator[CustomsPlatform]:
    platform = CustomsPlatform(CustomsBook.of([Document("HF1", PLATE, (BOX, OTHER_BOX))]))
    platform.delay_s = 0.05
    await platform.start()
    yield platform
    await platform.stop()


@pytest.fixture
async def wire(platform: CustomsPlatform) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", platform.port)
    yield Wire(reader, writer)
    writer.transport.abort()


@pytest.mark.parametrize(
    ("fault", "verdicts"),
    [
        ("none", ["release"]),
        ("late", ["release"]),
        ("bytewise", ["release"]),
        ("garbage_before", ["release"]),
        ("duplicate", ["release"] * 3),
        ("refused_then_released", ["hold", "release"]),
        ("released_then_refused", ["release", "hold"]),
        ("wrong_passage", ["ignore"]),
        ("wrong_vehicle", ["hold"]),
        ("wrong_count", ["hold"]),
        ("from_front_end", ["ignore"]),
        ("no_result", ["hold"]),
        ("empty_result", ["hold"]),
        ("doctype", ["ignore"]),
    ],
)
async def test_each_fault_is_what_it_says(
    platform: CustomsPlatform, wire: Wire, fault: PlatformFault, verdicts: list[str]
) -> None:
    platform.fault = fault
    wire.writer.write(encode(gather_frame(TRUCK, CHANNEL, STANDARD)))
    found = [rule(one, TRUCK, CHANNEL, STANDARD) for one in await wire.frames(len(verdicts))]
    assert [one.verdict for one in found] == verdicts


@pytest.mark.parametrize("fault", ["wrong_channel", "wrong_direction"])
async def test_an_answer_of_another_lane_has_another_envelope(
    platform: CustomsPlatform, wire: Wire, fault: PlatformFault
) -> None:
    platform.fault = fault
    wire.writer.write(encode(gather_frame(TRUCK, CHANNEL, STANDARD)))
    (frame,) = await wire.frames(1)
    assert (frame.channel, frame.direction) != (CHANNEL.channel, "I")


@pytest.mark.parametrize("fault", ["silent", "garbage", "half_frame", "closes", "earlier_passage"])
async def test_some_faults_answer_nothing(platform: CustomsPlatform, wire: Wire, fault: PlatformFault) -> None:
    platform.fault = fault
    asked = asyncio.Event()
    platform.on_asked = lambda _asked: asked.set()
    wire.writer.write(encode(gather_frame(TRUCK, CHANNEL, STANDARD)))
    await within(asked.wait())
    await platform.stop()
    assert await wire.frames(1) == []


async def test_an_answer_of_an_earlier_passage_is_a_release_of_that(platform: CustomsPlatform, wire: Wire) -> None:
    wire.writer.write(encode(gather_frame(TRUCK, CHANNEL, STANDARD)))
    await wire.frames(1)
    platform.fault = "earlier_passage"
    later = Gather("20260301080000000002", PLATE)
    wire.writer.write(encode(gather_frame(later, CHANNEL, STANDARD)))
    (frame,) = await wire.frames(1)
    assert rule(frame, later, CHANNEL, STANDARD) == Ruling("ignore", "other_passage")


async def test_a_platform_of_letters_says_y_and_one_that_always_releases_does(wire: Wire) -> None:
    letters = CustomsPlatform(dialect="letters")
    letters.fault = "always_releases"
    await letters.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", letters.port)
    writer.write(encode(gather_frame(TRUCK, CHANNEL, letters.dialect)))
    (frame,) = await Wire(reader, writer).frames(1)
    assert rule(frame, TRUCK, CHANNEL, letters.dialect).verdict == "release"
    writer.transport.abort()
    await letters.stop()


async def test_orders_leave_and_their_answers_are_kept(platform: CustomsPlatform, wire: Wire) -> None:
    wire.writer.write(encode(gather_frame(TRUCK, CHANNEL, STANDARD)))
    await wire.frames(1)
    platform.order(CHANNEL, sequence=SEQUENCE)
    platform.manual_release(CHANNEL, SEQUENCE)
    platform.answer(platform.asked[0])
    kinds = [one.kind for one in await wire.frames(3)]
    assert kinds == [MessageType.DEVICE_COMMAND, MessageType.MANUAL_RELEASE, MessageType.COMMAND]
    heard = asyncio.Event()
    platform.on_answered = lambda _frame: heard.set()
    wire.writer.write(encode(refused_order_frame(SEQUENCE, CHANNEL, STANDARD)))
    await within(heard.wait())
    assert len(platform.orders_answered) == 1
    assert platform.connected == 1


async def test_what_is_no_gathering_is_not_answered(platform: CustomsPlatform, wire: Wire) -> None:
    broken = Frame(MessageType.GATHER, CHANNEL.area, CHANNEL.channel, "I", "front", b"<nonsense")
    wire.writer.write(encode(broken) + encode(gather_frame(TRUCK, CHANNEL, STANDARD)))
    assert len(await wire.frames(1)) == 1
    assert len(platform.asked) == 1


@pytest.mark.skipif(os.name != "posix", reason="SIGINT to a process")
async def test_it_runs_by_itself_and_says_what_it_is_asked() -> None:
    arguments = ["--port", "0", "--release", f"{PLATE}={BOX},{OTHER_BOX}"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators.customs_platform", *arguments,
        stdout=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONUTF8": "1", "PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip
    assert process.stdout is not None
    host, port = (await within(process.stdout.readline())).decode().strip().split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(encode(gather_frame(TRUCK, CHANNEL, STANDARD)))
    (frame,) = await Wire(reader, writer).frames(1)
    assert rule(frame, TRUCK, CHANNEL, STANDARD) == Ruling("release", "", f"HF-{PLATE}")
    assert f"plate={PLATE}" in (await within(process.stdout.readline())).decode()
    writer.transport.abort()
    process.send_signal(signal.SIGINT)
    assert await within(process.wait()) == 0
