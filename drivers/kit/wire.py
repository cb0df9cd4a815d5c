"""What codecs of byte streams share: the incremental decoder, checksums, one reported tag. Pure: no port, no clock."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

from edge.core.tag import Tag

# What `StreamDecoder.measure` says besides the size of a frame.
NOT_YET = 0
NO_FRAME = -1

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class TagReport:
    """One tag as a reader reports it. `rssi_dbm` is None where the reader does not tell a strength in dBm."""

    tag: Tag
    antenna: int
    rssi_dbm: int | None


class StreamDecoder(ABC, Generic[F]):
    """Bytes in, frames out; the same frames for any chunking. Holds at most one unfinished frame.

    `dropped_bytes` counts bytes that belonged to no frame, `checksum_errors` candidates that `parse` refused.
    """

    # The byte that begins every frame; None where the protocol has none.
    head: int | None = None

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.dropped_bytes = 0
        self.checksum_errors = 0

    @abstractmethod
    def measure(self, data: bytearray, at: int) -> int:
        """Return the size of the frame that begins at `at`, `NOT_YET` where more bytes must tell, or `NO_FRAME`.

        It may look at the bytes from `at` on that are there, and must not take back for more of them what it said of
        fewer.
        """

    @abstractmethod
    def parse(self, candidate: bytes) -> F | None:
        """Return the frame, or None where its checksum (or what else makes it one) is wrong."""

    @property
    def pending(self) -> int:
        """Bytes held because their frame is not complete yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[F]:
        """Return the frames that `data` completes."""
        self._buffer += data
        frames: list[F] = []
        position = 0
        while (position := self._next_head(position)) < len(self._buffer):
            size = self.measure(self._buffer, position)
            if size == NOT_YET or (size > 0 and position + size > len(self._buffer)):
                break
            if size == NO_FRAME:
                position = self._drop(position)
                continue
            frame = self.parse(bytes(self._buffer[position : position + size]))
            if frame is None:
                self.checksum_errors += 1
                position = self._drop(position)
                continue
            frames.append(frame)
            position += size
        del self._buffer[:position]
        return frames

    def give_up(self) -> list[F]:
        """The line fell silent: drop the head of the unfinished frame, return the frames it was hiding."""
        if not self._buffer:
            return []
        self.dropped_bytes += 1
        del self._buffer[0]
        return self.feed(b"")

    def reset(self) -> None:
        """Forget an unfinished frame; its bytes count as dropped."""
        self.dropped_bytes += len(self._buffer)
        self._buffer.clear()

    def _next_head(self, position: int) -> int:
        if self.head is None:
            return position
        found = self._buffer.find(self.head, position)
        skipped_to = len(self._buffer) if found < 0 else found
        self.dropped_bytes += skipped_to - position
        return skipped_to

    def _drop(self, position: int) -> int:
        # Only the false head goes: a real frame may begin inside what it claimed.
        self.dropped_bytes += 1
        return position + 1


def epc_bytes_of(pc: int) -> int:
    """Return how many bytes of EPC a Gen2 PC word announces: its upper five bits are words (domain.md 3.2)."""
    return (pc >> 11) * 2


def pc_of(epc: bytes) -> int:
    """Return the PC word of an EPC of whole words, without flags."""
    return (len(epc) // 2) << 11


def crc16_mcrf4xx(data: bytes) -> int:
    """CRC-16/MCRF4XX: preset FFFF, polynomial 8408 reflected; "123456789" gives 6F91. Residue over a frame: 0."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0x8408 if crc & 1 else crc >> 1
    return crc


def crc16_thingmagic(data: bytes) -> int:
    """ThingMagic's variant of CCITT: init FFFF, the data bits shifted in behind the register, not xored on top."""
    crc = 0xFFFF
    for byte in data:
        for place in range(7, -1, -1):
            carry = crc & 0x8000
            crc = ((crc << 1) | (byte >> place & 1)) & 0xFFFF
            if carry:
                crc ^= 0x1021
    return crc


def crc16_gen2(data: bytes) -> int:
    """Return the CRC-16 of the air interface over PC and EPC: polynomial 1021, init FFFF, inverted (domain.md 3.2)."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021) & 0xFFFF if crc & 0x8000 else crc << 1
    return crc ^ 0xFFFF


def signed(byte: int) -> int:
    """Read a byte as two's complement."""
    return byte - 256 if byte >= 0x80 else byte
