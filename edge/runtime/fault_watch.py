"""The fault bits that a barrier's module reports of itself: told to a person, never judged by the lane.

No two vendors mean the same by a bit (domain.md 4.1 reserves the register), so the alarm names bits by number and says
where to look them up. Position, loops and safety come from their own inputs.
"""

from collections.abc import Callable
from typing import Protocol

from edge.log import logger
from edge.ports import Clock
from edge.runtime.notes import Alarms

LOOK_EVERY_S = 0.5
# A bit that comes and goes must fill neither the journal nor the broker.
QUIET_MS = 60_000
BARRIER_FAULTS = "barrier_faults"


class Reports(Protocol):
    """A device that reports faults of its own."""

    name: str
    address: str
    fault_bits: int


class FaultWatch:
    """One barrier's. `note` keeps a beginning or an end durably, `show` is told what a person at the lane may see.

    A bit counts once two looks in a row found it: what a module says of the time before it was connected is over then.
    """

    def __init__(
        self,
        device: Reports,
        *,
        clock: Clock,
        alarms: Alarms,
        note: Callable[[str, bool, str], object],
        show: Callable[[str | None], None],
    ) -> None:
        self._device, self._clock = device, clock
        self._alarms, self._note, self._show = alarms, note, show
        self._last = 0
        self._told = 0
        self._seen_at_ms = 0

    async def run(self) -> None:
        """Look twice a second until cancelled."""
        while True:
            self.look()
            await self._clock.sleep(LOOK_EVERY_S)

    def look(self) -> None:
        """Look once."""
        now_ms, bits = self._clock.now_ms(), self._device.fault_bits
        lasting, self._last = bits & self._last, bits
        if lasting:
            self._seen_at_ms = now_ms
        if lasting & ~self._told:
            self._tell(self._told | lasting)
        elif self._told and now_ms - self._seen_at_ms > QUIET_MS:
            self._clear()
        self._show(named(self._told) if self._told else None)

    def _tell(self, bits: int) -> None:
        begins, self._told = not self._told, bits
        device = self._device
        detail = f"{device.name} at {device.address} reports {named(bits)}; look them up in its manual"
        self._alarms.publish_alarm(BARRIER_FAULTS, detail)
        logger().error("barrier_faults", device=device.name, bits=bits)
        if begins:
            self._note(BARRIER_FAULTS, True, detail)

    def _clear(self) -> None:
        detail = f"{self._device.name} reported {named(self._told)}, and none for {QUIET_MS // 1000} s"
        self._told = 0
        self._alarms.publish_alarm(BARRIER_FAULTS, None)
        self._note(BARRIER_FAULTS, False, detail)


def named(bits: int) -> str:
    """Return the bits that are set, by number: `fault bits 0, 3 (0x0009)`."""
    numbers = ", ".join(str(number) for number in range(bits.bit_length()) if bits >> number & 1)
    return f"fault bits {numbers} (0x{bits:04X})"
