"""Payloads as bytes: plain JSON, UTF-8, times in RFC 3339 UTC, units in names."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from edge.runtime.codec import CodecError, from_bytes, to_bytes
from edge.runtime.outbox import OutboxRow
from edge.telemetry.topics import LaneTopics
from edge.times import rfc3339

MAX_ACKNOWLEDGEMENT_BYTES = 256


def availability(online: bool, session: int, since: datetime | None) -> bytes:
    """Return `availability`. An `offline` counts only against an `online` of the same session."""
    at = None if since is None else rfc3339(since)
    return to_bytes({"status": "online" if online else "offline", "session": session, "since": at})


def state(fields: Mapping[str, Any], at: datetime) -> bytes:
    """Return `state` or `health` with `updated_at`: a retained value without an age lies. Raises CodecError."""
    return to_bytes({**fields, "updated_at": rfc3339(at)})


def alarm(code: str, detail: str, raised: datetime) -> bytes:
    """Return `alarm/<code>` while it stands; one that has ended is an empty retained payload."""
    return to_bytes({"code": code, "detail": detail, "raised_at": rfc3339(raised)})


def event(topics: LaneTopics, epoch: int, row: OutboxRow, oldest_seq: int) -> bytes:
    """Return the CloudEvents 1.0 envelope (JSON format) of an outbox row, without its personal data.

    `oldest_seq` is the oldest that the lane still holds: a receiver that misses older ones waits for nothing.
    """
    return to_bytes({**_envelope(topics, epoch, row, row.data), "oldestseq": oldest_seq})


def passage(topics: LaneTopics, epoch: int, row: OutboxRow, identity: Mapping[str, Any]) -> bytes:
    """Return the same event with what one authority may see of the identity."""
    return to_bytes(_envelope(topics, epoch, row, {**row.data, "identity": dict(identity)}))


def _envelope(topics: LaneTopics, epoch: int, row: OutboxRow, data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{epoch}-{row.seq}",
        "source": topics.root,
        "type": row.type,
        "time": row.occurred_at,
        "datacontenttype": "application/json",
        "epoch": epoch,
        "seq": row.seq,
        "hash": row.hash,
        "data": data,
    }


def parse_acknowledgement(payload: bytes) -> tuple[int, int] | None:
    """Return (epoch, seq) of central's "stored through seq N", or None for anything else."""
    if len(payload) > MAX_ACKNOWLEDGEMENT_BYTES:
        return None
    try:
        data = from_bytes(payload)
    except CodecError:
        return None
    if not isinstance(data, dict):
        return None
    epoch, seq = data.get("epoch"), data.get("seq")
    if type(epoch) is not int or type(seq) is not int or not (0 <= seq < 1 << 63 and 0 <= epoch < 1 << 63):
        return None
    return epoch, seq
