"""Named points at which a test kills the controller, as `kill -9` and a power cut do (hazards.md X1).

`KAKOU_FAILPOINT=name` kills at the first hit of that point, `name:n` at the n-th. Without it a hit costs one
comparison. A box with a lane whose devices are not simulated refuses to start with one set.
"""

import os
import signal
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from edge.core.effects import (
    ConsumeAuthority,
    Effect,
    EndPassage,
    KeepReferral,
    Report,
    SendChallenge,
    SendRequest,
)

ENVIRONMENT = "KAKOU_FAILPOINT"
# `before`: not yet handed to the journal; `appended`: handed over, perhaps on the disk; `durable`: on the disk.
RecordMoment = Literal["before", "appended", "durable"]
_RECORDS: dict[type, str] = {
    SendRequest: "request",
    SendChallenge: "challenge",
    ConsumeAuthority: "consume",
    KeepReferral: "referral",
    EndPassage: "terminal",
}
# Records that only their report tells from others.
_REPORTS = {"started": "boot", "mode_changed": "mode"}
_MOMENTS = get_args(RecordMoment)
# Of the writer's thread: every group that it commits, whatever is in it.
COMMIT_NAMES = ("commit_before", "commit_after")
NAMES = (
    *(f"{record}_record_{moment}" for record in (*_RECORDS.values(), *_REPORTS.values()) for moment in _MOMENTS),
    "request_sent",
    "challenge_sent",
    *(f"{command}_{side}" for command in ("raise", "lower", "stop", "light") for side in ("before", "after")),
    "recovery_read",
    "recovery_appended",
    *COMMIT_NAMES,
)
# Of `kakou bridge`: the request is in its book, the question left, the answer is in the book, the grant left.
BRIDGE_NAMES = ("bridge_entered", "bridge_asked", "bridge_recorded", "bridge_granted")


class FailpointError(Exception):
    """A failpoint is set where none may be, or one that does not exist. `code` is stable."""

    code = "failpoint_refused"

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"{self.code}: {ENVIRONMENT}: expected {expected}, got {got}; next: unset {ENVIRONMENT}")


class Armed:
    """One failpoint and how many hits it has left."""

    def __init__(self, name: str, hits: int) -> None:
        self.name = name
        self.hits = hits

    def hit(self, name: str) -> None:
        """Kill this process where `name` is the point, and its turn has come."""
        if name != self.name:
            return
        self.hits -= 1
        if self.hits <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


_armed: Armed | None = None


def arm(environment: Mapping[str, str], *, simulated: bool) -> None:
    """Take the failpoint from the environment, or none. Raises FailpointError; `simulated`: every lane is."""
    global _armed
    _armed = None
    given = environment.get(ENVIRONMENT, "")
    if not given:
        return
    name, _, hits = given.partition(":")
    if not simulated:
        raise FailpointError("none, a lane has real devices", given)
    known = (*NAMES, *BRIDGE_NAMES)
    if name not in known or not (hits or "1").isdecimal():
        raise FailpointError(f"NAME or NAME:N of {', '.join(known)}", given)
    _armed = Armed(name, int(hits or "1"))


def hit(name: str) -> None:
    """Die here if so armed."""
    if _armed is not None:
        _armed.hit(name)


def hit_record(moment: RecordMoment, effects: Iterable[Effect]) -> None:
    """Die here if so armed for one of the records that hold these effects."""
    if _armed is None:
        return
    for effect in effects:
        record = _REPORTS.get(effect.name) if isinstance(effect, Report) else _RECORDS.get(type(effect))
        if record is not None:
            _armed.hit(f"{record}_record_{moment}")
