"""The configuration of one box with its lanes: frozen, strict, units in names, defaults for what sites leave alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr

from config.calendar import Calendar
from config.customs import CustomsBridge
from config.devices import (
    Barrier,
    Camera,
    Configured,
    ContainerEngine,
    DriverIdentity,
    OnLine,
    SealReader,
    Sign,
    SirenRules,
    TagReader,
    Voice,
    Weighbridge,
)
from config.fields import FilePath, Fingerprint, Host, HttpsUrl, Id, Name, Port, Strict

Identifier = Literal["front_plate", "rear_plate", "containers", "tag", "weight", "driver", "seals"]
Visibility = Literal["allow", "mask", "hash", "deny"]
Traffic = Literal["container", "general", "bulk", "car", "bus"]
TwoPersonAction = Literal["open", "lower", "reset", "mode", "supplement"]
PathKey = tuple[str | int, ...]


class Tls(Strict):
    """TLS to the broker: its CA, and each connection's own certificate where the broker asks for one.

    `{client}` in `cert_file` and `key_file` is the client id: `<site>-<lane>-clearance` or `-telemetry`.
    `crl_file` lists certificates that were withdrawn.
    """

    ca_file: FilePath
    cert_file: FilePath | None = None
    key_file: FilePath | None = None
    crl_file: FilePath | None = None


class Broker(Strict):
    """The MQTT broker. `mqtt_version` is a text: "3.1.1" or "5". `username` may hold `{client}`, as in `Tls`."""

    host: Host = "127.0.0.1"
    port: Port = 1883
    mqtt_version: Literal["3.1.1", "5"] = "5"
    username: Name | None = None
    password_file: FilePath | None = None
    tls: Tls | None = None


class PictureServer(Strict):
    """Pictures over HTTPS, by signed addresses that a request carries. `url` is how authorities reach this port."""

    host: Host
    port: Port = 8443
    url: HttpsUrl
    cert_file: FilePath
    key_file: FilePath


class Evidence(Strict):
    """How much is kept, and for how long at most; `serve` lets authorities that may see everything fetch pictures."""

    quota_mib: int = Field(default=10_240, ge=64, le=16_777_216)
    retention_days: int = Field(default=180, ge=1, le=3_650)
    serve: PictureServer | None = None


class WarnBefore(Strict):
    """How long before its end a person is told of what the lanes trust for a time; at most half of its life."""

    keyset_days: int = Field(default=14, ge=1, le=30)
    # Rotated with at least a week of overlap: a key without successor a week before its end was forgotten.
    key_days: int = Field(default=7, ge=1, le=90)
    certificate_days: int = Field(default=30, ge=1, le=365)
    sampling_plan_days: int = Field(default=7, ge=1, le=30)
    offline_list_minutes: int = Field(default=60, ge=1, le=240)


class Recogniser(Strict):
    """Worker processes that read pictures; past `deadline_ms` a picture is unread."""

    workers: int = Field(default=1, ge=1, le=4)
    deadline_ms: int = Field(default=5_000, ge=100, le=30_000)


class FieldPolicy(Strict):
    """What an authority may see of each kind of identifier."""

    plates: Visibility = "allow"
    containers: Visibility = "allow"
    tag: Visibility = "allow"
    # A weight is no identifier: it is shown or not.
    weight: Literal["allow", "deny"] = "allow"
    # A person: shown to nobody who is not named here.
    driver: Visibility = "deny"
    seals: Visibility = "allow"


class Authority(Strict):
    """One authority that is asked; its silence past `deadline_ms` counts as hold."""

    id: Id
    deadline_ms: int = Field(default=10_000, ge=100, le=30_000)
    fields: FieldPolicy = FieldPolicy()


class Timing(Strict):
    """Deadlines and proofs of a lane, in milliseconds. `boom_slow_percent` is of `open_ms` and `close_ms`."""

    identify_ms: int = Field(default=15_000, ge=500, le=120_000)
    hold_ms: int = Field(default=600_000, ge=1_000, le=7_200_000)
    open_ms: int = Field(default=6_000, ge=500, le=60_000)
    pass_ms: int = Field(default=120_000, ge=1_000, le=1_800_000)
    close_ms: int = Field(default=8_000, ge=500, le=60_000)
    clear_ms: int = Field(default=1_000, ge=1_000, le=30_000)
    sample_max_age_ms: int = Field(default=200, ge=20, le=200)
    ready_ms: int = Field(default=10_000, ge=500, le=120_000)
    grant_max_ms: int = Field(default=30_000, ge=100, le=30_000)
    boom_slow_percent: int = Field(default=75, ge=10, le=100)
    lamp_ms: int = Field(default=2_000, ge=200, le=60_000)
    arrival_debounce_ms: int = Field(default=100, ge=0, le=2_000)
    referral_nii_ms: int = Field(default=3_600_000, ge=60_000, le=86_400_000)
    referral_bay_ms: int = Field(default=3_600_000, ge=60_000, le=86_400_000)
    referral_weigh_ms: int = Field(default=1_800_000, ge=60_000, le=86_400_000)
    referral_quarantine_ms: int = Field(default=3_600_000, ge=60_000, le=86_400_000)


class LimitedOffline(Strict):
    """Vehicles that may pass while no authority can be asked, under the signed list of `authority` for this lane."""

    authority: Id
    outage_s: int = Field(default=60, ge=60, le=3_600)
    most_passes: int = Field(default=20, ge=1, le=20)


class Sampling(Strict):
    """Which authority's signed plan says how many of the released vehicles are looked at, by credit class.

    `without_plan`: what becomes of a released vehicle while no plan is in force.
    """

    authority: Id
    without_plan: Literal["hold", "release"] = "hold"


# Beside these, a lane of another traffic than containers demands the tag where it has a reader.
_PLATES_BY_TRAFFIC: dict[Traffic, tuple[Identifier, ...]] = {
    "general": ("front_plate",),
    "bulk": ("front_plate", "rear_plate"),
    "car": ("front_plate",),
    "bus": ("front_plate",),
}


def _must_match(given: dict[str, Any]) -> tuple[Identifier, ...]:
    plates = _PLATES_BY_TRAFFIC.get(given.get("traffic", "container"))
    if plates is None:
        return ("front_plate", "containers", "tag")
    return plates if given.get("tag_reader") is None else (*plates, "tag")


class Handheld(Strict):
    """Handheld terminals that confirm a held passage, of officers of `authority`; a challenge counts for `answer_s`."""

    authority: Id
    answer_s: int = Field(default=300, ge=10, le=600)


class Shadows(Strict):
    """Devices that are read and compared with those of the lane, and never decide: on trial, or in parallel."""

    cameras: tuple[Camera, ...] = Field(default=(), max_length=8)
    tag_reader: TagReader | None = None
    weighbridge: Weighbridge | None = None


def _any_simulated(given: dict[str, Any]) -> bool:
    """One simulated device makes a simulated lane, whatever stands in its shadow too (I20)."""
    shadow = given.get("shadow")
    groups = (given, {} if shadow is None else dict(shadow))
    named = ("barrier", "driver_identity", "seal_reader", "container_engine", "sign", "voice")
    devices: list[Configured | None] = [given.get(name) for name in named]
    for group in groups:
        devices += [*group.get("cameras", ()), group.get("tag_reader"), group.get("weighbridge")]
    return any(one is not None and one.use == "sim" for one in devices)


class Lane(Strict):
    """One lane. `must_match`: what must be read and equal to the release note for an automatic release.

    `traffic` decides what is looked for, and what must match where `must_match` is left out.
    """

    id: Id
    direction: Literal["in", "out"]
    traffic: Traffic = "container"
    barrier: Barrier
    cameras: tuple[Camera, ...] = Field(default=(), max_length=16)
    tag_reader: TagReader | None = None
    weighbridge: Weighbridge | None = None
    driver_identity: DriverIdentity | None = None
    seal_reader: SealReader | None = None
    container_engine: ContainerEngine | None = None
    sign: Sign | None = None
    voice: Voice | None = None
    must_match: tuple[Identifier, ...] = Field(default_factory=_must_match, min_length=1)
    recaptures: int = Field(default=2, ge=0, le=2)
    timing: Timing = Timing()
    limited_offline: LimitedOffline | None = None
    handheld: Handheld | None = None
    sampling: Sampling | None = None
    siren: SirenRules | None = None
    shadow: Shadows | None = None
    simulated: bool = Field(default_factory=_any_simulated)
    # Whether it starts only with a passed report of `kakou bringup` for each of its devices, as configured now (O8).
    require_bringup: bool = False
    # Orders that a second named person has to give too, within `second_person_ms` of the first.
    two_persons: tuple[TwoPersonAction, ...] = ()
    second_person_ms: int = Field(default=120_000, ge=5_000, le=3_600_000)
    # What a person says of a held vehicle (`kakou supplement`) opens where the authorities release it.
    supplement_opens: bool = False
    drill_moves_boom: bool = False
    calendar: Calendar | None = None

    @property
    def on_lines(self) -> tuple[tuple[str, OnLine], ...]:
        """Its devices on serial lines, or behind serial servers, by their keys."""
        found = (
            ("tag_reader", self.tag_reader),
            ("weighbridge", self.weighbridge),
            ("driver_identity", self.driver_identity),
            ("seal_reader", self.seal_reader),
            ("container_engine", self.container_engine),
            ("sign", self.sign),
            ("voice", self.voice),
        )
        return tuple((key, device) for key, device in found if device is not None and device.port)

    @property
    def over_http(self) -> tuple[tuple[PathKey, SealReader | ContainerEngine], ...]:
        """Its devices beside cameras that speak HTTP, asked or pushing, by their places in the lane's configuration."""
        found = (("seal_reader", self.seal_reader), ("container_engine", self.container_engine))
        return tuple(((key,), device) for key, device in found if device is not None and not device.port)

    @property
    def every_camera(self) -> tuple[tuple[PathKey, Camera], ...]:
        """Its cameras and those in its shadow, by their places in the lane's configuration."""
        shadows = () if self.shadow is None else self.shadow.cameras
        own = tuple((("cameras", number), camera) for number, camera in enumerate(self.cameras))
        return own + tuple((("shadow", "cameras", number), camera) for number, camera in enumerate(shadows))

    @property
    def every_line(self) -> tuple[tuple[PathKey, OnLine], ...]:
        """As `on_lines`, with those in its shadow, by their places in the lane's configuration."""
        shadow = self.shadow or Shadows()
        found = (("tag_reader", shadow.tag_reader), ("weighbridge", shadow.weighbridge))
        own: tuple[tuple[PathKey, OnLine], ...] = tuple(((key,), device) for key, device in self.on_lines)
        return own + tuple((("shadow", key), device) for key, device in found if device is not None)

    @property
    def not_real(self) -> tuple[tuple[str, str], ...]:
        """What each of its devices is that is not real, by id: `sim`, `shadow`, or `shadow sim`."""
        every = (((), self.barrier), *self.every_camera, *self.every_line, *self.over_http)
        named = ((device.id, "shadow " * (path[:1] == ("shadow",)) + device.use) for path, device in every)
        return tuple((name, use.removesuffix(" real")) for name, use in named if use != "real")


class Configuration(Strict):
    """One box. Build it with `config.loader.load`; relative paths are relative to the file."""

    site: Id
    state_dir: FilePath
    keys_dir: FilePath
    manifest_file: FilePath | None = None
    # The box that may act with this configuration has one of these (`kakou hardware`); empty: any box.
    hardware: tuple[Fingerprint, ...] = Field(default=(), max_length=16)
    language: Literal["auto", "zh", "en"] = "auto"
    control_socket: FilePath | None = None
    broker: Broker = Broker()
    evidence: Evidence = Evidence()
    recogniser: Recogniser = Recogniser()
    warn_before: WarnBefore = WarnBefore()
    # Whether a lane lets go of events only at a signed word of central (`kakou ops --ack-key`).
    signed_acknowledgements: bool = False
    authorities: tuple[Authority, ...] = Field(min_length=1, max_length=16)
    join: Literal["all_of", "veto", "quorum"] = "all_of"
    quorum_of: int | None = Field(default=None, ge=1, le=16)
    lanes: tuple[Lane, ...] = Field(min_length=1, max_length=64)
    customs_bridge: CustomsBridge | None = None

    # Where each given value stands: path to "file:line". Empty for a configuration that was not loaded from a file.
    _origins: Mapping[PathKey, str] = PrivateAttr(default_factory=dict)

    @property
    def control_socket_path(self) -> Path:
        """The control socket: as configured, or `control.sock` in the state directory."""
        return self.control_socket or self.state_dir / "control.sock"
