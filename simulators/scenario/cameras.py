"""The cameras of a scenario: what each sees of a truck is rendered by its plates and its boxes."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from simulators.devices.camera import CAMERA_FAULTS, CameraFault, CameraSimulator, Picture
from simulators.devices.camera_door import CameraDoor
from simulators.devices.camera_onvif import ONVIF_FAULTS, OnvifCameraSimulator, OnvifFault
from simulators.devices.camera_rtsp import RTSP_FAULTS, RtspCameraSimulator, RtspFault
from simulators.devices.event_camera import (
    EVENT_FAULTS,
    DahuaWords,
    EventCameraSimulator,
    EventFault,
    IsapiWords,
    Passing,
    Words,
)
from simulators.devices.pushing_camera import PUSH_FAULTS, PushFault, PushingCameraSimulator
from simulators.ports import free_ports
from simulators.scenario.device import Site
from simulators.scenario.schema import FaultSpec, PlateSpec, TruckSpec, WeatherSpec
from simulators.scene import Vary, Weather, render_container, render_empty_lane, render_front, vary

# It recognises whoever stands there again and again; how soon a busy machine reads its pictures is not in question.
_EVENTS = 30
# Its door, which a camera has whose configuration names a user; certificates a scenario's cameras have none.
_OF_A_DOOR = ("wrong_realm", "stale_nonce")
_OF_A_CERTIFICATE = ("expired_certificate", "wrong_host")
_WORDS: Mapping[str, Callable[[], Words]] = {"isapi_camera": IsapiWords, "dahua_camera": DahuaWords}

F = TypeVar("F", bound=str)
G = TypeVar("G", bound=str, contravariant=True)


class _Scenes:
    """What one camera sees of each truck, rendered before the lane runs: drawing would hold its loop up."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._rendered: dict[tuple[str | None, WeatherSpec], Picture | None] = {}

    async def render(self) -> None:
        """Render every truck of the scenario, and the empty lane, in every weather of it."""
        for weather in self._site.weathers:
            self._rendered[None, weather] = await asyncio.to_thread(self._empty, weather)
            for number, spec in enumerate(self._site.trucks.values()):
                seed = self._site.seed + number
                self._rendered[spec.id, weather] = await asyncio.to_thread(self._scene, spec, seed, _laid_on(weather))

    def seen(self) -> tuple[TruckSpec, Picture] | None:
        """Who stands before it now, and how that looks; None for an empty lane and for what it does not look at."""
        truck = self._site.world.truck_in_view(self._site.id)
        picture = None if truck is None else self._rendered[truck.id, self._site.weather()]
        return None if truck is None or picture is None else (self._site.trucks[truck.id], picture)

    def picture(self) -> Picture | None:
        """How whoever stands before it looks, or the empty lane."""
        seen = self.seen()
        return self._rendered[None, self._site.weather()] if seen is None else seen[1]

    def varied(self, scene: Picture, seed: int) -> Picture:
        """The next frame of a scene, in the weather as it is."""
        return vary(scene, seed, _laid_on(self._site.weather()))

    def plate(self, spec: TruckSpec) -> PlateSpec | None:
        """The plate on the side at which it looks."""
        return next((one for one in spec.plates if one.place == self._site.configured.get("place")), None)

    def told(self) -> str | None:
        """The plate of whoever stands before it, as it is."""
        seen = self.seen()
        plate = None if seen is None else self.plate(seen[0])
        return None if plate is None else plate.text

    def _empty(self, weather: WeatherSpec) -> Picture:
        return render_empty_lane(self._site.seed, weather=_laid_on(weather))

    def _scene(self, spec: TruckSpec, seed: int, weather: Weather) -> Picture | None:
        if "plate" in self._site.configured.get("reads", ()):
            one = self.plate(spec)
            if one is None:
                return None
            return render_front(one.text, one.colour, one.kind, one.rows, seed, weather=weather)
        boxes = spec.containers
        if not boxes:
            return None
        codes, sizes = [one.code for one in boxes], [one.size_type for one in boxes]
        return render_container(codes, sizes, seed, weather=weather, upright=any(one.upright for one in boxes))


def _laid_on(weather: WeatherSpec) -> Weather:
    return Weather(**weather.model_dump())


class _Camera(Protocol[G]):
    varied: Vary

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def set_fault(self, fault: G) -> None: ...


class _Rendered(Generic[F]):
    """A camera that shows whoever stands before it; `faults` are its own, `none` among them."""

    def __init__(self, scenes: _Scenes, camera: _Camera[F], faults: Sequence[F], *, locked: bool = False) -> None:
        self._scenes = scenes
        self._camera = camera
        camera.varied = scenes.varied
        left_out = _OF_A_CERTIFICATE if locked else (*_OF_A_CERTIFICATE, *_OF_A_DOOR)
        self._faults: dict[str, F] = {one: one for one in faults if one not in left_out}

    async def start(self) -> None:
        """Render every truck of the scenario, then listen: drawing would hold the loop up."""
        await self._scenes.render()
        await self._camera.start()

    async def stop(self) -> None:
        """Close the port."""
        await self._camera.stop()

    async def turn_on(self, fault: FaultSpec) -> None:
        """Switch to a fault; a camera has one at a time."""
        if fault.switch not in self._faults:
            raise ValueError(f"{fault.switch} is a fault of a camera with a user and a password, or with a certificate")
        await self._camera.set_fault(self._faults[fault.switch])

    async def turn_off(self, switch: str) -> None:  # noqa: ARG002 - it has one at a time
        """Be well again."""
        await self._camera.set_fault(self._faults["none"])


class CameraSimulated(_Rendered[CameraFault]):
    """A camera over HTTP that renders whoever stands before it, by the kind of picture that it is configured for."""

    def __init__(self, site: Site) -> None:
        scenes, door = _Scenes(site), _door(site)
        self._configured = site.configured
        self.camera = CameraSimulator(scenes.picture, seed=site.seed, door=door)
        super().__init__(scenes, self.camera, CAMERA_FAULTS, locked=door is not None)

    @property
    def address(self) -> dict[str, Any]:
        """Its stream, or where its pictures are."""
        stream = self._configured.get("mode") == "mjpeg"
        return {"url": self.camera.stream_url if stream else self.camera.snapshot_url}


class RtspCameraSimulated(_Rendered[RtspFault]):
    """A camera over RTSP that renders whoever stands before it."""

    def __init__(self, site: Site) -> None:
        scenes, door = _Scenes(site), _door(site)
        self.camera = RtspCameraSimulator(scenes.picture, seed=site.seed, door=door)
        super().__init__(scenes, self.camera, RTSP_FAULTS, locked=door is not None)

    @property
    def address(self) -> dict[str, Any]:
        """Its stream."""
        return {"url": self.camera.url}


class OnvifCameraSimulated(_Rendered[OnvifFault]):
    """A camera over RTSP that renders whoever stands before it, and tells which plate it recognised."""

    def __init__(self, site: Site) -> None:
        scenes, door = _Scenes(site), _door(site)
        self.camera = OnvifCameraSimulator(scenes.picture, scenes.told, seed=site.seed, door=door)
        super().__init__(scenes, self.camera, ONVIF_FAULTS, locked=door is not None)

    @property
    def address(self) -> dict[str, Any]:
        """Its stream."""
        return {"url": self.camera.url}


class EventCameraSimulated(_Rendered[EventFault]):
    """A camera that tells by itself which plate it recognised, with a picture."""

    def __init__(self, site: Site) -> None:
        scenes, door = _Scenes(site), _door(site)
        words = _WORDS[site.configured["driver"]]
        source = _Recognised(scenes)
        self.camera = EventCameraSimulator(
            words(), source=source, events_per_vehicle=_EVENTS, seed=site.seed, door=door
        )
        super().__init__(scenes, self.camera, EVENT_FAULTS, locked=door is not None)

    @property
    def address(self) -> dict[str, Any]:
        """The camera's own."""
        return {"url": self.camera.url}


class PushingCameraSimulated(_Rendered[PushFault]):
    """A camera that pushes which plate it recognised, with a picture, to a port that was free."""

    def __init__(self, site: Site) -> None:
        scenes = _Scenes(site)
        self._spool = site.folder / f"{site.id}.spool"
        self.camera = PushingCameraSimulator(
            IsapiWords(),
            port=free_ports(1)[0],
            source=_Recognised(scenes),
            events_per_vehicle=_EVENTS,
            seed=site.seed,
        )
        super().__init__(scenes, self.camera, PUSH_FAULTS)

    @property
    def address(self) -> dict[str, Any]:
        """Where the lane listens for it."""
        return {"url": self.camera.url, "spool": str(self._spool)}


def _door(site: Site) -> CameraDoor | None:
    """The door of a camera whose configuration names a user. Raises OSError where his password cannot be read."""
    user, named = site.configured.get("user"), site.configured.get("password_file")
    if user is None or named is None:
        return None
    return CameraDoor(user, Path(named).read_text(encoding="utf-8").strip(), seed=site.seed)


class _Recognised:
    """What a camera of its own mind makes of whoever stands before it."""

    def __init__(self, scenes: _Scenes) -> None:
        self._scenes = scenes
        self._passing: Passing | None = None

    def __call__(self) -> Passing | None:
        """Whoever stands there; the same object for as long as it is the same vehicle."""
        seen = self._scenes.seen()
        plate = None if seen is None else self._scenes.plate(seen[0])
        if seen is None or plate is None:
            self._passing = None
        elif self._passing is None or self._passing.scene is not seen[1]:
            self._passing = Passing(plate.text, seen[1], plate.colour)
        return self._passing
