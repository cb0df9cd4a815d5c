"""The barrier's I/O module on Modbus TCP or RTU: inputs and registers show a `Plant`, coils drive it."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from drivers.barrier_modbus.wire import BarrierMap, InputPoint
from simulators.devices.barrier_plant import Plant
from simulators.devices.modbus_pdu import ILLEGAL_ADDRESS, ModbusRefusalError, ReplyFaults
from simulators.devices.modbus_rtu import RtuServer
from simulators.devices.modbus_server import ModbusServer

INPUT_COUNT = 32
COIL_COUNT = 32
REGISTER_COUNT = 16


class BarrierSimulator:
    """A module on a real port; `transport` `rtu` is a pty, with `symlink` as its lasting name.

    `faults` makes its replies hostile, `plant.faults` its boom and signals.
    `input_count`, `coils` and `register_count` are what the module has; other addresses it refuses. `comm_loss`: each
    request is a sign of life, as to modules that let their outputs go where nobody asks them anything any more.
    `refresh` is called before each request and brings the physical world up to now (default: the plant alone);
    it may be assigned while it runs.
    `map_` is the module's own wiring; where it differs from the driver's, the lane is wired wrongly.
    """

    def __init__(
        self,
        plant: Plant,
        *,
        transport: Literal["tcp", "rtu", "rtu_over_tcp"] = "tcp",
        symlink: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        device_id: int = 1,
        map_: BarrierMap | None = None,
        input_count: int = INPUT_COUNT,
        coils: range = range(COIL_COUNT),
        register_count: int = REGISTER_COUNT,
        comm_loss: bool = False,
        refresh: Callable[[], None] | None = None,
    ) -> None:
        self.plant = plant
        self.map = map_ or BarrierMap()
        self.refresh: Callable[[], None] = refresh or plant.advance
        self._inputs: dict[int, InputPoint] = {point.address: point for point in self.map.inputs}
        self._outputs = _outputs(self.map)
        self._pulses = _pulses(self.map)
        self._pulse_until_ms: dict[int, int] = {}
        self._input_count, self._register_count = input_count, register_count
        self._coils = {*coils, *self._pulses}
        self._comm_loss = comm_loss
        self._server: ModbusServer | RtuServer
        if transport == "tcp":
            self._server = ModbusServer(self, host=host, port=port, device_id=device_id)
        else:
            over_tcp = transport == "rtu_over_tcp"
            self._server = RtuServer(self, device_id=device_id, tcp=over_tcp, host=host, port=port, symlink=symlink)

    @property
    def server(self) -> ModbusServer | RtuServer:
        """The server underneath: its request counts, its last frames, cutting its connections."""
        return self._server

    @property
    def port(self) -> int:
        """The TCP port, known after `start`."""
        return self._server.port

    @property
    def path(self) -> str:
        """The serial port to open, known after `start`; empty over TCP."""
        return self._server.path

    @property
    def faults(self) -> ReplyFaults:
        """The switches for hostile replies; assign a new `ReplyFaults` to change several at once."""
        return self._server.faults

    @faults.setter
    def faults(self, faults: ReplyFaults) -> None:
        self._server.faults = faults

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        await self._server.start()

    async def stop(self) -> None:
        """Stop listening and cut connections; the plant lives on, `start` brings the module back."""
        await self._server.stop()

    def restart(self) -> None:
        """Power dip of the module: connections cut, outputs dropped, boot counter counted on."""
        self.plant.restart()
        self._pulse_until_ms.clear()
        self._server.drop_connections()

    # --- ModbusDevice -------------------------------------------------------------------------------------------

    def read_bits(self, function: int, first: int, count: int) -> list[bool]:
        """Coils (function 1) or discrete inputs (function 2) as they are now."""
        self._asked()
        if function == 1:
            self._check_coils(first, count)
            return [self._coil(address) for address in range(first, first + count)]
        _check(first, count, self._input_count)
        signals = self.plant.signals()
        bits = [False] * count
        for address, point in self._inputs.items():
            if first <= address < first + count:
                bits[address - first] = signals[point.signal] != point.normally_closed
        return bits

    def read_registers(self, first: int, count: int) -> list[int]:
        """Holding registers as they are now."""
        self._asked()
        _check(first, count, self._register_count)
        registers, plant = self.map.registers, self.plant
        values = {
            registers.heartbeat: plant.heartbeat,
            registers.boot_counter: plant.boot_counter,
            registers.map_version: plant.map_version,
            registers.fault_bits: plant.fault_bits,
        }
        return [values.get(address, 0) for address in range(first, first + count)]

    def write_coil(self, address: int, value: bool) -> None:
        """Drive an output; a pulse coil runs its pulse when it is switched on."""
        self._asked()
        self._check_coils(address, 1)
        if name := self._outputs.get(address):
            self.plant.write_output(name, value)
        elif name := self._pulses.get(address):
            self._pulse_until_ms.pop(address, None)
            if value:
                self._pulse_until_ms[address] = self.plant.now_ms() + self.map.pulse_ms
                self.plant.pulse(name)

    def write_register(self, address: int, value: int) -> None:
        """Accept the heartbeat; every other register is read-only."""
        self._asked()
        if address != self.map.registers.heartbeat:
            raise ModbusRefusalError(ILLEGAL_ADDRESS)
        self.plant.write_heartbeat(value)

    def _asked(self) -> None:
        self.refresh()
        if self._comm_loss:
            self.plant.sign_of_life()

    def _check_coils(self, first: int, count: int) -> None:
        if not self._coils.issuperset(range(first, first + count)):
            raise ModbusRefusalError(ILLEGAL_ADDRESS)

    def _coil(self, address: int) -> bool:
        if name := self._outputs.get(address):
            return self.plant.outputs[name]
        return self._pulse_until_ms.get(address, 0) > self.plant.now_ms()


def _outputs(map_: BarrierMap) -> dict[int, str]:
    coils = map_.coils
    places = {
        "raise": coils.raise_boom,
        "lower": coils.lower_boom,
        "stop": coils.stop_boom,
        "red": coils.red,
        "green": coils.green,
        "siren": coils.siren,
        "watchdog": coils.watchdog,
    }
    return {address: name for name, address in places.items() if address is not None}


def _pulses(map_: BarrierMap) -> dict[int, str]:
    if not map_.hardware_pulse:
        return {}
    coils = map_.pulse_coils
    places = {"raise": coils.raise_boom, "lower": coils.lower_boom, "stop": coils.stop_boom}
    return {address: name for name, address in places.items() if address is not None}


def _check(first: int, count: int, size: int) -> None:
    if first + count > size:
        raise ModbusRefusalError(ILLEGAL_ADDRESS)
