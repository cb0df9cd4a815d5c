"""What a lane's devices are and where: barrier, cameras, and what reads, weighs, shows and speaks."""

from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from config.barrier_modules import ModuleName, TransportName, with_module_map
from config.fields import (
    CameraUrl,
    CertificateDigest,
    FilePath,
    Host,
    HttpUrl,
    Id,
    IpAddress,
    LineText,
    Name,
    Option,
    PictureShare,
    Port,
    SerialPort,
    Strict,
    beyond,
)
from config.modbus_map import ModbusMap
from edge.core.masks import MOST_MASKS
from edge.core.masks import Mask as Area

Place = Literal["front", "rear", "left", "right", "top"]
Looked = Literal["plate", "container", "vehicle"]


class Configured(Strict):
    """What every device has: the protocol that it speaks (`edge/registry.py`) and its own name.

    `use: sim` is a simulator in its place: the whole lane is simulated then.
    """

    driver: str
    id: Id
    use: Literal["real", "sim"] = "real"


class Package(Strict):
    """Whose driver it is, with `driver: package`: the distribution, exactly its version, and the entry point in it.

    `options` are for that driver alone: names and plain values that this project knows nothing of. No secret belongs
    there: the configuration is shown and signed as it stands.
    """

    distribution: Name
    version: Name
    entry_point: Name
    options: dict[Id, Option] = Field(default_factory=dict, max_length=32)


class Packaged(Configured):
    """A device whose driver may be somebody else's. Not the barrier: its driver bears what is proved of the boom."""

    package: Package | None = None


class Barrier(Configured):
    """Boom, loops and lights behind one Modbus module. `module` says what a map that is left out looks like.

    `tcp` and `rtu_over_tcp` need `host`, `rtu` needs `serial_port` (best `/dev/serial/by-path/...`). `comm_loss_ms`:
    after how long without requests the module lets its outputs go by itself, as somebody set it up there.
    """

    driver: Literal["modbus_barrier"] = "modbus_barrier"
    id: Id
    module: ModuleName = "generic_plc"
    transport: TransportName = "tcp"
    host: Host | None = None
    port: Port = 502
    serial_port: SerialPort | None = None
    baud: Literal[1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200] = 9_600
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1
    device_id: int = Field(default=1, ge=0, le=255)
    poll_ms: int = Field(default=50, ge=10, le=200)
    timeout_ms: int = Field(default=300, ge=50, le=2_000)
    comm_loss_ms: int | None = Field(default=None, ge=500, le=3_000)
    map: ModbusMap = ModbusMap()

    _module_map = model_validator(mode="before")(with_module_map)

    @property
    def line(self) -> str:
        """What carries its bytes: the serial port, or host and port."""
        return self.serial_port or "" if self.transport == "rtu" else f"{self.host}:{self.port}"


class SirenRules(Strict):
    """Alarms that sound the siren of the barrier's module, each for at most `longest_ms`."""

    sounds_for: tuple[Literal["intrusion", "fault", "attention"], ...] = Field(default=("intrusion",), min_length=1)
    longest_ms: int = Field(default=30_000, ge=1_000, le=600_000)


CameraProtocol = Literal[
    "http_camera", "rtsp_camera", "isapi_camera", "dahua_camera", "isapi_push", "onvif_camera", "package"
]
OVER_RTSP = ("rtsp_camera", "onvif_camera")
# What is given to a camera of the other sort would be given in vain.
ONLY_OF_PICTURES = ("mode", "poll_ms")
ONLY_OF_EVENTS = ("silent_ms", "late_ms")
ONLY_OF_PUSHES = ("peers", "spool")
# Of an engine, which is never asked anything.
ONLY_OF_PUSHING_ENGINES = (*ONLY_OF_PUSHES, "user", "password_file", "auth")
Peers = Annotated[tuple[IpAddress, ...], Field(min_length=1, max_length=8)]


class Mask(Strict):
    """An area of a picture, in shares of its width and height from its upper left corner: 0.0 to 1.0."""

    left: PictureShare
    top: PictureShare
    right: Annotated[PictureShare, beyond("left")]
    bottom: Annotated[PictureShare, beyond("top")]

    @property
    def area(self) -> Area:
        """The same as a plain value."""
        return Area(self.left, self.top, self.right, self.bottom)

    @property
    def words(self) -> str:
        """Its sides on one line, each with all of its digits."""
        return f"{self.left!r},{self.top!r},{self.right!r},{self.bottom!r}"


class Camera(Packaged):
    """One camera over HTTP or RTSP. `frames_needed` agreeing frames of at most `frames_max` make a reading.

    An `isapi_camera` or `dahua_camera` tells by itself what it recognised; its `url` is that of the camera. It is lost
    where it says nothing for `silent_ms`, and what it sends `late_ms` after its time does not count. An `isapi_push`
    pushes the same to us: `url` is where we listen, `peers` may push, `spool` is the file that a push waits in. An
    `onvif_camera` tells them beside its stream, whose `url` it has.

    With `user` and `password_file`, `auth: auto` answers a camera that asks for digest authentication; `basic` sends
    the password as it is, over plain HTTP readable to the cable. An `isapi_push` is asked for them. With https,
    `ca_file` says who signed the camera's certificate, or `certificate_sha256` which one it is. `mode` is for
    `http_camera` alone.

    What `masks` hide is kept with the picture and not read: what the camera draws into it, a lane beside this one. What
    reaches into a mask is not read either.
    """

    driver: CameraProtocol = "http_camera"
    id: Id
    url: CameraUrl
    mode: Literal["snapshot", "mjpeg"] = "snapshot"
    user: Name | None = None
    password_file: FilePath | None = None
    auth: Literal["auto", "basic"] = "auto"
    ca_file: FilePath | None = None
    certificate_sha256: CertificateDigest | None = None
    place: Place
    reads: tuple[Looked, ...] = Field(min_length=1)
    frames_needed: int = Field(default=2, ge=1, le=10)
    frames_max: int = Field(default=6, ge=1, le=50)
    frame_stale_ms: int = Field(default=3_000, ge=200, le=60_000)
    poll_ms: int = Field(default=500, ge=20, le=10_000)
    silent_ms: int = Field(default=30_000, ge=1_000, le=300_000)
    late_ms: int = Field(default=3_000, ge=1_000, le=60_000)
    peers: Peers = ("127.0.0.1",)
    spool: FilePath | None = None
    masks: tuple[Mask, ...] = Field(default=(), max_length=MOST_MASKS)

    @property
    def pushes(self) -> bool:
        """It comes to us with what it recognised."""
        return self.driver == "isapi_push"

    @property
    def tells_events(self) -> bool:
        """It recognises by itself, and is not asked for pictures."""
        return self.driver not in ("http_camera", *OVER_RTSP)

    @property
    def in_vain(self) -> tuple[str, ...]:
        """The keys that are for cameras of another sort than this one."""
        if self.driver == "onvif_camera":
            return ()
        return ONLY_OF_PICTURES if self.tells_events else ONLY_OF_EVENTS


ReaderProtocol = Literal["uhf_r2000", "uhf_m100", "uhf_reader18", "uhf_thingmagic", "uhf_llrp", "package"]
ReaderProfile = Literal["standard", "realtime", "session", "reader18", "ur"]
Baud = Literal[9_600, 19_200, 38_400, 57_600, 115_200, 230_400]


class ReaderFacts(NamedTuple):
    """What readers of a protocol come with: baud rate, and the antennas of each profile, the usual one first."""

    baud: Baud
    antennas: dict[ReaderProfile, int]

    @property
    def usual(self) -> ReaderProfile:
        """The profile of a configuration that names none."""
        return next(iter(self.antennas))


READERS: dict[ReaderProtocol, ReaderFacts] = {
    "uhf_r2000": ReaderFacts(115_200, {"realtime": 4, "session": 4}),
    "uhf_m100": ReaderFacts(115_200, {"standard": 1}),
    "uhf_reader18": ReaderFacts(57_600, {"reader18": 1, "ur": 4}),
    "uhf_thingmagic": ReaderFacts(115_200, {"standard": 4}),
    "uhf_llrp": ReaderFacts(115_200, {"standard": 4}),
    "package": ReaderFacts(115_200, {"standard": 4}),
}


class TagReader(Packaged):
    """A UHF reader. `port`: a path (best `/dev/serial/by-path/...`, `./x` beside this file) or `socket://host:port`.

    `profile` is a dialect of the protocol (docs/drivers.md); `baud` and `profile` are the usual ones where left out.
    A tag counts after `min_reads` sightings over `dwell_ms`, each of at least `min_rssi_dbm` where that is given.
    """

    driver: ReaderProtocol = "uhf_r2000"
    id: Id
    port: SerialPort
    baud: Baud = Field(default_factory=lambda given: READERS[given["driver"]].baud)
    profile: ReaderProfile = Field(default_factory=lambda given: READERS[given["driver"]].usual)
    antennas: tuple[Annotated[int, Field(ge=0, le=3)], ...] = Field(default=(0,), min_length=1, max_length=4)
    min_reads: int = Field(default=1, ge=1, le=100)
    min_rssi_dbm: int | None = Field(default=None, ge=-129, le=0)
    dwell_ms: int = Field(default=0, ge=0, le=10_000)


# Lines that carry few bytes are often long, and slow: what they are set to at the device.
SlowBaud = Literal[600, 1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200]


class EmptyWeights(Strict):
    """What vehicles without a box weigh here: a truck alone at most, one with an empty chassis at least and at most."""

    truck_most_kg: int = Field(ge=1_000, le=100_000)
    chassis_least_kg: int = Field(ge=1_000, le=100_000)
    chassis_most_kg: int = Field(ge=1_000, le=100_000)


class Weighbridge(Packaged):
    """The scale under the lane: an indicator that sends its display all the time.

    `unit` is what the indicator is set to, where its frames do not tell it; `checksum` whether Toledo frames have one.
    A weight counts after `stable_readings` over `stable_ms` that differ by no more than `tolerance_kg`, and from
    `min_kg` on. With `empty_weights` it tells an empty chassis from a truck alone, and objects that one is empty.
    """

    driver: Literal["yaohua_tf0", "yaohua_ascii", "yaohua_reversed", "toledo_continuous", "toledo_short", "package"] = (
        "yaohua_tf0"
    )
    id: Id
    port: SerialPort
    baud: SlowBaud = 9_600
    parity: Literal["none", "even", "odd"] = "none"
    data_bits: Literal[7, 8] = 8
    unit: Literal["kg", "t"] = "kg"
    checksum: bool = True
    stable_readings: int = Field(default=5, ge=5, le=100)
    stable_ms: int = Field(default=1_000, ge=500, le=30_000)
    tolerance_kg: int = Field(default=0, ge=0, le=200)
    min_kg: int = Field(default=500, ge=1, le=20_000)
    empty_weights: EmptyWeights | None = None


class DriverIdentity(Packaged):
    """Where drivers hold a card (`medium: ic`) or a printed code (`qr`): a reader that sends a line for each.

    A line counts with `prefix` and `suffix` around `least_characters` to `most_characters` of `characters`, and its
    `check` where there is one; nothing of any other is kept. A reader that sends `heartbeat` each `heartbeat_s` is
    lost where it stays silent for three of them; one without is known by its open port alone.
    """

    driver: Literal["card_lines", "card_stx", "package"] = "card_lines"
    id: Id
    port: SerialPort
    medium: Literal["ic", "qr"] = "ic"
    baud: SlowBaud = 9_600
    parity: Literal["none", "even", "odd"] = "none"
    data_bits: Literal[7, 8] = 8
    prefix: LineText = ""
    suffix: LineText = ""
    least_characters: int = Field(default=4, ge=1, le=128)
    most_characters: int = Field(default=64, ge=1, le=128)
    characters: Literal["any", "digits", "hex", "letters_digits"] = "any"
    check: Literal["none", "xor", "gb11643"] = "none"
    encoding: Literal["ascii", "utf-8", "gb18030"] = "ascii"
    heartbeat: LineText = ""
    heartbeat_s: int = Field(default=5, ge=1, le=60)


class SealReader(Packaged):
    """A reader of electronic seals that is asked each `poll_ms`: on a line (`port`, `baud`, `address`) or at `url`."""

    driver: Literal["seal_serial", "seal_http", "package"] = "seal_serial"
    id: Id
    port: SerialPort = ""
    baud: SlowBaud = 9_600
    address: int = Field(default=3, ge=0, le=254)
    url: HttpUrl | None = None
    poll_ms: int = Field(default=1_000, ge=200, le=10_000)


class ContainerEngine(Packaged):
    """An engine of somebody else that reads container codes and tells them on a line, mostly `socket://host:port`.

    An `ocr_push` pushes the same to us: `url` is where we listen, `peers` may push, `spool` is what a result waits in.
    With `user` and `password_file` it is asked for them by digest, with `auth: basic` for the password as it is. A code
    counts from `min_confidence` on, and only where its check digit agrees. It sends a sign of life at least each
    `heartbeat_s`, and is lost where it stays silent for three of them.
    """

    driver: Literal["ocr_lines", "ocr_push", "package"] = "ocr_lines"
    id: Id
    port: SerialPort = ""
    baud: SlowBaud = 115_200
    url: HttpUrl | None = None
    user: Name | None = None
    password_file: FilePath | None = None
    auth: Literal["auto", "basic"] = "auto"
    peers: Peers = ("127.0.0.1",)
    spool: FilePath | None = None
    min_confidence: float = Field(default=0.8, ge=0.0, le=1.0)
    heartbeat_s: int = Field(default=2, ge=1, le=60)

    @property
    def pushes(self) -> bool:
        """It comes to us with what it read."""
        return self.driver == "ocr_push"


class Sign(Packaged):
    """A board that drivers read. `port` as for a tag reader; `address` is the board's own, where several share a line.

    The texts are the controller's own; what the board's character set lacks is told when it is connected.
    """

    driver: Literal["led_serial", "package"] = "led_serial"
    id: Id
    port: SerialPort
    baud: SlowBaud = 9_600
    address: int = Field(default=1, ge=0, le=254)


class Voice(Packaged):
    """A loudspeaker with numbered phrases. `volume` is 0 to 100."""

    driver: Literal["voice_serial", "package"] = "voice_serial"
    id: Id
    port: SerialPort
    baud: SlowBaud = 9_600
    address: int = Field(default=2, ge=0, le=254)
    volume: int = Field(default=80, ge=0, le=100)


OnLine = TagReader | Weighbridge | DriverIdentity | SealReader | ContainerEngine | Sign | Voice
