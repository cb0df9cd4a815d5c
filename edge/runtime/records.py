"""What the lane runner writes: journal record bodies, events for central operations, and the state that it shows."""

from collections.abc import Sequence
from typing import Any

from edge.core.effects import Effect, EndPassage, Report
from edge.core.events import Event, Started
from edge.core.inspection import Inspection
from edge.core.profile import LaneProfile
from edge.core.readings import Identity
from edge.core.state import LaneState
from edge.json_encoder import encoder
from edge.runtime.codec import encode
from edge.runtime.outbox import OutboxEvent

_text = encoder(separators=(",", ":"))


def boot_body(profile: LaneProfile, event: Started, effects: tuple[Effect, ...]) -> str:
    """Return the record that begins a boot: it carries the profile that all records after it were decided with."""
    return _text(
        {"profile": encode(profile), "event": encode(event), "effects": [encode(effect) for effect in effects]}
    )


def step_body(before: LaneState, event: Event, effects: tuple[Effect, ...]) -> str:
    """Return the record of one step; `sampled_at_ms` is what unjournaled scans had made of it before."""
    return _text(
        {
            "sampled_at_ms": before.sampled_at_ms,
            "event": encode(event),
            "effects": [encode(effect) for effect in effects],
        }
    )


def outbox_event(effect: Report | EndPassage) -> OutboxEvent:
    """Return the event for central operations; who was identified travels apart, under each field policy."""
    if isinstance(effect, Report):
        data: dict[str, Any] = {"passage": effect.passage, **dict(effect.fields)}
        return OutboxEvent(effect.name, data, None if effect.identity is None else personal(effect.identity))
    return OutboxEvent(
        "passage_ended",
        {
            "passage": effect.passage,
            "terminal": effect.terminal,
            "decision": effect.decision,
            "target": effect.target,
            "inspections": plain(effect.inspections),
            "reasons": list(effect.reasons),
            "stages_ms": _stages_ms(effect),
            "simulated": effect.simulated,
            "drill": effect.drill,
            "cargo_class": effect.cargo_class,
            "direction": effect.direction,
            "touched": effect.touched,
        },
        personal(effect.identity),
    )


def plain(inspections: Sequence[Inspection]) -> list[dict[str, Any]]:
    """Return a merged inspection in plain words."""
    return [{"authority": one.authority, "target": one.target} for one in inspections]


def shown_state(state: LaneState) -> dict[str, Any]:
    """Return what a lane tells everybody of itself, retained; nothing of it is personal."""
    passage = state.passage
    return {
        "phase": state.phase.value,
        "passage": passage.id if passage else None,
        "decision": passage.decision if passage else None,
        "reasons": list(passage.reasons) if passage else [],
        "inspections": plain(passage.inspections) if passage else [],
        "referral": next((one.id for one in state.referrals if passage and one.passage == passage.id), None),
        "boom": state.inputs.boom,
        "light": state.light,
        "guidance": state.guide.phrase if state.guide else None,
        "guidance_target": state.guide.target if state.guide else None,
        "alarms": list(state.alarms),
        "lost_devices": list(state.lost_devices),
        "simulated": state.profile.simulated,
        "mode": state.mode,
        "hours": state.hours,
        "drill": state.mode == "DRILL" or (passage is not None and passage.drill),
    }


def _stages_ms(effect: EndPassage) -> dict[str, int]:
    arrived = {} if effect.arrived_ms is None else {"arrived": effect.arrived_ms}
    return {**arrived, **dict(effect.stages)}


def personal(identity: Identity) -> dict[str, Any]:
    """Return who was identified, in plain words; values are null where they were not read."""
    containers = identity.containers.value or ()
    return {
        "plates": [
            {
                "place": place,
                "status": reading.status,
                "text": reading.value.text if reading.value else None,
                "colour": reading.value.colour if reading.value else None,
                "kind": reading.value.kind if reading.value else None,
            }
            for place, reading in identity.plates
        ],
        "containers": [{"code": one.code, "size_type": one.size_type, "check": one.check} for one in containers],
        "tag": identity.tag.value.epc if identity.tag.value else None,
        "weight": {
            "status": identity.weight.status,
            "kg": identity.weight.value.kg if identity.weight.value else None,
            "reason": identity.weight.reason,
        },
        "driver": {
            "status": identity.driver.status,
            "text": identity.driver.value.text if identity.driver.value else None,
            "medium": identity.driver.value.medium if identity.driver.value else None,
            "reason": identity.driver.reason,
        },
        "seals": {
            "status": identity.seals.status,
            "reason": identity.seals.reason,
            "seen": [
                {
                    "seal": one.id,
                    "locked": one.locked,
                    "openings": one.openings,
                    "battery_percent": one.battery_percent,
                }
                for one in identity.seals.value or ()
            ],
        },
    }
