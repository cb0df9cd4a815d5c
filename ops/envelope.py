"""What may come from a lane's topics, checked: bytes in, plain values out, everything else refused with a reason."""

import json
import math
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from edge.text import plain

MAX_PAYLOAD_BYTES = 16 * 1024
_TOPIC = re.compile(r"gate/v1/([A-Za-z0-9_-]{1,64})/([A-Za-z0-9_-]{1,64})/(.+)")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HASH = re.compile(r"[0-9a-f]{64}")
_MAX_INTEGER = (1 << 63) - 1
_MAX_TIME_LENGTH = 40
# What a JSON reader would take for infinity, or for a number that no other one keeps exact, is refused.
_MAX_NUMBER_LENGTH = 24
_MAX_SHOWN = 64


class RefusedError(Exception):
    """A message that is not what its topic promises. `reason` is stable: it names a counter."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Lane:
    """Which lane."""

    site: str
    name: str

    @property
    def acknowledgement_topic(self) -> str:
        """Where the lane hears what is stored."""
        return f"gate/v1/{self.site}/{self.name}/ack"


@dataclass(frozen=True, slots=True)
class LaneEvent:
    """One event as it came. `data` is its JSON text; `oldest_seq` the oldest event that the lane still holds."""

    lane: Lane
    epoch: int
    seq: int
    oldest_seq: int
    type: str
    time: str
    hash: str
    data: dict[str, Any]


def parse_topic(topic: str) -> tuple[Lane, str]:
    """Return the lane and what follows it in the topic; raises RefusedError (bad_topic)."""
    found = _TOPIC.fullmatch(topic)
    if found is None:
        raise RefusedError("bad_topic")
    return Lane(found[1], found[2]), found[3]


def parse_event(topic: str, payload: bytes) -> LaneEvent:
    """Return the event of `.../event/<type>`; raises RefusedError (bad_topic, oversize, not_json, bad_envelope)."""
    lane, rest = parse_topic(topic)
    data = parse_object(payload)
    event_type, time, digest = data.get("type"), data.get("time"), data.get("hash")
    if rest != f"event/{event_type}" or not isinstance(event_type, str) or not _ID.fullmatch(event_type):
        raise RefusedError("bad_envelope")
    if data.get("specversion") != "1.0" or data.get("source") != f"gate/v1/{lane.site}/{lane.name}":
        raise RefusedError("bad_envelope")
    if not isinstance(time, str) or len(time) > _MAX_TIME_LENGTH or not isinstance(data.get("data"), dict):
        raise RefusedError("bad_envelope")
    if not isinstance(digest, str) or not _HASH.fullmatch(digest):
        raise RefusedError("bad_envelope")
    epoch, seq, oldest = (_number(data.get(name)) for name in ("epoch", "seq", "oldestseq"))
    if not 1 <= oldest <= seq:
        raise RefusedError("bad_envelope")
    return LaneEvent(lane, epoch, seq, oldest, event_type, time, digest, data["data"])


def parse_object(payload: bytes) -> dict[str, Any]:
    """Return a strict JSON object; raises RefusedError (oversize, not_json)."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise RefusedError("oversize")
    try:
        data = json.loads(
            payload.decode(),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_decimal,
        )
        # Half of a surrogate pair is valid JSON and no text: no database could hold it.
        json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise RefusedError("not_json") from None
    if not isinstance(data, dict):
        raise RefusedError("not_json")
    return data


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _MAX_INTEGER:
        raise RefusedError("bad_envelope")
    return value


def shown(value: object) -> str:
    """Return a value from the wire as a short text that moves no cursor and colours nothing in a terminal."""
    return plain(str(value)[:_MAX_SHOWN])


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError("duplicate key")
    return data


def _integer(text: str) -> int:
    if len(text) > _MAX_NUMBER_LENGTH:
        raise ValueError("number")
    return int(text)


def _decimal(text: str) -> float:
    value = float(text)
    if len(text) > _MAX_NUMBER_LENGTH or not math.isfinite(value):
        raise ValueError("number")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
