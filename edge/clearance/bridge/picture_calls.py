"""Pictures that the platform calls: of passages that this bridge asked it about, whose request lets it see them.

Bounded in how many calls, how many bytes and how long; each call is kept in the book with what became of it. Pictures
go out behind everything else: a question never waits for more than one piece of one.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edge.clearance.bridge.dialects import Dialect
from edge.clearance.bridge.link import PlatformSide
from edge.clearance.bridge.messages import Channel
from edge.clearance.bridge.picture_messages import (
    PictureCall,
    PictureReturn,
    piece_frames,
    read_call,
    return_frame,
)
from edge.clearance.bridge.pictures import PictureFolder
from edge.clearance.bridge.strict_xml import XmlError
from edge.clearance.bridge.wire import Frame
from edge.clearance.claims import is_hash

_log = logging.getLogger(__name__)

# Who looks at a passage does so soon; the pictures of yesterday are in the folder that the site hands on.
CALL_WITHIN_S = 1800.0
MOST_CALLS = 3
MOST_REMEMBERED = 512
MOST_WAITING = 8
MOST_BYTES = 8 * 1024 * 1024
SEND_WITHIN_S = 120.0


@dataclass(slots=True)
class _Passage:
    lane: str
    names: tuple[str, ...]
    asked_s: float
    calls: int = 0


class PictureCalls:
    """Answers calls as long as `run` runs. `sent` counts pictures; `record` keeps a message, False in a flood."""

    def __init__(
        self,
        folder: PictureFolder | None,
        link: PlatformSide,
        channels: Mapping[str, Channel],
        dialect: Dialect,
        *,
        monotonic_s: Callable[[], float],
        record: Callable[[Frame, str | None, str], bool],
    ) -> None:
        self.sent = 0
        self._folder = folder
        self._link = link
        self._channels = channels
        self._dialect = dialect
        self._monotonic_s = monotonic_s
        self._record = record
        self._passages: dict[str, _Passage] = {}
        self._waiting: asyncio.Queue[tuple[Channel, str, tuple[str, ...]]] = asyncio.Queue(MOST_WAITING)

    def remember(self, lane: str, sequence: str, claims: Mapping[str, Any]) -> None:
        """Customs was asked under this SEQ_NO; its pictures may be called where the request says how to fetch them."""
        names = tuple(filter(is_hash, claims["evidence"])) if "pictures" in claims else ()
        self._passages[sequence] = _Passage(lane, names, self._monotonic_s())
        while len(self._passages) > MOST_REMEMBERED:
            del self._passages[next(iter(self._passages))]

    def called(self, lane: str | None, frame: Frame) -> None:
        """Take a call (0x25): what may be sent waits for its turn, anything else is refused by name."""
        if lane is None or frame.sender != "platform":
            self._record(frame, lane, "other_channel" if lane is None else "sent_by_front_end")
            return
        channel = self._channels[lane]
        try:
            call = read_call(frame, channel, self._dialect)
        except XmlError as error:
            self._record(frame, lane, error.reason)
            return
        reason = self._refusal(lane, call)
        if not self._record(frame, lane, f"pictures_{reason}" if reason else "pictures_called"):
            # A flood is answered by nothing.
            return
        if reason:
            self._link.send(return_frame(PictureReturn(call.sequence, reason=reason), channel, self._dialect))
            return
        passage = self._passages[call.sequence]
        passage.calls += 1
        self._waiting.put_nowait((channel, call.sequence, call.names or passage.names))

    def _refusal(self, lane: str, call: PictureCall) -> str:
        passage = self._passages.get(call.sequence)
        if self._folder is None:
            return "not_served"
        if passage is None or passage.lane != lane:
            return "unknown_passage"
        if not passage.names:
            return "withheld"
        if self._monotonic_s() - passage.asked_s > CALL_WITHIN_S:
            return "too_late"
        if passage.calls >= MOST_CALLS:
            return "called_too_often"
        if not set(call.names) <= set(passage.names):
            return "unknown_picture"
        return "busy" if self._waiting.full() else ""

    async def run(self) -> None:
        """Send one call's pictures after another until cancelled."""
        while True:
            channel, sequence, wanted = await self._waiting.get()
            try:
                async with asyncio.timeout(SEND_WITHIN_S):
                    await self._send(channel, sequence, wanted)
            except TimeoutError:
                _log.warning("pictures_not_sent", extra={"reason": "timeout"})

    async def _send(self, channel: Channel, sequence: str, wanted: tuple[str, ...]) -> None:
        """Send what is there of the wanted pictures, all on the connection that stands now."""
        connection = self._link.counters.connects
        found = await asyncio.to_thread(self._found, wanted)
        answer = PictureReturn(sequence, len(found), len(wanted) - len(found))
        if not await self._link.send_when_idle(return_frame(answer, channel, self._dialect)):
            return
        for name, picture in found.items():
            for frame in piece_frames(sequence, name, picture, channel, self._dialect):
                # On another connection the rest of a picture is nothing.
                if self._link.counters.connects != connection or not await self._link.send_when_idle(frame):
                    _log.warning("pictures_not_sent", extra={"reason": "connection_lost"})
                    return
                # A platform that takes each piece at once is never waited for, and a lane must not wait for pictures.
                await asyncio.sleep(0)
            self.sent += 1

    def _found(self, wanted: tuple[str, ...]) -> dict[str, bytes]:
        assert self._folder is not None
        found: dict[str, bytes] = {}
        left = MOST_BYTES
        for name in wanted:
            picture = self._folder.read(name)
            if picture and len(picture) <= left:
                found[name] = picture
                left -= len(picture)
        return found
