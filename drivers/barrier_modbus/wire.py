"""The register map of a barrier module as a pure value, and what its bits mean.

Addresses are 0-based, as they are on the wire; how they are written is the configuration's business.
Source of the default map: reference page domain.md, section 4.1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from edge.core.inputs import SIGNAL_NAMES, LaneInputs

Output = Literal["raise", "lower", "stop"]

MAX_ADDRESS = 0xFFFF
MAX_BITS_PER_READ = 2000  # Modbus application protocol 1.1b3, function 2
MAX_REGISTERS_PER_READ = 125  # the same, function 3

PULSE_MS = 400  # inside the 300-500 ms that barrier controllers ask for
# A site without these inputs has nothing that could trip; without the others nothing can be proved.
_ABSENT_MEANS_NOT_TRIPPED = frozenset({"safety_beam", "boom_broken", "emergency_stop", "fire_alarm"})
_REQUIRED = ("arrival_loop", "safety_loop", "boom_up", "boom_down")


@dataclass(frozen=True, slots=True)
class InputPoint:
    """A discrete input. `normally_closed` wiring reads 1 at rest, so that a cut wire reads as tripped."""

    signal: str
    address: int
    normally_closed: bool = False


@dataclass(frozen=True, slots=True)
class Coils:
    """Addresses of the outputs; None where a site has none."""

    raise_boom: int = 0
    lower_boom: int = 1
    stop_boom: int | None = 2
    red: int = 3
    green: int = 4
    siren: int | None = 5
    watchdog: int | None = 7


@dataclass(frozen=True, slots=True)
class PulseCoils:
    """Coils that start a pulse which the module times itself (Moxa ioLogik: 0x0010 and up).

    Such an output falls by itself when the controller dies in the middle of a pulse.
    """

    raise_boom: int = 0x0010
    lower_boom: int = 0x0011
    stop_boom: int | None = 0x0012


@dataclass(frozen=True, slots=True)
class Registers:
    """Holding registers; None where a module has none (a plain I/O module cannot tell that it restarted)."""

    heartbeat: int | None = 0
    boot_counter: int | None = 1
    map_version: int | None = 2
    fault_bits: int | None = 3


_DEFAULT_INPUTS = (
    InputPoint("arrival_loop", 0),
    InputPoint("safety_loop", 2),
    InputPoint("exit_loop", 3),
    InputPoint("safety_beam", 4),
    InputPoint("boom_up", 7),
    InputPoint("boom_down", 8),
    InputPoint("boom_broken", 9),
    InputPoint("emergency_stop", 10),
    InputPoint("fire_alarm", 11),
)


@dataclass(frozen=True, slots=True)
class BarrierMap:
    """Where each signal and output of a lane is. Raises ValueError where the map contradicts itself.

    `hardware_pulse`: raise, lower and stop go to `pulse_coils`, timed by the module; else to `coils`, ON and
    then OFF after `pulse_ms` (50-2000). `version` is what the map version register must hold.
    """

    inputs: tuple[InputPoint, ...] = _DEFAULT_INPUTS
    coils: Coils = field(default_factory=Coils)
    registers: Registers = field(default_factory=Registers)
    hardware_pulse: bool = False
    pulse_coils: PulseCoils = field(default_factory=PulseCoils)
    pulse_ms: int = PULSE_MS
    version: int = 1

    def __post_init__(self) -> None:
        signals = [point.signal for point in self.inputs]
        for signal in signals:
            if signal not in SIGNAL_NAMES:
                raise ValueError(f"unknown signal {signal!r}; known: {', '.join(SIGNAL_NAMES)}")
        for signal in _REQUIRED:
            if signal not in signals:
                raise ValueError(f"signal {signal!r} has no input; nothing could be proved without it")
        _refuse_doubles("signal", signals)
        _check_addresses("discrete input", [point.address for point in self.inputs], MAX_BITS_PER_READ)
        _check_addresses("coil", self.output_addresses(), MAX_ADDRESS + 1)
        _check_addresses("holding register", self.register_addresses(), MAX_REGISTERS_PER_READ)
        if not 50 <= self.pulse_ms <= 2000:
            raise ValueError(f"pulse_ms {self.pulse_ms} is outside 50-2000")
        if not 0 <= self.version <= MAX_ADDRESS:
            raise ValueError(f"version {self.version} does not fit a register")

    def output_addresses(self) -> list[int]:
        """Every coil address that the map uses, pulse coils included where they are used."""
        coils = self.coils
        used = [coils.raise_boom, coils.lower_boom, coils.stop_boom, coils.red, coils.green, coils.siren]
        used.append(coils.watchdog)
        return [address for address in used if address is not None] + self.timed_coils()

    def timed_coils(self) -> list[int]:
        """Coils whose pulse the module times itself; none where `hardware_pulse` is off."""
        if not self.hardware_pulse:
            return []
        coils = (self.pulse_coils.raise_boom, self.pulse_coils.lower_boom, self.pulse_coils.stop_boom)
        return [address for address in coils if address is not None]

    def register_addresses(self) -> list[int]:
        """Every holding register that the map uses."""
        registers = self.registers
        used = (registers.heartbeat, registers.boot_counter, registers.map_version, registers.fault_bits)
        return [address for address in used if address is not None]

    def command_coil(self, output: Output) -> int | None:
        """Address written to command `output`: its pulse coil where the module times pulses. None: no such output."""
        coils = self.pulse_coils if self.hardware_pulse else self.coils
        match output:
            case "raise":
                return coils.raise_boom
            case "lower":
                return coils.lower_boom
            case "stop":
                return coils.stop_boom

    @property
    def input_block(self) -> tuple[int, int]:
        """First address and count of the one read that covers every input."""
        return _block([point.address for point in self.inputs])

    @property
    def register_block(self) -> tuple[int, int] | None:
        """First address and count of the one read that covers every register, None without registers."""
        addresses = self.register_addresses()
        return _block(addresses) if addresses else None


def lane_inputs(map_: BarrierMap, bits: Sequence[bool]) -> LaneInputs:
    """Translate the bits of `map_.input_block` (first address first). Raises ValueError where bits are missing."""
    first, count = map_.input_block
    if len(bits) < count:
        raise ValueError(f"{len(bits)} bits where the map needs {count}")
    values: dict[str, bool] = dict.fromkeys(_ABSENT_MEANS_NOT_TRIPPED, False)
    for point in map_.inputs:
        values[point.signal] = bits[point.address - first] != point.normally_closed
    return LaneInputs(**values)


def _refuse_doubles(what: str, values: Sequence[object]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{what} {value!r} is used twice")


def _check_addresses(what: str, addresses: Sequence[int], most: int) -> None:
    _refuse_doubles(what, addresses)
    for address in addresses:
        if not 0 <= address <= MAX_ADDRESS:
            raise ValueError(f"{what} {address} is outside 0-{MAX_ADDRESS}")
    if addresses and _block(addresses)[1] > most:
        raise ValueError(f"{what} addresses span more than {most}, the most that one read covers")


def _block(addresses: Sequence[int]) -> tuple[int, int]:
    first = min(addresses)
    return first, max(addresses) - first + 1
