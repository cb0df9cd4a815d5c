"""Which device simulators a scenario's lane can have, one line each, as `edge/registry.py` has the drivers.

A further kind of device is a line here: the engine knows none of them by name but the barrier, which is the lane.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from config import devices
from edge import registry
from edge.barrier_wiring import barrier_map
from edge.core.readings import Seal
from simulators.devices import (
    container_engine,
    identity,
    led_sign,
    pushing_engine,
    seal_http,
    seal_reader,
    serial_wire,
    voice,
    weighbridge,
)
from simulators.devices.barrier import BarrierSimulator
from simulators.devices.barrier_plant import PlantFaults
from simulators.devices.camera import CAMERA_FAULTS
from simulators.devices.camera_onvif import ONVIF_FAULTS
from simulators.devices.camera_rtsp import RTSP_FAULTS
from simulators.devices.event_camera import EVENT_FAULTS
from simulators.devices.modbus_pdu import ReplyFaults
from simulators.devices.pushing_camera import PUSH_FAULTS
from simulators.devices.serial_wire import OFF, PtyWire, StreamDevice, StreamFaults, TcpWire
from simulators.devices.tag_field import SimulatedTag
from simulators.devices.uhf_llrp import LlrpDevice, LlrpFaults
from simulators.devices.uhf_m100 import M100Device, M100Faults
from simulators.devices.uhf_r2000 import R2000Device, R2000Faults
from simulators.devices.uhf_reader18 import Reader18Device, Reader18Faults
from simulators.devices.uhf_thingmagic import ThingMagicDevice, ThingMagicFaults
from simulators.devices.weighbridge import Display, Indicator
from simulators.ports import free_ports
from simulators.scenario.cameras import (
    CameraSimulated,
    EventCameraSimulated,
    OnvifCameraSimulated,
    PushingCameraSimulated,
    RtspCameraSimulated,
)
from simulators.scenario.device import Kind, Simulated, Site, like
from simulators.scenario.schema import FaultSpec

# What a spoilt reply of the barrier can be limited by; none of them is a fault.
_LIMITS = ("functions", "skip", "times")


class StreamSimulated:
    """A device on a wire, and its switches; `off` unplugs it."""

    def __init__(self, device: StreamDevice[Any], faults: StreamFaults, wire: PtyWire[Any] | TcpWire[Any]) -> None:
        self.device = device
        self._faults = faults
        self._wire = wire

    @property
    def address(self) -> dict[str, Any]:
        """Its port."""
        return {"port": self._wire.path}

    async def start(self) -> None:
        """Plug it in."""
        await self._wire.start()

    async def stop(self) -> None:
        """Unplug it."""
        await self._wire.stop()

    async def turn_on(self, fault: FaultSpec) -> None:
        """Switch a fault on."""
        if fault.switch == OFF:
            await self._cut()
        elif fault.value is None:
            self._faults.turn_on(fault.switch)
        else:
            setattr(self._faults, fault.switch, like(getattr(self._faults, fault.switch), fault.value))

    async def turn_off(self, switch: str) -> None:
        """Switch it off again."""
        if switch == OFF:
            await self._join()
        else:
            self._faults.turn_off(switch)

    async def _cut(self) -> None:
        """The port goes away: without power nobody listens in the network either."""
        if isinstance(self._wire, PtyWire):
            self._wire.unplug()
        else:
            await self._wire.stop()

    async def _join(self) -> None:
        if isinstance(self._wire, PtyWire):
            self._wire.plug()
        else:
            await self._wire.start()


class SerialSimulated(StreamSimulated):
    """A device behind a pty, whose path is in the scenario's folder; behind a serial server where there are no ptys."""

    def __init__(self, site: Site, device: StreamDevice[Any], faults: StreamFaults) -> None:
        ptys = hasattr(os, "openpty")
        super().__init__(device, faults, PtyWire(device, symlink=site.folder / site.id) if ptys else TcpWire(device))


class NetworkSimulated(StreamSimulated):
    """A device in the network."""

    def __init__(self, _: Site, device: StreamDevice[Any], faults: StreamFaults) -> None:
        super().__init__(device, faults, TcpWire(device))


class HttpSimulated:
    """A reader of seals that is asked over HTTP, or an engine that pushes; `more` is what else its driver is told."""

    def __init__(self, device: seal_http.HttpSealServer | pushing_engine.PushingEngine, **more: str) -> None:
        self.device = device
        self._more = more

    @property
    def address(self) -> dict[str, Any]:
        """Where it is asked, or pushes to."""
        return {"url": self.device.url, **self._more}

    async def start(self) -> None:
        """Be there."""
        await self.device.start()

    async def stop(self) -> None:
        """Cut every connection."""
        await self.device.stop()

    async def turn_on(self, fault: FaultSpec) -> None:
        """Switch a fault on."""
        if fault.value is None:
            await self.device.turn_on(fault.switch)
        else:
            faults = self.device.faults
            setattr(faults, fault.switch, like(getattr(faults, fault.switch), fault.value))

    async def turn_off(self, switch: str) -> None:
        """Switch it off again."""
        await self.device.turn_off(switch)


class BarrierSimulated:
    """The barrier's module over Modbus TCP: spoilt replies and physical faults."""

    def __init__(self, site: Site) -> None:
        wired = devices.Barrier.model_validate({**site.configured, "id": site.id, "host": "127.0.0.1"})
        self.module = BarrierSimulator(site.plant, refresh=site.world.advance, map_=barrier_map(wired.map))

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
            setattr(plant, fault.switch, like(before, True if fault.value is None else fault.value))
            return
        before = getattr(ReplyFaults(), fault.switch)
        value = like(before, True if fault.value is None else fault.value)
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


def _reader(
    device: Callable[..., Any], plug: Callable[[Site, Any, Any], Simulated] = SerialSimulated
) -> Callable[[Site], Simulated]:
    def build(site: Site) -> Simulated:
        def tags() -> list[SimulatedTag]:
            return [SimulatedTag(epc) for epc in site.world.tags_in_field()]

        made = device(tags, seed=site.seed)
        return plug(site, made, made.faults)

    return build


def _scale(site: Site) -> Simulated:
    def shows() -> Display:
        """Every axle that stands on the platform, whosever it is."""
        load = site.world.load()
        return Display(load.kg, moving=load.moving)

    indicator = Indicator(shows, protocol=site.configured.get("driver", "yaohua_tf0"), seed=site.seed)
    return SerialSimulated(site, indicator, indicator.faults)


def _cards(site: Site) -> Simulated:
    def shown() -> str | None:
        """The card of whoever stands at the line."""
        found = site.world.truck_in_view(site.id)
        return None if found is None else site.trucks[found.id].card

    configured = devices.DriverIdentity.model_validate({**site.configured, "id": site.id, "port": "./serial"})
    reader = identity.CardReader(shown, registry.card_layout(configured), seed=site.seed)
    return SerialSimulated(site, reader, reader.faults)


def _seals_at(site: Site) -> seal_reader.Shown:
    def there() -> list[Seal]:
        """The seals of whoever stands at the line."""
        found = site.world.truck_in_view(site.id)
        seals = () if found is None else site.trucks[found.id].seals
        return [Seal(one.id, one.locked, one.openings, one.battery_percent) for one in seals]

    return there


def _seals(site: Site) -> Simulated:
    reader = seal_reader.SealReaderDevice(_seals_at(site), seed=site.seed)
    return SerialSimulated(site, reader, reader.faults)


def _seals_over_http(site: Site) -> Simulated:
    return HttpSimulated(seal_http.HttpSealServer(_seals_at(site), seed=site.seed))


def _standing(site: Site) -> Callable[[], container_engine.Vehicle | None]:
    order = list(site.trucks)

    def vehicle() -> container_engine.Vehicle | None:
        """Whoever came to the line: an engine tells once it is through with a vehicle."""
        found = site.world.truck_in_view(site.id)
        if found is None or site.world.phase(found.id) == "approaching":
            return None
        return container_engine.Vehicle(order.index(found.id), [one.code for one in site.trucks[found.id].containers])

    return vehicle


def _engine(site: Site) -> Simulated:
    engine = container_engine.EngineDevice(_standing(site), seed=site.seed)
    return SerialSimulated(site, engine, engine.faults)


def _pushing_engine(site: Site) -> Simulated:
    engine = pushing_engine.PushingEngine(_standing(site), port=free_ports(1)[0], seed=site.seed)
    return HttpSimulated(engine, spool=str(site.folder / f"{site.id}.spool"))


def _sign(site: Site) -> Simulated:
    board = led_sign.LedSign(site.now_ms, seed=site.seed)
    return SerialSimulated(site, board, board.faults)


def _voice(site: Site) -> Simulated:
    module = voice.VoiceModule(site.now_ms, seed=site.seed)
    return SerialSimulated(site, module, module.faults)


_EVENT_FAULTS = tuple(one for one in EVENT_FAULTS if one != "none")
_SERIAL: dict[str, Any] = {"port": "./serial"}
_PUSHED: dict[str, Any] = {"url": "http://127.0.0.1:1/", "spool": "./spool"}
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
    Kind(
        "tag_reader",
        "uhf_llrp",
        serial_wire.switches(LlrpFaults),
        _reader(LlrpDevice, NetworkSimulated),
        {"port": "socket://127.0.0.1:1"},
    ),
    *(Kind("weighbridge", protocol, weighbridge.FAULTS, _scale, _SERIAL) for protocol in weighbridge.PROTOCOLS),
    Kind(
        "cameras",
        "http_camera",
        tuple(one for one in CAMERA_FAULTS if one != "none"),
        CameraSimulated,
        {"url": "http://127.0.0.1:1/"},
        works_apart=True,
    ),
    Kind(
        "cameras",
        "rtsp_camera",
        tuple(one for one in RTSP_FAULTS if one != "none"),
        RtspCameraSimulated,
        {"url": "rtsp://127.0.0.1:1/"},
        works_apart=True,
    ),
    Kind(
        "cameras",
        "onvif_camera",
        tuple(one for one in ONVIF_FAULTS if one != "none"),
        OnvifCameraSimulated,
        {"url": "rtsp://127.0.0.1:1/"},
        works_apart=True,
    ),
    *(
        Kind("cameras", protocol, _EVENT_FAULTS, EventCameraSimulated, {"url": "http://127.0.0.1:1/"}, works_apart=True)
        for protocol in ("isapi_camera", "dahua_camera")
    ),
    Kind(
        "cameras",
        "isapi_push",
        tuple(one for one in PUSH_FAULTS if one != "none"),
        PushingCameraSimulated,
        _PUSHED,
        works_apart=True,
    ),
    Kind("container_engine", "ocr_lines", container_engine.FAULTS, _engine, _SERIAL),
    Kind("container_engine", "ocr_push", pushing_engine.FAULTS, _pushing_engine, _PUSHED),
    *(Kind("driver_identity", one, identity.FAULTS, _cards, _SERIAL) for one in ("card_lines", "card_stx")),
    Kind("seal_reader", "seal_serial", seal_reader.FAULTS, _seals, _SERIAL),
    Kind("seal_reader", "seal_http", seal_http.FAULTS, _seals_over_http, {"url": "http://127.0.0.1:1/"}),
    Kind("sign", "led_serial", led_sign.FAULTS, _sign, _SERIAL),
    Kind("voice", "voice_serial", voice.FAULTS, _voice, _SERIAL),
)


def kind_of(key: str, configured: Mapping[str, Any]) -> Kind | None:
    """The line of what a lane's configuration has under `key`; its first protocol where none is named."""
    of_key = [kind for kind in KINDS if kind.key == key]
    wanted = configured.get("driver", of_key[0].protocol if of_key else None)
    return next((kind for kind in of_key if kind.protocol == wanted), None)
