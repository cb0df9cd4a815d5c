"""The customs front-end protocol: frames, XML, messages of every dialect, requests of lanes, pictures, addresses."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from edge.clearance.bridge import judging, messages, picture_messages, pictures, strict_xml, wire
from edge.clearance.bridge.dialects import DIALECTS, Dialect
from edge.clearance.picture_access import AddressError, PictureAccess, address_of, digest_of
from edge.clearance.strict_json import StrictJsonError, parse_object
from tests.campaigns.fuzzed.target import Target, pieces, refusing, target
from tests.support import customs

_XML = "edge.clearance.bridge.strict_xml edge.clearance.bridge.messages edge.clearance.bridge.judging"
_DIALECTS = tuple(one for one in DIALECTS.values() if one.pubsub is None)
_AT_S = datetime(2026, 3, 1, 8, tzinfo=UTC).timestamp()
_ACCESS = PictureAccess(bytes(32), "https://10.0.0.5:8443")
_NAMED = {"site": "yard", "lane": "lane1", "authority": "customs", "passage": "p1"}
DIGEST = "0" * 64


def _frames(data: bytes) -> None:
    decoder, whole = wire.FrameDecoder(), wire.FrameDecoder()
    frames: list[wire.Frame] = []
    for piece in pieces(data):
        frames += decoder.feed(piece)
        assert decoder.pending < wire.OVERHEAD_BYTES + wire.MAX_BODY_BYTES
    assert frames == whole.feed(data), "other frames from other pieces"
    assert decoder.dropped_bytes + decoder.pending + sum(wire.OVERHEAD_BYTES + len(one.body) for one in frames) == len(
        data
    )
    for frame in frames:
        assert wire.encode(frame) in data


def _bodies(data: bytes) -> None:
    """A body in a frame of each kind, in three dialects of the eight: the first byte draws them."""
    for place in range(3):
        _body(data[1:], _DIALECTS[(data[:1] or b"\0")[0] // 3 % len(_DIALECTS) - place])


def _body(body: bytes, dialect: Dialect) -> None:
    frame = wire.Frame(wire.MessageType.COMMAND, customs.CHANNEL.area, customs.CHANNEL.channel, "I", "platform", body)
    sequence = messages.sequence_of(frame, dialect)
    assert len(sequence) <= messages.MAX_SEQUENCE
    for read in (
        lambda: messages.read_command(frame, customs.CHANNEL, dialect), lambda: messages.read_gather(frame, dialect)
    ):  # fmt: skip
        with suppress(strict_xml.BodyError):
            read()
    ruling = judging.rule(frame, customs.TRUCK, customs.CHANNEL, dialect)
    if ruling.verdict == "release":
        # Only what names this very question may release it.
        assert sequence == customs.SEQUENCE
    messages.refused_order_frame(sequence, customs.CHANNEL, dialect)


def _picture_messages(data: bytes) -> None:
    """What a platform calls, and what a platform is told and sent."""
    frame = wire.Frame(0x25, customs.CHANNEL.area, customs.CHANNEL.channel, "I", "platform", data)
    for read in (picture_messages.read_call, picture_messages.read_return, picture_messages.read_piece):
        with suppress(strict_xml.XmlError):
            found = read(frame, customs.CHANNEL, customs.STANDARD)
            assert len(found.sequence) <= messages.MAX_SEQUENCE
            if isinstance(found, picture_messages.PictureCall):
                assert all(set(name) <= set("0123456789abcdef") for name in found.names)


def _xml(data: bytes) -> None:
    for encoding, declares in (("gb18030", "GB2312"), ("utf-8", "UTF-8")):
        with suppress(strict_xml.XmlError):
            root = strict_xml.read(data, encoding, declares)  # type: ignore[arg-type]
            with suppress(ValueError):
                again = strict_xml.read(strict_xml.write(root, "utf-8", "UTF-8"), "utf-8", "UTF-8")
                assert again == root


def _request(data: bytes) -> None:
    """The readings of a request whose signature was right, as the bridge takes them to customs."""
    with suppress(StrictJsonError):
        claims = parse_object(data)
        with suppress(KeyError, TypeError, ValueError):
            gather = judging.gather_of(claims, customs.SEQUENCE, "20260301080000")
            if not isinstance(gather, str):
                messages.gather_frame(gather, customs.CHANNEL, customs.STANDARD)
                judging.note_of(gather, claims, "")


def _picture() -> Callable[[bytes], None]:
    async def received(data: bytes) -> bytes:
        reader = asyncio.StreamReader(limit=pictures.MAX_HEAD_BYTES)
        for piece in pieces(data):
            reader.feed_data(piece)
        reader.feed_eof()
        return await pictures._received(reader)

    errors = (pictures.PictureError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)
    return refusing(lambda data: asyncio.run(received(data)), *errors)


def _addresses(data: bytes) -> None:
    with suppress(StrictJsonError, AddressError):
        address = address_of(parse_object(data), DIGEST)
        assert address.lower().startswith("https://")
    with suppress(AddressError):
        digest_of(data.decode("latin-1"), _ACCESS.secret, "yard", _AT_S)


def targets() -> list[Target]:
    """Return all of them."""
    command = messages.Command(customs.SEQUENCE, "0" * 20, customs.PLATE, "2", "HFD1", "ok")
    order = {"EXCUTE_COMMAND": "1", "OP_ID": "8"}
    sent = [
        made
        for dialect in _DIALECTS
        for made in (
            messages.gather_frame(customs.TRUCK, customs.CHANNEL, dialect),
            messages.command_frame(command, customs.CHANNEL, dialect),
            messages.device_command_frame(order, "8", customs.CHANNEL, dialect),
        )
    ]
    called = [
        picture_messages.call_frame(picture_messages.PictureCall("8", (DIGEST,)), customs.CHANNEL, customs.STANDARD),
        picture_messages.return_frame(picture_messages.PictureReturn("8", 1), customs.CHANNEL, customs.STANDARD),
        *picture_messages.piece_frames("8", DIGEST, b"\xff\xd8", customs.CHANNEL, customs.STANDARD),
    ]
    beat = messages.heartbeat_frame(customs.CHANNEL, customs.STANDARD, "platform")
    given: dict[str, Any] = {**_NAMED, "pictures": _ACCESS.claims(**_NAMED, now_s=_AT_S)}
    path = address_of(given, DIGEST).removeprefix(_ACCESS.url)
    viewed = customs.claims() | {"views": customs.VIEWS, "evidence": list(customs.VIEWED.pictures)}
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xd8\xff1"
    return [
        target("customs_frames", "edge.clearance.bridge.wire", [*map(wire.encode, sent[:4]), wire.encode(beat) * 2],
               _frames),
        target("customs_messages", _XML, [bytes((place,)) + one.body for place, one in enumerate(sent)], _bodies),
        target("customs_picture_messages", "edge.clearance.bridge.picture_messages edge.clearance.bridge.strict_xml",
               [one.body for one in called], _picture_messages),
        target("customs_xml", "edge.clearance.bridge.strict_xml", [one.body for one in sent[:6]], _xml),
        target("customs_requests", f"{_XML} edge.clearance.bridge.slots",
               [json.dumps(one, ensure_ascii=False).encode() for one in (customs.claims(), viewed)], _request),
        target("customs_pictures", "edge.clearance.bridge.pictures", [head], _picture()),
        target("picture_addresses", "edge.clearance.picture_access edge.clearance.strict_json",
               [json.dumps(given).encode(), path.encode()], _addresses),
    ]  # fmt: skip
