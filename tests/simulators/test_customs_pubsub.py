"""The simulated platform on topics, and the server between: each as it says, over real sockets, and by itself."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.clearance.bridge.dialects import DIALECTS
from edge.clearance.bridge.json_body import PubSub, heading
from edge.clearance.bridge.judging import rule
from edge.clearance.bridge.messages import Gather, gather_frame
from edge.clearance.bridge.resp import Refusal, Reply, ReplyDecoder, command
from edge.clearance.bridge.wire import Frame
from simulators.customs_book import CustomsBook, Document
from simulators.customs_platform import PlatformFault
from simulators.customs_pubsub import CustomsPubSub
from simulators.ports import free_ports
from simulators.redis_server import RedisServer
from tests.support.customs import BOX, CHANNEL, OTHER_BOX, PLATE, TRUCK
from tests.support.mqtt import LIMIT_S, within
from tests.support.redis import RunningRedis

DIALECT = DIALECTS["json_redis"]
WORDS = PubSub()
CODE = (CHANNEL.area, CHANNEL.channel, "I")
ASKING, ANSWERING = WORDS.asking_topic(*CODE).encode(), WORDS.answering_topic(*CODE).encode()


class Client:
    """A bare client of a Redis server."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.decoder = ReplyDecoder()
        self.found: list[Reply] = []

    async def connect(self) -> "Client":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def say(self, *words: bytes) -> Reply:
        self.writer.write(command(*words))
        return await self.next()

    async def next(self) -> Reply:
        while not self.found:
            data = await within(self.reader.read(65_536))
            assert data, "closed"
            self.found += self.decoder.feed(data)
        return self.found.pop(0)

    def close(self) -> None:
        self.writer.transport.abort()


class Front:
    """A front end by hand: one connection listens, one asks."""

    def __init__(self, listening: Client, asking: Client) -> None:
        self.listening, self.asking = listening, asking

    async def ask(self, gather: Gather = TRUCK) -> Reply:
        return await self.asking.say(b"PUBLISH", ASKING, gather_frame(gather, CHANNEL, DIALECT).body)

    async def answers(self, count: int) -> list[bytes]:
        found = [await self.listening.next() for _ in range(count)]
        assert all(isinstance(one, list) and one[:2] == [b"message", ANSWERING] for one in found)
        return [one[2] for one in found if isinstance(one, list) and isinstance(one[2], bytes)]


@pytest.fixture
async def platform(redis: RunningRedis) -> AsyncIterator[CustomsPubSub]:
    platform = CustomsPubSub(redis.port, CustomsBook.of([Document("HF1", PLATE, (BOX, OTHER_BOX))]))
    platform.delay_s = 0.05
    await platform.start()
    yield platform
    await platform.stop()


@pytest.fixture
async def front(redis: RunningRedis, platform: CustomsPubSub) -> AsyncIterator[Front]:
    listening, asking = await Client(redis.port).connect(), await Client(redis.port).connect()
    assert await listening.say(b"SUBSCRIBE", ANSWERING) == [b"subscribe", ANSWERING, 1]
    yield Front(listening, asking)
    listening.close()
    asking.close()


def verdict(body: bytes) -> str:
    kind, sender = heading(body, WORDS)
    return rule(Frame(kind, *CODE, sender, body), TRUCK, CHANNEL, DIALECT).verdict


@pytest.mark.parametrize(
    ("fault", "verdicts"),
    [
        ("none", ["release"]),
        ("late", ["release"]),
        ("bytewise", ["release"]),
        ("garbage_before", ["ignore", "release"]),
        ("duplicate", ["release"] * 3),
        ("refused_then_released", ["hold", "release"]),
        ("wrong_passage", ["ignore"]),
        ("wrong_vehicle", ["hold"]),
        ("wrong_count", ["hold"]),
        ("from_front_end", ["ignore"]),
        ("no_result", ["hold"]),
        ("doctype", ["ignore"]),
        ("garbage", ["ignore"]),
        ("half_frame", ["ignore"]),
    ],
)
async def test_each_fault_is_what_it_says(
    platform: CustomsPubSub, front: Front, fault: PlatformFault, verdicts: list[str]
) -> None:
    platform.fault = fault
    assert await front.ask() == 1
    assert [verdict(one) for one in await front.answers(len(verdicts))] == verdicts


@pytest.mark.parametrize("fault", ["silent", "closes", "wrong_channel", "wrong_direction"])
async def test_some_faults_say_nothing_on_this_topic(
    platform: CustomsPubSub, front: Front, fault: PlatformFault
) -> None:
    platform.fault = fault
    asked = asyncio.Event()
    platform.on_asked = lambda _asked: asked.set()
    await front.ask()
    await within(asked.wait())
    assert await front.listening.say(b"PING") == [b"pong", b""]


async def test_what_is_no_gathering_is_not_answered_and_not_heard_is_said(
    platform: CustomsPubSub, front: Front
) -> None:
    assert await front.asking.say(b"PUBLISH", ASKING, b"nonsense") == 1
    await front.ask()
    assert len(await front.answers(1)) == 1
    assert len(platform.asked) == 1
    await platform.stop()
    # The server may see it leave a moment later.
    async with asyncio.timeout(LIMIT_S):
        while await front.ask() != 0:
            pass


async def test_a_platform_without_a_server_does_not_start() -> None:
    with pytest.raises(OSError):
        await CustomsPubSub(free_ports(1)[0]).start()
    asks_a_password = RedisServer(password="x")
    await asks_a_password.start()
    platform = CustomsPubSub(asks_a_password.port)
    with pytest.raises(ConnectionError):
        await platform.start()
    await platform.stop()
    await asks_a_password.stop()


async def test_the_server_speaks_as_much_as_it_says() -> None:
    server = RedisServer(user="bridge", password="secret")
    await server.start()
    client = await Client(server.port).connect()
    assert await client.say(b"PING") == Refusal("NOAUTH Authentication required.")
    assert await client.say(b"AUTH", b"bridge", b"guess") == Refusal("WRONGPASS invalid username-password pair")
    assert await client.say(b"AUTH", b"bridge", b"secret") == "OK"
    assert await client.say(b"ping") == "PONG"
    assert await client.say(b"PUBLISH", b"t", b"x") == 0
    assert await client.say(b"GET", b"x") == Refusal("ERR unknown command")
    client.writer.write(b"*0\r\n")
    assert await client.next() == Refusal("ERR unknown command")
    assert await client.say(b"SUBSCRIBE", b"t") == [b"subscribe", b"t", 1]
    assert server.topics == {b"t"}
    refused = await client.say(b"PUBLISH", b"t", b"x")
    assert isinstance(refused, Refusal)
    assert server.publish(b"t", b"hello") == 1
    assert await client.next() == [b"message", b"t", b"hello"]
    client.writer.write(b"nonsense\r\n")
    with pytest.raises(AssertionError, match="closed"):
        await client.next()
    client.close()
    await server.stop()


@pytest.mark.skipif(os.name != "posix", reason="SIGINT to a process")
async def test_both_run_by_themselves() -> None:
    async def begun(module: str, *arguments: str) -> tuple[asyncio.subprocess.Process, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *arguments,
            stdout=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONUTF8": "1", "PYTHONPATH": str(Path.cwd())},
        )  # fmt: skip
        assert process.stdout is not None
        return process, (await within(process.stdout.readline())).decode().strip()

    server, address = await begun("simulators.redis_server", "--port", "0")
    port = address.rpartition(":")[2]
    platform, said = await begun("simulators.customs_pubsub", "--port", port, "--release", f"{PLATE}={BOX},{OTHER_BOX}")
    assert said == address
    front = Front(await Client(int(port)).connect(), await Client(int(port)).connect())
    await front.listening.say(b"SUBSCRIBE", ANSWERING)
    await front.ask()
    assert [verdict(one) for one in await front.answers(1)] == ["release"]
    assert platform.stdout is not None
    assert f"plate={PLATE}" in (await within(platform.stdout.readline())).decode()
    front.listening.close()
    front.asking.close()
    for process in (platform, server):
        process.send_signal(signal.SIGINT)
        assert await within(process.wait()) == 0
