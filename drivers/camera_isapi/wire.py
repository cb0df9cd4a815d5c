"""Pure: Hikvision ISAPI alerts, XML or JSON as cameras send it, in the words of events (domain.md 6.3).

    EventNotificationAlert/{dateTime, eventType, eventState, channelID, UUID, picNum,
                            ANPR/{licensePlate, confidenceLevel, plateColor, ...}}

Name spaces differ between makers and years, or have a prefix; what is misspelt (`vehileModel`, `palteTypeByGAT`,
`vehicelRect`) is nothing that is asked for here. A document with a DTD is refused before it declares anything.
"""

import json
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from drivers.kit import json_names
from drivers.kit.camera.events import Notice, claim_of, clock_ms, event_name
from drivers.kit.camera.xml import RefusedError, decoded, read_xml
from edge.core.plate import PlateColour

ALERT_PATH = "/ISAPI/Event/notification/alertStream"
# An alert of a camera takes 4 to 8 KiB.
MAX_XML_BYTES = 256 * 1024
MAX_ELEMENTS = 4_000
_ROOT = "eventnotificationalert"
# `plateColor` of ISAPI; other, unknown and mixed colours are none of ours.
_COLOURS: dict[str, PlateColour] = {
    "blue": "blue",
    "yellow": "yellow",
    "white": "white",
    "black": "black",
    "green": "green",
    "newenergygreen": "green",
    "civilaviationgreen": "green",
    "newenergyyellowgreen": "yellow_green",
    "civilaviationblack": "black",
}


class _Facts:
    """The texts of the children of the root and of its ANPR, by their path in lower case without prefixes."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def start(self, path: list[str], _: dict[str, str]) -> None:
        if path[0] != _ROOT:
            raise RefusedError("not an alert")

    def end(self, path: list[str], text: str) -> None:
        if len(path) == 2 or (len(path) == 3 and path[1] == "anpr"):
            named = "/".join(path[1:])
            # Said twice, and not the same, it is not said.
            self.texts[named] = text if self.texts.get(named, text) == text else ""


def facts_of(data: bytes) -> dict[str, str] | str:
    """The texts of one alert by their paths (`eventtype`, `anpr/licenseplate`), or in words why it is none."""
    if data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return _facts_of_json(data)
    facts = _Facts()
    refused = read_xml(data, facts, max_bytes=MAX_XML_BYTES, max_elements=MAX_ELEMENTS)
    return facts.texts if refused is None else refused


def _facts_of_json(data: bytes) -> dict[str, str] | str:
    """As `facts_of`: the same names, as members of the document or of its `EventNotificationAlert`."""
    if len(data) > MAX_XML_BYTES:
        return "too large"
    try:
        said = json_names.parse(decoded(data.rstrip(b"\0 \t\r\n")).strip().encode())
    except RefusedError as refused:
        return str(refused)
    except (ValueError, RecursionError) as error:
        return f"no JSON: {error}"[:100]
    root = _members(said)
    root = _members(root.get(_ROOT, root))
    texts = {name: text for name, value in root.items() if (text := _plain(value)) is not None}
    anpr = _members(root.get("anpr"))
    return texts | {f"anpr/{name}": text for name, value in anpr.items() if (text := _plain(value)) is not None}


def _members(value: object) -> dict[str, Any]:
    """The members of an object by their names in lower case; of two that become one, none."""
    if not isinstance(value, dict):
        return {}
    found: dict[str, Any] = {}
    for name, member in value.items():
        found[name.lower()] = None if name.lower() in found else member
    return found


def _plain(value: object) -> str | None:
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def parse_alert(data: bytes) -> Notice | str:
    """What one alert says, or in words what is wrong with it. Never raises."""
    facts = facts_of(data)
    if isinstance(facts, str):
        return facts
    kind, state = facts.get("eventtype", "").lower(), facts.get("eventstate", "").lower()
    time_ms = clock_ms(facts.get("datetime", ""))
    if kind == "heartbeat" or (kind == "videoloss" and state == "inactive"):
        return Notice("heartbeat", time_ms)
    if kind != "anpr":
        return Notice("other", time_ms) if kind else "no eventType"
    plate = facts.get("anpr/licenseplate", "")
    named = facts.get("uuid", "")
    event = (
        event_name("isapi", named)
        if named
        else event_name(
            "isapi", facts.get("macaddress", ""), facts.get("channelid", ""), facts.get("datetime", ""), plate
        )
    )
    colour = _COLOURS.get(facts.get("anpr/platecolor", "").lower())
    claim = claim_of(plate, colour, facts.get("anpr/confidencelevel", ""))
    count = facts.get("picnum", "")
    pictures = int(count) if count.isascii() and count.isdigit() and len(count) < 4 else None
    return Notice("plate", time_ms, event, claim, pictures)


def encode_heartbeat(at: datetime, *, mac: str = "44:19:b6:00:00:01") -> bytes:
    """What a camera sends while nothing happens."""
    return _alert(at, mac, "videoloss", "inactive", "")


def encode_event_json(at: datetime, plate: str, *, uuid: str, pictures: int, colour: str = "blue") -> bytes:
    """What a camera that speaks JSON sends of a vehicle."""
    anpr = {"country": 1, "licensePlate": plate, "confidenceLevel": 99, "plateColor": colour, "vehileModel": 0}
    told = {
        "ipAddress": "127.0.0.1", "macAddress": "44:19:b6:00:00:01", "channelID": 1,
        "dateTime": at.astimezone(UTC).isoformat(timespec="seconds"), "eventType": "ANPR", "eventState": "active",
        "ANPR": anpr, "UUID": uuid, "picNum": pictures,
    }  # fmt: skip
    return json.dumps({"EventNotificationAlert": told}, ensure_ascii=False).encode()


def encode_event(
    at: datetime, plate: str, *, uuid: str, pictures: int, colour: str = "blue", percent: str = "99",
    mac: str = "44:19:b6:00:00:01",
) -> bytes:  # fmt: skip
    """What a camera sends of a vehicle; `pictures` follow it."""
    anpr = (
        f"<ANPR><country>CN</country><licensePlate>{escape(plate)}</licensePlate><line>1</line>"
        f"<direction>forward</direction><confidenceLevel>{escape(percent)}</confidenceLevel>"
        f"<plateType>unknown</plateType><plateColor>{escape(colour)}</plateColor><vehileModel>0</vehileModel>"
        f"</ANPR><UUID>{escape(uuid)}</UUID><picNum>{pictures}</picNum>"
    )
    return _alert(at, mac, "ANPR", "active", anpr)


def _alert(at: datetime, mac: str, kind: str, state: str, more: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<EventNotificationAlert version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema">'
        f"<ipAddress>127.0.0.1</ipAddress><macAddress>{mac}</macAddress><channelID>1</channelID>"
        f"<dateTime>{at.astimezone(UTC).isoformat(timespec='seconds')}</dateTime>"
        f"<eventType>{kind}</eventType><eventState>{state}</eventState>{more}</EventNotificationAlert>\n"
    ).encode()
