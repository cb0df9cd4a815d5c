"""How a barrier's module is wired, from its configuration into the values of its driver."""

from config.devices import Barrier
from config.modbus_map import CoilMap, ModbusMap, PulseCoilMap, RegisterMap
from drivers.barrier_modbus.driver import ModbusBarrier
from drivers.barrier_modbus.target import Target
from drivers.barrier_modbus.wire import BarrierMap, Coils, InputPoint, PulseCoils, Registers
from edge.ports import Clock, DeliverInputs


def barrier_target(configured: Barrier) -> Target:
    """Return where the module is and how it is spoken to."""
    settings = configured.model_dump(include={"transport", "port", "baud", "parity", "stop_bits", "device_id"})
    return Target(host=configured.host or "", serial_port=configured.serial_port or "", **settings)


def barrier_map(configured: ModbusMap) -> BarrierMap:
    """Translate the configured addresses."""
    points = [(name, getattr(configured.signals, name)) for name in type(configured.signals).model_fields]
    return BarrierMap(
        inputs=tuple(InputPoint(name, point.address, point.inverted) for name, point in points if point is not None),
        coils=Coils(**_addresses(configured.coils)),
        registers=Registers(**_addresses(configured.registers)),
        hardware_pulse=configured.hardware_pulse,
        pulse_coils=PulseCoils(**_addresses(configured.pulse_coils)),
        pulse_ms=configured.pulse_ms,
        version=configured.version,
    )


def _addresses(table: CoilMap | RegisterMap | PulseCoilMap) -> dict[str, int]:
    return {name: getattr(table, name) for name in type(table).model_fields}


def modbus_barrier(configured: Barrier, clock: Clock, on_inputs: DeliverInputs) -> ModbusBarrier:
    """Build the driver of a module."""
    return ModbusBarrier(
        name=configured.id,
        target=barrier_target(configured),
        map=barrier_map(configured.map),
        poll_ms=configured.poll_ms,
        timeout_s=configured.timeout_ms / 1000,
        clock=clock,
        on_inputs=on_inputs,
    )
