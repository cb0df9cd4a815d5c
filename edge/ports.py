"""What the controller asks of the world: the Protocols that drivers, models and services implement.

Times are milliseconds of the lane's monotonic clock (`Clock.now_ms`). A driver is built with plain settings
and callbacks, and raises nothing but `DeviceError`; one supervisor per device connects, runs and reconnects it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from edge.core.events import CommandOutcome as CommandOutcome
from edge.core.inputs import LaneInputs
from edge.core.masks import Mask
from edge.core.readings import DriverCard, EngineResult, PictureReading, PlateClaim, TagSighting
from edge.core.seal import SealsInField
from edge.core.weight import Weighing

Light = Literal["red", "green"]


class DeviceError(Exception):
    """A device failed. Says which, where, what was expected and seen, and what to do next.

    `code` is stable (`barrier_write_unconfirmed`); `outcome` says whether a command may have acted:
    `not_done` where it certainly did not, `unknown` where the device may have executed it.
    """

    def __init__(
        self,
        code: str,
        *,
        device: str,
        address: str,
        expected: str,
        got: str,
        next_step: str,
        outcome: CommandOutcome = "not_done",
    ) -> None:
        super().__init__(f"{code}: device {device} at {address}: expected {expected}, got {got}; next: {next_step}")
        self.code = code
        self.device = device
        self.address = address
        self.expected = expected
        self.got = got
        self.next_step = next_step
        self.outcome: CommandOutcome = outcome


class Clock(Protocol):
    """Monotonic time for every deadline, wall time for records only."""

    def now_ms(self) -> int:
        """Milliseconds of a clock that never steps; its zero is arbitrary."""

    def utc(self) -> datetime:
        """The wall clock, timezone-aware, UTC. Never used to decide anything."""

    async def sleep(self, seconds: float) -> None:
        """Wait on the monotonic clock."""


class Device(Protocol):
    """What every driver offers its supervisor. `name` is the configured id, `address` where it is."""

    name: str
    address: str

    async def connect(self) -> None:
        """Reach the device and prove that it is the expected one. Raises DeviceError."""

    async def run(self) -> None:
        """Serve until the device is lost, delivering what it says; ends only by DeviceError or cancellation."""

    async def close(self) -> None:
        """Release the device. May be called at any time, any number of times; never raises."""


class Tap(Protocol):
    """Hears what crosses the wire of one device, in its order. It is called on the loop and must return at once.

    `wants_words`: whether `understood` is to be called at all, and a camera's heads are to be told.
    """

    wants_words: bool

    def crossed(self, sent: bool, data: bytes) -> None:
        """Bytes as they were sent or heard; of a camera, heads without passwords and pictures as they came."""

    def understood(self, sent: bool, words: str) -> None:
        """What the driver makes of the bytes before: for people who look at them."""


class Tapped(Protocol):
    """What a driver offers whose wire can be looked at. `tap` is set before `connect`, or None."""

    tap: Tap | None


class HearsAgain(Protocol):
    """What a driver offers whose recorded bytes can be heard again, without a device."""

    def hear_again(self, sent: bool, data: bytes, *, wanted: bool) -> None:
        """Take bytes as they crossed the wire once; `wanted`: the lane reads now. Delivers as the device would."""


class Inputs(Device, Protocol):
    """Loops, limit switches and safety inputs. Delivers a `LaneInputs` per scan while it runs."""


class Barrier(Device, Protocol):
    """The boom. Each command returns once the device has confirmed it, or raises DeviceError with `outcome`.

    Position is never reported here: it comes from limit switches in `LaneInputs`.
    """

    async def raise_boom(self) -> None:
        """Pulse the raise output once. Never repeated by the driver."""

    async def lower_boom(self) -> None:
        """Pulse the lower output once. Never repeated by the driver."""

    async def stop_boom(self) -> None:
        """Withdraw a lowering: release the lower output and pulse stop."""

    async def set_light(self, light: Light) -> None:
        """Show red or green to the driver of the vehicle."""


class Siren(Protocol):
    """A siren at the lane: an output of the barrier's module, or a device of its own."""

    async def set_siren(self, on: bool) -> None:
        """Sound it, or not. Told again and again. Raises DeviceError."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a driver is told. `key` is stable, for devices that have their own texts or recordings.

    `lines`: one or two, of at most eight full-width characters (sixteen others), the verb first. `light` is the colour
    of the lane's light with it, never the only cue.
    """

    key: str
    lines: tuple[str, ...]
    light: Light


class Sign(Device, Protocol):
    """A board that drivers read, of any protocol."""

    async def show(self, words: Words, valid_s: float) -> None:
        """Show these words in place of all others. Raises DeviceError.

        They are shown again before `valid_s` has passed; a board that can goes blank by itself where they are not.
        """


class Voice(Device, Protocol):
    """A loudspeaker that drivers hear."""

    async def say(self, words: Words) -> None:
        """Say these words once, in place of whatever is still being said. Raises DeviceError."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a camera: encoded as it was (JPEG), with the digest of exactly these bytes.

    A frame of a video stream is encoded once, by its driver, to the same bytes for the same pixels.

    `captured_at_ms` is when its last byte arrived. `defect` is a stable reason (`dark`, `overexposed`,
    `frozen`, `too_large`, `truncated`, `damaged`) where the picture must not be read, else None. `claim` is the plate
    that the camera itself read in it, where it reads any.
    """

    camera: str
    jpeg: bytes
    sha256: str
    captured_at_ms: int
    width: int
    height: int
    defect: str | None = None
    claim: PlateClaim | None = None


class Camera(Device, Protocol):
    """A camera of any protocol. Keeps the newest frame only."""

    async def capture(self, after_ms: int, timeout_s: float) -> Frame:
        """Return the newest frame captured at or after `after_ms`, waiting at most `timeout_s` for one.

        Raises DeviceError (`camera_no_frame`) where none came in time.
        """


PlateCamera = Camera
ContainerCamera = Camera


class TagReader(Device, Protocol):
    """A UHF reader. Delivers a `TagSighting` per tag and round while an inventory runs."""

    async def start_inventory(self) -> None:
        """Drop whatever is buffered, then read tags until stopped. Raises DeviceError."""

    async def stop_inventory(self) -> None:
        """Stop reading. Raises DeviceError."""


class Weighbridge(Device, Protocol):
    """The scale under a lane. Delivers a `Weighing` whenever what it says changes, the first one as soon as it runs.

    It is at rest only by a window over time, never by the word of one display.
    """


class IdentityReader(Device, Protocol):
    """Where drivers hold a card or a printed code. Delivers a `DriverCard` whenever one is shown.

    A card that stays is told again and again, with the time since when it has been there without a break.
    """


class SealReader(Device, Protocol):
    """A reader of electronic seals. Delivers a `SealsInField` whenever what it sees changes, the first as it runs.

    What two readings in a row do not both say is not told.
    """


class ContainerEngine(Device, Protocol):
    """An engine of somebody else that reads container codes. Delivers an `EngineResult` for each vehicle, once.

    Codes are judged by `edge.core.container` alone, whatever the engine says of them.
    """


class Recogniser(Protocol):
    """Reads one picture. Never raises for what is in the picture: that is `unread` with a reason."""

    async def read(
        self, jpeg: bytes, look_for: frozenset[str], deadline_s: float, masks: tuple[Mask, ...] = ()
    ) -> PictureReading:
        """Read what `look_for` names (plate, container, vehicle) within `deadline_s` seconds.

        What `masks` hide is not seen, and what reaches into them is `unread` with reason `masked`.
        Past the deadline the worker is killed and the result is `unread` with reason `deadline`.
        """


# The second argument is when the request of that scan left (`Clock.now_ms`): never younger than the truth.
DeliverInputs = Callable[[LaneInputs, int], None]
DeliverTag = Callable[[TagSighting], None]
DeliverBoxes = Callable[[EngineResult], None]
DeliverSeals = Callable[[SealsInField], None]
DeliverWeight = Callable[[Weighing], None]
# The second argument is since when the card has been there (`Clock.now_ms`).
DeliverCard = Callable[[DriverCard, int], None]
