"""Electronic seals: what a reader sees of them, and what the lane makes of it. An open one never passes by itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.core.profile import LaneProfile
from edge.core.readings import Reading, Seal

# One for each box of a vehicle.
MOST_SEALS = 2
# Seals that a reader may see at once; more is noise.
MOST_SEEN = 16
# A seal in the lane is not locked, or does not say that it is.
SEAL_OPEN = "seal_open"
# A seal was opened more often than was expected, or since it was read.
SEAL_OPENED = "seal_opened"
SEAL_ALARMS = (SEAL_OPEN, SEAL_OPENED)


@dataclass(frozen=True, slots=True)
class SealsInField:
    """All seals that a reader sees from `since_ms` on, in the order of their ids; at most `MOST_SEEN`.

    Where nobody asked for some time, or it has just been started, they may have been there all that time: then
    `since_ms` is when that began, and `read_ms` when they were first read.
    """

    seals: tuple[Seal, ...]
    since_ms: int
    read_ms: int | None = None


def fuse_seals(
    profile: LaneProfile, field: SealsInField | None, lost_devices: Sequence[str]
) -> Reading[tuple[Seal, ...]]:
    """Return the seals of the vehicle in the lane, or why there are none: of too many none is chosen."""
    if profile.seal_reader is None:
        return Reading("unread", reason="not_looked_for")
    if profile.seal_reader in lost_devices:
        return Reading("unread", reason="device_lost")
    if field is None or not field.seals:
        return Reading("unread", reason="no_seal")
    if len(field.seals) > MOST_SEALS:
        return Reading("conflict", candidates=(field.seals,), reason="too_many_seals")
    return Reading("read", field.seals, 1.0)


def unlocked(seals: Sequence[Seal]) -> int:
    """Return how many are not known to be locked."""
    return sum(one.locked is not True for one in seals)


def opened_since(before: Sequence[Seal], now: Sequence[Seal]) -> bool:
    """Say whether a seal that was read before has been opened since."""
    counts = {one.id: one.openings for one in before}
    return any(one.id in counts and one.openings != counts[one.id] for one in now)
