"""Asks a device over a line in `drivers.kit.frames`: one question at a time, each with its own sequence number.

A question that is not answered is repeated with the same number: the device does it once. An answer that comes late
belongs to its own question and to no other.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from drivers.kit.frames import ANSWER, DONE, STATUS_TEXTS, Frame, FrameDecoder, encode
from drivers.kit.line import NEXT_STEPS as LINE_STEPS
from drivers.kit.line import Line, LineError, open_line
from edge.ports import DeviceError, Tap

NEXT_STEPS = LINE_STEPS | {
    "silent": "check power, cable, baud rate and the address setting of the device",
    "garbled": "check the baud rate, then wiring, shield and interference",
    "refused": "check that the device speaks the protocol of the driver's README",
    "not_connected": "wait until the device is connected",
    "closed": "nothing: the device was closed on purpose",
}
_SEQUENCES = 256


@dataclass(frozen=True, slots=True)
class AskerPace:
    """How long an answer may take, how often a question is put, and how long the line may be quiet."""

    answer_timeout_s: float = 0.4
    tries: int = 3
    # Without anything to tell a dead device must still be seen (state within 10 s of start).
    probe_interval_s: float = 3.0


class Asker:
    """The line to one device. `kind` begins every error code; `next_steps` are what the kind adds to `NEXT_STEPS`."""

    def __init__(
        self,
        kind: str,
        name: str,
        port: str,
        *,
        baud: int,
        address: int,
        pace: AskerPace | None = None,
        next_steps: dict[str, str] | None = None,
    ) -> None:
        self.name = name
        self.port = port
        self.tap: Tap | None = None
        self._kind = kind
        self._baud = baud
        self._address = address
        self._pace = pace or AskerPace()
        self._steps = NEXT_STEPS | (next_steps or {})
        self._line: Line | None = None
        self._decoder = FrameDecoder()
        self._turn = asyncio.Lock()
        self._sequence = 0
        self._asked: Frame | None = None
        self._waiter: asyncio.Future[Frame] | None = None
        self._loss: DeviceError | None = None
        self._news = asyncio.Event()

    @property
    def pending(self) -> int:
        """Bytes held of an unfinished frame."""
        return self._decoder.pending

    async def open(self) -> None:
        """Open the port. Raises DeviceError."""
        await self.close()
        self._loss = None
        self._news.clear()
        self._decoder.reset()
        try:
            timeout_s = self._pace.answer_timeout_s * 3
            self._line = await open_line(
                self.port, self._baud, self._receive, self._lost, timeout_s=timeout_s, tap=self.tap
            )
        except LineError as error:
            raise self.error(error.code, "an open port", error.detail) from error

    async def ask(self, command: int, data: bytes = b"", *, expected: str) -> bytes:
        """Return the data of the answer, behind its status. Raises DeviceError; then the device counts as lost."""
        async with self._turn:
            if self._loss is not None:
                raise self._loss
            if self._line is None:
                raise self.error("not_connected", "an open port", "none")
            self._sequence = (self._sequence + 1) % _SEQUENCES
            question = Frame(self._address, self._sequence, command, data)
            try:
                answer = await self._answer(self._line, question, expected)
                self._check(answer, expected)
            except DeviceError as error:
                self.lose(error)
                raise
            self._news.set()
            return answer.data[1:]

    async def run(self, probe: Callable[[], Awaitable[object]]) -> None:
        """Probe whenever nothing was asked for a while. Ends by DeviceError or cancellation."""
        while True:
            if self._loss is not None:
                raise self._loss
            self._news.clear()
            try:
                async with asyncio.timeout(self._pace.probe_interval_s):
                    await self._news.wait()
            except TimeoutError:
                await probe()

    async def close(self) -> None:
        """Release the port. Idempotent, never raises."""
        line, self._line = self._line, None
        if line is not None:
            line.close()
            self.lose(self.error("closed", "an open port", "closed by the controller"))

    def lose(self, error: DeviceError) -> None:
        """Count the device as lost for this reason: `run` ends with it."""
        self._loss = error
        self._news.set()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)

    def error(self, code: str, expected: str, got: str) -> DeviceError:
        """Return a named error of this device."""
        return DeviceError(
            f"{self._kind}_{code}",
            device=self.name,
            address=self.port,
            expected=expected,
            got=got,
            next_step=self._steps[code],
        )

    async def _answer(self, line: Line, question: Frame, expected: str) -> Frame:
        waiter: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._waiter = waiter
        self._asked = question
        strange = self._decoder.dropped_bytes + self._decoder.checksum_errors
        try:
            for _ in range(self._pace.tries):
                line.write(encode(question))
                self._tell(True, question)
                done, _ = await asyncio.wait({waiter}, timeout=self._pace.answer_timeout_s)
                if done:
                    return waiter.result()
                # Noise that looked like a head may be holding an answer back.
                self._handle(self._decoder.give_up())
                if waiter.done():
                    return waiter.result()
        except LineError as error:
            raise self.error(error.code, expected, error.detail) from error
        finally:
            self._waiter = self._asked = None
            # Who waits no longer must not be told of an exception that nobody takes.
            waiter.cancel()
        garbled = self._decoder.dropped_bytes + self._decoder.checksum_errors + self._decoder.pending - strange
        if garbled:
            raise self.error("garbled", expected, f"{garbled} bytes that are no answer")
        raise self.error("silent", expected, f"nothing in {self._pace.tries} tries")

    def _check(self, answer: Frame, expected: str) -> None:
        status = answer.data[0] if answer.data else None
        if status != DONE:
            got = "no status" if status is None else STATUS_TEXTS.get(status, f"status {status:#04x}")
            raise self.error("refused", expected, got)

    def _receive(self, data: bytes) -> None:
        self._handle(self._decoder.feed(data))

    def _handle(self, frames: list[Frame]) -> None:
        for frame in frames:
            self._tell(False, frame)
            asked, waiter = self._asked, self._waiter
            if asked is None or waiter is None or waiter.done():
                continue
            # Our own echo of a two-wire line has no answer bit, a late answer another number.
            if (frame.address, frame.sequence, frame.command) == (
                asked.address,
                asked.sequence,
                asked.command | ANSWER,
            ):
                waiter.set_result(frame)

    def _tell(self, sent: bool, frame: Frame) -> None:
        if self.tap is not None and self.tap.wants_words:
            self.tap.understood(sent, str(frame))

    def _lost(self, why: str) -> None:
        # Where what was written ended it, that is the cause.
        if self._loss is None:
            self.lose(self.error("lost", "an open line", why))
