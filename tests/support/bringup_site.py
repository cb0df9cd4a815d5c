"""A lane of real devices, so far as its configuration knows, with the simulators that stand for them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from config.loader import load
from config.schema import Configuration
from edge.bringup.kept import KeptReport, keep
from edge.bringup.standing import address_of, devices_of, digest_of, standings
from edge.doctor.finding import Finding
from edge.verbs.bringup import main
from simulators.devices.barrier import BarrierSimulator
from simulators.devices.uhf_r2000 import R2000TcpSimulator
from tests.support.bringup_box import Box, asked_of, beside, until

PRESSED = ("arrival_loop", "safety_loop", "exit_loop", "safety_beam", "emergency_stop", "fire_alarm")


class Site:
    """A barrier and a reader. `write` configures them; `try_boom` and `try_reader` bring them up over the wire."""

    def __init__(self, box: Box, barrier: BarrierSimulator, reader: R2000TcpSimulator) -> None:
        self.box, self.barrier, self.reader = box, barrier, reader
        self.write()

    def write(self, *, required: bool = True, barrier: str = "", reader: str = "", lane: str = "lane-1") -> None:
        more = f"    tag_reader: {{id: reader, port: '{self.reader.path}'{reader}}}\n"
        more += "    require_bringup: true\n" * required
        self.box.write(self.barrier.port, more)
        text = self.box.config.read_text().replace("    simulated: true\n", "").replace("lane-1", lane)
        self.box.config.write_text(text.replace("poll_ms: 20", f"poll_ms: 20{barrier}"))

    @property
    def state(self) -> Path:
        return self.box.folder / "state"

    def loaded(self) -> Configuration:
        loaded = load(self.box.config)
        assert isinstance(loaded, Configuration), loaded
        return loaded

    def found(self) -> dict[str, Finding]:
        loaded = self.loaded()
        return {one.subject: one for one in standings(loaded, loaded.lanes[0])}

    def codes(self) -> list[tuple[str, str]]:
        return [(one.status, one.code.removeprefix("bringup_")) for one in self.found().values()]

    async def try_boom(self, *more: str, press: bool = True) -> int:
        """Bring the barrier up: boom first where `--move` is in `more`, then each input."""

        async def pressing() -> None:
            asked = asked_of(self.barrier)
            await until(lambda: asked_of(self.barrier) > asked + 10)
            moved = self.barrier.plant
            await until(lambda: "--move" not in more or (moved.lower_count > 0 and moved.position == 0.0))
            for name in PRESSED if press else ():
                for value in (True, False):
                    asked = asked_of(self.barrier)
                    self.barrier.plant.set_signals({name: value})
                    await until(lambda asked=asked: asked_of(self.barrier) > asked + 4)  # type: ignore[misc]

        try:
            return await self._beside(pressing, "barrier", *more)
        finally:
            # A trial ends at the last change: nobody let go.
            self.barrier.plant.set_signals(dict.fromkeys(PRESSED, False))

    async def try_reader(self) -> int:
        return await asyncio.to_thread(main, ["reader", str(self.box.config), "--json", "--seconds", "2"])

    async def _beside(self, act: Callable[[], Awaitable[None]], device: str, *more: str) -> int:
        async with beside(act):
            return await asyncio.to_thread(main, [device, str(self.box.config), "--json", *more])

    def record(self) -> None:
        """Keep reports of both devices that passed, without the wire."""
        for kind, device in devices_of(self.loaded().lanes[0]):
            steps = tuple((code, "", "PASS") for code in ("connected", "raises", "lowers", "kept"))
            where, digest = address_of(device), digest_of(device)
            begun = "2026-03-01T08:00:00.000Z"
            keep(self.state, KeptReport("yard", "lane-1", device.id, kind, where, digest, begun, steps))
