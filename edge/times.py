"""How a moment is written in records and messages."""

from datetime import UTC, datetime

# Before everything.
NEVER = datetime.min.replace(tzinfo=UTC)


def rfc3339(moment: datetime) -> str:
    """Return an aware moment as RFC 3339 in UTC with milliseconds (cut, not rounded) and `Z`."""
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return in_utc.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
