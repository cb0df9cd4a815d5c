"""What a voice module is told, in `drivers.kit.frames`. Pure.

    hello 01              -> 00 version phrases
    say   20 phrase volume -> 00

`phrases` is the number of the last phrase that was recorded; phrases are numbered from 1 as in `PHRASES`. `volume` is 0
to 100. A phrase replaces the one that is still being said.
"""

from dataclasses import dataclass

SAY = 0x20
VERSION = 1
MOST_VOLUME = 100

# New phrases go to the end: modules that hang in lanes keep their numbers.
_KEYS = (
    "not_ready", "ready", "closed", "appointments", "stop", "wait", "wait_for_person", "go_to", "go_to_nii",
    "go_to_bay", "go_to_weigh", "go_to_quarantine", "turn_back", "released", "leave", "one_at_a_time", "out_of_order",
)  # fmt: skip
PHRASES: dict[str, int] = {key: number for number, key in enumerate(_KEYS, 1)}


@dataclass(frozen=True, slots=True)
class Said:
    """What a module is told to say."""

    phrase: int
    volume: int


def encode_say(phrase: int, volume: int) -> bytes:
    """Return the data of `say`."""
    return bytes((phrase, volume))


def decode_say(data: bytes) -> Said | None:
    """Return what a module is told to say; None where it makes no sense."""
    if len(data) != 2 or data[0] == 0 or data[1] > MOST_VOLUME:
        return None
    return Said(data[0], data[1])


def encode_module(phrases: int) -> bytes:
    """Return what a module answers to hello, behind its status."""
    return bytes((VERSION, phrases))


def decode_module(data: bytes) -> int | None:
    """Return how many phrases a module has; None where it is not of this version."""
    return data[1] if len(data) == 2 and data[0] == VERSION else None
