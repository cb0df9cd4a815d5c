"""Where the inputs, outputs and registers of a barrier's module are."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from config.fields import CoilAddress, DiscreteAddress, HoldingAddress, Strict


class SignalPoint(Strict):
    """Where a signal is. `inverted`: the input reads 1 at rest (normally closed wiring)."""

    address: DiscreteAddress
    inverted: bool = False


def _short_form(value: object) -> object:
    return {"address": value} if isinstance(value, str | int) and not isinstance(value, bool) else value


Signal = Annotated[SignalPoint, BeforeValidator(_short_form)]


def _at(address: int) -> SignalPoint:
    return SignalPoint.model_construct(address=address, inverted=False)


class SignalMap(Strict):
    """Inputs of a lane; a signal left out does not exist there. The four without a default prove something.

    The beams at the ends of a scale come as a pair: one alone proves of no vehicle that it stands on it as a whole.
    """

    arrival_loop: Signal
    safety_loop: Signal
    boom_up: Signal
    boom_down: Signal
    exit_loop: Signal | None = None
    safety_beam: Signal | None = None
    boom_broken: Signal | None = None
    emergency_stop: Signal | None = None
    fire_alarm: Signal | None = None
    scale_front_beam: Signal | None = None
    scale_rear_beam: Signal | None = None
    red_lamp_on: Signal | None = None
    green_lamp_on: Signal | None = None


class CoilMap(Strict):
    """Outputs of a lane; null or left out where a site has none."""

    raise_boom: CoilAddress
    lower_boom: CoilAddress
    red: CoilAddress
    green: CoilAddress
    stop_boom: CoilAddress | None = None
    siren: CoilAddress | None = None
    watchdog: CoilAddress | None = None


class PulseCoilMap(Strict):
    """Coils that start a pulse which the module times itself (Moxa ioLogik: from coil:16)."""

    raise_boom: CoilAddress = 16
    lower_boom: CoilAddress = 17
    stop_boom: CoilAddress | None = 18


class RegisterMap(Strict):
    """Holding registers of a lane controller; null or left out on a plain I/O module."""

    heartbeat: HoldingAddress | None = None
    boot_counter: HoldingAddress | None = None
    map_version: HoldingAddress | None = None
    fault_bits: HoldingAddress | None = None


def _default_signals() -> SignalMap:
    return SignalMap.model_construct(
        arrival_loop=_at(0), safety_loop=_at(2), boom_up=_at(7), boom_down=_at(8), exit_loop=_at(3), safety_beam=_at(4),
        boom_broken=_at(9), emergency_stop=_at(10), fire_alarm=_at(11),
    )  # fmt: skip


def _default_coils() -> CoilMap:
    return CoilMap.model_construct(raise_boom=0, lower_boom=1, stop_boom=2, red=3, green=4, siren=5, watchdog=7)


def _default_registers() -> RegisterMap:
    return RegisterMap.model_construct(heartbeat=0, boot_counter=1, map_version=2, fault_bits=3)


class ModbusMap(Strict):
    """Addresses of one barrier module. A table that is left out is the default one of domain.md 4.1."""

    signals: SignalMap = Field(default_factory=_default_signals)
    coils: CoilMap = Field(default_factory=_default_coils)
    registers: RegisterMap = Field(default_factory=_default_registers)
    hardware_pulse: bool = False
    pulse_coils: PulseCoilMap = PulseCoilMap()
    pulse_ms: int = Field(default=400, ge=50, le=2_000)
    version: int = Field(default=1, ge=0, le=65_535)
