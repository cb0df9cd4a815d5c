"""Pure: answers over RTSP with packets in between (RFC 2326 10.12), cut out of a stream that may be damaged."""

from dataclasses import dataclass

from drivers.kit.camera.rtsp import Answer, RtspError, take_answer

_HEAD_BYTES = 4
# Of a packet, what tells whether it is one: version and payload type.
_SEEN_BYTES = _HEAD_BYTES + 2
_RTCP_TYPES = range(200, 205)
_LEAST_BYTES = 8


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: `reports` where it is RTCP, else RTP."""

    data: bytes
    reports: bool


class InterleavedReader:
    """Cuts one stream of packets, and the answers between them, out of pieces of any size.

    What is neither is dropped, to the next byte that begins one. Memory is bounded by one packet or answer and one
    piece.
    """

    def __init__(self, channels: tuple[int, int], payload_type: int) -> None:
        """`channels` are those of RTP and of RTCP; RTP packets of another payload type are none."""
        self._channels = channels
        self._payload_type = payload_type
        self._buffer = bytearray()
        # How many bytes were dropped since the last packet.
        self.dropped_bytes = 0

    @property
    def buffered_bytes(self) -> int:
        """How much is held back, waiting for more."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Answer | Packet]:
        """Take the next bytes and return what they completed. Never raises."""
        self._buffer += data
        found: list[Answer | Packet] = []
        while self._buffer:
            before = len(self._buffer)
            one = self._packet() if self._buffer[0] == 0x24 else self._answer()
            if one is not None:
                found.append(one)
            elif len(self._buffer) == before:
                break
        return found

    def _packet(self) -> Packet | None:
        buffer = self._buffer
        if len(buffer) < _SEEN_BYTES:
            return None
        size = int.from_bytes(buffer[2:_HEAD_BYTES], "big")
        if not self._plausible(buffer, size):
            self._drop(1)
            return None
        if len(buffer) < _HEAD_BYTES + size:
            return None
        packet = Packet(bytes(buffer[_HEAD_BYTES : _HEAD_BYTES + size]), buffer[1] == self._channels[1])
        del buffer[: _HEAD_BYTES + size]
        self.dropped_bytes = 0
        return packet

    def _plausible(self, buffer: bytearray, size: int) -> bool:
        version, told = buffer[_HEAD_BYTES] >> 6, buffer[_HEAD_BYTES + 1]
        if version != 2 or size < _LEAST_BYTES:
            return False
        if buffer[1] == self._channels[1]:
            return told in _RTCP_TYPES
        return buffer[1] == self._channels[0] and told & 0x7F == self._payload_type

    def _answer(self) -> Answer | None:
        try:
            return take_answer(self._buffer)
        except RtspError:
            starts = (self._buffer.find(one, 1) for one in (b"$", b"RTSP/1."))
            # Where none is, the end may be the beginning of one.
            self._drop(min((at for at in starts if at > 0), default=max(1, len(self._buffer) - 6)))
            return None

    def _drop(self, count: int) -> None:
        self.dropped_bytes += count
        del self._buffer[:count]
