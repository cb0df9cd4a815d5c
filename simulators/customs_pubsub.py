"""The customs platform of the JSON variant: a client of a Redis server, with the book and the faults of the other.

python -m simulators.redis_server --port 6379 &
python -m simulators.customs_pubsub --port 6379 --release 苏A88888=CSQU3054383 --fault late
"""

import argparse
import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace

from edge.clearance.bridge.dialects import DIALECTS
from edge.clearance.bridge.json_body import PubSub, heading
from edge.clearance.bridge.messages import Channel
from edge.clearance.bridge.resp import Refusal, ReplyDecoder, command
from edge.clearance.bridge.wire import Frame
from simulators.customs_book import CustomsBook
from simulators.customs_platform import CustomsPlatform, add_conduct, say

_CHANNEL = Channel("7208100000", "7208100001", "in")


class CustomsPubSub(CustomsPlatform):
    """A platform that subscribes to what these channels gather and publishes what its book says, on one server.

    Between `start` and `stop` it is there; `port` is that of the server. Faults of bytes are of the payload here:
    `doctype` says the result twice, `half_frame` ends in the middle, and `closes` leaves without a word.
    """

    def __init__(
        self,
        port: int,
        book: CustomsBook | None = None,
        *,
        channels: Sequence[Channel] = (_CHANNEL,),
        dialect: str = "json_redis",
        seed: int = 0,
    ) -> None:
        super().__init__(book, dialect=dialect, port=port, seed=seed)
        words = DIALECTS[dialect].pubsub
        assert words is not None, dialect
        self._words: PubSub = words
        codes = ((one.area, one.channel, self.dialect.direction(one.direction)) for one in channels)
        self._topics = {words.asking_topic(*code).encode(): code for code in codes}
        self._asking: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Subscribe. Raises OSError."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        _, self._asking = await asyncio.open_connection("127.0.0.1", self.port)
        self._writers = {writer, self._asking}
        ready = asyncio.Event()
        self._listening = asyncio.ensure_future(self._listen(reader, ready))
        writer.write(command(b"SUBSCRIBE", *self._topics))
        waiting = asyncio.ensure_future(ready.wait())
        await asyncio.wait((waiting, self._listening), return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            raise ConnectionError("the server confirmed no subscription")

    async def stop(self) -> None:
        """Leave the server."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        await super().stop()
        self._writers.clear()
        self._asking = None

    def publish(self, channel: Channel, body: bytes) -> None:
        """Publish any bytes where this channel's answers go."""
        self.send_bytes(self._published(self._code(channel), body))

    def send_bytes(self, data: bytes) -> None:
        """Send any bytes to the server."""
        if self._asking is not None:
            self._asking.write(data)

    def on_wire(self, frame: Frame) -> bytes:
        """Return the command that publishes a message, which says of itself what the frame says."""
        said = rb"\"Cmd\":%d,\"Cmd_desc\":\"0x%02x\""
        kind, _ = heading(frame.body, self._words)
        body = frame.body.replace(said % (kind, kind), said % (frame.kind, frame.kind), 1)
        if self.fault == "doctype":
            body = body.replace(rb"\"CHECK_RESULT\"", rb"\"CHECK_RESULT\":\"1\",\"CHECK_RESULT\"", 1)
        if self.fault == "from_front_end":
            body = body.replace(rb"\"PLATFORM\"", rb"\"Front\"", 1)
        return self._published((frame.area, frame.channel, frame.direction), body)

    def half(self, frame: Frame) -> bytes:
        """Return the command that publishes the first half of a message."""
        return self.on_wire(replace(frame, body=frame.body[: len(frame.body) // 2]))

    def noise(self, channel: Channel) -> bytes:
        """Return the command that publishes no message."""
        return self._published(self._code(channel), super().noise(channel))

    async def _listen(self, reader: asyncio.StreamReader, ready: asyncio.Event) -> None:
        decoder = ReplyDecoder()
        with contextlib.suppress(OSError):
            while data := await reader.read(16 * 1024):
                for reply in decoder.feed(data):
                    match reply:
                        case Refusal():
                            return
                        case [b"subscribe", *_]:
                            ready.set()
                        case [b"message", bytes(topic), bytes(body)] if self._asking is not None:
                            kind, sender = heading(body, self._words)
                            self.hear(Frame(kind, *self._topics[topic], sender, body), self._asking)

    def _code(self, channel: Channel) -> tuple[str, str, str]:
        return channel.area, channel.channel, self.dialect.direction(channel.direction)

    def _published(self, code: tuple[str, str, str], body: bytes) -> bytes:
        return command(b"PUBLISH", self._words.answering_topic(*code).encode(), body)


async def _run(options: argparse.Namespace) -> None:
    channel = replace(_CHANNEL, area=options.area, channel=options.channel, direction=options.direction)
    platform = CustomsPubSub(options.port, CustomsBook.of(options.release), channels=(channel,))
    platform.fault = options.fault
    platform.on_asked = lambda asked: say(" ".join(f"{name}={value}" for name, value in asked.fields.items() if value))
    await platform.start()
    say(f"127.0.0.1:{platform.port}")
    await asyncio.Event().wait()


def main(given: Sequence[str] | None = None) -> int:
    """Run a platform until Ctrl-C; prints the server's address and what it is asked."""
    parser = argparse.ArgumentParser("python -m simulators.customs_pubsub", description=__doc__)
    parser.add_argument("--port", type=int, default=6379, help="of the Redis server, on this machine")
    parser.add_argument("--area", default=_CHANNEL.area)
    parser.add_argument("--channel", default=_CHANNEL.channel)
    parser.add_argument("--direction", choices=("in", "out"), default="in")
    add_conduct(parser)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(parser.parse_args(given)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
