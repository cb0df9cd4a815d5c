"""What a bring-up of any kind of device shares: the steps, and that it is over once each is settled."""

import asyncio
from collections.abc import Sequence
from typing import Generic, TypeVar

from edge.bringup.step import Step
from edge.ports import Device

D = TypeVar("D", bound=Device, covariant=True)


class Trial(Generic[D]):
    """One device under trial. `act` runs beside the device's own `run`, once it is connected."""

    device: D

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = list(steps)
        self.done = asyncio.Event()

    @property
    def boom_left(self) -> str | None:
        """Where a boom was last seen that was moved and is not known to be down again; None where there is none."""
        return None

    @property
    def acts_ms(self) -> int:
        """How long `act` has to be left alone, so that no limit of a person's patience ends a movement."""
        return 0

    async def act(self) -> None:
        """Ask of the device what a lane asks. Raises DeviceError."""

    def finish(self) -> None:
        """Time is up: judge what was not seen."""
        for step in self.steps:
            if step.status == "WAIT":
                # Not settled: whether anything wrong was seen is known already.
                step.status = "FAIL"

    def break_off(self) -> bool:
        """It ends before its time: say whether anything wrong was seen; that failed, and nobody can tell the rest."""
        for step in self.steps:
            if step.status == "WAIT":
                step.status = "FAIL" if step.wrong else "SKIP"
        return any(step.status == "FAIL" for step in self.steps)

    def heard(self, data: bytes) -> None:
        """Bytes of the device, as they came."""

    def look(self) -> None:
        """Call after each step that was settled."""
        if all(step.status != "WAIT" for step in self.steps):
            self.done.set()
