"""The link's bytes on a real socket: when they leave, and what becomes of them where nobody reads (hazards.md C18)."""

import asyncio
import contextlib
import select
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from edge.mqtt import MAX_PAYLOAD_BYTES, Message, MqttDown
from tests.edge.test_mqtt_hostile import CONNACK, settings
from tests.support.mqtt import Probe, within


@contextlib.asynccontextmanager
async def raw_broker(serve: Callable[[socket.socket], Awaitable[None]]) -> AsyncIterator[int]:
    """A broker that accepts one connection and leaves its socket to `serve`; yields the port."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)

        async def accept() -> None:
            connection, _ = await loop.sock_accept(listener)
            connections.append(connection)
            connection.setblocking(False)
            await loop.sock_recv(connection, 4096)
            await loop.sock_sendall(connection, CONNACK)
            await serve(connection)

        connections: list[socket.socket] = []
        serving = loop.create_task(accept())
        try:
            yield int(listener.getsockname()[1])
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            for one in connections:
                one.close()


@pytest.mark.hazard("C18", "C2")
async def test_a_broker_that_takes_no_more_bytes_is_left_and_what_was_queued_fails() -> None:
    """Its window is closed for good: slower than any byte a second."""
    loop, taken = asyncio.get_running_loop(), list[socket.socket]()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)

    async def deaf() -> None:
        while True:
            connection, _ = await loop.sock_accept(listener)
            taken.append(connection)
            connection.setblocking(False)
            await loop.sock_recv(connection, 4096)
            await loop.sock_sendall(connection, CONNACK)

    serving = loop.create_task(deaf())
    try:
        wanted = settings(listener.getsockname()[1], keepalive_s=1, publish_timeout_s=0.5, max_unacknowledged=1000)
        probe = Probe(wanted)
        async with probe.running():
            # More than the buffers of both ends hold.
            sent = [probe.link.publish("t", bytes(MAX_PAYLOAD_BYTES)) for _ in range(1000)]
            outcomes = await within(asyncio.gather(*sent, return_exceptions=True))
            assert all(isinstance(one, MqttDown) for one in outcomes)
            assert (await within(probe.downs.get())).code == "publish_timeout"
            await within(probe.ups.get())
    finally:
        serving.cancel()
        for one in (listener, *taken):
            one.close()
    assert len(taken) >= 2


async def test_a_publish_leaves_before_the_loop_turns() -> None:
    """A request that waits for the loop's next turn waits for all that the loop has to do before."""
    loop, taken = asyncio.get_running_loop(), list[socket.socket]()

    async def serve(connection: socket.socket) -> None:
        taken.append(connection)

    async with raw_broker(serve) as port:
        probe = Probe(settings(port))
        async with probe.running():
            connection = taken[0]
            probe.link.publish("t", b"now", qos=0)
            assert select.select([connection], [], [], 10)[0]
            assert connection.recv(4096).endswith(b"now")
            # What a handler says leaves with the turn that brought its cause.
            probe.link.subscribe("t", lambda message: probe.link.publish("u", message.payload + b"!", qos=0) and None)
            subscribe = await within(loop.sock_recv(connection, 4096))
            await loop.sock_sendall(connection, b"\x90\x03" + subscribe[2:4] + b"\x01\x30\x05\x00\x01tup")
            assert (await within(loop.sock_recv(connection, 4096))).endswith(b"up!")


@pytest.mark.hazard("I17")
@pytest.mark.parametrize(("messages_sent", "unacknowledged"), [(20, 0), (2_000, 0), (200, 200)])
async def test_what_came_together_is_taken_a_few_packets_a_turn(messages_sent: int, unacknowledged: int) -> None:
    """An answer needs no turn of its own behind the acknowledgement before it; a flood holds up nobody else.

    Not where it is more than is read ahead, and not where many publishes wait: paho takes a packet for each of them.
    """
    loop, taken = asyncio.get_running_loop(), list[socket.socket]()
    turn, heard, everything = 0, list[tuple[bytes, int]](), asyncio.Event()
    payloads = [number.to_bytes(2, "big") for number in range(messages_sent)]

    async def serve(connection: socket.socket) -> None:
        taken.append(connection)

    def next_turn() -> None:
        nonlocal turn
        turn += 1
        if not everything.is_set():
            loop.call_soon(next_turn)

    def hear(message: Message) -> None:
        heard.append((message.payload, turn))
        if len(heard) == len(payloads):
            everything.set()

    async with raw_broker(serve) as port:
        probe = Probe(settings(port))
        async with probe.running():
            probe.link.subscribe("t", hear)
            subscribe = await within(loop.sock_recv(taken[0], 4096))
            messages = [b"\x30\x05\x00\x01t" + one for one in payloads]
            await loop.sock_sendall(taken[0], b"".join([b"\x90\x03", subscribe[2:4], b"\x01", *messages]))
            for _ in range(unacknowledged):
                probe.link.publish("u", b"")
            next_turn()
            await within(everything.wait())
    assert [payload for payload, _ in heard] == payloads
    most = max(Counter(at for _, at in heard).values())
    assert 1 < most <= 4


@pytest.mark.hazard("C18")
async def test_a_broker_that_reads_again_gets_everything() -> None:
    loop, reads, everything = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    count, got = 600, 0

    async def serve(connection: socket.socket) -> None:
        nonlocal got
        await reads.wait()
        while data := await loop.sock_recv(connection, 1 << 20):
            got += len(data)
            if got > count * MAX_PAYLOAD_BYTES:
                everything.set()

    async with raw_broker(serve) as port:
        probe = Probe(settings(port))
        async with probe.running():
            for _ in range(count):
                probe.link.publish("t", bytes(MAX_PAYLOAD_BYTES), qos=0)
            reads.set()
            await within(everything.wait())
            # Nothing is left to be written, and the loop is not woken for it.
            probe.link.publish("t", b"last", qos=0)
