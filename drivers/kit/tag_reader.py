"""A UHF reader on a stream, of any protocol, as a `TagReader`: one owner of the wire, rounds while they are wanted.

Tags of an earlier vehicle never reach the lane (hazard D11): every start sends a command first and throws away
all that comes before its answer, because readers answer in order. What a protocol says is its `Dialect`.
"""

import asyncio
from collections.abc import Sequence
from typing import Generic, TypeVar

from drivers.kit.dialect import NEXT_STEPS, NOTHING_HEARD, Ask, Dialect, Heard, Pace, ReaderCounters
from drivers.kit.line import Line, LineError, open_line
from drivers.kit.wire import TagReport
from edge.core.readings import TagSighting
from edge.log import logger
from edge.ports import Clock, DeliverTag, DeviceError, Tap

# At 9600 baud and above the bytes of one frame follow each other within a millisecond, behind a serial server within
# some ten: a frame unfinished after this never will be.
INTERBYTE_GAP_S = 0.1
# Leaves the line and the processor alone where a reader answers an empty round at once.
ROUND_GAP_S = 0.005
# One refused round is noise, a row of them is a setting or an antenna.
MAX_REFUSED_ROUNDS = 3

F = TypeVar("F")


class StreamTagReader(Generic[F]):
    """Implements `edge.ports.TagReader` for one `Dialect`. Raises ValueError for antennas that it does not have."""

    def __init__(
        self,
        name: str,
        port: str,
        dialect: Dialect[F],
        *,
        clock: Clock,
        on_tag: DeliverTag,
        baud: int,
        antennas: Sequence[int] = (0,),
        pace: Pace | None = None,
    ) -> None:
        most = dialect.most_antennas - 1
        if not antennas or not all(0 <= antenna <= most for antenna in antennas):
            raise ValueError(f"antennas {tuple(antennas)}, expected at least one of 0 to {most}")
        self.name = name
        self.address = port
        self.tap: Tap | None = None
        self._dialect = dialect
        self._baud = baud
        self._antennas = tuple(antennas)
        self._clock = clock
        self._on_tag = on_tag
        self._pace = pace or Pace()
        self._line: Line | None = None
        self._decoder = dialect.decoder()
        self._counters = ReaderCounters()
        self._loss: DeviceError | None = None
        self._waiter: asyncio.Future[Heard] | None = None
        # What came last without having been asked for: a reader may speak first, before anybody waits.
        self._unasked: Heard | None = None
        # What was sent last and was not heard back: a two-wire line carries it to us first (D19).
        self._unechoed = b""
        self._any_frame = False
        self._awaited: frozenset[int] = frozenset()
        self._wake = asyncio.Event()
        self._wanted = False
        # Tags count only while the start that they are wanted for has been fenced off from what was before.
        self._start = 0
        self._fenced_start = -1
        self._alive_seen = 0
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
        self._loss = self._unasked = None
        self._start += 1
        self._refused_in_a_row = 0
        self._decoder.reset()
        try:
            timeout_s = self._pace.answer_timeout_s
            self._line = await open_line(
                self.address, self._baud, self._receive, self._lost, timeout_s=timeout_s, tap=self.tap
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
        # While an answer is awaited nothing may be thrown away with it: the fence behind it marks what is old.
        if self._waiter is None:
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

    def hear_again(self, sent: bool, data: bytes, *, wanted: bool) -> None:
        """Take recorded bytes as they crossed the wire once; tags count where they were wanted."""
        if sent:
            self._unechoed = data
            return
        self._wanted, self._fenced_start = wanted, self._start
        self._receive(data)

    async def _idle(self) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(self._pace.probe_interval_s):
                await self._wake.wait()
        except TimeoutError:
            await self._obeyed(self._dialect.fence(self._antennas[0]))
        if self._loss is not None:
            raise self._loss

    async def _inventory(self) -> None:
        start = self._start
        for antenna in self._antennas:
            if self._fenced_start != start or len(self._antennas) > 1:
                await self._obeyed(self._dialect.fence(antenna))
            if not self._wanted or self._start != start:
                return
            self._fenced_start = start
            await self._round(antenna)

    async def _obeyed(self, ask: Ask) -> None:
        """Ask, and raise where the reader refuses what it must not."""
        heard = await self._ask(ask)
        if heard.refusal and not ask.may_refuse:
            raise self._error("refused", ask.expected, heard.refusal, heard.next_step)

    async def _first_answer(self) -> None:
        """Ask until there is an answer; where nothing but garbage comes for long, the line is set wrongly (D17)."""
        self._any_frame = False
        until_ms = self._clock.now_ms() + self._pace.garbage_s * 1000
        while True:
            try:
                for ask in self._dialect.hello(self._antennas[0]):
                    await self._obeyed(ask)
                return
            except DeviceError as error:
                if error.code != "reader_garbled" or self._any_frame:
                    raise
                if self._clock.now_ms() >= until_ms:
                    expected = f"frames at {self._baud} baud 8N1"
                    got = f"nothing else than garbage for {self._pace.garbage_s:g} s, last: {error.got}"
                    raise self._error("line_settings", expected, got) from error

    async def _round(self, antenna: int) -> None:
        asks = self._dialect.round(antenna)
        ask = next(asks)
        while True:
            heard = await self._ask(ask)
            if heard.refusal and not ask.may_refuse:
                break
            try:
                ask = asks.send(heard)
            except StopIteration:
                break
        self._counters.rounds += 1
        if not heard.refusal or ask.may_refuse:
            self._refused_in_a_row = 0
            return
        self._counters.refused_rounds += 1
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= MAX_REFUSED_ROUNDS:
            raise self._error("refused", ask.expected, heard.refusal, heard.next_step)

    async def _ask(self, ask: Ask) -> Heard:
        """Send a command and wait for what ends it; tags seen meanwhile are delivered from `_receive`."""
        unasked = self._unasked
        if not ask.command and unasked is not None and unasked.command in ask.answered_by:
            self._unasked = None
            return unasked
        line = self._connected()
        silence_s = self._pace.round_silence_s if ask.is_round else self._pace.answer_timeout_s
        garbled_before = self._decoder.dropped_bytes + self._decoder.pending
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        self._awaited = ask.answered_by
        try:
            if ask.command:
                line.write(ask.command)
            self._tell(True, f"expecting {ask.expected}")
            self._unechoed = ask.command
            if ask.pause_s:
                await asyncio.wait({waiter}, timeout=ask.pause_s)
                # Nothing is awaited: only a loss ends the pause early, and has to be told.
                return waiter.result() if waiter.done() else NOTHING_HEARD
            async with asyncio.timeout(self._pace.round_limit_s):
                return await self._last_frame(waiter, silence_s)
        except LineError as error:
            raise self._error(error.code, ask.expected, error.detail) from error
        except _SilenceError as error:
            garbled = self._decoder.dropped_bytes + self._decoder.pending - garbled_before
            if garbled:
                raise self._error("garbled", ask.expected, f"{garbled} bytes that are no frame") from error
            raise self._error("silent", ask.expected, f"nothing for {silence_s:g} s") from error
        except TimeoutError as error:
            raise self._error("endless_round", ask.expected, f"none in {self._pace.round_limit_s:g} s") from error
        finally:
            self._waiter = None

    async def _last_frame(self, waiter: asyncio.Future[Heard], silence_s: float) -> Heard:
        quiet_s = 0.0
        while quiet_s < silence_s:
            alive, received = self._alive_seen, self._bytes_seen
            done, _ = await asyncio.wait({waiter}, timeout=min(INTERBYTE_GAP_S, silence_s))
            if self._bytes_seen == received:
                # Noise that looked like a head may be holding a good frame back.
                self._handle_all(self._decoder.give_up())
            if done or waiter.done():
                return waiter.result()
            quiet_s = quiet_s + INTERBYTE_GAP_S if self._alive_seen == alive else 0.0
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

    def _handle_all(self, frames: list[F]) -> None:
        for frame in frames:
            self._handle(frame)

    def _handle(self, frame: F) -> None:
        self._any_frame = True
        if self._is_own_echo(frame):
            return
        heard = self._dialect.hear(frame)
        self._tell(False, "not for us" if heard is None else heard.words)
        if heard is None:
            self._counters.foreign_frames += 1
            return
        if heard.malformed:
            self._counters.malformed_frames += 1
        else:
            self._alive_seen += 1
        for tag in heard.tags:
            self._deliver(tag)
        if heard.reply:
            self._reply(heard.reply)
        if not heard.ends:
            return
        if heard.command in self._awaited and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(heard)
        else:
            self._unasked = heard
            self._counters.foreign_frames += 1

    def _reply(self, data: bytes) -> None:
        """Send back what a reader waits for in between. A recording that is heard again has nobody to answer."""
        if self._line is None:
            return
        try:
            self._line.write(data)
        except LineError as error:
            self._lose(self._error(error.code, "an open line", error.detail))

    def _is_own_echo(self, frame: F) -> bool:
        """Say whether this is what we sent ourselves: it comes first, once, and is no answer to anything."""
        if not self._unechoed or not self._dialect.is_echo(frame, self._unechoed):
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
        if self._tags_this_second > self._pace.max_tags_per_s:
            self._counters.tags_surplus += 1
            return
        self._counters.tags_delivered += 1
        self._on_tag(TagSighting(report.tag, report.antenna, report.rssi_dbm, now_ms))

    def _tell(self, sent: bool, words: str) -> None:
        if self.tap is not None and self.tap.wants_words:
            self.tap.understood(sent, words)

    def _lost(self, why: str) -> None:
        # Where what was written ended it, that is the cause.
        if self._loss is None:
            self._lose(self._error("lost", "an open line", why))

    def _lose(self, error: DeviceError) -> None:
        self._loss = error
        self._wake.set()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)

    def _error(self, code: str, expected: str, got: str, next_step: str = "") -> DeviceError:
        return DeviceError(
            f"reader_{code}",
            device=self.name,
            address=self.address,
            expected=expected,
            got=got,
            next_step=next_step or NEXT_STEPS[code],
        )


class _SilenceError(Exception):
    """Nothing usable came from the reader for too long."""
