"""ONVIF metadata as a plate camera streams it: documents of XML, cut into RTP packets, and sender reports."""

from datetime import UTC, datetime
from xml.sax.saxutils import escape

PAYLOAD_TYPE = 107
_SSRC = 0x4F4E5646
_PAYLOAD_BYTES = 1_400
_NTP_EPOCH_S = 2_208_988_800
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema"'
    ' xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:tns1="http://www.onvif.org/ver10/topics">'
)


def describe(codec: str = "vnd.onvif.metadata") -> str:
    """What a session description says of the metadata (Streaming Specification 5.2.1.1.1)."""
    lines = ["m=application 0 RTP/AVP 107", f"a=rtpmap:107 {codec}/90000", "a=recvonly", "a=control:track2"]
    return "\r\n".join(lines) + "\r\n"


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _info(plate: str, likelihood: float) -> str:
    return (
        f'<tt:LicensePlateInfo><tt:PlateNumber Likelihood="{likelihood:g}">{escape(plate)}</tt:PlateNumber>'
        '<tt:PlateType Likelihood="0.8">Normal</tt:PlateType><tt:CountryCode Likelihood="0.7">CN</tt:CountryCode>'
        "</tt:LicensePlateInfo>"
    )


def scene(at: datetime, plates: tuple[str, ...], likelihood: float = 0.9, filling: str = "") -> bytes:
    """A document of one frame, with a vehicle and a plate for each of `plates`; `filling` makes it longer."""
    objects = "".join(
        f'<tt:Object ObjectId="{number}"><tt:Appearance><tt:Shape><tt:BoundingBox left="-0.3" top="0.2" right="0.3"'
        ' bottom="-0.4"/><tt:CenterOfGravity x="0.0" y="-0.1"/></tt:Shape><tt:Class><tt:Type Likelihood="0.9">Vehicle'
        '</tt:Type></tt:Class><tt:VehicleInfo><tt:Type Likelihood="0.9">Truck</tt:Type></tt:VehicleInfo>'
        f"{_info(plate, likelihood)}</tt:Appearance></tt:Object>"
        for number, plate in enumerate(plates, start=1)
    )
    filled = f"<tt:Extension>{escape(filling)}</tt:Extension>" if filling else ""
    return (
        f'{_HEAD}<tt:VideoAnalytics><tt:Frame UtcTime="{_utc(at)}">{objects}{filled}</tt:Frame></tt:VideoAnalytics>'
        "</tt:MetadataStream>"
    ).encode()


def notification(at: datetime, plate: str, likelihood: float = 0.9, topic: str = "Recognition/LicensePlate") -> bytes:
    """A document of one event, as the rule of plate recognition tells it."""
    return (
        f'{_HEAD}<tt:Event><wsnt:NotificationMessage><wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topic'
        f'Expression/ConcreteSet">tns1:RuleEngine/{topic}</wsnt:Topic><wsnt:Message>'
        f'<tt:Message UtcTime="{_utc(at)}"><tt:Source><tt:SimpleItem Name="VideoSource" Value="1"/>'
        '<tt:SimpleItem Name="Rule" Value="LPR"/></tt:Source><tt:Data><tt:SimpleItem Name="Likelihood"'
        f' Value="{likelihood:g}"/><tt:ElementItem Name="LicensePlateInfo">{_info(plate, likelihood)}</tt:ElementItem>'
        "</tt:Data></tt:Message></wsnt:Message></wsnt:NotificationMessage></tt:Event></tt:MetadataStream>"
    ).encode()


def packets(document: bytes, ticks: int, sequence: int) -> list[bytes]:
    """The RTP packets of one document; the last has the marker."""
    pieces = [document[at : at + _PAYLOAD_BYTES] for at in range(0, len(document), _PAYLOAD_BYTES)]
    return [
        bytes([0x80, PAYLOAD_TYPE | (0x80 if at == len(pieces) - 1 else 0)])
        + (sequence + at & 0xFFFF).to_bytes(2, "big")
        + (ticks & 0xFFFFFFFF).to_bytes(4, "big")
        + _SSRC.to_bytes(4, "big")
        + piece
        for at, piece in enumerate(pieces)
    ]


def report(at: datetime, ticks: int) -> bytes:
    """A sender report (RFC 3550 6.4.1) without blocks about others."""
    seconds = at.timestamp() + _NTP_EPOCH_S
    ntp = round(seconds * (1 << 32)) & ((1 << 64) - 1)
    counts = (ticks & 0xFFFFFFFF).to_bytes(4, "big") + bytes(8)
    return bytes([0x80, 200, 0, 6]) + _SSRC.to_bytes(4, "big") + ntp.to_bytes(8, "big") + counts
