"""The telemetry topics of one lane, `gate/v1/<site>/<lane>/...`. Plates, codes and tags are never in a topic.

Those of `clearance/...` are in `edge.clearance.authority_link`: they belong to another connection.
"""

import re
from dataclasses import dataclass

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# The code of an alarm may end with the id of the device that it is about.
_ALARM_CODE = re.compile(r"[A-Za-z0-9_-]{1,96}")


def checked_id(text: str) -> str:
    """Return `text` where it may stand as one level of a topic; raises ValueError (wildcards, slashes, length)."""
    if not _ID.fullmatch(text):
        raise ValueError(f"not an id of 1 to 64 of A-Z a-z 0-9 _ -: {text[:80]!r}")
    return text


@dataclass(frozen=True, slots=True)
class LaneTopics:
    """Builds the topics of a lane. Every method raises ValueError for an id that may not stand in a topic."""

    site: str
    lane: str

    def __post_init__(self) -> None:
        checked_id(self.site)
        checked_id(self.lane)

    @property
    def root(self) -> str:
        """What all topics of the lane begin with; also the `source` of its events."""
        return f"gate/v1/{self.site}/{self.lane}"

    @property
    def availability(self) -> str:
        """Retained; also the will."""
        return f"{self.root}/availability"

    @property
    def state(self) -> str:
        """Retained."""
        return f"{self.root}/state"

    @property
    def health(self) -> str:
        """Retained."""
        return f"{self.root}/health"

    @property
    def acknowledgement(self) -> str:
        """Where central says "stored through seq N"."""
        return f"{self.root}/ack"

    @property
    def alarms(self) -> str:
        """The filter under which all alarms of the lane lie."""
        return f"{self.root}/alarm/+"

    def alarm(self, code: str) -> str:
        """Retained while the alarm stands."""
        if not _ALARM_CODE.fullmatch(code):
            raise ValueError(f"not an alarm code of 1 to 96 of A-Z a-z 0-9 _ -: {code[:100]!r}")
        return f"{self.root}/alarm/{code}"

    def is_alarm(self, topic: str) -> bool:
        """Say whether `topic`, as the broker gives it, is one that `alarm` could have made."""
        root, _, code = topic.rpartition("/")
        return root == f"{self.root}/alarm" and _ALARM_CODE.fullmatch(code) is not None

    def event(self, event_type: str) -> str:
        """Not retained: one CloudEvents envelope each."""
        return f"{self.root}/event/{checked_id(event_type)}"

    def passage(self, authority: str) -> str:
        """Not retained: event detail under that authority's field policy."""
        return f"{self.root}/passage/{checked_id(authority)}"
