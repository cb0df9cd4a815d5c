"""A Redis server that lies, drips, or forgets who subscribed: both connections end, and nothing is an answer."""

import asyncio

import pytest

from edge.clearance.bridge import pubsub_link
from tests.edge.clearance.bridge.test_pubsub_link import TOPIC, Front, raw_server
from tests.support.mqtt import serving, within

CONFIRMED = b"*3\r\n$9\r\nsubscribe\r\n$%d\r\n%b\r\n:1\r\n" % (len(TOPIC), TOPIC)


@pytest.mark.parametrize(
    ("to_ping", "to_publish"),
    [
        (b"+PONG\r\n", b"+OK\r\n"),
        (b"+PONG\r\n", b":-1\r\n"),
        (b"+PONG\r\n", b"$-1\r\n"),
        (b"+PONG\r\n", b":1\r\n:1\r\n"),
        (b"+PONG\r\n+PONG\r\n", b":1\r\n"),
        (b"+PONG\r\n", b"-MOVED 3999 127.0.0.1:6381\r\n"),
    ],
)
async def test_a_reply_to_something_else_ends_both(to_ping: bytes, to_publish: bytes) -> None:
    """Else each later count would be taken for that of another question."""

    def answer(data: bytes, writer: asyncio.StreamWriter) -> None:
        if b"SUBSCRIBE" in data:
            writer.write(CONFIRMED)
        else:
            writer.write(to_publish if b"PUBLISH" in data else to_ping)

    async with raw_server(answer) as port:
        front = Front(port, heartbeat_s=60.0)
        async with serving(front.link.run):
            await within(front.ups.get())
            front.ask()
            down = await within(front.downs.get())
            assert (down.code, down.said) in (("not_resp", ""), ("refused_by_server", "MOVED"))


@pytest.mark.parametrize(
    "said", [b"+PONG\r\n", b"*3\r\n$11\r\nunsubscribe\r\n$%d\r\n%b\r\n:0\r\n" % (len(TOPIC), TOPIC)]
)
async def test_a_connection_that_is_subscribed_no_more_is_none(said: bytes) -> None:
    """A ping is answered with a list as long as it is: no answer of the platform would come here any more."""
    listening: list[asyncio.StreamWriter] = []

    def answer(data: bytes, writer: asyncio.StreamWriter) -> None:
        if b"SUBSCRIBE" in data:
            writer.write(CONFIRMED)
            listening.append(writer)
        else:
            writer.write(said if writer in listening else b"+PONG\r\n")

    async with raw_server(answer) as port:
        front = Front(port, silence_s=1.0)
        async with serving(front.link.run):
            await within(front.ups.get())
            assert (await within(front.downs.get())).code == "not_resp"


async def test_a_reply_that_comes_in_drops_ends_both_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte is a sign of life, and none of them an answer."""
    monkeypatch.setattr(pubsub_link, "HALF_REPLY_S", 0.3)
    sent = 0

    def drop(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        if not writer.is_closing() and sent < 500:
            sent += 1
            writer.write(b"x")
            asyncio.get_running_loop().call_later(0.01, drop, writer)

    def drip(data: bytes, writer: asyncio.StreamWriter) -> None:
        if b"SUBSCRIBE" in data:
            writer.write(CONFIRMED + b"$9999\r\n")
            drop(writer)
        else:
            writer.write(b"+PONG\r\n")

    async with raw_server(drip) as port:
        front = Front(port, heartbeat_s=60.0)
        async with serving(front.link.run):
            await within(front.ups.get())
            assert (await within(front.downs.get())).code == "half_frame"
    assert 0 < sent < 400
