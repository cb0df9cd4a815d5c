"""A reader of electronic seals on a line as a `SealReader`: asked again and again, told where the answer changes."""

from dataclasses import replace

from drivers.kit.asker import Asker, AskerPace
from drivers.kit.frames import HELLO
from drivers.kit.seals import SealWatch
from drivers.seal_serial.wire import READ, decode_reader, decode_seals
from edge.ports import Clock, DeliverSeals

NEXT_STEPS = {
    "not_a_reader": "check the port: another device, or another version of the protocol, answers there",
    "nonsense": "check the reader: what it tells of its seals has not the form of the driver's README",
}


class SerialSealReader:
    """Implements `edge.ports.SealReader`."""

    def __init__(
        self,
        name: str,
        port: str,
        *,
        clock: Clock,
        on_seals: DeliverSeals,
        baud: int = 9_600,
        address: int = 3,
        poll_s: float = 1.0,
        pace: AskerPace | None = None,
    ) -> None:
        self.name = name
        self.address = port
        self._clock = clock
        self._on_seals = on_seals
        self._watch = SealWatch()
        pace = pace or replace(AskerPace(), probe_interval_s=poll_s)
        self._asker = Asker("seal", name, port, baud=baud, address=address, pace=pace, next_steps=NEXT_STEPS)

    async def connect(self) -> None:
        """Open the port and prove that a reader of seals answers. Raises DeviceError."""
        await self._asker.open()
        self._watch.reset()
        answer = await self._asker.ask(HELLO, expected="a seal reader's answer to hello")
        if decode_reader(answer) is None:
            raise self._asker.error(
                "not_a_reader", "a seal reader's answer to hello", answer.hex(" ") or "nothing in it"
            )

    async def run(self) -> None:
        """Ask for the seals again and again. Ends by DeviceError or cancellation."""
        await self._asker.run(self.read)

    async def close(self) -> None:
        """Release the port."""
        await self._asker.close()

    async def read(self) -> None:
        """Ask once which seals are there, and tell where that is news. Raises DeviceError."""
        answer = await self._asker.ask(READ, expected="the seals that are there")
        seals = decode_seals(answer)
        if seals is None:
            lost = self._asker.error("nonsense", "seals as the README has them", f"{len(answer)} bytes that are none")
            self._asker.lose(lost)
            raise lost
        news = self._watch.feed(seals, self._clock.now_ms())
        if news is not None:
            self._on_seals(news)
