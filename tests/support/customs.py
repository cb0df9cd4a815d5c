"""A lane's numbers at customs, a loaded truck, and its request: for tests of the customs bridge."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from edge.clearance.bridge.dialects import DIALECTS
from edge.clearance.bridge.messages import Channel, Gather
from edge.clearance.bridge.pass_record import PassRecord
from edge.clearance.bridge.slots import pictured

CHANNEL = Channel("7208100000", "7208100001", "in")
STANDARD = DIALECTS["gb2312"]
SEQUENCE = "20260301080000000001"
PLATE, TRAILER, BOX, OTHER_BOX = "苏A88888", "苏A1234挂", "CSQU3054383", "TCLU4254260"
EPC = "E0040000F4F0BE05"
TRUCK = Gather(SEQUENCE, PLATE, TRAILER, EPC, (BOX, OTHER_BOX), ("22G1", ""), file_time="20260301080000")
VIEWS = [
    {"view": view, "reads": [what], "sha256": digest * 64}
    for view, what, digest in (
        ("front", "plate", "a"), ("front", "container", "f"), ("rear", "container", "b"), ("left", "container", "1"),
        ("left", "container", "2"), ("right", "container", "3"), ("top", "container", "0"),
    )
]  # fmt: skip
_DIGESTS = [one["sha256"] for one in VIEWS]
VIEWED = replace(TRUCK, pictures=tuple(sorted(_DIGESTS)), views=pictured({"views": VIEWS, "evidence": _DIGESTS}))

RECORD = PassRecord(
    message_id="0123456789abcdef0123456789abcdef",
    sender="SITE0001",
    receiver="CUSTOMS01",
    sent_at=datetime(2026, 3, 1, 0, 0, 12, 345_000, tzinfo=UTC),
    bill="HF2026030001",
    loaded=True,
    inward=True,
    vehicles=((PLATE, "6217000123"),),
    entered_at=datetime(2026, 3, 1, 0, 0, 5, tzinfo=UTC),
)


def passage_event(**changes: Any) -> bytes:
    """What a lane tells an authority at the end of a passage; `changes` are of its data."""
    identity = {
        "plates": [{"place": "front", "status": "read", "text": PLATE, "colour": "yellow", "kind": "ordinary"}],
        "containers": [{"code": BOX, "size_type": "22G1", "check": "verified"}],
        "tag": EPC,
        "driver": {"status": "read", "text": "6217000123", "medium": "ic", "reason": None},
    }
    data = {
        "passage": "passage1", "terminal": "PASSED", "simulated": False, "drill": False, "direction": "in",
        "identity": identity,
    }  # fmt: skip
    event = {"type": "passage_ended", "time": "2026-03-01T00:00:05.000Z", "data": data | changes}
    return json.dumps(event, ensure_ascii=False).encode()


def reading(value: Any, status: str = "read", reason: str | None = None) -> dict[str, Any]:
    return {
        "policy": "allow", "status": status, "value": value, "confidence": 0.9, "reason": reason, "candidates": [],
    }  # fmt: skip


def plate(text: str, place: str = "front", colour: str | None = "yellow", status: str = "read") -> dict[str, Any]:
    value = {"text": text, "colour": colour, "kind": "ordinary"} if status == "read" else None
    return {"place": place} | reading(value, status)


def box(code: str, size_type: str | None = None, check: str = "verified") -> dict[str, Any]:
    return {"code": code, "check": check, "size_type": size_type}


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of the request for `TRUCK`; `changes` are of its readings."""
    readings = {
        "plates": [plate(PLATE), plate(TRAILER, "rear")],
        "containers": reading([box(BOX, "22G1"), box(OTHER_BOX)]),
        "tag": reading({"epc": EPC, "tid": None}),
    }
    return {"readings": readings | changes, "evidence": [], "passage": "passage1"}
