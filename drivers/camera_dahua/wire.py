"""Pure: the words of a Dahua event stream, lines of keys and values (domain.md 6.3).

    Events[0].EventBaseInfo.Code=TrafficJunction
    Events[0].UTC=1693300000
    Events[0].TrafficCar.PlateNumber=...
    Events[0].TrafficCar.PlateColor=Blue
    Events[0].Object.Confidence=99

`UTC` is seconds, often of the local time: it is good for differences alone. A heartbeat is the word `Heartbeat`,
without a time. Events without `TrafficCar` are none of a plate.
"""

from datetime import datetime

from drivers.kit.camera.events import Notice, claim_of, event_name
from edge.core.plate import PlateColour

EVENT_PATH = "/cgi-bin/snapManager.cgi?action=attachFileProc&Flags[0]=Event&Events=[TrafficJunction]&heartbeat=5"
MAX_BYTES = 256 * 1024
MAX_LINES = 4_000
HEARTBEAT = "Heartbeat"
_CAR = "TrafficCar."
# `PlateColor` of TrafficCar; what is left out is none of ours.
_COLOURS: dict[str, PlateColour] = {
    "blue": "blue",
    "yellow": "yellow",
    "white": "white",
    "black": "black",
    "green": "green",
    "shadowgreen": "green",
    "yellowgreen": "yellow_green",
}
# What makes an event this one and no other, together with its plate.
_NAMING = ("UTC", "UTCMS", "EventID", "GroupID", "IndexInGroup", "Sequence", "EventBaseInfo.Index")


def facts_of(data: bytes) -> dict[str, str] | str:
    """The values of one part by their keys (`Events[0].UTC`), or in words why it is none."""
    if len(data) > MAX_BYTES:
        return "too large"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030", "replace")
    lines = [line.strip() for line in text.strip("\0 \t\r\n").split("\n")]
    if len(lines) > MAX_LINES:
        return "too many lines"
    facts: dict[str, str] = {}
    for line in filter(None, lines):
        key, equals, value = line.partition("=")
        if not equals:
            return "a line without a value"
        # Said twice, and not the same, it is not said.
        facts[key] = value if facts.get(key, value) == value else ""
    return facts


def parse_event(data: bytes) -> Notice | str:
    """What one part says, or in words what is wrong with it. Never raises."""
    if data.strip(b"\0 \t\r\n").lower() == HEARTBEAT.lower().encode():
        return Notice("heartbeat")
    facts = facts_of(data)
    if isinstance(facts, str):
        return facts
    first = {key.removeprefix("Events[0]."): value for key, value in facts.items() if key.startswith("Events[0].")}
    if not first:
        return "no event"
    time_ms = _time_ms(first)
    if not any(key.startswith(_CAR) for key in first):
        return Notice("other", time_ms)
    plate = first.get(f"{_CAR}PlateNumber", "")
    event = event_name("dahua", *(first.get(key, "") for key in _NAMING), plate)
    colour = _COLOURS.get(first.get(f"{_CAR}PlateColor", "").lower())
    claim = claim_of(plate, colour, first.get("Object.Confidence", ""))
    # Two vehicles in one picture: nobody says which of them stands in the lane.
    several = any(".TrafficCar.PlateNumber" in key and not key.startswith("Events[0].") for key in facts)
    return Notice("plate", time_ms, event, None if several else claim)


def _time_ms(first: dict[str, str]) -> int | None:
    seconds, milliseconds = first.get("UTC", ""), first.get("UTCMS", "0")
    if not (_is_number(seconds, 12) and _is_number(milliseconds, 3)):
        return None
    return int(seconds) * 1000 + int(milliseconds)


def _is_number(text: str, digits: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= digits


def encode_heartbeat() -> bytes:
    """What a camera sends while nothing happens."""
    return HEARTBEAT.encode() + b"\r\n"


def encode_event(at: datetime, plate: str, *, sequence: int, colour: str = "Blue", percent: int = 99) -> bytes:
    """What a camera sends of a vehicle; a picture follows it."""
    values = {
        "EventBaseInfo.Code": "TrafficJunction",
        "EventBaseInfo.Action": "Pulse",
        "EventBaseInfo.Index": 0,
        "GroupID": sequence,
        "CountInGroup": 1,
        "IndexInGroup": 1,
        "Lane": 0,
        "UTC": int(at.timestamp()),
        "UTCMS": at.microsecond // 1000,
        "Object.ObjectType": "Plate",
        "Object.Confidence": percent,
        "TrafficCar.PlateNumber": plate,
        "TrafficCar.PlateType": "Normal",
        "TrafficCar.PlateColor": colour,
        "TrafficCar.VehicleColor": "White",
    }
    return "".join(f"Events[0].{key}={value}\r\n" for key, value in values.items()).encode()
