"""The link against peers that are absent, silent, slow or lying: a hand-made broker on a real socket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from edge.mqtt import MAX_PAYLOAD_BYTES, Message, MqttDown, MqttSettings, TlsSettings
from edge.secret import Secret
from simulators.ports import free_ports
from tests.support.mqtt import Probe, within

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CONNACK = b"\x20\x02\x00\x00"
FAST = {"backoff_min_s": 0.01, "backoff_max_s": 0.05, "connect_timeout_s": 0.3, "stable_s": 60.0}


@contextlib.asynccontextmanager
async def peer(serve: Serve) -> AsyncIterator[int]:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


async def packet(reader: asyncio.StreamReader) -> bytes:
    first = await reader.readexactly(1)
    length, shift = 0, 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return first + await reader.readexactly(length)


async def until_end(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


def settings(port: int, **changes: object) -> MqttSettings:
    return MqttSettings("127.0.0.1", port, "c", **(FAST | changes))  # type: ignore[arg-type]


async def first_reason(wanted: MqttSettings) -> MqttDown:
    probe = Probe(wanted)
    async with probe.running(wait_up=False):
        reason = await within(probe.downs.get())
        assert isinstance(reason, MqttDown)
        return reason


async def test_nobody_listens() -> None:
    assert (await first_reason(settings(free_ports(1)[0]))).code == "connect_refused"


@pytest.mark.hazard("C16")
async def test_name_that_is_no_name() -> None:
    reason = await first_reason(MqttSettings("a" * 70 + ".invalid", 1883, "c", **FAST))  # type: ignore[arg-type]
    assert reason.code == "dns_failed"


async def test_accepts_and_says_nothing() -> None:
    async with peer(lambda reader, _: until_end(reader)) as port:
        assert (await first_reason(settings(port))).code == "connect_timeout"


async def test_refuses_with_a_code() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(b"\x20\x02\x00\x05")
        await until_end(reader)

    async with peer(refuse) as port:
        reason = await first_reason(settings(port))
    assert reason.code == "refused_by_broker"
    assert "authori" in reason.detail.lower()


async def test_refuses_the_protocol_version_without_a_silent_downgrade() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(b"\x20\x02\x00\x01")
        await until_end(reader)

    async with peer(refuse) as port:
        assert (await first_reason(settings(port))).code in {"refused_by_broker", "connection_lost"}


@pytest.mark.parametrize("suback", [b"\x90\x03\x00\x01\x80", b""], ids=["refused", "silent"])
async def test_a_subscription_that_is_not_granted_is_down(suback: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        await packet(reader)
        writer.write(suback)
        await until_end(reader)

    async with peer(serve) as port:
        probe = Probe(settings(port))
        probe.listen("topic")
        async with probe.running(wait_up=False):
            assert (await within(probe.downs.get())).code == "subscription_refused"
    assert probe.ups.empty()


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x30\x02\x00\x09",  # a topic longer than its packet
        b"\x30\x00",
        b"\x20\x00",
        b"\x90\x01\x00",
        b"\x30\xff\xff\xff\xff\xff",  # a length of five bytes
        b"\x00\x00",
        b"\xf0\x00",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
)
@pytest.mark.hazard("I18")
async def test_garbage_ends_only_its_connection(garbage: bytes) -> None:
    """After the garbage the next connection is served as if nothing had been."""
    connections = 0
    served_again = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await packet(reader)
        writer.write(CONNACK + (garbage if connections == 1 else b""))
        if connections == 1:
            writer.write_eof()
        else:
            served_again.set()
        await until_end(reader)

    async with peer(serve) as port:
        probe = Probe(settings(port))
        async with probe.running(wait_up=False):
            await within(probe.downs.get())
            await within(served_again.wait())
            await within(probe.ups.get())


@pytest.mark.parametrize("size", [MAX_PAYLOAD_BYTES + 1, 3_000_000])
@pytest.mark.hazard("S7")
async def test_an_oversize_message_is_dropped_and_the_next_one_read(size: int) -> None:
    def publish(payload: bytes) -> bytes:
        body = b"\x00\x01t" + payload
        length, encoded = len(body), b""
        while True:
            encoded += bytes([length % 128 | (128 if length >= 128 else 0)])
            length //= 128
            if not length:
                return b"\x30" + encoded + body

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        await packet(reader)
        writer.write(b"\x90\x03\x00\x01\x01" + publish(b"x" * size) + publish(b"y" * MAX_PAYLOAD_BYTES))
        await writer.drain()
        await until_end(reader)

    async with peer(serve) as port:
        probe = Probe(settings(port))
        probe.listen("t")
        async with probe.running():
            message = await within(probe.messages.get())
    assert message.payload == b"y" * MAX_PAYLOAD_BYTES
    assert probe.link.counters.dropped_oversize == 1


async def test_a_topic_that_is_not_text_is_dropped() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        await packet(reader)
        writer.write(b"\x90\x03\x00\x01\x01" + b"\x30\x04\x00\x01\xffx" + b"\x30\x04\x00\x01ty")
        await until_end(reader)

    async with peer(serve) as port:
        probe = Probe(settings(port))
        probe.listen("#")
        async with probe.running():
            assert (await within(probe.messages.get())).topic == "t"
    assert probe.link.counters.dropped_bad_topic == 1


@pytest.mark.hazard("C2")
async def test_a_broker_that_stops_answering_is_noticed() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        await until_end(reader)

    async with peer(serve) as port:
        probe = Probe(settings(port, keepalive_s=1))
        async with probe.running():
            assert (await within(probe.downs.get())).code == "keepalive_timeout"


@pytest.mark.hazard("C18")
async def test_a_publish_without_puback_fails_and_the_queue_is_bounded() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        await until_end(reader)

    async with peer(serve) as port:
        probe = Probe(settings(port, publish_timeout_s=0.2, max_unacknowledged=2))
        async with probe.running():
            first, second, third = (probe.link.publish("t", b"x") for _ in range(3))
            with pytest.raises(MqttDown, match="too_many_unacknowledged"):
                await within(third)
            for future in (first, second):
                with pytest.raises(MqttDown, match="publish_timeout"):
                    await within(future)


async def test_backoff_doubles_is_bounded_and_spread() -> None:
    waits: list[float] = []
    enough = asyncio.Event()

    async def note(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 8:
            enough.set()
            await asyncio.get_running_loop().create_future()

    fractions = iter([1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    wanted = settings(free_ports(1)[0], backoff_min_s=0.1, backoff_max_s=1.0)
    probe = Probe(wanted, sleep=note, random_fraction=lambda: next(fractions))
    async with probe.running(wait_up=False):
        await within(enough.wait())
    assert waits == pytest.approx([0.2, 0.2, 0.8, 1.0, 1.0, 1.0, 1.0, 1.0])
    assert probe.downs.qsize() == 1  # told once
    assert probe.link.counters.losses == 8


async def test_plain_text_where_tls_was_wanted() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(16)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await until_end(reader)

    async with peer(serve) as port:
        assert (await first_reason(settings(port, tls=TlsSettings()))).code == "tls_failed"


async def test_missing_certificate_file_is_a_named_failure(tmp_path: Path) -> None:
    async with peer(lambda reader, _: until_end(reader)) as port:
        tls = TlsSettings(ca_file=tmp_path / "absent.pem")
        assert (await first_reason(settings(port, tls=tls))).code == "tls_failed"


@pytest.mark.parametrize("keepalive_s", [0, 11])
@pytest.mark.hazard("C2")
def test_keepalive_is_short(keepalive_s: int) -> None:
    with pytest.raises(ValueError, match="keepalive_s"):
        MqttSettings("h", 1, "c", keepalive_s=keepalive_s)


@pytest.mark.hazard("S15")
def test_password_is_not_shown() -> None:
    assert "hunter2" not in repr(MqttSettings("h", 1, "c", password=Secret("hunter2")))


CONNACK_5 = b"\x20\x03\x00\x00\x00"


@pytest.mark.hazard("C11")
async def test_takeover_is_told_apart_and_waits_longest() -> None:
    """The DISCONNECT of MQTT 5.0, 3.14.2.1, value 0x8E."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK_5 + b"\xe0\x02\x8e\x00")
        await until_end(reader)

    waits: asyncio.Queue[float] = asyncio.Queue()

    async def never(seconds: float) -> None:
        waits.put_nowait(seconds)
        await asyncio.get_running_loop().create_future()

    async with peer(serve) as port:
        wanted = settings(port, version="5", backoff_max_s=9.0)
        probe = Probe(wanted, sleep=never, random_fraction=lambda: 1.0)
        async with probe.running(wait_up=False):
            assert (await within(probe.downs.get())).code == "session_taken_over"
            assert await within(waits.get()) == 9.0
    assert probe.link.counters.takeovers == 1


async def test_other_goodbyes_of_a_broker_are_told() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK_5 + b"\xe0\x02\x8b\x00")
        await until_end(reader)

    async with peer(serve) as port:
        reason = await first_reason(settings(port, version="5"))
    assert reason.code == "disconnected_by_broker"
    assert "shutting down" in reason.detail.lower()


async def test_a_publish_that_may_not_be_is_refused() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK_5)
        await packet(reader)
        writer.write(b"\x40\x04\x00\x09\x87\x00" + b"\x40\x04\x00\x01\x87\x00")  # not authorised; 9 is nobody's
        await until_end(reader)

    async with peer(serve) as port:
        probe = Probe(settings(port, version="5"))
        async with probe.running():
            with pytest.raises(MqttDown, match="publish_refused"):
                await within(probe.link.publish("t", b"x"))
    assert probe.downs.empty()


async def test_a_later_subscription_that_is_refused_is_down() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        await packet(reader)
        writer.write(b"\x90\x03\x00\x01\x80")
        await until_end(reader)

    async with peer(serve) as port:
        probe = Probe(settings(port))
        async with probe.running():
            probe.listen("t")
            assert (await within(probe.downs.get())).code == "subscription_refused"


async def test_an_error_inside_paho_ends_only_its_connection() -> None:
    def broken() -> None:
        raise ZeroDivisionError

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        await until_end(reader)

    async with peer(serve) as port:
        probe = Probe(settings(port))
        async with probe.running():
            connection = probe.link._connection
            assert connection is not None
            connection._drive(broken)
            with pytest.raises(MqttDown, match="malformed_packet"):
                await connection.publish(Message("t", b"x"))
            assert (await within(probe.downs.get())).code == "malformed_packet"
            await within(probe.ups.get())


async def test_tls_handshake_that_stalls_is_given_up() -> None:
    async with peer(lambda reader, _: until_end(reader)) as port:
        assert (await first_reason(settings(port, tls=TlsSettings()))).code == "connect_timeout"
