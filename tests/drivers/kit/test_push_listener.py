"""Who pushes, how much and how slowly: hostile peers on a real port."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from drivers.kit.push.guard import Guard
from drivers.kit.push.head import MOST_HEAD_BYTES, PushRefusedError, encode_push
from drivers.kit.push.listener import MOST_CONNECTIONS, Bounds, Push, PushListener
from simulators.ports import free_ports
from tests.support.camera_http import MonotonicClock

CLOCK = MonotonicClock()
MOST_BYTES = 100_000


async def answer_of(reader: asyncio.StreamReader) -> int:
    """The status that comes, 0 where the connection ends without one."""
    async with asyncio.timeout(20):
        try:
            answer = await reader.read(100)
        except ConnectionError:
            return 0
    return int(answer.split(b" ")[1]) if answer else 0


@dataclass
class Bench:
    port: int
    listener: PushListener
    taken: list[Push] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    # What the handler of the next pushes does.
    fails: PushRefusedError | None = None
    # What the system says of the connection within the next pushes.
    breaks: OSError | None = None

    async def take(self, push: Push) -> None:
        if self.breaks is not None:
            raise self.breaks
        if self.fails is not None:
            raise self.fails
        self.taken.append(push)

    def note(self, error: PushRefusedError) -> None:
        self.refused.append(error.status)
        self.changed.set()

    async def until_refused(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.refused) < count:
                self.changed.clear()
                await self.changed.wait()

    async def ask(self, raw: bytes, *, end: bool = False) -> int:
        """Send these bytes and return the status of the answer; 0 where the connection ends without one."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(raw)
            if end:
                writer.write_eof()
            return await answer_of(reader)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def bench(*peers: str, guard: Guard | None = None, **bounds: float) -> AsyncIterator[Bench]:
    made: list[Bench] = []
    port = free_ports(1)[0]
    given = {"head_s": 5.0, "push_s": 10.0} | bounds
    listener = PushListener(
        "127.0.0.1",
        port,
        peers=peers or ("127.0.0.1",),
        handle=lambda push: made[0].take(push),
        now_ms=CLOCK.now_ms,
        on_refused=lambda error: made[0].note(error),
        bounds=Bounds("/events", MOST_BYTES, **given),
    )
    made.append(Bench(port, listener))
    await listener.start(guard)
    try:
        yield made[0]
    finally:
        await listener.stop()
        await listener.stop()


GOOD = encode_push("/events", "application/xml", b"<EventNotificationAlert/>")


async def test_a_push_is_taken_whole_and_answered_after_it() -> None:
    async with bench() as b:
        before_ms = CLOCK.now_ms()
        assert await b.ask(GOOD) == 200
        (push,) = b.taken
        assert (push.media, push.body) == ("application/xml", b"<EventNotificationAlert/>")
        assert before_ms <= push.begun_at_ms <= push.ended_at_ms <= CLOCK.now_ms()
        b.fails = PushRefusedError(507, "full")
        assert await b.ask(GOOD) == 507


@pytest.mark.parametrize("turns", range(7))
async def test_nobody_is_served_who_came_as_the_port_was_closed(turns: int) -> None:
    loop = asyncio.get_running_loop()
    async with bench() as b:
        with socket.socket() as coming:
            coming.setblocking(False)
            await loop.sock_connect(coming, ("127.0.0.1", b.port))
            for _ in range(turns):
                await CLOCK.sleep(0)
            await b.listener.stop()
            async with asyncio.timeout(3):
                with contextlib.suppress(ConnectionError):
                    assert await loop.sock_recv(coming, 1) == b""


async def test_who_waits_for_leave_to_send_gets_it() -> None:
    async with bench() as b:
        head, _, body = GOOD.partition(b"\r\n\r\n")
        reader, writer = await asyncio.open_connection("127.0.0.1", b.port)
        writer.write(head + b"\r\nExpect: 100-continue\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")
        writer.close()
        await writer.wait_closed()


@pytest.mark.hazard("D14")
async def test_what_is_too_large_is_refused_before_it_is_read() -> None:
    async with bench() as b:
        assert await b.ask(b"POST /events HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MOST_BYTES + 1)) == 413
        assert await b.ask(encode_push("/events", "image/jpeg", bytes(MOST_BYTES + 1))) == 413
        assert await b.ask(b"POST /events HTTP/1.1\r\n" + b"X-Pad: y\r\n" * MOST_HEAD_BYTES) == 431
        assert await b.ask(b"POST /events HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwords\r\n0\r\n\r\n") == 411
        assert await b.ask(b"\x00" * 100 + b"\r\n\r\n") == 400
        assert await b.ask(GOOD) == 200
        assert len(b.taken) == 1


@pytest.mark.hazard("D14")
async def test_a_push_that_ends_in_the_middle_is_none() -> None:
    async with bench() as b:
        for cut in (10, len(GOOD) - 1):
            await b.ask(GOOD[:cut], end=True)
        await b.until_refused(2)
        assert b.taken == []
        assert await b.ask(GOOD) == 200


@pytest.mark.hazard("D14")
async def test_whoever_is_slow_is_answered_and_cut_off() -> None:
    async with bench(head_s=0.2, push_s=0.4) as b:
        assert await b.ask(GOOD[:10]) == 408
        assert await b.ask(GOOD[:-1]) == 408
        assert await b.ask(GOOD) == 200


@pytest.mark.hazard("D14")
async def test_a_hundred_connections_that_say_nothing_keep_a_camera_out_for_a_moment_only() -> None:
    async with bench(head_s=0.5) as b:
        held = [await asyncio.open_connection("127.0.0.1", b.port) for _ in range(100)]
        answers = [await answer_of(reader) for reader, _ in held]
        assert answers.count(408) == MOST_CONNECTIONS
        # Whoever comes in surplus is told at once, or cut off.
        assert set(answers) == {408, 503, 0}
        assert await b.ask(GOOD) == 200
        for _, writer in held:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@pytest.mark.hazard("D14")
async def test_whoever_is_not_named_is_cut_off_without_a_word() -> None:
    async with bench("192.0.2.1", "::1") as b:
        assert await b.ask(GOOD) == 0
        assert (b.taken, b.refused, b.listener.strangers) == ([], [], 1)


async def test_stopping_ends_what_is_open() -> None:
    async with bench() as b:
        head, _, _ = GOOD.partition(b"\r\n\r\n")
        reader, writer = await asyncio.open_connection("127.0.0.1", b.port)
        writer.write(head + b"\r\nExpect: 100-continue\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        await b.listener.stop()
        assert await answer_of(reader) == 0
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        with pytest.raises(OSError):
            await b.ask(GOOD)


@pytest.mark.hazard("D14")
@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENOTCONN])
async def test_a_network_that_goes_within_a_push_is_one_more_refusal(number: int) -> None:
    async with bench() as b:
        failed: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, said: failed.append(said))
        b.breaks = OSError(number, "told by the network")
        assert await b.ask(GOOD) == 0
        await b.until_refused(1)
        b.breaks = None
        assert await b.ask(GOOD) == 200
        assert (b.refused, failed) == ([400], [])


async def nobody(_: Push) -> None:
    """Take nothing."""


def test_a_peer_that_is_no_address_is_refused() -> None:
    with pytest.raises(ValueError, match="camera"):
        PushListener(
            "127.0.0.1", 1, peers=["camera"], handle=nobody, now_ms=CLOCK.now_ms,
            on_refused=lambda _: None, bounds=Bounds(),
        )  # fmt: skip
