"""Both connections to a Redis server over real sockets: up, lost, back; refusals, silence, half replies, floods."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from edge.clearance.bridge import pubsub_link
from edge.clearance.bridge.dialects import DIALECTS
from edge.clearance.bridge.json_body import PubSub
from edge.clearance.bridge.link import PlatformDown
from edge.clearance.bridge.messages import Command, command_frame, gather_frame, refused_order_frame
from edge.clearance.bridge.pubsub_link import PubSubLink, PubSubSettings
from edge.clearance.bridge.resp import command
from edge.clearance.bridge.trusting import server_tls
from edge.clearance.bridge.wire import MAX_BODY_BYTES, Frame, MessageType
from edge.secret import Secret
from simulators.customs_pubsub import CustomsPubSub
from simulators.ports import free_ports
from simulators.redis_server import RedisServer
from tests.support.bridge_bench import until
from tests.support.certificates import CertificateAuthority
from tests.support.customs import CHANNEL, SEQUENCE, TRUCK
from tests.support.mqtt import serving, within
from tests.support.redis import PASSWORD, DebianRedis, RunningRedis

DIALECT = DIALECTS["json_redis"]
WORDS = PubSub()
CODE = (CHANNEL.area, CHANNEL.channel, "I")
TOPIC = WORDS.answering_topic(*CODE).encode()
ANSWER = command_frame(Command(SEQUENCE, "0" * 20), CHANNEL, DIALECT)


class Front:
    """A front end that notes what happens to its link."""

    def __init__(self, port: int, **settings: Any) -> None:
        self.frames: asyncio.Queue[Frame] = asyncio.Queue()
        self.ups: asyncio.Queue[None] = asyncio.Queue()
        self.downs: asyncio.Queue[PlatformDown] = asyncio.Queue()
        self.unheard: asyncio.Queue[Frame] = asyncio.Queue()
        fast = {"heartbeat_s": 0.05, "backoff_min_s": 0.02, "backoff_max_s": 0.1}
        self.link = PubSubLink(
            PubSubSettings("127.0.0.1", port, **(fast | settings)),
            WORDS,
            [CODE],
            on_frame=self.frames.put_nowait,
            on_up=lambda: self.ups.put_nowait(None),
            on_down=self.downs.put_nowait,
            on_unheard=self.unheard.put_nowait,
        )

    def ask(self) -> bool:
        return self.link.send(gather_frame(TRUCK, CHANNEL, DIALECT))


Answering = Callable[[bytes, asyncio.StreamWriter], None]


@contextlib.asynccontextmanager
async def raw_server(answer: Answering) -> AsyncIterator[int]:
    """A peer that gets whatever is sent, and says what the test wants."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                answer(data, writer)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_a_question_is_published_and_its_answer_heard(redis: RunningRedis) -> None:
    platform = CustomsPubSub(redis.port)
    await platform.start()
    front = Front(redis.port)
    assert not front.ask()
    async with serving(front.link.run):
        await within(front.ups.get())
        assert front.link.is_up
        assert front.ask()
        frame = await within(front.frames.get())
        assert (frame.kind, frame.sender, frame.area, frame.channel) == (MessageType.COMMAND, "platform", *CODE[:2])
        # Of the messages of a front end only the question has a topic.
        assert not front.link.send(refused_order_frame(SEQUENCE, CHANNEL, DIALECT))
    assert platform.asked[0].fields["plate"] == TRUCK.plate
    assert not front.link.is_up
    assert front.unheard.empty()
    await platform.stop()


async def test_a_question_that_nobody_hears_is_given_back(redis: RunningRedis) -> None:
    front = Front(redis.port)
    async with serving(front.link.run):
        await within(front.ups.get())
        assert front.ask()
        assert (await within(front.unheard.get())).kind == MessageType.GATHER


async def test_pings_between_questions_keep_their_places(redis: RunningRedis) -> None:
    front = Front(redis.port, heartbeat_s=0.005)
    async with serving(front.link.run):
        await within(front.ups.get())
        for _ in range(20):
            assert front.ask()
            await within(front.unheard.get())
    assert front.downs.empty()


async def test_a_server_that_is_lost_is_told_once_and_found_again(redis: RunningRedis) -> None:
    front = Front(redis.port)
    async with serving(front.link.run):
        await within(front.ups.get())
        await redis.stop()
        down = await within(front.downs.get())
        assert down.code in ("closed_by_platform", "connection_lost")
        assert str(redis.port) in str(down)
        await until(lambda: front.link.counters.losses >= 3)
        await redis.start()
        await within(front.ups.get())
    assert front.downs.empty()
    assert front.link.counters.connects == 2


async def test_nobody_there_is_told_by_name() -> None:
    front = Front(free_ports(1)[0])
    async with serving(front.link.run):
        assert (await within(front.downs.get())).code == "connect_refused"


async def test_a_server_that_answers_no_more_is_given_up() -> None:
    server = RedisServer()
    await server.start()
    front = Front(server.port, silence_s=0.2)
    async with serving(front.link.run):
        await within(front.ups.get())
        server.deaf = True
        assert (await within(front.downs.get())).code == "silent"
    await server.stop()


async def test_a_server_that_never_answers_is_no_server() -> None:
    async with raw_server(lambda _data, _writer: None) as port:
        front = Front(port, connect_timeout_s=0.1)
        async with serving(front.link.run):
            assert (await within(front.downs.get())).code == "connect_timeout"


@pytest.mark.parametrize(
    ("said", "code", "reason"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", "refused_by_server", "LOADING"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not_resp", "resp_type"),
        (b"+HELLO\r\n", "not_resp", ""),
        (b"$" + b"9" * 12 + b"\r\n", "not_resp", "resp_too_long"),
    ],
)
async def test_what_is_no_redis_or_not_ready_is_named(said: bytes, code: str, reason: str) -> None:
    async with raw_server(lambda _data, writer: writer.write(said)) as port:
        front = Front(port)
        async with serving(front.link.run):
            down = await within(front.downs.get())
            assert (down.code, down.said) == (code, reason)


async def test_half_a_reply_ends_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pubsub_link, "HALF_REPLY_S", 0.1)

    def half(data: bytes, writer: asyncio.StreamWriter) -> None:
        if b"SUBSCRIBE" in data:
            confirmed = b"*3\r\n$9\r\nsubscribe\r\n$%d\r\n%b\r\n:1\r\n" % (len(TOPIC), TOPIC)
            writer.write(confirmed + command(b"message", TOPIC, ANSWER.body)[:-10])
        else:
            writer.write(b"+PONG\r\n")

    async with raw_server(half) as port:
        front = Front(port, heartbeat_s=60.0)
        async with serving(front.link.run):
            await within(front.ups.get())
            assert (await within(front.downs.get())).code == "half_frame"
    assert front.frames.empty()


async def test_only_who_says_the_password_is_admitted() -> None:
    server = RedisServer(user="bridge", password=PASSWORD)
    await server.start()
    for settings, said in (
        ({}, "NOAUTH"),
        ({"user": "bridge", "password": Secret("guess")}, "WRONGPASS"),
        ({"password": Secret(PASSWORD)}, "WRONGPASS"),
    ):
        front = Front(server.port, **settings)
        async with serving(front.link.run):
            down = await within(front.downs.get())
            assert (down.code, down.said) == ("refused_by_server", said)
            assert PASSWORD not in f"{down} {front.link.settings}"
    front = Front(server.port, user="bridge", password=Secret(PASSWORD))
    async with serving(front.link.run):
        await within(front.ups.get())
    await server.stop()


@pytest.mark.redis
async def test_a_user_of_debians_server_needs_its_topics(tmp_path: Path) -> None:
    asking = WORDS.asking_topic("*", "*", "*").replace("/33", "/*")
    for rights, expected in (
        (f"+subscribe +publish +ping +auth &{asking} &{TOPIC.decode()}", None),
        (f"+subscribe +publish +ping +auth &{asking}", "NOPERM"),
        (f"+subscribe +ping +auth &{TOPIC.decode()}", "NOPERM"),
    ):
        server = DebianRedis(tmp_path, password=PASSWORD, rights=rights)
        await server.start()
        front = Front(server.port, user="bridge", password=Secret(PASSWORD))
        async with serving(front.link.run):
            if expected is None:
                await within(front.ups.get())
                front.ask()
                await within(front.unheard.get())
            else:
                await until(lambda front=front: front.ask() or not front.downs.empty())
                assert (await within(front.downs.get())).said == expected
        await server.stop()


@pytest.mark.redis
async def test_a_front_end_with_the_rights_of_its_channel_releases_nobody(tmp_path: Path) -> None:
    """As the decision has it: with one list of topics for both, each front end could answer the others' questions."""
    asking, ours, others = WORDS.asking_topic(*CODE), TOPIC.decode(), WORDS.answering_topic(CODE[0], "7208109999", "I")
    server = DebianRedis(tmp_path, password=PASSWORD, rights=f"+auth +ping (+subscribe &{ours}) (+publish &{asking})")
    await server.start()
    front = Front(server.port, user="bridge", password=Secret(PASSWORD))
    async with serving(front.link.run):
        await within(front.ups.get())
        assert front.ask()
        await within(front.unheard.get())
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(command(b"AUTH", b"bridge", PASSWORD.encode()))
    assert await within(reader.readline()) == b"+OK\r\n"
    for words in (("PUBLISH", ours, "x"), ("PUBLISH", others, "x"), ("SUBSCRIBE", asking), ("PSUBSCRIBE", "*")):
        writer.write(command(*(word.encode() for word in words)))
        assert (await within(reader.readline())).startswith(b"-NOPERM"), words
    writer.close()
    await server.stop()


async def test_messages_too_long_are_counted_and_said_once(
    redis: RunningRedis, caplog: pytest.LogCaptureFixture
) -> None:
    platform = CustomsPubSub(redis.port)
    await platform.start()
    front = Front(redis.port)
    async with serving(front.link.run):
        await within(front.ups.get())
        for _ in range(3):
            platform.publish(CHANNEL, bytes(MAX_BODY_BYTES + 1))
        platform.publish(CHANNEL, ANSWER.body)
        assert (await within(front.frames.get())).body == ANSWER.body
    assert front.link.counters.bad_frames == 3
    assert caplog.messages.count("platform_message_too_long") == 1
    await platform.stop()


async def test_a_server_that_reads_nothing_gets_no_more_than_a_bounded_queue() -> None:
    held: list[asyncio.StreamWriter] = []

    def stall(data: bytes, writer: asyncio.StreamWriter) -> None:
        if b"SUBSCRIBE" in data:
            writer.write(b"*3\r\n$9\r\nsubscribe\r\n$%d\r\n%b\r\n:1\r\n" % (len(TOPIC), TOPIC))
        elif b"PING" in data:
            writer.write(b"+PONG\r\n")
        else:
            writer.transport.pause_reading()
            held.append(writer)

    async with raw_server(stall) as port:
        front = Front(port, heartbeat_s=60.0)
        async with serving(front.link.run):
            await within(front.ups.get())
            big = Frame(MessageType.GATHER, *CODE, "front", bytes(MAX_BODY_BYTES))
            sent = 0
            while front.link.send(big):
                sent += 1
                assert sent < 1000
            assert not front.link.is_up
            assert not front.link.send(big)
            await within(front.downs.get())
        for one in held:
            one.transport.abort()


async def test_a_flood_leaves_the_loop_to_others(redis: RunningRedis) -> None:
    platform = CustomsPubSub(redis.port)
    await platform.start()
    front = Front(redis.port)
    async with serving(front.link.run):
        await within(front.ups.get())
        for _ in range(5_000):
            platform.publish(CHANNEL, b"{}")
        while front.link.counters.frames < 5_000:
            await within(front.frames.get())
    assert front.downs.empty()
    await platform.stop()


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


async def test_a_server_with_tls_is_believed_by_its_ca_alone(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    other = CertificateAuthority(tmp_path, "other")
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(*authority.issue("127.0.0.1"))
    server = RedisServer(tls=own)
    await server.start()
    front = Front(server.port, tls=server_tls(authority.ca_file))
    async with serving(front.link.run):
        await within(front.ups.get())
        front.ask()
        await within(front.unheard.get())
    for tls in (None, server_tls(other.ca_file)):
        front = Front(server.port, tls=tls, connect_timeout_s=0.5)
        async with serving(front.link.run):
            assert (await within(front.downs.get())).code in ("connect_failed", "connect_timeout", "closed_by_platform")
    await server.stop()


def test_a_ca_that_is_none_is_named(tmp_path: Path) -> None:
    none = tmp_path / "ca.pem"
    none.write_text("nonsense")
    with pytest.raises(OSError, match=r"ca\.pem"):
        server_tls(none)
