"""A lane's numbers at customs, a loaded truck, and its request: for tests of the customs bridge."""

from dataclasses import replace
from typing import Any

from edge.clearance.bridge.dialects import DIALECTS
from edge.clearance.bridge.messages import Channel, Gather
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
