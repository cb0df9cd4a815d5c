"""A device that speaks unasked on a stream: it lives by what it says, and every frame is handed over."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from drivers.kit.line import NEXT_STEPS as LINE_STEPS
from drivers.kit.line import Line, LineError, open_line
from drivers.kit.wire import StreamDecoder
from edge.ports import DeviceError, Tap

NEXT_STEPS = LINE_STEPS | {
    "silent": "check power, cable and baud rate, and that the device is set to send by itself",
    "garbled": "check wiring, shield and interference, then the baud rate",
    "line_settings": "set baud, parity and data bits in the configuration to what the device is set to",
    "not_connected": "wait until the device is connected",
    "closed": "nothing: the device was closed on purpose",
}

OPEN_TIMEOUT_S = 2.0
# So many bytes without a frame are no noise of a plug.
MOST_STRANGE_BYTES = 256

F = TypeVar("F")


class StreamListener(Generic[F]):
    """Implements `edge.ports.Device`. Errors are `<prefix>_<code>` with the codes of `NEXT_STEPS`.

    The device has to say something each `silence_s` seconds: its first frame proves it, a pause that long is a loss.
    With None it speaks when it has something to say: an open port is all that is proved, and only what it garbles
    shows that something is wrong.
    `on_frame` is called for each frame, in order, on the loop.
    """

    def __init__(
        self,
        name: str,
        port: str,
        decoder: StreamDecoder[F],
        *,
        prefix: str,
        on_frame: Callable[[F], None],
        baud: int,
        parity: str = "N",
        data_bits: int = 8,
        silence_s: float | None = 2.0,
    ) -> None:
        self.name = name
        self.address = port
        self.decoder = decoder
        self.tap: Tap | None = None
        self._prefix = prefix
        self._on_frame = on_frame
        self._baud, self._parity, self._data_bits = baud, parity, data_bits
        self._silence_s = silence_s
        self._line: Line | None = None
        self._loss: DeviceError | None = None
        self._said = asyncio.Event()
        self._delivering = False
        self._strange_before = 0

    async def connect(self) -> None:
        """Open the port and wait for a frame. Raises DeviceError."""
        await self.close()
        self._loss = None
        self.decoder.reset()
        self._strange_before = self.decoder.dropped_bytes
        try:
            self._line = await open_line(
                self.address,
                self._baud,
                self._receive,
                self._lost,
                timeout_s=self._silence_s or OPEN_TIMEOUT_S,
                parity=self._parity,
                data_bits=self._data_bits,
                tap=self.tap,
            )
            # What the system held is as old as the time that nobody listened.
            self._line.discard_input()
            if self._silence_s is not None:
                await self._next("line_settings")
        except LineError as error:
            raise self.error(error.code, "an open port", error.detail) from error
        except BaseException:
            await self.close()
            raise

    async def run(self) -> None:
        """Hand over frames until the device is lost. Ends by DeviceError or cancellation."""
        self._delivering = True
        try:
            while True:
                await self._next("garbled")
        finally:
            self._delivering = False

    async def close(self) -> None:
        """Release the port. Idempotent, never raises."""
        line, self._line = self._line, None
        if line is not None:
            line.close()
            self._lose(self.error("closed", "an open port", "closed by the controller"))

    def send(self, data: bytes) -> None:
        """Say something to the device. Raises DeviceError."""
        if self._loss is not None:
            raise self._loss
        if self._line is None:
            raise self.error("not_connected", "an open port", "none")
        try:
            self._line.write(data)
        except LineError as error:
            raise self.error(error.code, "an open line", error.detail) from error

    def error(self, code: str, expected: str, got: str) -> DeviceError:
        """Return the error of this device with that code."""
        return DeviceError(
            f"{self._prefix}_{code}",
            device=self.name,
            address=self.address,
            expected=expected,
            got=got,
            next_step=NEXT_STEPS[code],
        )

    def hear_again(self, sent: bool, data: bytes, *, wanted: bool) -> None:  # noqa: ARG002 - it speaks unasked
        """Take recorded bytes as they came once."""
        if not sent:
            self._delivering = True
            self._receive(data)

    async def _next(self, where_garbled: str) -> None:
        self._said.clear()
        garbled_before = self.decoder.dropped_bytes + self.decoder.pending
        try:
            if self._loss is None:
                async with asyncio.timeout(self._silence_s):
                    await self._said.wait()
        except TimeoutError as error:
            garbled = self.decoder.dropped_bytes + self.decoder.pending - garbled_before
            if garbled > 0:
                got = f"{garbled} bytes that are no frame"
                raise self.error(where_garbled, f"a frame at {self._baud} baud", got) from error
            raise self.error("silent", f"a frame each {self._silence_s or 0:g} s", "nothing") from error
        if self._loss is not None:
            raise self._loss

    def _receive(self, data: bytes) -> None:
        frames = self.decoder.feed(data)
        for frame in frames:
            self._said.set()
            if self.tap is not None and self.tap.wants_words:
                self.tap.understood(False, str(frame))
            # Before `run` nobody has said that this device is back.
            if self._delivering:
                self._on_frame(frame)
        if frames:
            self._strange_before = self.decoder.dropped_bytes
        strange = self.decoder.dropped_bytes - self._strange_before
        if self._silence_s is None and strange > MOST_STRANGE_BYTES:
            # A device that may be silent is known to be misheard by what it says alone.
            self._lose(self.error("garbled", f"a frame at {self._baud} baud", f"{strange} bytes that are no frame"))

    def _lost(self, why: str) -> None:
        # Where what was written ended it, that is the cause.
        if self._loss is None:
            self._lose(self.error("lost", "an open line", why))

    def _lose(self, error: DeviceError) -> None:
        self._loss = error
        self._said.set()
