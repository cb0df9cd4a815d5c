"""Which drivers there are, one line each: kind, protocol, class of its configuration, constructor.

Only this module, `edge.barrier_wiring` and the composition roots of `simulators` name concrete drivers.
`docs/drivers.md` is drawn from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypedDict, TypeVar, cast

from config import devices
from drivers.camera_dahua.driver import DahuaCamera
from drivers.camera_http.driver import HttpCamera, HttpCameraSettings
from drivers.camera_isapi.driver import IsapiCamera
from drivers.camera_isapi.push_driver import PushedIsapiCamera
from drivers.camera_onvif.driver import OnvifCamera, OnvifCameraSettings
from drivers.camera_rtsp.driver import RtspCamera
from drivers.identity_lines.driver import LineReader
from drivers.identity_lines.wire import Layout
from drivers.kit.camera.event_camera import EventCameraSettings
from drivers.kit.camera.stream_camera import RtspCameraSettings
from drivers.kit.steady import Steady
from drivers.led_serial.driver import SerialBoard
from drivers.ocr_lines.driver import EngineOnLine
from drivers.ocr_lines.push_driver import PushedEngine
from drivers.scale_toledo.driver import ToledoScale
from drivers.scale_yaohua.driver import Output, YaohuaScale
from drivers.seal_http.driver import HttpSealReader
from drivers.seal_serial.driver import SerialSealReader
from drivers.uhf_llrp.driver import LlrpReader
from drivers.uhf_m100.driver import M100Reader
from drivers.uhf_r2000.driver import Inventory, R2000Reader
from drivers.uhf_reader18.driver import Reader18Reader
from drivers.uhf_reader18.wire import Profile
from drivers.uhf_thingmagic.driver import ThingMagicReader
from drivers.voice_serial.driver import SerialVoice
from edge.barrier_wiring import modbus_barrier
from edge.packages import build_packaged
from edge.ports import (
    Barrier,
    Camera,
    Clock,
    ContainerEngine,
    DeliverBoxes,
    DeliverCard,
    DeliverInputs,
    DeliverSeals,
    DeliverTag,
    DeliverWeight,
    IdentityReader,
    Inputs,
    SealReader,
    Sign,
    Siren,
    TagReader,
    Voice,
    Weighbridge,
)

# The protocol of a driver that is in a package of somebody else.
PACKAGE = "package"

S = TypeVar("S", bound=devices.Configured)
D = TypeVar("D")
P = TypeVar("P")


class BarrierModule(Inputs, Barrier, Siren, Protocol):
    """The boom with its loops and limit switches, behind one address.

    `fault_bits` is what the module reports of itself, 0 where it has nothing to report.
    """

    fault_bits: int


@dataclass(frozen=True, slots=True)
class Kind(Generic[S, D, P]):
    """A kind of device: what configures it (S), what it delivers to (D, None where it is asked), what it offers (P)."""

    name: str


@dataclass(frozen=True, slots=True)
class Driver(Generic[S, D, P]):
    """One protocol of one kind. `protocol` is what the configuration writes as `driver`."""

    kind: Kind[S, D, P]
    protocol: str
    settings: type[S]
    construct: Callable[[S, Clock, D], P]


BARRIER: Kind[devices.Barrier, DeliverInputs, BarrierModule] = Kind("barrier")
CAMERA: Kind[devices.Camera, None, Camera] = Kind("camera")
TAG_READER: Kind[devices.TagReader, DeliverTag, TagReader] = Kind("tag_reader")
WEIGHBRIDGE: Kind[devices.Weighbridge, DeliverWeight, Weighbridge] = Kind("weighbridge")
DRIVER_IDENTITY: Kind[devices.DriverIdentity, DeliverCard, IdentityReader] = Kind("driver_identity")
SEAL_READER: Kind[devices.SealReader, DeliverSeals, SealReader] = Kind("seal_reader")
CONTAINER_ENGINE: Kind[devices.ContainerEngine, DeliverBoxes, ContainerEngine] = Kind("container_engine")
SIGN: Kind[devices.Sign, None, Sign] = Kind("sign")
VOICE: Kind[devices.Voice, None, Voice] = Kind("voice")

_PARITIES = {"none": "N", "even": "E", "odd": "O"}
# So many heartbeats may be missed before a reader counts as lost.
_HEARTBEATS = 3
_YAOHUA_OUTPUTS: dict[str, Output] = {"yaohua_tf0": "binary", "yaohua_ascii": "ascii", "yaohua_reversed": "reversed"}


def build(kind: Kind[S, D, P], configured: S, clock: Clock, deliver: D) -> P:
    """Build the device that `configured` describes. Raises PackageError where its driver's package cannot be used.

    Configuration admits only protocols that have a line (tests/edge/test_registry.py): none is missing here.
    """
    construct: Callable[[S, Clock, D], P] = _BY_PROTOCOL[kind.name, configured.driver].construct
    return construct(configured, clock, deliver)


def _http_camera(camera: devices.Camera, clock: Clock, _: None) -> Camera:
    settings = HttpCameraSettings(
        camera.id,
        camera.url,
        camera.mode,
        user=camera.user,
        password_file=camera.password_file,
        auth=camera.auth,
        ca_file=camera.ca_file,
        certificate_sha256=camera.certificate_sha256,
        frame_stale_s=camera.frame_stale_ms / 1000,
        poll_interval_s=camera.poll_ms / 1000,
    )
    return HttpCamera(settings, clock)


def _rtsp_camera(camera: devices.Camera, clock: Clock, _: None) -> Camera:
    settings = RtspCameraSettings(
        camera.id,
        camera.url,
        user=camera.user,
        password_file=camera.password_file,
        auth=camera.auth,
        frame_stale_s=camera.frame_stale_ms / 1000,
        interval_s=camera.poll_ms / 1000,
    )
    return RtspCamera(settings, clock)


def _onvif_camera(camera: devices.Camera, clock: Clock, _: None) -> Camera:
    settings = OnvifCameraSettings(
        camera.id,
        camera.url,
        user=camera.user,
        password_file=camera.password_file,
        auth=camera.auth,
        frame_stale_s=camera.frame_stale_ms / 1000,
        interval_s=camera.poll_ms / 1000,
        silent_s=camera.silent_ms / 1000,
        late_ms=camera.late_ms,
    )
    return OnvifCamera(settings, clock)


def _telling(made: Callable[[EventCameraSettings, Clock], Camera]) -> Callable[[devices.Camera, Clock, None], Camera]:
    return lambda camera, clock, _: made(_event_camera(camera), clock)


def _event_camera(camera: devices.Camera) -> EventCameraSettings:
    return EventCameraSettings(
        camera.id,
        camera.url,
        user=camera.user,
        password_file=camera.password_file,
        auth=camera.auth,
        ca_file=camera.ca_file,
        certificate_sha256=camera.certificate_sha256,
        wait_s=camera.frame_stale_ms / 1000,
        silent_s=camera.silent_ms / 1000,
        late_ms=camera.late_ms,
        peers=camera.peers,
        spool=camera.spool,
    )


def _uhf_r2000(configured: devices.TagReader, clock: Clock, on_tag: DeliverTag) -> TagReader:
    inventory: Inventory = "session" if configured.profile == "session" else "realtime"
    return R2000Reader(inventory=inventory, **_reader(configured, clock, on_tag))


def _uhf_m100(configured: devices.TagReader, clock: Clock, on_tag: DeliverTag) -> TagReader:
    return M100Reader(**_reader(configured, clock, on_tag))


def _uhf_reader18(configured: devices.TagReader, clock: Clock, on_tag: DeliverTag) -> TagReader:
    profile: Profile = "ur" if configured.profile == "ur" else "reader18"
    return Reader18Reader(profile=profile, **_reader(configured, clock, on_tag))


def _uhf_thingmagic(configured: devices.TagReader, clock: Clock, on_tag: DeliverTag) -> TagReader:
    return ThingMagicReader(**_reader(configured, clock, on_tag))


def _uhf_llrp(configured: devices.TagReader, clock: Clock, on_tag: DeliverTag) -> TagReader:
    return LlrpReader(**_reader(configured, clock, on_tag))


def _packaged(kind: Kind[S, D, P], settings: type[S]) -> Driver[S, D, P]:
    def construct(configured: devices.Packaged, clock: Clock, deliver: D) -> Any:
        return build_packaged(kind.name, configured, clock, deliver)

    return Driver(kind, PACKAGE, settings, cast("Callable[[S, Clock, D], P]", construct))


class _ReaderArguments(TypedDict):
    name: str
    port: str
    baud: int
    antennas: tuple[int, ...]
    clock: Clock
    on_tag: DeliverTag


def _reader(configured: devices.TagReader, clock: Clock, on_tag: DeliverTag) -> _ReaderArguments:
    return _ReaderArguments(
        name=configured.id,
        port=configured.port,
        baud=configured.baud,
        antennas=configured.antennas,
        clock=clock,
        on_tag=on_tag,
    )


def _steady(configured: devices.Weighbridge) -> Steady:
    return Steady(
        first_counts=False,
        needed=configured.stable_readings,
        over_ms=configured.stable_ms,
        tolerance_kg=configured.tolerance_kg,
        least_kg=configured.min_kg,
    )


def _yaohua(configured: devices.Weighbridge, clock: Clock, on_weight: DeliverWeight) -> Weighbridge:
    return YaohuaScale(
        configured.id,
        configured.port,
        _steady(configured),
        output=_YAOHUA_OUTPUTS[configured.driver],
        unit=configured.unit,
        clock=clock,
        on_weight=on_weight,
        baud=configured.baud,
        parity=_PARITIES[configured.parity],
        data_bits=configured.data_bits,
    )


def _toledo(configured: devices.Weighbridge, clock: Clock, on_weight: DeliverWeight) -> Weighbridge:
    return ToledoScale(
        configured.id,
        configured.port,
        _steady(configured),
        checksum=configured.checksum,
        short=configured.driver == "toledo_short",
        clock=clock,
        on_weight=on_weight,
        baud=configured.baud,
        parity=_PARITIES[configured.parity],
        data_bits=configured.data_bits,
    )


def card_layout(configured: devices.DriverIdentity) -> Layout:
    """Return what the reader of cards is set to send."""
    return Layout(
        framing="stx" if configured.driver == "card_stx" else "lines",
        prefix=configured.prefix,
        suffix=configured.suffix,
        least=configured.least_characters,
        most=configured.most_characters,
        alphabet=configured.characters,
        check=configured.check,
        encoding=configured.encoding,
        heartbeat=configured.heartbeat,
    )


def _card_lines(configured: devices.DriverIdentity, clock: Clock, on_card: DeliverCard) -> IdentityReader:
    return LineReader(
        configured.id,
        configured.port,
        card_layout(configured),
        medium=configured.medium,
        clock=clock,
        on_card=on_card,
        baud=configured.baud,
        parity=_PARITIES[configured.parity],
        data_bits=configured.data_bits,
        silence_s=_HEARTBEATS * configured.heartbeat_s,
    )


def _seal_serial(configured: devices.SealReader, clock: Clock, on_seals: DeliverSeals) -> SealReader:
    return SerialSealReader(
        configured.id,
        configured.port,
        clock=clock,
        on_seals=on_seals,
        baud=configured.baud,
        address=configured.address,
        poll_s=configured.poll_ms / 1000,
    )


def _seal_http(configured: devices.SealReader, clock: Clock, on_seals: DeliverSeals) -> SealReader:
    url = configured.url or ""
    return HttpSealReader(configured.id, url, clock=clock, on_seals=on_seals, poll_s=configured.poll_ms / 1000)


def _ocr_lines(configured: devices.ContainerEngine, clock: Clock, on_boxes: DeliverBoxes) -> ContainerEngine:
    return EngineOnLine(
        configured.id,
        configured.port,
        clock=clock,
        on_boxes=on_boxes,
        baud=configured.baud,
        silence_s=_HEARTBEATS * configured.heartbeat_s,
    )


def _ocr_push(configured: devices.ContainerEngine, clock: Clock, on_boxes: DeliverBoxes) -> ContainerEngine:
    assert configured.url is not None, "the configuration was checked"
    assert configured.spool is not None, "the configuration was checked"
    return PushedEngine(
        configured.id,
        configured.url,
        peers=configured.peers,
        spool=configured.spool,
        clock=clock,
        on_boxes=on_boxes,
        silence_s=_HEARTBEATS * configured.heartbeat_s,
        user=configured.user,
        password_file=configured.password_file,
        auth=configured.auth,
    )


def _led_serial(configured: devices.Sign, _: Clock, __: None) -> Sign:
    return SerialBoard(configured.id, configured.port, baud=configured.baud, address=configured.address)


def _voice_serial(configured: devices.Voice, _: Clock, __: None) -> Voice:
    return SerialVoice(
        configured.id, configured.port, baud=configured.baud, address=configured.address, volume=configured.volume
    )


DRIVERS: tuple[Driver[Any, Any, Any], ...] = (
    Driver(BARRIER, "modbus_barrier", devices.Barrier, modbus_barrier),
    Driver(CAMERA, "http_camera", devices.Camera, _http_camera),
    Driver(CAMERA, "rtsp_camera", devices.Camera, _rtsp_camera),
    Driver(CAMERA, "isapi_camera", devices.Camera, _telling(IsapiCamera)),
    Driver(CAMERA, "dahua_camera", devices.Camera, _telling(DahuaCamera)),
    Driver(CAMERA, "isapi_push", devices.Camera, _telling(PushedIsapiCamera)),
    Driver(CAMERA, "onvif_camera", devices.Camera, _onvif_camera),
    _packaged(CAMERA, devices.Camera),
    Driver(TAG_READER, "uhf_r2000", devices.TagReader, _uhf_r2000),
    Driver(TAG_READER, "uhf_m100", devices.TagReader, _uhf_m100),
    Driver(TAG_READER, "uhf_reader18", devices.TagReader, _uhf_reader18),
    Driver(TAG_READER, "uhf_thingmagic", devices.TagReader, _uhf_thingmagic),
    Driver(TAG_READER, "uhf_llrp", devices.TagReader, _uhf_llrp),
    _packaged(TAG_READER, devices.TagReader),
    Driver(WEIGHBRIDGE, "yaohua_tf0", devices.Weighbridge, _yaohua),
    Driver(WEIGHBRIDGE, "yaohua_ascii", devices.Weighbridge, _yaohua),
    Driver(WEIGHBRIDGE, "yaohua_reversed", devices.Weighbridge, _yaohua),
    Driver(WEIGHBRIDGE, "toledo_continuous", devices.Weighbridge, _toledo),
    Driver(WEIGHBRIDGE, "toledo_short", devices.Weighbridge, _toledo),
    _packaged(WEIGHBRIDGE, devices.Weighbridge),
    Driver(DRIVER_IDENTITY, "card_lines", devices.DriverIdentity, _card_lines),
    Driver(DRIVER_IDENTITY, "card_stx", devices.DriverIdentity, _card_lines),
    _packaged(DRIVER_IDENTITY, devices.DriverIdentity),
    Driver(SEAL_READER, "seal_serial", devices.SealReader, _seal_serial),
    Driver(SEAL_READER, "seal_http", devices.SealReader, _seal_http),
    _packaged(SEAL_READER, devices.SealReader),
    Driver(CONTAINER_ENGINE, "ocr_lines", devices.ContainerEngine, _ocr_lines),
    Driver(CONTAINER_ENGINE, "ocr_push", devices.ContainerEngine, _ocr_push),
    _packaged(CONTAINER_ENGINE, devices.ContainerEngine),
    Driver(SIGN, "led_serial", devices.Sign, _led_serial),
    _packaged(SIGN, devices.Sign),
    Driver(VOICE, "voice_serial", devices.Voice, _voice_serial),
    _packaged(VOICE, devices.Voice),
)
_BY_PROTOCOL = {(one.kind.name, one.protocol): one for one in DRIVERS}
