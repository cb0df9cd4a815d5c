"""A customs platform on TCP: hears GATHER_INFO, answers COMMAND_INFO by its book, and does wrong what it is told to.

    python -m simulators.customs_platform --port 9005 --release 苏A88888=CSQU3054383,TCLU4254260 --fault late

It speaks the dialects of `edge.clearance.bridge.dialects`, whose fixtures pin the bytes.
"""

import argparse
import asyncio
import contextlib
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, get_args

from edge.clearance.bridge.dialects import DIALECTS, Dialect
from edge.clearance.bridge.messages import (
    Channel,
    Command,
    command_frame,
    device_command_frame,
    heartbeat_frame,
    read_gather,
)
from edge.clearance.bridge.picture_messages import (
    PictureCall,
    PicturePiece,
    PictureReturn,
    call_frame,
    read_piece,
    read_return,
)
from edge.clearance.bridge.strict_xml import BodyError
from edge.clearance.bridge.wire import Frame, FrameDecoder, MessageType, encode
from edge.portable.serving import stop_accepting
from simulators.customs_book import REFUSED, RELEASE, CustomsBook, Document

PlatformFault = Literal[
    "none",
    "silent",
    "late",
    "wrong_passage",
    "wrong_vehicle",
    "wrong_channel",
    "wrong_direction",
    "wrong_count",
    "from_front_end",
    "duplicate",
    "refused_then_released",
    "released_then_refused",
    "garbage",
    "garbage_before",
    "half_frame",
    "bytewise",
    "closes",
    "earlier_passage",
    "no_result",
    "empty_result",
    "doctype",
    "always_releases",
    "no_supplements",
    "pending_person",
    "business_error",
    "technical_error",
]
PLATFORM_FAULTS: tuple[PlatformFault, ...] = get_args(PlatformFault)
_OTHER_PLATE = "沪B00000"
_OTHER_CHANNEL = "7208199999"
_OF_TCP = [name for name, one in DIALECTS.items() if one.pubsub is None]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: its fields by the layout, and the channel that it came from."""

    fields: dict[str, str]
    channel: Channel
    # A person added something (0x23).
    supplemented: bool = False


class Outlet(Protocol):
    """Where an answer leaves."""

    def write(self, data: bytes) -> None: ...  # noqa: D102
    @property
    def transport(self) -> Any: ...  # noqa: D102


class CustomsPlatform:
    """One platform on a real port of the loopback, between `start` and `stop`.

    `fault` is how it answers from now on. `delay_s` is how late `late` is. `asked` are the questions, `orders_answered`
    the answers (0x32) to its device commands, newest last; `on_asked` hears of each question before its answer leaves.
    """

    def __init__(
        self, book: CustomsBook | None = None, *, dialect: str = "gb2312", port: int = 0, seed: int = 0
    ) -> None:
        self.book = book if book is not None else CustomsBook()
        self.fault: PlatformFault = "none"
        self.delay_s = 0.5
        self.asked: list[Asked] = []
        self.orders_answered: list[Frame] = []
        self.picture_returns: list[PictureReturn] = []
        # What came of each picture, by its name; and the pieces that wait for the rest of theirs.
        self.pictures: dict[str, bytes] = {}
        self._pieces_of: dict[str, list[PicturePiece]] = {}
        self.heartbeats = 0
        self.on_asked: Callable[[Asked], None] = lambda _asked: None
        self.on_answered: Callable[[Frame], None] = lambda _frame: None
        self.dialect: Dialect = DIALECTS[dialect]
        self._port = port
        self._random = random.Random(seed)  # noqa: S311 - reproducible noise, not a secret
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self._earlier: Command | None = None

    @property
    def port(self) -> int:
        """The port it listens on; the same after `stop` and `start`."""
        return self._port

    @property
    def connected(self) -> int:
        """How many front ends are connected."""
        return len(self._writers)

    async def start(self) -> None:
        """Listen. Raises OSError."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Die: no connection, no port."""
        for timer in self._timers:
            timer.cancel()
        server, self._server = self._server, None
        if server is not None:
            await stop_accepting(server)
        self.drop()
        if server is not None:
            await server.wait_closed()

    def drop(self) -> None:
        """Reset every connection."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    def send(self, frame: Frame) -> None:
        """Send a message that nobody asked for."""
        self.send_bytes(self.on_wire(frame))

    def on_wire(self, frame: Frame) -> bytes:
        """Return the bytes that carry a message."""
        return encode(frame)

    def half(self, frame: Frame) -> bytes:
        """Return the bytes of a message that ends in the middle."""
        whole = self.on_wire(frame)
        return whole[: len(whole) // 2]

    def noise(self, _channel: Channel) -> bytes:
        """Return bytes that carry none."""
        return self._random.randbytes(200)

    def send_bytes(self, data: bytes) -> None:
        """Send any bytes to every front end."""
        for writer in self._writers:
            writer.write(data)

    def order(self, channel: Channel, *, sequence: str = "", command: str = "00") -> None:
        """Send a device command (0x31): 00 is to raise the boom."""
        self.send(device_command_frame({"EXCUTE_COMMAND": command}, sequence, channel, self.dialect))

    def manual_release(self, channel: Channel, sequence: str) -> None:
        """Send the order of a person at customs to let the vehicle pass (0x39)."""
        self.send(replace(self._command(Command(sequence, RELEASE), channel), kind=MessageType.MANUAL_RELEASE))

    def answer(self, asked: Asked, result: str = RELEASE) -> None:
        """Answer a question now, whatever the book says."""
        self.send(self._command(Command(asked.fields["sequence"], result), asked.channel))

    def call_pictures(self, channel: Channel, sequence: str, *names: str) -> None:
        """Call (0x25) the pictures of a passage: all of them, or those of these names."""
        self.send(call_frame(PictureCall(sequence, names), channel, self.dialect))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        decoder = FrameDecoder()
        try:
            while data := await reader.read(4096):
                for frame in decoder.feed(data):
                    self.hear(frame, writer)
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    def hear(self, frame: Frame, writer: "Outlet") -> None:
        """Take a message of a front end."""
        channel = Channel(frame.area, frame.channel, "in" if frame.direction == self.dialect.inward else "out")
        if frame.kind == MessageType.HEARTBEAT_FRONT:
            self.heartbeats += 1
            if self.fault != "silent":
                writer.write(encode(heartbeat_frame(channel, self.dialect, "platform")))
        elif frame.kind == MessageType.DEVICE_RESULT:
            self.orders_answered.append(frame)
            self.on_answered(frame)
        elif frame.kind in (MessageType.PICTURE_RETURN, MessageType.PICTURE_SEND):
            with contextlib.suppress(BodyError):
                self._take_picture(frame, channel)
        elif frame.kind in (MessageType.GATHER, MessageType.SUPPLEMENT):
            with contextlib.suppress(BodyError):
                supplemented = frame.kind == MessageType.SUPPLEMENT
                asked = Asked(read_gather(frame, self.dialect), channel, supplemented)
                self.asked = [*self.asked[-99:], asked]
                self.on_asked(asked)
                self._answer(asked, writer)

    def _take_picture(self, frame: Frame, channel: Channel) -> None:
        """Note what is returned, and join the pieces of a picture that came in order."""
        if frame.kind == MessageType.PICTURE_RETURN:
            self.picture_returns.append(read_return(frame, channel, self.dialect))
            return
        piece = read_piece(frame, channel, self.dialect)
        pieces = [*([] if piece.index == 1 else self._pieces_of.get(piece.name, [])), piece]
        self._pieces_of[piece.name] = pieces
        if [one.index for one in pieces] == list(range(1, piece.total + 1)):
            self.pictures[piece.name] = b"".join(one.data for one in self._pieces_of.pop(piece.name))

    def _answer(self, asked: Asked, writer: "Outlet") -> None:
        if self.fault == "closes":
            writer.transport.abort()
            return
        if self.fault == "no_supplements" and asked.supplemented:
            return
        result, document = self.book.rule(asked.fields)
        if self.fault == "always_releases":
            result = RELEASE
        form = "" if document is None else document.form
        vehicle, count = asked.fields["plate"], asked.fields.get("container_count", "")
        right = Command(asked.fields["sequence"], self._spelt(result), vehicle, count, form, "")
        for piece in self._pieces(right, asked.channel):
            if self.fault == "late":
                self._later(piece)
            else:
                writer.write(piece)
        self._earlier = right

    def _spelt(self, result: str) -> str:
        """The result in the words of the dialect."""
        if self.dialect.by_digits:
            return result
        released = result == RELEASE
        return next(code for code, meaning in self.dialect.results.items() if (meaning == "release") is released)

    def _pieces(self, right: Command, channel: Channel) -> Iterator[bytes]:
        frame = self._command(right, channel)
        whole = self.on_wire(frame)
        match self.fault:
            case "silent":
                return
            case "garbage":
                yield self.noise(channel)
            case "garbage_before":
                yield self.noise(channel) + whole
            case "half_frame":
                yield self.half(frame)
            case "bytewise":
                yield from (bytes((byte,)) for byte in whole)
            case "duplicate":
                yield whole * 3
            case "refused_then_released" | "released_then_refused":
                order = (REFUSED, RELEASE) if self.fault == "refused_then_released" else (RELEASE, REFUSED)
                yield from (self.on_wire(self._command(replace(right, result=one), channel)) for one in order)
            case "earlier_passage":
                if self._earlier is not None:
                    yield self.on_wire(self._command(replace(self._earlier, result=RELEASE), channel))
            case _:
                yield self.on_wire(self._wrong(right, channel))

    def _wrong(self, right: Command, channel: Channel) -> Frame:
        released = replace(right, result=self._spelt(RELEASE))
        match self.fault:
            case "wrong_passage":
                return self._command(replace(released, sequence="9" * 20), channel)
            case "wrong_vehicle":
                return self._command(replace(released, vehicle=_OTHER_PLATE), channel)
            case "wrong_count":
                return self._command(replace(released, container_count="1"), channel)
            case "wrong_channel":
                return self._command(released, replace(channel, channel=_OTHER_CHANNEL))
            case "wrong_direction":
                return self._command(released, replace(channel, direction="out" if channel.direction == "in" else "in"))
            case "from_front_end":
                return replace(self._command(released, channel), sender="front")
            case "no_result":
                return self._command(replace(right, result=None), channel)
            case "pending_person":
                return self._command(replace(right, result="m"), channel)
            case "business_error":
                return self._command(replace(released, business_error=("B017", "核放单已作废")), channel)
            case "technical_error":
                return self._command(replace(released, technical_error=("T500", "")), channel)
            case "empty_result":
                return self._command(replace(right, result=""), channel)
            case "doctype":
                frame = self._command(released, channel)
                entity = b'?><!DOCTYPE COMMAND_INFO [<!ENTITY r "00000000000000000000">]>'
                body = frame.body.replace(b"?>", entity, 1).replace(b">" + b"0" * 20 + b"<", b">&r;<")
                return replace(frame, body=body)
            case _:
                return self._command(right, channel)

    def _command(self, command: Command, channel: Channel) -> Frame:
        return command_frame(command, channel, self.dialect)

    def _later(self, piece: bytes) -> None:
        def due() -> None:
            self._timers.discard(timer)
            self.send_bytes(piece)

        timer = asyncio.get_running_loop().call_later(self.delay_s, due)
        self._timers.add(timer)


def document(text: str) -> Document:
    """Return the document that VEHICLE=BOX,BOX names."""
    vehicle, _, containers = text.partition("=")
    return Document(f"HF-{vehicle}", vehicle, tuple(one for one in containers.split(",") if one))


async def _run(options: argparse.Namespace) -> None:
    platform = CustomsPlatform(CustomsBook.of(options.release), dialect=options.dialect, port=options.port)
    platform.fault = options.fault
    platform.on_asked = lambda asked: say(" ".join(f"{name}={value}" for name, value in asked.fields.items() if value))
    await platform.start()
    say(f"127.0.0.1:{platform.port}")
    await asyncio.Event().wait()


def add_conduct(parser: argparse.ArgumentParser) -> None:
    """Let a platform be told on the command line what it releases and what it does wrong."""
    parser.add_argument("--fault", choices=PLATFORM_FAULTS, default="none")
    parser.add_argument(
        "--release", type=document, action="append", default=[], metavar="VEHICLE[=BOX,BOX]",
        help="release this plate or tag, once, with these containers",
    )  # fmt: skip


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(given: Sequence[str] | None = None) -> int:
    """Run a platform until Ctrl-C; prints its address and what it is asked."""
    parser = argparse.ArgumentParser("python -m simulators.customs_platform", description=__doc__)
    parser.add_argument("--port", type=int, default=9005)
    parser.add_argument("--dialect", choices=sorted(_OF_TCP), default="gb2312")
    add_conduct(parser)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(parser.parse_args(given)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
