"""An R2000 reader as a `TagReader`: one owner of the wire, rounds while they are wanted, probes while they are not.

Tags of an earlier vehicle never reach the lane (hazard D11): every start sends a command first and throws away
all that comes before its answer, because the reader answers in order.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from drivers.uhf_r2000.line import Line, LineError, open_line
from drivers.uhf_r2000.wire import (
    CMD_SET_ANTENNA,
    DEFAULT_ADDRESS,
    ERROR_NO_TAG,
    INVENTORY_COMMANDS,
    MAX_ANTENNA,
    SUCCESS,
    Frame,
    FrameDecoder,
    Malformed,
    RoundError,
    TagReport,
    decode_inventory,
    encode,
    realtime_inventory,
    set_antenna,
)
from edge.core.readings import TagSighting
from edge.log import logger
from edge.ports import Clock, DeliverTag, DeviceError

# A reader answers a command within some ten milliseconds; a TCP serial server adds its own.
ANSWER_TIMEOUT_S = 1.0
# A round ends even where no tag is seen; longer than this without one byte of it is a dead reader.
ROUND_SILENCE_S = 2.0
# A pallet of tags can stretch a round, but a reader that never ends one is not obeying any more.
ROUND_LIMIT_S = 10.0
# Without vehicles a dead reader must still be seen (state within 10 s of start).
PROBE_INTERVAL_S = 5.0
# At 115200 baud the bytes of one frame follow each other within a millisecond, behind a serial server within
# some ten: a frame unfinished after this never will be.
INTERBYTE_GAP_S = 0.1
# Leaves the line and the processor alone where a reader answers an empty round at once.
ROUND_GAP_S = 0.005
# One vehicle carries a handful of tags; more than this is a pallet or a fault (hazard D13).
MAX_TAGS_PER_S = 200
# A line that gives nothing but garbage for so long is set wrongly; noise comes and goes.
GARBAGE_S = 3.0
# One refused round is noise, a row of them is a setting or an antenna.
MAX_REFUSED_ROUNDS = 3

_NEXT_STEPS = {
    "port_missing": "check that the reader is plugged in and that the path is right (/dev/serial/by-path)",
    "port_denied": "add the service user to the group of the port (dialout)",
    "port_busy": "stop the other program that holds the port",
    "port_invalid": "correct port and baud in the configuration",
    "port_unreachable": "check the serial server's power, network and address",
    "port_failed": "unplug the reader, plug it in again, and see dmesg",
    "lost": "check cable and power; the lane reconnects by itself",
    "write_stalled": "check flow control and cable; the lane reconnects by itself",
    "silent": "check power, cable, baud rate and the address setting of the reader",
    "garbled": "check wiring, shield and interference, then the baud rate",
    "line_settings": "set baud in the configuration to what the reader is set to (115200 8N1 as delivered)",
    "refused": "check antenna cables and the antennas in the configuration",
    "endless_round": "restart the reader",
    "not_connected": "wait until the reader is connected",
    "closed": "nothing: the reader was closed on purpose",
}


@dataclass(slots=True)
class ReaderCounters:
    """What the reader has done since it was built. Bytes and checksums are the decoder's."""

    rounds: int = 0
    tags_delivered: int = 0
    tags_stale: int = 0
    tags_surplus: int = 0
    malformed_frames: int = 0
    foreign_frames: int = 0
    own_echoes: int = 0
    refused_rounds: int = 0
    dropped_bytes: int = 0
    checksum_errors: int = 0


class R2000Reader:
    """Implements `edge.ports.TagReader`. Antennas are 0 to 3 as on the wire (the housing prints 1 to 4)."""

    def __init__(
        self,
        name: str,
        port: str,
        *,
        clock: Clock,
        on_tag: DeliverTag,
        baud: int = 115_200,
        antennas: Sequence[int] = (0,),
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        round_silence_s: float = ROUND_SILENCE_S,
        round_limit_s: float = ROUND_LIMIT_S,
        probe_interval_s: float = PROBE_INTERVAL_S,
        garbage_s: float = GARBAGE_S,
        max_tags_per_s: int = MAX_TAGS_PER_S,
    ) -> None:
        if not antennas or not all(0 <= antenna <= MAX_ANTENNA for antenna in antennas):
            raise ValueError(f"antennas {tuple(antennas)}, expected at least one of 0 to {MAX_ANTENNA}")
        self.name = name
        self.address = port
        self._baud = baud
        self._antennas = tuple(antennas)
        self._clock = clock
        self._on_tag = on_tag
        self._answer_timeout_s = answer_timeout_s
        self._round_silence_s = round_silence_s
        self._round_limit_s = round_limit_s
        self._probe_interval_s = probe_interval_s
        self._garbage_s = garbage_s
        self._max_tags_per_s = max_tags_per_s
        self._line: Line | None = None
        self._decoder = FrameDecoder()
        self._counters = ReaderCounters()
        self._loss: DeviceError | None = None
        self._waiter: asyncio.Future[Frame] | None = None
        # What was sent last and was not heard back: a two-wire line carries it to us first (D19).
        self._unechoed = b""
        self._any_frame = False
        self._awaited: frozenset[int] = frozenset()
        self._wake = asyncio.Event()
        self._wanted = False
        # Tags count only while the start that they are wanted for has been fenced off from what was before.
        self._start = 0
        self._fenced_start = -1
        self._frames_seen = 0
        self._bytes_seen = 0
        self._refused_in_a_row = 0
        self._second = 0
        self._tags_this_second = 0

    @property
    def counters(self) -> ReaderCounters:
        """A snapshot of the counters."""
        self._counters.dropped_bytes = self._decoder.dropped_bytes
        self._counters.checksum_errors = self._decoder.checksum_errors
        return self._counters

    async def connect(self) -> None:
        """Open the port and prove that a reader of this family answers. Raises DeviceError."""
        await self.close()
        self._loss = None
        self._start += 1
        self._refused_in_a_row = 0
        self._decoder.reset()
        try:
            self._line = await open_line(
                self.address, self._baud, self._receive, self._lost, timeout_s=self._answer_timeout_s
            )
            await self._first_answer()
        except LineError as error:
            raise self._error(error.code, "an open port", error.detail) from error
        except BaseException:
            await self.close()
            raise

    async def run(self) -> None:
        """Run rounds while an inventory is wanted, probe while not. Ends by DeviceError or cancellation."""
        while True:
            if self._wanted:
                await self._inventory()
                await self._clock.sleep(ROUND_GAP_S)
            else:
                await self._idle()

    async def start_inventory(self) -> None:
        """Discard every tag read so far and read until `stop_inventory`. Raises DeviceError.

        The wish outlives a lost reader: after `connect` and `run` the rounds go on, behind a new fence.
        """
        self._wanted = True
        self._start += 1
        self._wake.set()
        line = self._connected()
        self._decoder.reset()
        line.discard_input()

    async def stop_inventory(self) -> None:
        """Deliver nothing more; the round under way ends on its own. Raises DeviceError where the reader is gone."""
        self._wanted = False
        self._connected()

    async def close(self) -> None:
        """Release the port. Idempotent, never raises."""
        line, self._line = self._line, None
        if line is not None:
            line.close()
            self._lose(self._error("closed", "an open port", "closed by the controller"))

    async def _idle(self) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(self._probe_interval_s):
                await self._wake.wait()
        except TimeoutError:
            await self._select(self._antennas[0])
        if self._loss is not None:
            raise self._loss

    async def _inventory(self) -> None:
        start = self._start
        for antenna in self._antennas:
            if self._fenced_start != start or len(self._antennas) > 1:
                await self._select(antenna)
            if not self._wanted or self._start != start:
                return
            self._fenced_start = start
            await self._round()

    async def _select(self, antenna: int) -> None:
        """Set the antenna; its answer is also the proof of life and the fence behind old tags."""
        expected = f"success {SUCCESS:#04x} to set antenna {antenna}"
        frame = await self._ask(set_antenna(antenna), frozenset({CMD_SET_ANTENNA}), expected)
        if frame.data != bytes((SUCCESS,)):
            raise self._error("refused", expected, f"answer {frame.data.hex(' ') or 'without data'}")

    async def _first_answer(self) -> None:
        """Ask until there is an answer; where nothing but garbage comes for long, the line is set wrongly (D17)."""
        self._any_frame = False
        until_ms = self._clock.now_ms() + self._garbage_s * 1000
        while True:
            try:
                return await self._select(self._antennas[0])
            except DeviceError as error:
                if error.code != "reader_garbled" or self._any_frame:
                    raise
                if self._clock.now_ms() >= until_ms:
                    expected = f"frames at {self._baud} baud 8N1"
                    got = f"nothing else than garbage for {self._garbage_s:g} s, last: {error.got}"
                    raise self._error("line_settings", expected, got) from error

    async def _round(self) -> None:
        expected = "the end of an inventory round"
        frame = await self._ask(realtime_inventory(), INVENTORY_COMMANDS, expected)
        self._counters.rounds += 1
        answer = decode_inventory(frame)
        if not isinstance(answer, RoundError) or answer.code == ERROR_NO_TAG:
            self._refused_in_a_row = 0
            return
        self._counters.refused_rounds += 1
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= MAX_REFUSED_ROUNDS:
            raise self._error("refused", expected, f"error code {answer.code:#04x}")

    async def _ask(self, command: bytes, awaited: frozenset[int], expected: str) -> Frame:
        """Send a command and wait for what ends it; tags seen meanwhile are delivered from `_receive`."""
        line = self._connected()
        is_round = awaited == INVENTORY_COMMANDS
        silence_s = self._round_silence_s if is_round else self._answer_timeout_s
        garbled_before = self._decoder.dropped_bytes + self._decoder.pending
        self._waiter = asyncio.get_running_loop().create_future()
        self._awaited = awaited
        try:
            line.write(command)
            self._unechoed = command
            async with asyncio.timeout(self._round_limit_s):
                return await self._last_frame(self._waiter, silence_s)
        except LineError as error:
            raise self._error(error.code, expected, error.detail) from error
        except _SilenceError as error:
            garbled = self._decoder.dropped_bytes + self._decoder.pending - garbled_before
            if garbled:
                raise self._error("garbled", expected, f"{garbled} bytes that are no frame") from error
            raise self._error("silent", expected, f"nothing for {silence_s:g} s") from error
        except TimeoutError as error:
            raise self._error("endless_round", expected, f"none in {self._round_limit_s:g} s") from error
        finally:
            self._waiter = None

    async def _last_frame(self, waiter: asyncio.Future[Frame], silence_s: float) -> Frame:
        quiet_s = 0.0
        while quiet_s < silence_s:
            frames, received = self._frames_seen, self._bytes_seen
            done, _ = await asyncio.wait({waiter}, timeout=min(INTERBYTE_GAP_S, silence_s))
            if self._bytes_seen == received:
                # Noise that looked like a head may be holding a good frame back.
                self._handle_all(self._decoder.give_up())
            if done or waiter.done():
                return waiter.result()
            quiet_s = quiet_s + INTERBYTE_GAP_S if self._frames_seen == frames else 0.0
        raise _SilenceError

    def _connected(self) -> Line:
        if self._loss is not None:
            raise self._loss
        if self._line is None:
            raise self._error("not_connected", "an open port", "none")
        return self._line

    def _receive(self, data: bytes) -> None:
        self._bytes_seen += len(data)
        self._handle_all(self._decoder.feed(data))

    def _handle_all(self, frames: list[Frame]) -> None:
        for frame in frames:
            self._handle(frame)

    def _handle(self, frame: Frame) -> None:
        self._any_frame = True
        if self._is_own_echo(frame):
            return
        if frame.address != DEFAULT_ADDRESS:
            self._counters.foreign_frames += 1
            return
        if frame.command in INVENTORY_COMMANDS:
            answer = decode_inventory(frame)
            if isinstance(answer, Malformed):
                self._counters.malformed_frames += 1
                return
            self._frames_seen += 1
            if isinstance(answer, TagReport):
                self._deliver(answer)
                return
        if frame.command in self._awaited and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(frame)
        else:
            self._counters.foreign_frames += 1

    def _is_own_echo(self, frame: Frame) -> bool:
        """Say whether this is what we sent ourselves: it comes first, once, and is no answer to anything."""
        if not self._unechoed or encode(frame) != self._unechoed:
            return False
        self._unechoed = b""
        self._counters.own_echoes += 1
        if self._counters.own_echoes == 1:
            logger().warning("reader_echoes", device=self.name, next_step="switch the adapter's local echo off")
        return True

    def _deliver(self, report: TagReport) -> None:
        if not self._wanted or self._fenced_start != self._start:
            self._counters.tags_stale += 1
            return
        now_ms = self._clock.now_ms()
        if now_ms // 1000 != self._second:
            self._second, self._tags_this_second = now_ms // 1000, 0
        self._tags_this_second += 1
        if self._tags_this_second > self._max_tags_per_s:
            self._counters.tags_surplus += 1
            return
        self._counters.tags_delivered += 1
        self._on_tag(TagSighting(report.tag, report.antenna, report.rssi_dbm, now_ms))

    def _lost(self, why: str) -> None:
        self._lose(self._error("lost", "an open line", why))

    def _lose(self, error: DeviceError) -> None:
        self._loss = error
        self._wake.set()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)

    def _error(self, code: str, expected: str, got: str) -> DeviceError:
        return DeviceError(
            f"reader_{code}",
            device=self.name,
            address=self.address,
            expected=expected,
            got=got,
            next_step=_NEXT_STEPS[code],
        )


class _SilenceError(Exception):
    """Nothing usable came from the reader for too long."""
