"""The cameras of a scenario: what each sees of a truck is rendered by its plates and its boxes."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from simulators.devices.camera import CAMERA_FAULTS, CameraSimulator, Picture
from simulators.devices.camera_rtsp import RTSP_FAULTS, RtspCameraSimulator
from simulators.devices.event_camera import EVENT_FAULTS, DahuaWords, EventCameraSimulator, IsapiWords, Passing, Words
from simulators.scenario.device import Site
from simulators.scenario.schema import FaultSpec, PlateSpec, TruckSpec
from simulators.scene import render_container, render_front

# It recognises whoever stands there again and again; how soon a busy machine reads its pictures is not in question.
_EVENTS = 30
_WORDS: Mapping[str, Callable[[], Words]] = {"isapi_camera": IsapiWords, "dahua_camera": DahuaWords}


class _Scenes:
    """What one camera sees of each truck, rendered before the lane runs: drawing would hold its loop up."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._rendered: dict[str, Picture | None] = {}

    async def render(self) -> None:
        """Render every truck of the scenario."""
        for number, spec in enumerate(self._site.trucks.values()):
            self._rendered[spec.id] = await asyncio.to_thread(self._scene, spec, self._site.seed + number)

    def seen(self) -> tuple[TruckSpec, Picture] | None:
        """Who stands before it now, and how that looks; None for an empty lane and for what it does not look at."""
        truck = self._site.world.truck_in_view(self._site.id)
        picture = None if truck is None else self._rendered[truck.id]
        return None if truck is None or picture is None else (self._site.trucks[truck.id], picture)

    def plate(self, spec: TruckSpec) -> PlateSpec | None:
        """The plate on the side at which it looks."""
        return next((one for one in spec.plates if one.place == self._site.configured.get("place")), None)

    def _scene(self, spec: TruckSpec, seed: int) -> Picture | None:
        if "plate" in self._site.configured.get("reads", ()):
            plate = self.plate(spec)
            return None if plate is None else render_front(plate.text, plate.colour, plate.kind, plate.rows, seed)
        boxes = spec.containers
        return render_container([one.code for one in boxes], [one.size_type for one in boxes], seed) if boxes else None


class CameraSimulated:
    """A camera over HTTP that renders whoever stands before it, by the kind of picture that it is configured for."""

    def __init__(self, site: Site) -> None:
        self._configured = site.configured
        self._scenes = _Scenes(site)
        self.camera = CameraSimulator(self._picture, seed=site.seed)

    @property
    def address(self) -> dict[str, Any]:
        """Its stream, or where its pictures are."""
        stream = self._configured.get("mode") == "mjpeg"
        return {"url": self.camera.stream_url if stream else self.camera.snapshot_url}

    async def start(self) -> None:
        """Render every truck of the scenario, then listen: drawing would hold the loop up."""
        await self._scenes.render()
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
        seen = self._scenes.seen()
        return None if seen is None else seen[1]


class RtspCameraSimulated:
    """A camera over RTSP that renders whoever stands before it."""

    def __init__(self, site: Site) -> None:
        self._scenes = _Scenes(site)
        self.camera = RtspCameraSimulator(self._picture, seed=site.seed)

    @property
    def address(self) -> dict[str, Any]:
        """Its stream."""
        return {"url": self.camera.url}

    async def start(self) -> None:
        """Render every truck of the scenario, then listen."""
        await self._scenes.render()
        await self.camera.start()

    async def stop(self) -> None:
        """Close the port."""
        await self.camera.stop()

    async def turn_on(self, fault: FaultSpec) -> None:
        """Switch to a fault; a camera has one at a time."""
        found = next((one for one in RTSP_FAULTS if one == fault.switch), None)
        if found is None or found in _OF_A_LOCKED_CAMERA:
            raise ValueError(f"{fault.switch} is a fault of a camera that asks who wants to see")
        await self.camera.set_fault(found)

    async def turn_off(self, switch: str) -> None:  # noqa: ARG002 - it has one at a time
        """Be well again."""
        await self.camera.set_fault("none")

    def _picture(self) -> Picture | None:
        seen = self._scenes.seen()
        return None if seen is None else seen[1]


class EventCameraSimulated:
    """A camera that tells by itself which plate it recognised, with a picture."""

    def __init__(self, site: Site) -> None:
        self._scenes = _Scenes(site)
        self._passing: Passing | None = None
        words = _WORDS[site.configured["driver"]]
        self.camera = EventCameraSimulator(words(), source=self._source, events_per_vehicle=_EVENTS, seed=site.seed)

    @property
    def address(self) -> dict[str, Any]:
        """The camera's own."""
        return {"url": self.camera.url}

    async def start(self) -> None:
        """Render every truck of the scenario, then listen."""
        await self._scenes.render()
        await self.camera.start()

    async def stop(self) -> None:
        """Close the port."""
        await self.camera.stop()

    async def turn_on(self, fault: FaultSpec) -> None:
        """Switch to a fault; a camera has one at a time."""
        await self.camera.set_fault(next(one for one in EVENT_FAULTS if one == fault.switch))

    async def turn_off(self, switch: str) -> None:  # noqa: ARG002 - it has one at a time
        """Be well again."""
        await self.camera.set_fault("none")

    def _source(self) -> Passing | None:
        """Whoever stands there; the same object for as long as it is the same vehicle."""
        seen = self._scenes.seen()
        plate = None if seen is None else self._scenes.plate(seen[0])
        if seen is None or plate is None:
            self._passing = None
        elif self._passing is None or self._passing.scene is not seen[1]:
            self._passing = Passing(plate.text, seen[1], plate.colour)
        return self._passing


# Its door and its certificates; a scenario's cameras admit everybody.
_OF_A_LOCKED_CAMERA = ("wrong_realm", "stale_nonce", "expired_certificate", "wrong_host")
