"""What a lane's mode and its opening hours take away from it. They never give more than NORMAL within the hours."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

from edge.core.grant import Grant
from edge.core.profile import Identifier, LaneProfile
from edge.core.readings import Identity

Mode = Literal["NORMAL", "HEIGHTENED", "EMERGENCY_HOLD", "EMERGENCY_EVACUATE", "DRILL", "MAINTENANCE"]
MODES: tuple[Mode, ...] = get_args(Mode)
Hours = Literal["open", "appointments", "closed"]

_HELD_FOR: dict[Mode, str] = {
    "EMERGENCY_HOLD": "mode_emergency_hold",
    "EMERGENCY_EVACUATE": "mode_emergency_evacuate",
    "MAINTENANCE": "mode_maintenance",
}


def held_for(mode: Mode, hours: Hours) -> str | None:
    """Return the reason why an arrival is held undecided, or None where it is decided."""
    return _HELD_FOR.get(mode) or ("lane_closed" if hours == "closed" else None)


def keeps_open(mode: Mode, profile: LaneProfile) -> bool:
    """Say whether a boom that is up stays up: an evacuation leads out, never in."""
    return mode == "EMERGENCY_EVACUATE" and profile.direction == "out"


def demanded(mode: Mode, profile: LaneProfile) -> LaneProfile:
    """Return the profile with what has to match: in HEIGHTENED, everything that the lane has a device for."""
    return replace(profile, must_match=_readable(profile)) if mode == "HEIGHTENED" else profile


def _readable(profile: LaneProfile) -> tuple[Identifier, ...]:
    views = {(camera.place, what) for camera in profile.cameras for what in camera.reads}
    able: dict[Identifier, bool] = {
        "front_plate": ("front", "plate") in views,
        "rear_plate": ("rear", "plate") in views,
        "containers": profile.container_engine is not None or any(what == "container" for _, what in views),
        "tag": profile.tag_reader is not None,
        "weight": profile.weighbridge is not None,
        "driver": profile.driver_identity is not None,
        "seals": profile.seal_reader is not None,
    }
    return tuple(name for name, readable in able.items() if readable)


def objections(
    mode: Mode, hours: Hours, profile: LaneProfile, identity: Identity, answers: Sequence[Grant]
) -> tuple[str, ...]:
    """Return what mode and hours have against a release that everything else allows.

    HEIGHTENED knows no exemption: a tag that no release note names is none the less demanded. In hours by
    appointment, a release note has to name the appointment that the authority confirmed.
    """
    notes = [grant.note for grant in answers if grant.note and grant.verdict == "release"]
    found: list[str] = []
    if mode == "HEIGHTENED" and profile.tag_reader is not None:
        if identity.tag.status != "read":
            found.append("unread_tag")
        elif all(note.tag is None for note in notes):
            found.append("not_noted_tag")
    if hours == "appointments" and all(note.appointment is None for note in notes):
        found.append("no_appointment")
    return tuple(found)
