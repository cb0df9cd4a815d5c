"""A container engine of somebody else on its real wire: a line for each vehicle, a sign of life in between."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from drivers.ocr_lines.wire import encode
from simulators.devices.serial_wire import StreamDevice, StreamFaults, switch, switches

MISREAD = "CSQU3054388"
STALE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Vehicle:
    """What is painted on a vehicle, front to rear; `number` is another for each vehicle."""

    number: int
    codes: Sequence[str]


@dataclass(slots=True)
class EngineFaults(StreamFaults):
    """The switches of every wire, and an engine's own.

    `repeating` sends each result again and again, `misread` tells a code whose check digit is wrong, `unsure` has no
    confidence, `stale` tells of pictures that are a minute old, `blind` reads nothing and says so.
    """

    repeating: bool = switch(False, True)
    misread: bool = switch(False, True)
    unsure: bool = switch(False, True)
    stale: bool = switch(False, True)
    blind: bool = switch(False, True)


FAULTS = switches(EngineFaults)


class EngineDevice(StreamDevice[bytes]):
    """The engine without its plug. `vehicle()` is what stands before it, or None; it looks each `every_s`."""

    def __init__(self, vehicle: Callable[[], Vehicle | None], *, every_s: float = 0.2, seed: int = 0) -> None:
        self.faults = EngineFaults()
        super().__init__(self.faults, seed=seed)
        self._vehicle = vehicle
        self._every_s = every_s
        self._last: Vehicle | None = None
        self._numbers = itertools.count(1)

    def understand(self, _: bytes) -> list[bytes]:
        """It listens to nobody."""
        return []

    async def answer(self, command: bytes) -> None:
        """Never asked."""

    async def live(self) -> None:
        """Tell of each vehicle once, and that it lives."""
        told: dict[str, Any] | None = None
        while True:
            now = self._vehicle()
            if now is not None and (self._last is None or now.number != self._last.number):
                told = result_of(now, self.faults, f"r{next(self._numbers)}")
                await self.send(encode(told))
            elif told is not None and self.faults.repeating:
                await self.send(encode(told))
            self._last = now
            await self.send(encode({"alive": True}))
            await asyncio.sleep(self._every_s)


def result_of(vehicle: Vehicle, faults: EngineFaults, name: str) -> dict[str, Any]:
    """What an engine with these faults tells of a vehicle."""
    codes = [] if faults.blind else [MISREAD for _ in vehicle.codes] if faults.misread else list(vehicle.codes)
    places = ["front", "rear"] if len(codes) > 1 else [None]
    return {
        "id": name,
        "age_ms": STALE_MS if faults.stale else 0,
        "boxes": [
            {"code": code, "confidence": 0.1 if faults.unsure else 0.97, "place": place}
            for code, place in zip(codes, places, strict=False)
        ],
        "picture": f"portal/{vehicle.number}.jpg",
    }
