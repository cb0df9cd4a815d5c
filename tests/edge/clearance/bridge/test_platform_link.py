"""The connection to the platform over real sockets: up, lost, back; half frames, silence, a peer that never reads."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from edge.clearance.bridge import platform_link
from edge.clearance.bridge.messages import gather_frame, heartbeat_frame
from edge.clearance.bridge.platform_link import PlatformDown, PlatformLink, PlatformSettings
from edge.clearance.bridge.wire import MAX_BODY_BYTES, Frame, MessageType, encode
from simulators.customs_platform import CustomsPlatform
from simulators.ports import free_ports
from tests.support.bridge_bench import until
from tests.support.customs import CHANNEL, STANDARD, TRUCK
from tests.support.mqtt import serving, within


class Front:
    """A front end that notes what happens to its link."""

    def __init__(self, port: int, **settings: Any) -> None:
        self.frames: asyncio.Queue[Frame] = asyncio.Queue()
        self.ups: asyncio.Queue[None] = asyncio.Queue()
        self.downs: asyncio.Queue[PlatformDown] = asyncio.Queue()
        fast = {"heartbeat_s": 0.05, "backoff_min_s": 0.02, "backoff_max_s": 0.1}
        self.link = PlatformLink(
            PlatformSettings("127.0.0.1", port, **(fast | settings)),
            heartbeats=lambda: [heartbeat_frame(CHANNEL, STANDARD)],
            on_frame=self.frames.put_nowait,
            on_up=lambda: self.ups.put_nowait(None),
            on_down=self.downs.put_nowait,
        )

    async def next(self, kind: MessageType) -> Frame:
        while (frame := await within(self.frames.get())).kind != kind:
            pass
        return frame


@pytest.fixture
async def platform() -> AsyncIterator[CustomsPlatform]:
    platform = CustomsPlatform()
    await platform.start()
    yield platform
    await platform.stop()


@contextlib.asynccontextmanager
async def raw_platform(reads: bool = False) -> AsyncIterator[tuple[int, asyncio.Queue[asyncio.StreamWriter]]]:
    """A peer that only accepts, and hands over its side of each connection."""
    writers: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    server = await asyncio.start_server(lambda _reader, writer: writers.put_nowait(writer), "127.0.0.1", 0, limit=1024)
    try:
        yield server.sockets[0].getsockname()[1], writers
    finally:
        server.close()


async def test_a_question_is_answered_and_heartbeats_go_both_ways(platform: CustomsPlatform) -> None:
    front = Front(platform.port)
    assert not front.link.send(gather_frame(TRUCK, CHANNEL, STANDARD))
    async with serving(front.link.run):
        await within(front.ups.get())
        assert front.link.is_up
        assert front.link.send(gather_frame(TRUCK, CHANNEL, STANDARD))
        await front.next(MessageType.COMMAND)
        await front.next(MessageType.HEARTBEAT_PLATFORM)
    assert platform.asked[0].fields["plate"] == TRUCK.plate
    assert platform.heartbeats
    assert not front.link.is_up


async def test_what_waits_its_turn_is_sent_while_the_connection_stands_and_no_longer(platform: CustomsPlatform) -> None:
    front = Front(platform.port)
    assert not await front.link.send_when_idle(gather_frame(TRUCK, CHANNEL, STANDARD))
    async with serving(front.link.run):
        await within(front.ups.get())
        assert await front.link.send_when_idle(gather_frame(TRUCK, CHANNEL, STANDARD))
        await front.next(MessageType.COMMAND)
        writer = front.link._writer
        assert writer is not None
        writer.transport.abort()
        assert not await front.link.send_when_idle(gather_frame(TRUCK, CHANNEL, STANDARD))


async def test_a_lost_platform_is_told_once_and_found_again(platform: CustomsPlatform) -> None:
    front = Front(platform.port)
    async with serving(front.link.run):
        await within(front.ups.get())
        await platform.stop()
        await within(front.downs.get())
        await platform.start()
        await within(front.ups.get())
        assert front.link.send(gather_frame(TRUCK, CHANNEL, STANDARD))
        await front.next(MessageType.COMMAND)
    assert front.downs.empty()
    assert front.link.counters.connects == 2


async def test_nobody_there_is_told_once_by_name() -> None:
    front = Front(free_ports(1)[0])
    async with serving(front.link.run):
        down = await within(front.downs.get())
        assert down.code == "connect_refused"
        assert str(front.link.settings.port) in str(down)
        await until(lambda: front.link.counters.losses >= 3)
    assert front.downs.empty()


async def test_a_silent_platform_is_given_up(platform: CustomsPlatform) -> None:
    platform.fault = "silent"
    front = Front(platform.port, silence_s=0.2)
    async with serving(front.link.run):
        await within(front.ups.get())
        assert (await within(front.downs.get())).code == "silent"


async def test_a_half_frame_ends_the_connection_and_is_never_completed_by_the_next(
    platform: CustomsPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform_link, "HALF_FRAME_S", 0.1)
    platform.fault = "half_frame"
    front = Front(platform.port, heartbeat_s=60.0)
    async with serving(front.link.run):
        await within(front.ups.get())
        await front.next(MessageType.HEARTBEAT_PLATFORM)
        front.link.send(gather_frame(TRUCK, CHANNEL, STANDARD))
        assert (await within(front.downs.get())).code == "half_frame"
        platform.fault = "none"
        await within(front.ups.get())
        front.link.send(gather_frame(TRUCK, CHANNEL, STANDARD))
        await front.next(MessageType.COMMAND)


async def test_bytes_one_by_one_are_a_frame_and_garbage_is_counted(platform: CustomsPlatform) -> None:
    front = Front(platform.port)
    async with serving(front.link.run):
        await within(front.ups.get())
        for fault in ("bytewise", "garbage", "garbage_before"):
            platform.fault = fault
            front.link.send(gather_frame(TRUCK, CHANNEL, STANDARD))
        await front.next(MessageType.COMMAND)
        await front.next(MessageType.COMMAND)
    assert front.link.counters.dropped_bytes >= 200


async def test_a_platform_that_reads_nothing_gets_no_more_than_a_bounded_queue() -> None:
    async with raw_platform() as (port, writers):
        front = Front(port, heartbeat_s=60.0)
        async with serving(front.link.run):
            await within(front.ups.get())
            theirs = await within(writers.get())
            theirs.transport.pause_reading()
            body = bytes(MAX_BODY_BYTES)
            big = Frame(MessageType.GATHER, "1", "2", "I", "front", body)
            sent = 0
            while front.link.send(big):
                sent += 1
                assert sent < 1000
            assert not front.link.is_up
            assert (await within(front.downs.get())).code in ("connection_lost", "closed_by_platform")
            theirs.transport.abort()


async def test_a_reset_connection_is_lost(platform: CustomsPlatform) -> None:
    async with raw_platform() as (port, writers):
        front = Front(port)
        async with serving(front.link.run):
            await within(front.ups.get())
            theirs = await within(writers.get())
            linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
            theirs.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            theirs.transport.abort()
            assert (await within(front.downs.get())).code == "connection_lost"


@pytest.mark.parametrize(("error", "code"), [(OSError, "connect_failed"), (TimeoutError, "connect_timeout")])
async def test_why_no_connection_came_about_is_named(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception], code: str
) -> None:
    async def refused(*_arguments: Any, **_options: Any) -> Any:
        raise error

    monkeypatch.setattr(asyncio, "open_connection", refused)
    front = Front(1)
    async with serving(front.link.run):
        assert (await within(front.downs.get())).code == code


async def test_a_flood_leaves_the_loop_to_others(platform: CustomsPlatform) -> None:
    front = Front(platform.port)
    async with serving(front.link.run):
        await within(front.ups.get())
        platform.send_bytes(encode(heartbeat_frame(CHANNEL, STANDARD, "platform")) * 20_000)
        while front.link.counters.frames < 20_000:
            await within(front.frames.get())
    assert front.downs.empty()
