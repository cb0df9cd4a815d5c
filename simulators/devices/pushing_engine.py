"""A container engine of somebody else that pushes: a POST for each vehicle, a sign of life in between."""

import asyncio
import contextlib
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drivers.kit.push.head import encode_push
from simulators.devices.container_engine import EngineFaults, Vehicle, result_of
from simulators.devices.serial_wire import OFF, switch, switches

# What a wire of bits has, and HTTP over TCP has not.
_OF_LINES = ("baud_ratio", "echo")
_ANSWER_WITHIN_S = 5.0
_OK = 200


@dataclass(slots=True)
class PushingEngineFaults(EngineFaults):
    """Those of an engine; `wrong` tells text where a number belongs, `half_frames` cuts each push in the middle.

    `chunked` tells no length, `twice` pushes everything twice, `deaf` goes away without the answer, `disordered` tells
    the vehicle before once more behind each one.
    """

    chunked: bool = switch(False, True)
    twice: bool = switch(False, True)
    deaf: bool = switch(False, True)
    disordered: bool = switch(False, True)


FAULTS = tuple(name for name in switches(PushingEngineFaults) if name not in _OF_LINES)


class PushingEngine:
    """Pushes to `url` on loopback, where somebody listens or not. It looks at `vehicle()` each `every_s`.

    What is not answered 200 it pushes again at the next look, as long as no other vehicle came.
    """

    def __init__(
        self, vehicle: Callable[[], Vehicle | None], *, port: int, every_s: float = 0.2, seed: int = 0
    ) -> None:
        self.faults = PushingEngineFaults()
        self.port = port
        self.url = f"http://127.0.0.1:{port}/codes"
        # How many pushes were answered with each status; 0 where none came.
        self.answers: Counter[int] = Counter()
        self.pushed = 0
        self._vehicle, self._every_s = vehicle, every_s
        self._random = random.Random(seed)  # noqa: S311 - reproducible noise, not a secret
        self._numbers = itertools.count(1)
        self._pushing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to push."""
        self._pushing = asyncio.create_task(self._live())

    async def stop(self) -> None:
        """Push nothing any more. May be called at any time."""
        pushing, self._pushing = self._pushing, None
        if pushing is not None:
            pushing.cancel()
            await asyncio.wait({pushing})

    async def turn_on(self, fault: str) -> None:
        """Turn one switch on; `off` is the whole engine."""
        if fault == OFF:
            await self.stop()
        else:
            self.faults.turn_on(fault)

    async def turn_off(self, fault: str) -> None:
        """Turn it back."""
        if fault == OFF:
            await self.start()
        else:
            self.faults.turn_off(fault)

    async def _live(self) -> None:
        last: Vehicle | None = None
        told: dict[str, Any] | None = None
        taken = True
        while True:
            now = self._vehicle()
            if now is not None and (last is None or now.number != last.number):
                before, told = told, result_of(now, self.faults, f"r{next(self._numbers)}")
                taken = await self.push(told) == _OK
                if self.faults.disordered and before is not None:
                    await self.push(before)
            elif told is not None and (self.faults.repeating or not taken):
                taken = await self.push(told) == _OK
            last = now
            await self.push({"alive": True})
            await asyncio.sleep(self._every_s)

    async def push(self, said: dict[str, Any]) -> int:
        """Push this as the faults leave it; the status of the last answer, 0 where none came."""
        faults = self.faults
        await asyncio.sleep(faults.delayed_s)
        status = 0
        for _ in range(2 if faults.twice else 1):
            self.pushed += 1
            if faults.stuck or (faults.intermittent and self.pushed % faults.intermittent == 0):
                continue
            body = json.dumps({**said, "alive": "yes", "age_ms": "old"} if faults.wrong else said).encode()
            with contextlib.suppress(OSError, TimeoutError, ValueError, IndexError):
                async with asyncio.timeout(_ANSWER_WITHIN_S):
                    status = await self._post(self._random.randbytes(64) if faults.garbage else body)
            self.answers[status] += 1
        return status

    async def _post(self, body: bytes) -> int:
        faults = self.faults
        raw = encode_push("/codes", "application/json", body)
        if faults.chunked:
            raw = raw.replace(f"Content-Length: {len(body)}".encode(), b"Transfer-Encoding: chunked")
        if faults.half_frames:
            raw = raw[: len(raw) // 2]
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for piece in [raw[place : place + 1] for place in range(len(raw))] if faults.slow_s else [raw]:
                writer.write(piece)
                await asyncio.sleep(faults.slow_s)
            if faults.deaf or faults.half_frames:
                return 0
            return int((await reader.read(64)).split(b" ")[1])
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
