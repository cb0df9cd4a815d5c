"""What a reader of electronic seals is asked, in `drivers.kit.frames`. Pure.

    hello 01 -> 00 version most
    read  30 -> 00 count, then for each seal: length id flags openings_hi openings_lo battery

`most` is how many seals the reader can see at once. The id is `length` (1 to 64) characters of ASCII. Flags: bit 0 the
seal is locked, bit 1 it says whether it is, bit 2 it counts its openings; all others are 0. `battery` is 0 to 100
percent, FF where it does not tell.
"""

from collections.abc import Sequence

from drivers.kit.seals import FULL_PERCENT, is_seal_id
from edge.core.readings import Seal

READ = 0x30
VERSION = 1
_LOCKED, _TELLS_LOCK, _COUNTS = 1, 2, 4
_NO_BATTERY = 0xFF
_BEHIND_ID = 4


def encode_reader(most: int) -> bytes:
    """Return what a reader answers to hello, behind its status."""
    return bytes((VERSION, most))


def decode_reader(data: bytes) -> int | None:
    """Return how many seals a reader can see; None where it is not of this version, or sees none."""
    return data[1] if len(data) == 2 and data[0] == VERSION and data[1] > 0 else None


def encode_seals(seals: Sequence[Seal]) -> bytes:
    """Return what a reader answers to read, behind its status."""
    data = bytes((len(seals),))
    for seal in seals:
        name = seal.id.encode("ascii")
        flags = 0 if seal.locked is None else _TELLS_LOCK | (_LOCKED if seal.locked else 0)
        flags |= 0 if seal.openings is None else _COUNTS
        battery = _NO_BATTERY if seal.battery_percent is None else seal.battery_percent
        data += bytes((len(name),)) + name + bytes((flags,)) + (seal.openings or 0).to_bytes(2) + bytes((battery,))
    return data


def decode_seals(data: bytes) -> tuple[Seal, ...] | None:
    """Return the seals of an answer; None where it is not of this form, or names a seal twice."""
    seals: list[Seal] = []
    at = 1
    for _ in range(data[0] if data else 0):
        length = data[at] if at < len(data) else 0
        behind = data[at + 1 + length : at + 1 + length + _BEHIND_ID]
        seal = _seal(data[at + 1 : at + 1 + length], behind) if len(behind) == _BEHIND_ID else None
        if seal is None:
            return None
        seals.append(seal)
        at += 1 + length + _BEHIND_ID
    whole = bool(data) and at == len(data) and len({seal.id for seal in seals}) == len(seals)
    return tuple(seals) if whole else None


def _seal(name: bytes, behind: bytes) -> Seal | None:
    flags, openings, battery = behind[0], int.from_bytes(behind[1:3]), behind[3]
    text = name.decode("ascii", "replace")
    if (
        not is_seal_id(text)
        or flags & ~(_LOCKED | _TELLS_LOCK | _COUNTS)
        or (flags & _LOCKED and not flags & _TELLS_LOCK)
    ):
        return None
    if battery > FULL_PERCENT and battery != _NO_BATTERY:
        return None
    return Seal(
        text,
        bool(flags & _LOCKED) if flags & _TELLS_LOCK else None,
        openings if flags & _COUNTS else None,
        None if battery == _NO_BATTERY else battery,
    )
