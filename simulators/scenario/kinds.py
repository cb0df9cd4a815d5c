"""Which device simulators a scenario's lane can have, one line each, as `edge/registry.py` has the drivers.

A further kind of device is a line here: the engine knows none of them by name but the barrier, which is the lane.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from config import devices
from edge import registry
from simulators.devices import led_sign, serial_wire, voice, weighbridge
from simulators.devices.barrier import BarrierSimulator
from simulators.devices.barrier_plant import Plant, PlantFaults
from simulators.devices.camera import CAMERA_FAULTS, CameraSimulator, Picture
from simulators.devices.modbus_pdu import ReplyFaults
from simulators.devices.serial_wire import OFF, PtyWire, StreamDevice, StreamFaults
from simulators.devices.tag_field import SimulatedTag
from simulators.devices.uhf_m100 import M100Device, M100Faults
from simulators.devices.uhf_r2000 import R2000Device, R2000Faults
from simulators.devices.uhf_reader18 import Reader18Device, Reader18Faults
from simulators.devices.uhf_thingmagic import ThingMagicDevice, ThingMagicFaults
from simulators.devices.weighbridge import Display, Indicator
from simulators.scenario.schema import FaultSpec, TruckSpec
from simulators.scene import render_container, render_front
from simulators.world import World

# What a spoilt reply of the barrier can be limited by; none of them is a fault.
_LIMITS = ("functions", "skip", "times")


@dataclass(frozen=True, slots=True)
class Site:
    """What a simulated device stands in: its id and configuration, the lane's world, a folder for its serial port."""

    id: str
    configured: Mapping[str, Any]
    folder: Path
    world: World
    plant: Plant
    now_ms: Callable[[], int]
    trucks: Mapping[str, TruckSpec]
    seed: int


class Simulated(Protocol):
    """A device of a scenario on its real wire."""

    @property
    def address(self) -> dict[str, Any]:
        """What its configuration says of where it is; known after `start`."""

    async def start(self) -> None:
        """Be there. Raises OSError."""

    async def stop(self) -> None:
        """Be gone. May be called repeatedly."""

    async def turn_on(self, fault: FaultSpec) -> None:
        """Switch a fault on. Raises ValueError for a value that the switch does not take."""

    async def turn_off(self, switch: str) -> None:
        """Switch it off again."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One protocol of one kind: where a lane's configuration has it, its fault switches, and who plays it.

    `placeholder` stands for the address until the device has one. `speed_bound`: it keeps to the machine's time.
    """

    key: str
    protocol: str
    switches: tuple[str, ...]
    build: Callable[[Site], Simulated]
    placeholder: Mapping[str, Any]
    speed_bound: bool = False


class SerialSimulated:
    """A device behind a pty, whose path is in the scenario's folder."""

    def __init__(self, site: Site, device: StreamDevice[Any], faults: StreamFaults) -> None:
        self.device = device
        self._faults = faults
        self._wire = PtyWire(device, symlink=site.folder / site.id)

    @property
    def address(self) -> dict[str, Any]:
        """Its serial port."""
        return {"port": self._wire.path}

    async def start(self) -> None:
        """Plug it in."""
        await self._wire.start()

    async def stop(self) -> None:
        """Unplug it."""
        await self._wire.stop()

    async def turn_on(self, fault: FaultSpec) -> None:
        """Switch a fault on; `off` unplugs it."""
        if fault.switch == OFF:
            self._wire.unplug()
        elif fault.value is None:
            self._faults.turn_on(fault.switch)
        else:
            setattr(self._faults, fault.switch, _like(getattr(self._faults, fault.switch), fault.value))

    async def turn_off(self, switch: str) -> None:
        """Switch it off again."""
        if switch == OFF:
            self._wire.plug()
        else:
            self._faults.turn_off(switch)


class BarrierSimulated:
    """The barrier's module over Modbus TCP: spoilt replies and physical faults."""

    def __init__(self, site: Site) -> None:
        wired = devices.Barrier.model_validate({**site.configured, "id": site.id, "host": "127.0.0.1"})
        self.module = BarrierSimulator(site.plant, refresh=site.world.advance, map_=registry.barrier_map(wired.map))

    @property
    def address(self) -> dict[str, Any]:
        """Host and port."""
        return {"host": "127.0.0.1", "port": self.module.port}

    async def start(self) -> None:
        """Listen."""
        await self.module.start()

    async def stop(self) -> None:
        """Cut every connection."""
        await self.module.stop()

    async def turn_on(self, fault: FaultSpec) -> None:
        """Switch a fault on."""
        if fault.switch in PLANT_SWITCHES:
            plant = self.module.plant.faults
            before = getattr(plant, fault.switch)
            setattr(plant, fault.switch, _like(before, True if fault.value is None else fault.value))
            return
        before = getattr(ReplyFaults(), fault.switch)
        value = _like(before, True if fault.value is None else fault.value)
        limits = {name: getattr(fault, name) for name in _LIMITS if getattr(fault, name) is not None}
        if "functions" in limits:
            limits["functions"] = frozenset(limits["functions"])
        self.module.faults = ReplyFaults(**{fault.switch: value, **limits})

    async def turn_off(self, switch: str) -> None:
        """Switch it off again; of spoilt replies there is one at a time."""
        if switch in PLANT_SWITCHES:
            setattr(self.module.plant.faults, switch, getattr(PlantFaults(), switch))
        else:
            self.module.faults = ReplyFaults()


PLANT_SWITCHES = tuple(one.name for one in fields(PlantFaults))
REPLY_SWITCHES = tuple(one.name for one in fields(ReplyFaults) if one.name not in _LIMITS)


class CameraSimulated:
    """A camera over HTTP that renders whoever stands before it, by the kind of picture that it is configured for."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._configured = site.configured
        self._rendered: dict[str, Picture | None] = {}
        self.camera = CameraSimulator(self._picture, seed=site.seed)

    @property
    def address(self) -> dict[str, Any]:
        """Its stream, or where its pictures are."""
        stream = self._configured.get("mode") == "mjpeg"
        return {"url": self.camera.stream_url if stream else self.camera.snapshot_url}

    async def start(self) -> None:
        """Render every truck of the scenario, then listen: drawing would hold the loop up."""
        for number, spec in enumerate(self._site.trucks.values()):
            self._rendered[spec.id] = await asyncio.to_thread(self._render, spec, self._site.seed + number)
        await self.camera.start()

    async def stop(self) -> None:
        """Close the port."""
        await self.camera.stop()

    async def turn_on(self, fault: FaultSpec) -> None:
        """Switch to a fault; a camera has one at a time."""
        found = next((one for one in CAMERA_FAULTS if one == fault.switch), None)
        if found is None or found in _OF_A_LOCKED_CAMERA:
            raise ValueError(f"{fault.switch} is a fault of a camera that asks who wants to see")
        await self.camera.set_fault(found)

    async def turn_off(self, switch: str) -> None:  # noqa: ARG002 - it has one at a time
        """Be well again."""
        await self.camera.set_fault("none")

    def _picture(self) -> Picture | None:
        truck = self._site.world.truck_in_view(self._site.id)
        return None if truck is None else self._rendered[truck.id]

    def _render(self, spec: TruckSpec, seed: int) -> Picture | None:
        if "plate" in self._configured.get("reads", ()):
            plate = next((one for one in spec.plates if one.place == self._configured.get("place")), None)
            return None if plate is None else render_front(plate.text, plate.colour, plate.kind, plate.rows, seed)
        boxes = spec.containers
        return render_container([one.code for one in boxes], [one.size_type for one in boxes], seed) if boxes else None


# Its door and its certificates; a scenario's cameras admit everybody.
_OF_A_LOCKED_CAMERA = ("wrong_realm", "stale_nonce", "expired_certificate", "wrong_host")


def _like(before: object, value: Any) -> Any:
    """`value` of a scenario as the switch has it. Raises ValueError where it is of another kind."""
    match before, value:
        case bool(), bool():
            return value
        case (bool(), _) | ((int() | float() | None), bool()):
            pass
        case ((int() | float() | None), (int() | float())):
            return value
        case str(), str():
            return value
        case bytes(), str():
            return bytes.fromhex(value)
        case frozenset(), (list() | tuple()):
            return frozenset(value)
        case dict(), dict():
            return dict(value)
    raise ValueError(f"a switch that is {before!r} cannot become {value!r}")


def _reader(device: Callable[..., Any]) -> Callable[[Site], Simulated]:
    def build(site: Site) -> Simulated:
        def tags() -> list[SimulatedTag]:
            return [SimulatedTag(epc) for epc in site.world.tags_in_field()]

        made = device(tags, seed=site.seed)
        return SerialSimulated(site, made, made.faults)

    return build


def _scale(site: Site) -> Simulated:
    def shows() -> Display:
        """Whoever is at the line is on the scale as a whole."""
        found = site.world.truck_in_view(site.id)
        return Display(0 if found is None else site.trucks[found.id].weight_kg)

    indicator = Indicator(shows, protocol=site.configured.get("driver", "yaohua_tf0"), seed=site.seed)
    return SerialSimulated(site, indicator, indicator.faults)


def _sign(site: Site) -> Simulated:
    board = led_sign.LedSign(site.now_ms, seed=site.seed)
    return SerialSimulated(site, board, board.faults)


def _voice(site: Site) -> Simulated:
    module = voice.VoiceModule(site.now_ms, seed=site.seed)
    return SerialSimulated(site, module, module.faults)


_SERIAL: dict[str, Any] = {"port": "./serial"}
KINDS: tuple[Kind, ...] = (
    Kind(
        "barrier",
        "modbus_barrier",
        (*REPLY_SWITCHES, *PLANT_SWITCHES),
        BarrierSimulated,
        {"host": "127.0.0.1", "port": 1},
    ),
    Kind("tag_reader", "uhf_r2000", serial_wire.switches(R2000Faults), _reader(R2000Device), _SERIAL),
    Kind("tag_reader", "uhf_m100", serial_wire.switches(M100Faults), _reader(M100Device), _SERIAL),
    Kind("tag_reader", "uhf_reader18", serial_wire.switches(Reader18Faults), _reader(Reader18Device), _SERIAL),
    Kind("tag_reader", "uhf_thingmagic", serial_wire.switches(ThingMagicFaults), _reader(ThingMagicDevice), _SERIAL),
    *(Kind("weighbridge", protocol, weighbridge.FAULTS, _scale, _SERIAL) for protocol in weighbridge.PROTOCOLS),
    Kind(
        "cameras",
        "http_camera",
        tuple(one for one in CAMERA_FAULTS if one != "none"),
        CameraSimulated,
        {"url": "http://127.0.0.1:1/"},
        speed_bound=True,
    ),
    Kind("sign", "led_serial", led_sign.FAULTS, _sign, _SERIAL),
    Kind("voice", "voice_serial", voice.FAULTS, _voice, _SERIAL),
)


def kind_of(key: str, configured: Mapping[str, Any]) -> Kind | None:
    """The line of what a lane's configuration has under `key`; its first protocol where none is named."""
    of_key = [kind for kind in KINDS if kind.key == key]
    wanted = configured.get("driver", of_key[0].protocol if of_key else None)
    return next((kind for kind in of_key if kind.protocol == wanted), None)
