"""What the share log has to say of a request: in what form each kind of identifier is in its bytes."""

from typing import Any

KINDS = ("plates", "containers", "tag", "driver", "seals")
# Of these the log says something where the lane has a reader.
_WHERE_LOOKED_FOR = frozenset({"driver", "seals"})


def forms(claims: dict[str, Any]) -> dict[str, str]:
    """In what form each kind of identifier is in a request, read or said, from its bytes alone."""
    readings, words = claims["readings"], claims.get("supplement")
    said = {"plates": words["plates"], "containers": words["containers"]["codes"]} if words else {}
    found = {}
    for kind in KINDS:
        parts = readings[kind] if isinstance(readings[kind], list) else [readings[kind]]
        if kind in _WHERE_LOOKED_FOR and parts[0]["reason"] == "not_looked_for":
            continue
        there = said.get(kind) or any(one["value"] or one["candidates"] for one in parts)
        found[kind] = parts[0]["policy"] if there else "nothing"
    return found
