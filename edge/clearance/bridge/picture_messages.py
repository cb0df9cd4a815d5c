"""The platform's picture messages: it calls a passage's pictures (0x25), hears how many come (0x26), gets them (0x27).

Their layout is published nowhere that we found. `PictureLayout` is ours, and data of a dialect: a site whose platform
has other names gives it those. A picture has the name that GATHER_INFO carries, its SHA-256; it comes in pieces of
base64, so that no frame is long and a question never waits behind a picture. Pure.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edge.clearance.bridge.dialects import Dialect
from edge.clearance.bridge.messages import MAX_SEQUENCE, Channel, head_of
from edge.clearance.bridge.strict_xml import Element, XmlError, read, write
from edge.clearance.bridge.wire import Frame, MessageType, Sender
from edge.clearance.claims import is_hash

# In base64 no longer than the longest text that a strict reader takes.
PIECE_BYTES = 3 * 1024
MOST_NAMES = 16
MOST_PIECES = 10_000
_NUMBER = re.compile(r"[0-9]{1,9}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class PictureCall:
    """What the platform wants: the pictures of these names of the passage under this SEQ_NO, or all of them."""

    sequence: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PictureReturn:
    """What it gets: `count` pictures follow, `missing` of those called are not here; or `reason` why none comes."""

    sequence: str
    count: int = 0
    missing: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PicturePiece:
    """One piece (`index` from 1, of `total`) of the picture `name`."""

    sequence: str
    name: str
    index: int
    total: int
    data: bytes


def call_frame(call: PictureCall, channel: Channel, dialect: Dialect) -> Frame:
    """Return a call (0x25) as a platform sends it."""
    layout = dialect.picture_layout
    values = {layout.name: "|".join(call.names)}
    return _frame(MessageType.PICTURE_CALL, layout.call, call.sequence, values, channel, dialect, "platform")


def read_call(frame: Frame, channel: Channel, dialect: Dialect) -> PictureCall:
    """Return the call of this channel in a frame of it.

    Raises XmlError; beside its own reasons `other_message`, `head_contradicts_envelope` and `picture_call_form`.
    """
    layout = dialect.picture_layout
    root, sequence = _read(frame, layout.call, channel, dialect)
    named = root.at(layout.name) or ""
    names = tuple(named.split("|")) if named else ()
    if len(names) > MOST_NAMES or not all(map(is_hash, names)) or not sequence:
        raise XmlError("picture_call_form")
    return PictureCall(sequence, tuple(dict.fromkeys(names)))


def return_frame(answer: PictureReturn, channel: Channel, dialect: Dialect) -> Frame:
    """Return the answer (0x26) to a call, before the pictures."""
    layout = dialect.picture_layout
    values = {
        layout.result: layout.refused if answer.reason else layout.follows, layout.reason: answer.reason,
        layout.count: str(answer.count), layout.missing: str(answer.missing),
    }  # fmt: skip
    return _frame(MessageType.PICTURE_RETURN, layout.returned, answer.sequence, values, channel, dialect, "front")


def read_return(frame: Frame, channel: Channel, dialect: Dialect) -> PictureReturn:
    """Return the answer to a call, as a platform reads it. Raises XmlError."""
    layout = dialect.picture_layout
    root, sequence = _read(frame, layout.returned, channel, dialect)
    count, missing = (_number(root.at(name)) for name in (layout.count, layout.missing))
    return PictureReturn(sequence, count, missing, root.at(layout.reason) or "")


def piece_frames(sequence: str, name: str, picture: bytes, channel: Channel, dialect: Dialect) -> Iterator[Frame]:
    """Yield the frames (0x27) of one picture, which is not empty, in order."""
    layout = dialect.picture_layout
    total = -(-len(picture) // PIECE_BYTES)
    for index in range(total):
        data = picture[index * PIECE_BYTES : (index + 1) * PIECE_BYTES]
        values = {
            layout.name: name, layout.index: str(index + 1), layout.total: str(total),
            layout.data: base64.b64encode(data).decode("ascii"),
        }  # fmt: skip
        yield _frame(MessageType.PICTURE_SEND, layout.sent, sequence, values, channel, dialect, "front")


def read_piece(frame: Frame, channel: Channel, dialect: Dialect) -> PicturePiece:
    """Return a piece, as a platform reads it. Raises XmlError (also `picture_piece_form`)."""
    layout = dialect.picture_layout
    root, sequence = _read(frame, layout.sent, channel, dialect)
    name, index, total = root.at(layout.name) or "", _number(root.at(layout.index)), _number(root.at(layout.total))
    try:
        data = base64.b64decode((root.at(layout.data) or "").encode("ascii"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise XmlError("picture_piece_form") from error
    if not is_hash(name) or not 1 <= index <= total <= MOST_PIECES or not 0 < len(data) <= PIECE_BYTES:
        raise XmlError("picture_piece_form")
    return PicturePiece(sequence, name, index, total, data)


def _read(frame: Frame, root_name: str, channel: Channel, dialect: Dialect) -> tuple[Element, str]:
    root = read(frame.body, dialect.encoding, dialect.declares)
    if root.name != root_name:
        raise XmlError("other_message")
    if any(root.attributes.get(name) != value for name, value in head_of(channel, dialect).items()):
        raise XmlError("head_contradicts_envelope")
    sequence = root.attributes.get("SEQ_NO", "")
    if len(sequence) > MAX_SEQUENCE or not sequence.isprintable():
        raise XmlError("picture_call_form")
    return root, sequence


def _number(text: str | None) -> int:
    if text is None or not _NUMBER.match(text):
        raise XmlError("picture_number_form")
    return int(text)


def _frame(
    kind: MessageType,
    name: str,
    sequence: str,
    values: Mapping[str, str],
    channel: Channel,
    dialect: Dialect,
    sender: Sender,
) -> Frame:
    children = [Element(tag, text=text) for tag, text in values.items()]
    root = Element(name, {**head_of(channel, dialect), "SEQ_NO": sequence}, children)
    body = write(root, dialect.encoding, dialect.declares)
    return Frame(kind, channel.area, channel.channel, dialect.direction(channel.direction), sender, body)
