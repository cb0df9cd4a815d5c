"""Pure: ONVIF metadata as a camera streams it (Streaming Specification 5.1.2.1.1, Analytics Service Specification).

    MetadataStream/VideoAnalytics/Frame[@UtcTime]/Object/Appearance/LicensePlateInfo/PlateNumber[@Likelihood]
    MetadataStream/Event/NotificationMessage/{Topic, Message/Message[@UtcTime]/Data/.../LicensePlateInfo/PlateNumber}

A document comes in RTP packets, the last of which has the marker. The time of the packets means nothing, says the
specification: when something was seen is told by `UtcTime`. Prefixes and name spaces differ between makers.
Nothing here reads a socket, a clock or a file.
"""

import re
from dataclasses import dataclass

from drivers.kit.camera.events import claim_of, clock_ms
from drivers.kit.camera.rtsp import H264, Media, medias, video_codec
from drivers.kit.camera.xml import RefusedError, read_xml
from edge.core.plate import PlateColour
from edge.core.readings import PlateClaim

# The scene of a busy yard takes some ten KiB; with pictures in it, which some makers add, some hundred.
MAX_DOCUMENT_BYTES = 1024 * 1024
MAX_ELEMENTS = 20_000
# A document tells one second, says the specification: no camera looks more often.
MAX_SEEN = 200
_METADATA = "VND.ONVIF.METADATA"
_TOPIC = "ruleengine/recognition/licenseplate"
_FRAME = ["metadatastream", "videoanalytics", "frame"]
_NOTIFICATION = ["metadatastream", "event", "notificationmessage"]
_MESSAGE = [*_NOTIFICATION, "message", "message"]
_PLATE = ["licenseplateinfo", "platenumber"]
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_NTP_EPOCH_S = 2_208_988_800
# What some makers add to LicensePlateInfo; the specification has no colour of plates.
_COLOURS: dict[str, PlateColour] = {
    "blue": "blue",
    "yellow": "yellow",
    "white": "white",
    "black": "black",
    "green": "green",
}


def refusal(description: bytes) -> str | None:
    """In words why the stream cannot be taken; None where it can."""
    codec = video_codec(description)
    if codec != H264:
        return "no video" if codec is None else f"video in {codec}"
    offered = [one for one in medias(description) if one.kind == "application"]
    named = [one.codec.lower() for one in offered if one.codec.startswith(_METADATA)]
    if not named:
        return "no metadata"
    track = metadata_track(description)
    if track is None:
        # Compressed: `.gzip`, `.exi.onvif`, `.exi.ext`.
        return f"metadata in {named[0]}"
    return None if track.control and track.clock_hz else "metadata without control or clock"


def metadata_track(description: bytes) -> Media | None:
    """The metadata of a session description, uncompressed; None where it has none."""
    return next((one for one in medias(description) if (one.kind, one.codec) == ("application", _METADATA)), None)


def resolved(control: str, base: str) -> str:
    """The address of a track: `control` as it is written, in a description of `base`."""
    if _SCHEME.match(control):
        return control
    return base if control == "*" else base.rstrip("/") + "/" + control.lstrip("/")


class DocumentReader:
    """Puts documents together, packet by packet. Of a damaged one nothing is given; the next begins behind a marker.

    Memory is bounded by one document and one packet.
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._next: int | None = None
        # Whoever begins to listen gets a document from its beginning.
        self._whole = True
        self.damaged = 0

    @property
    def buffered_bytes(self) -> int:
        """How much is held back, waiting for more."""
        return self._size

    def feed(self, packet: bytes) -> bytes | None:
        """Take the next RTP packet and return the document that it completed. Never raises."""
        payload = _payload(packet)
        if payload is None:
            self._spoil()
            return None
        sequence, marker = int.from_bytes(packet[2:4], "big"), bool(packet[1] & 0x80)
        if self._next is not None and sequence != self._next:
            self._spoil()
        self._next = (sequence + 1) & 0xFFFF
        if self._whole and self._size + len(payload) > MAX_DOCUMENT_BYTES:
            self._spoil()
        if self._whole:
            self._parts.append(payload)
            self._size += len(payload)
        if not marker:
            return None
        document = b"".join(self._parts) if self._whole else None
        if document is None:
            self.damaged += 1
        self._parts, self._size, self._whole = [], 0, True
        return document

    def _spoil(self) -> None:
        """What was gathered is not whole, nor is what follows up to the next marker."""
        self._parts, self._size, self._whole = [], 0, False


def _payload(packet: bytes) -> bytes | None:
    """What an RTP packet carries (RFC 3550 5.1); None where it is none."""
    if len(packet) < 12 or packet[0] >> 6 != 2:
        return None
    begin, end = 12 + 4 * (packet[0] & 0x0F), len(packet)
    if packet[0] & 0x10:
        begin += 4 + 4 * int.from_bytes(packet[begin + 2 : begin + 4], "big")
    if packet[0] & 0x20:
        end -= packet[-1]
    return packet[begin:end] if begin <= end else None


def report_ms(packet: bytes) -> int | None:
    """When a sender report was sent by the camera's clock, in ms of UTC (RFC 3550 6.4.1); None where it is none."""
    if len(packet) < 28 or packet[0] >> 6 != 2 or packet[1] != 200:
        return None
    seconds, fraction = int.from_bytes(packet[8:12], "big"), int.from_bytes(packet[12:16], "big")
    return (seconds - _NTP_EPOCH_S) * 1000 + (fraction * 1000 >> 32) if seconds else None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a camera says that it saw at a moment of its own clock, in ms of UTC; `claim` None: no plate, or several."""

    at_ms: int
    claim: PlateClaim | None = None


class _Scene:
    """What one document tells, in its order."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self._at_ms: int | None = None
        self._plates: list[tuple[str, str, str]] = []
        self._topic = self._likelihood = ""

    def start(self, path: list[str], attributes: dict[str, str]) -> None:
        if path[0] != _FRAME[0]:
            raise RefusedError("no metadata stream")
        if path == _NOTIFICATION:
            self._topic = ""
        if path == _FRAME or (path == _MESSAGE and self._tells_plates(attributes)):
            self._at_ms = clock_ms(attributes.get("utctime", ""))
            self._plates.clear()
        if path[-2:] == _PLATE:
            self._likelihood = attributes.get("likelihood", "")

    def end(self, path: list[str], text: str) -> None:
        if path == [*_NOTIFICATION, "topic"]:
            self._topic = "/".join(one.rpartition(":")[2] for one in text.lower().split("/"))
        elif path in (_FRAME, _MESSAGE):
            self._close()
        elif path[-2:] == _PLATE and text:
            self._plates.append((text, self._likelihood, ""))
        elif path[-2:] == [_PLATE[0], "color"] and self._plates:
            self._plates[-1] = (*self._plates[-1][:2], text.lower())

    def _tells_plates(self, attributes: dict[str, str]) -> bool:
        return self._topic == _TOPIC and attributes.get("propertyoperation", "").lower() != "deleted"

    def _close(self) -> None:
        if self._at_ms is not None and len(self.seen) < MAX_SEEN:
            self.seen.append(Seen(self._at_ms, _one_of(self._plates)))
        self._at_ms = None


def _one_of(plates: list[tuple[str, str, str]]) -> PlateClaim | None:
    """The plate where only one is told: of two vehicles in view nobody says which one is meant."""
    if len({text for text, _, _ in plates}) != 1:
        return None
    text, likelihood, colour = plates[0]
    try:
        percent = f"{float(likelihood) * 100:f}"
    except ValueError:
        percent = ""
    return claim_of(text, _COLOURS.get(colour), percent)


def parse_document(data: bytes) -> tuple[Seen, ...] | str:
    """What one document tells, in its order, or in words what is wrong with it. Never raises."""
    if data.startswith(b"\x1f\x8b"):
        return "compressed with gzip"
    scene = _Scene()
    refused = read_xml(data, scene, max_bytes=MAX_DOCUMENT_BYTES, max_elements=MAX_ELEMENTS)
    return tuple(scene.seen) if refused is None else refused
