"""From a signed request to what customs is asked, and from its answer to a ruling. Pure; whatever is unsaid holds.

Nothing releases but a fresh, well-formed, matching, positive COMMAND_INFO (docs/decisions/0040). When it came is for
the caller to judge.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from edge.clearance.bridge.dialects import RELEASE, Dialect, is_digits
from edge.clearance.bridge.messages import Channel, Command, Gather, read_command
from edge.clearance.bridge.said import Said, said_of
from edge.clearance.bridge.slots import pictured
from edge.clearance.bridge.strict_xml import BodyError
from edge.clearance.bridge.wire import Frame
from edge.core.boxes import MOST_CONTAINERS, ORDER_NOT_SEEN
from edge.core.grant import NotedPlate, NotedSeal, ReleaseNote

NOT_LOOKED_FOR = "not_looked_for"
MAX_FORM = 64


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one message of the platform means for one open question. `ignore` leaves the question open.

    `reason` is stable; `form` is the number of the document that the platform names, "" for none.
    """

    verdict: Literal["release", "hold", "ignore"]
    reason: str = ""
    form: str = ""


def gather_of(claims: Mapping[str, Any], sequence: str, file_time: str) -> Gather | str:
    """Return what customs is asked for the readings of a request, or the reason why it cannot be asked.

    Reasons: conflict_front_plate (or rear), withheld_plates, conflict_containers, unread_containers,
    withheld_containers, container_check_failed, container_twice, container_order_not_seen, too_many_containers,
    conflict_tag, withheld_tag, conflict_driver, conflict_seals, withheld_seals, seal_open, nothing_identified, and
    those of `said_of`. Raises KeyError, TypeError or ValueError for claims of another form.
    """
    readings, words = claims["readings"], claims.get("supplement")
    plates = {one["place"]: one for one in readings["plates"]}
    said = said_of(words, plates, readings["containers"])
    if isinstance(said, str):
        return said
    objection = _of_plates(plates) or _of_containers(readings["containers"], said) or _of_tag(readings["tag"])
    objection = objection or _of_driver(readings.get("driver")) or _of_seals(readings.get("seals"))
    if objection:
        return objection
    front, rear, tag = _value(plates.get("front")), _value(plates.get("rear")), _value(readings["tag"])
    boxes, card = _value(readings["containers"]), _card(readings.get("driver"))
    codes = said.containers or (None if boxes is None else tuple(one["code"] for one in boxes))
    plate = front["text"] if front else said.plates.get("front", "")
    if not plate and tag is None:
        return "nothing_identified"
    return Gather(
        sequence=sequence,
        plate=plate,
        trailer_plate=rear["text"] if rear else said.plates.get("rear", ""),
        tag=tag["epc"] if tag else "",
        containers=codes,
        models=() if boxes is None else tuple(one["size_type"] or "" for one in boxes),
        pictures=tuple(claims["evidence"]),
        views=pictured(claims),
        file_time=file_time,
        weight_kg=_weight_kg(readings.get("weight")),
        driver_card=card.get("ic", ""),
        bar_code=card.get("qr", ""),
        seals=tuple((one["seal"], one["openings"]) for one in _value(readings.get("seals")) or ()),
        supplemented=words is not None,
    )


def _weight_kg(one: Mapping[str, Any] | None) -> int | None:
    """Return the weight that was read and may be shown; customs takes an empty one for none (domain.md 1.3).

    A lane of an earlier version tells none.
    """
    return one["value"]["kg"] if one is not None and one["value"] is not None else None


def note_of(gather: Gather, claims: Mapping[str, Any], form: str) -> ReleaseNote:
    """Return the note of a release: exactly what customs was shown, under the number that it named or the SEQ_NO."""
    shown = {"front": gather.plate, "rear": gather.trailer_plate}
    plates = tuple(
        # A person says no colour.
        NotedPlate(one["place"], shown[one["place"]], None if one["value"] is None else one["value"]["colour"])
        for one in claims["readings"]["plates"]
        if shown.get(one["place"])
    )
    seals = tuple(NotedSeal(seal, openings) for seal, openings in gather.seals)
    return ReleaseNote(form or gather.sequence, plates, gather.containers or (), gather.tag or None, seals=seals)


def rule(frame: Frame, gather: Gather, channel: Channel, dialect: Dialect) -> Ruling:
    """Judge a COMMAND_INFO (0x22) frame of this channel against the question that is open there."""
    if frame.sender != "platform":
        return Ruling("ignore", "sent_by_front_end")
    try:
        command = read_command(frame, channel, dialect)
    except BodyError as error:
        return Ruling("ignore", error.reason)
    if command.sequence != gather.sequence:
        return Ruling("ignore", "other_passage")
    if any(command.technical_error):
        # Nothing was decided: that is no answer, whatever stands beside it.
        return Ruling("ignore", "technical_error")
    if command.second_vehicle:
        # A plate that nothing here could have read.
        return Ruling("hold", "platform_names_second_plate")
    if command.vehicle and command.vehicle != gather.plate:
        return Ruling("hold", "platform_names_other_vehicle")
    if command.container_count and command.container_count != str(len(gather.containers or ())):
        # Two boxes are released together or not at all.
        return Ruling("hold", "platform_counts_other_containers")
    if _other_seals(command, gather):
        return Ruling("hold", "platform_names_other_seal")
    if _other_openings(command, gather):
        return Ruling("hold", "platform_counts_other_openings")
    reason = result_reason(command.result, dialect)
    if reason != RELEASE:
        return Ruling("hold", reason)
    if any(command.business_error):
        return Ruling("hold", "platform_business_error")
    return _released(command)


def _other_seals(command: Command, gather: Gather) -> bool:
    """Say whether the platform means other seals than it was told of; one that names none says nothing of them."""
    return command.seal is not None and sorted(command.seal.split("|")) != sorted(seal for seal, _ in gather.seals)


def _other_openings(command: Command, gather: Gather) -> bool:
    """Say whether the platform expects another count; of two seals it cannot be known which one it means."""
    return command.openings is not None and [command.openings] != [str(openings) for _, openings in gather.seals]


def _released(command: Command) -> Ruling:
    form = command.form or ""
    # A number with a blank would be another one to the book, and release a second vehicle.
    if len(form) > MAX_FORM or not form.isprintable() or form != form.strip():
        return Ruling("hold", "platform_form_malformed")
    return Ruling("release", "", form)


def result_reason(result: str | None, dialect: Dialect) -> str:
    """Return `release`, or why this CHECK_RESULT is none."""
    if result is None:
        return "platform_result_missing"
    if not result:
        return "platform_result_empty"
    known = dialect.results.get(result)
    if known is not None:
        return known
    if not dialect.by_digits or not is_digits(result):
        return "platform_result_malformed"
    if result[0] != "0":
        return "platform_refused"
    return "platform_result_unknown" if result[1] == "0" else "platform_keeps_boom_down"


def _of_plates(plates: Mapping[str, Any]) -> str:
    for place, one in plates.items():
        if one["status"] == "conflict":
            return f"conflict_{place}_plate"
        if one["status"] == "read" and one["policy"] != "allow":
            return "withheld_plates"
    return ""


def _of_containers(one: Mapping[str, Any], said: Said) -> str:
    if one["status"] == "conflict":
        return "conflict_containers"
    if one["status"] == "unread":
        if said.containers:
            return ""
        # Customs takes no box for an empty truck: unread is not empty.
        return "" if one["reason"] == NOT_LOOKED_FOR else "unread_containers"
    if one["value"] and one["policy"] != "allow":
        return "withheld_containers"
    if len(one["value"]) > MOST_CONTAINERS:
        return "too_many_containers"
    if any(box["check"] == "failed" for box in one["value"]):
        return "container_check_failed"
    if len({box["code"] for box in one["value"]}) != len(one["value"]):
        return "container_twice"
    if len(one["value"]) > 1 and one["reason"] == ORDER_NOT_SEEN:
        return "container_order_not_seen"
    return ""


def _of_tag(one: Mapping[str, Any]) -> str:
    if one["status"] == "conflict":
        return "conflict_tag"
    return "withheld_tag" if one["status"] == "read" and one["policy"] != "allow" else ""


def _of_driver(one: Mapping[str, Any] | None) -> str:
    return "conflict_driver" if one is not None and one["status"] == "conflict" else ""


def _of_seals(one: Mapping[str, Any] | None) -> str:
    """An open seal has no field in any dialect: customs cannot be asked as if it were locked."""
    if one is None:
        return ""
    if one["status"] == "conflict":
        return "conflict_seals"
    if one["status"] == "read" and one["policy"] != "allow":
        return "withheld_seals"
    return "seal_open" if any(seal["locked"] is not True for seal in _value(one) or ()) else ""


def _card(one: Mapping[str, Any] | None) -> dict[str, str]:
    """Return what the driver showed, by its medium; nothing where it was not read, or is not to be shown as it is."""
    card = _value(one)
    return {} if one is None or card is None or one["policy"] != "allow" else {card["medium"]: card["text"]}


def _value(one: Mapping[str, Any] | None) -> Any:
    """The value of a reading that was read, else None."""
    return one["value"] if one is not None and one["status"] == "read" else None
