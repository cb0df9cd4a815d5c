"""The barrier and its inputs over one Modbus connection: `edge.ports.Inputs`, `Barrier` and `Siren`.

A command is written once. Where its reply is lost or wrong the connection is destroyed and the coil is read
back over a new one, only to say in `DeviceError.outcome` whether it acted. Nothing here repeats a movement;
what withdraws one (output OFF, stop, red) may reconnect and be tried again.
"""

import asyncio
from contextlib import suppress

from drivers.barrier_modbus.again import RecordedScans
from drivers.barrier_modbus.link import LinkCounters, StrictLink
from drivers.barrier_modbus.target import Target
from drivers.barrier_modbus.turns import Turns
from drivers.barrier_modbus.wire import BarrierMap, Output, lane_inputs
from edge.core.inputs import LaneInputs
from edge.ports import Clock, CommandOutcome, DeliverInputs, DeviceError, Light, Tap

HEARTBEAT_MS = 1000  # a third of the 3 s after which the module releases its outputs
RELEASE_TRIES = 2
MOST_PATTERNS = 256


class ModbusBarrier:
    """One lane's barrier module. Every method raises only DeviceError; one supervisor connects, runs and closes.

    `poll_ms` is the scan period, `timeout_s` the wait for a connection and for each reply. A command reaches the
    wire after at most one request of the scan. `fault_bits` is the module's fault register of the last scan.
    """

    def __init__(
        self,
        *,
        name: str,
        target: Target,
        clock: Clock,
        on_inputs: DeliverInputs,
        map: BarrierMap | None = None,
        poll_ms: int = 50,
        timeout_s: float = 0.3,
    ) -> None:
        self.name = name
        self.address = target.address
        self.counters = LinkCounters()
        self.fault_bits = 0
        self.tap: Tap | None = None
        self._target = target
        self._timeout_s = timeout_s
        self._map = map or BarrierMap()
        self._input_block, self._register_block = self._map.input_block, self._map.register_block
        self._patterns: dict[tuple[bool, ...], LaneInputs] = {}
        self._poll_ms = poll_ms
        self._clock = clock
        self._on_inputs = on_inputs
        self._turns = Turns()
        self._recorded = RecordedScans(target.is_rtu, self._scanned_again)
        self._link: StrictLink | None = None
        self._failure: DeviceError | None = None
        self._boot: int | None = None
        self._held: dict[int, asyncio.Task[None]] = {}
        self._releases: set[asyncio.Task[None]] = set()
        self._siren_on = False
        self._beat = 0
        self._beat_at_ms: int | None = None

    # --- Device -------------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Connect, check the map version, and release any movement output that an earlier controller left on."""
        async with self._turns.command():
            self._drop_link()
            self._link, self._boot = await self._open()
            self._failure = self._beat_at_ms = None
            try:
                await self._release_leftovers(self._link)
            except DeviceError:
                self._drop_link()
                raise

    async def run(self) -> None:
        """Scan, deliver and send the heartbeat until the module is lost or a command found it unreliable."""
        while self._failure is None:
            started_ms = self._clock.now_ms()
            try:
                await self._scan()
                await self._heartbeat()
            except DeviceError as error:
                # A command that failed first is the cause; this scan only met its consequence.
                self._fail(error)
                continue
            spent_ms = self._clock.now_ms() - started_ms
            await self._clock.sleep(max(0, self._poll_ms - spent_ms) / 1000)
        raise self._failure

    async def close(self) -> None:
        """Release outputs that are still held, silence the siren, then release the connection."""
        for address in list(self._held):
            self._forget(address)
            await self._switch_off(address)
        if self._releases:
            await asyncio.wait(self._releases)
        if self._siren_on:
            self._siren_on = False
            with suppress(DeviceError):
                await self.set_siren(False)
        async with self._turns.command():
            self._drop_link()

    # --- Barrier ------------------------------------------------------------------------------------------------

    async def raise_boom(self) -> None:
        """Pulse the raise output once; returns when the module has confirmed its start."""
        await self._move("raise", "lower")

    async def lower_boom(self) -> None:
        """Pulse the lower output once; returns when the module has confirmed its start."""
        await self._move("lower", "raise")

    async def stop_boom(self) -> None:
        """Release the lower output, then pulse stop where there is one. Reconnects where the line is down."""
        async with self._turns.command():
            lower = self._coil("lower")
            stop = self._map.command_coil("stop")
            try:
                await self._write(await self._usable(), lower, False)
                self._forget(lower)
            finally:
                # Also after a failed release: either of the two stops the boom.
                if stop is not None:
                    await self._start_pulse(await self._usable(), stop)

    async def set_light(self, light: Light) -> None:
        """Switch the other light off, then this one on; never both on. Red reconnects where the line is down."""
        coils = self._map.coils
        on, off = (coils.red, coils.green) if light == "red" else (coils.green, coils.red)
        async with self._turns.command():
            await self._clear_the_way(await self._usable() if light == "red" else self._connected(), off)
            await self._write(await self._usable() if light == "red" else self._connected(), on, True)

    # --- Siren --------------------------------------------------------------------------------------------------

    async def set_siren(self, on: bool) -> None:
        """Switch the siren's output, after every command that waits. Raises `barrier_no_siren` where there is none."""
        coil = self._map.coils.siren
        if coil is None:
            raise self._error("barrier_no_siren", "a siren in the map", "none", "not_done")
        async with self._turns.poll():
            link = self._connected()
            try:
                await link.write_coil(coil, on)
            except DeviceError as error:
                if not link.connected:
                    self._fail(error)
                raise
            self._siren_on = on

    # --- scan ---------------------------------------------------------------------------------------------------

    async def _scan(self) -> None:
        async with self._turns.poll():
            sent_at_ms = self._clock.now_ms()
            bits = await self._connected().read_inputs(*self._input_block)
        # Read after the inputs: an unchanged boot counter then proves that they are of the boot we know.
        async with self._turns.poll():
            boot = await self._read_registers(self._connected())
        if boot != self._boot:
            raise self._rebooted(boot)
        self._on_inputs(self._meaning(tuple(bits)), sent_at_ms)

    def _meaning(self, bits: tuple[bool, ...]) -> LaneInputs:
        """What the bits say. A lane shows few patterns, again and again: each is translated once."""
        found = self._patterns.get(bits)
        if found is None:
            if len(self._patterns) >= MOST_PATTERNS:
                self._patterns.clear()
            found = self._patterns[bits] = lane_inputs(self._map, bits)
        return found

    async def _heartbeat(self) -> None:
        now_ms = self._clock.now_ms()
        if self._beat_at_ms is not None and now_ms - self._beat_at_ms < HEARTBEAT_MS:
            return
        self._beat_at_ms = now_ms
        self._beat = (self._beat + 1) & 0xFFFF
        if (register := self._map.registers.heartbeat) is not None:
            async with self._turns.poll():
                await self._connected().write_register(register, self._beat)
        if (coil := self._map.coils.watchdog) is not None:
            async with self._turns.poll():
                await self._connected().write_coil(coil, bool(self._beat & 1))

    # --- commands; the caller holds the line --------------------------------------------------------------------

    async def _move(self, output: Output, opposite: Output) -> None:
        async with self._turns.command():
            link = self._connected()
            against = self._coil(opposite)
            if against in self._held:
                await self._clear_the_way(link, against)
                self._forget(against)
            await self._start_pulse(link, self._coil(output))

    async def _clear_the_way(self, link: StrictLink, address: int) -> None:
        """Switch off what excludes the commanded output; where that fails, the command itself was not sent."""
        try:
            await self._write(link, address, False)
        except DeviceError as error:
            raise self._error(error.code, error.expected, error.got, "not_done") from error

    async def _start_pulse(self, link: StrictLink, address: int) -> None:
        try:
            await self._write(link, address, True)
        finally:
            # Also where the module refused it: one that acted all the same would leave the output on for ever.
            self._hold(address)

    async def _write(self, link: StrictLink, address: int, value: bool) -> None:
        try:
            await link.write_coil(address, value)
        except DeviceError as error:
            if not link.connected:
                self._fail(error)
            if error.outcome != "unknown":
                raise
            raise await self._read_back(error, address, value) from error

    async def _read_back(self, error: DeviceError, address: int, value: bool) -> DeviceError:
        """Find out, without writing, whether an unconfirmed write acted; say so in the returned error."""
        outcome: CommandOutcome = "unknown"
        known_boot, was_held = self._boot, address in self._held
        try:
            link = await self._usable()
            state = await link.read_coil(address)
        except DeviceError as second:
            got = f"{error.got}; read back failed: {second.got}"
        else:
            got = f"{error.got}; coil:{address} reads {int(state)}"
            if not was_held and self._boot == known_boot:
                outcome = self._judge(address, wrote=value, reads=state)
        return self._error("barrier_write_unconfirmed", f"coil:{address} = {int(value)} confirmed", got, outcome)

    def _judge(self, address: int, *, wrote: bool, reads: bool) -> CommandOutcome:
        if wrote == reads:
            return "done"
        # A pulse that the module timed itself may have come and gone.
        return "unknown" if wrote and address in self._map.timed_coils() else "not_done"

    # --- pulses -------------------------------------------------------------------------------------------------

    def _hold(self, address: int) -> None:
        self._forget(address)
        task = asyncio.create_task(self._release_later(address), name=f"{self.name}-pulse-{address}")
        self._held[address] = task
        task.add_done_callback(lambda ended: self._release_unstarted(address, ended))

    def _forget(self, address: int) -> None:
        if task := self._held.pop(address, None):
            task.cancel()

    async def _release_later(self, address: int) -> None:
        try:
            await self._clock.sleep(self._map.pulse_ms / 1000)
        finally:
            # Also when the program ends in the middle of a pulse, but not when someone else released it.
            if self._held.get(address) is asyncio.current_task():
                del self._held[address]
                await self._switch_off(address)

    def _release_unstarted(self, address: int, ended: asyncio.Task[None]) -> None:
        # A task that is cancelled before its first step never reaches its `finally`.
        if self._held.get(address) is ended:
            del self._held[address]
            task = asyncio.create_task(self._switch_off(address), name=f"{self.name}-release-{address}")
            self._releases.add(task)
            task.add_done_callback(self._releases.discard)

    async def _switch_off(self, address: int) -> None:
        if self._map.hardware_pulse:
            return
        async with self._turns.command():
            for _ in range(RELEASE_TRIES):
                try:
                    await (await self._usable()).write_coil(address, False)
                except DeviceError as error:
                    # The supervisor reconnects, and connecting releases what is still on.
                    self._fail(error)
                else:
                    return

    async def _release_leftovers(self, link: StrictLink) -> None:
        for address in self._plain_movements():
            if await link.read_coil(address):
                self._forget(address)
                await link.write_coil(address, False)

    def _plain_movements(self) -> list[int]:
        coils = self._map.coils
        return [a for a in (coils.raise_boom, coils.lower_boom, coils.stop_boom) if a is not None]

    def hear_again(self, sent: bool, data: bytes, *, wanted: bool) -> None:  # noqa: ARG002 - inputs always count
        """Take recorded bytes as they crossed the wire once, with the map of now."""
        self._recorded.take(sent, data, self._clock.now_ms())

    def _scanned_again(self, first: int, bits: list[bool], at_ms: int) -> None:
        """A scan of that time: of another block of addresses it says what the two have in common, or nothing."""
        start, count = self._input_block
        if first <= start and first + len(bits) >= start + count:
            self._on_inputs(self._meaning(tuple(bits[start - first :][:count])), at_ms)

    # --- connection ---------------------------------------------------------------------------------------------

    def _new_link(self) -> StrictLink:
        """A connection that is not open yet."""
        return StrictLink(self.name, self._target, self._timeout_s, self.counters, self.tap)

    async def _open(self) -> tuple[StrictLink, int | None]:
        """Connect and prove the register map; the boot counter comes with it."""
        link = self._new_link()
        try:
            await link.open()
            return link, await self._read_registers(link)
        except BaseException:
            # Cancellation included: a half-open connection must not stay behind.
            link.abort()
            raise

    async def _read_registers(self, link: StrictLink) -> int | None:
        """Read all registers, refuse a foreign map version, keep the fault bits, return the boot counter."""
        block = self._register_block
        if block is None:
            return None
        values = await link.read_registers(*block)
        registers, first = self._map.registers, block[0]
        if registers.map_version is not None and values[registers.map_version - first] != self._map.version:
            found = values[registers.map_version - first]
            raise self._error("barrier_map_version", f"map version {self._map.version}", str(found), "not_done")
        if registers.fault_bits is not None:
            self.fault_bits = values[registers.fault_bits - first]
        return None if registers.boot_counter is None else values[registers.boot_counter - first]

    async def _usable(self) -> StrictLink:
        """The open connection, or a new one; after a failure it serves withdrawals until the supervisor's connect."""
        if self._link is None or not self._link.connected:
            self._drop_link()
            self._link, boot = await self._open()
            if boot != self._boot:
                self._failure = self._failure or self._rebooted(boot)
                self._boot = boot
        return self._link

    def _connected(self) -> StrictLink:
        if self._link is None or self._failure is not None:
            raise self._error("barrier_not_connected", "a connected module", "none", "not_done")
        return self._link

    def _coil(self, output: Output) -> int:
        address = self._map.command_coil(output)
        assert address is not None, "the map always has raise and lower"
        return address

    def _fail(self, error: DeviceError) -> None:
        self._failure = self._failure or error
        self._drop_link()

    def _drop_link(self) -> None:
        if self._link is not None:
            self._link.abort()
            self._link = None

    def _rebooted(self, boot: int | None) -> DeviceError:
        return self._error("barrier_rebooted", f"boot counter {self._boot}", str(boot), "not_done")

    def _error(self, code: str, expected: str, got: str, outcome: CommandOutcome) -> DeviceError:
        return DeviceError(
            code,
            device=self.name,
            address=self.address,
            expected=expected,
            got=got,
            next_step=_NEXT_STEPS.get(code, "check power, cable and address of the I/O module"),
            outcome=outcome,
        )


_NEXT_STEPS = {
    "barrier_no_siren": "name the siren's coil in map.coils.siren",
    "barrier_map_version": "load the map that the configuration names, or configure the module's own",
    "barrier_rebooted": "wait for the reconnect; look for a power dip at the I/O module",
    "barrier_write_unconfirmed": "look at the boom; the command is not repeated",
}
