"""What has to match for an automatic release, and how several authorities become one decision."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.core.effects import Decision
from edge.core.grant import Grant, ReleaseNote
from edge.core.inspection import Inspection
from edge.core.profile import Identifier, LaneProfile
from edge.core.readings import Identity
from edge.core.seal import SEAL_OPEN, unlocked
from edge.core.state import Request
from edge.core.supplement import Supplement
from edge.core.vehicle import of_two_vehicles
from edge.core.weight import HEAVIER_THAN_EMPTY


@dataclass(frozen=True, slots=True)
class Joined:
    """The lane's decision and why; `inspections` where something is to be looked at: all of them are one task."""

    decision: Decision
    reasons: tuple[str, ...] = ()
    inspections: tuple[Inspection, ...] = ()


def join(profile: LaneProfile, requests: Sequence[Request]) -> Joined | None:
    """Join the answers so far, or None while the outcome is open. Silence counts as `hold`.

    A denial decides at once under every policy: nothing that comes later can outvote it. `veto` decides like
    `all_of` but lets authorities that stay silent be outvoted by at least one release; `quorum` needs the
    configured number of releases. Whoever wants to look is part of one merged inspection: it is decided only once
    nobody's answer is open any more.
    """
    answers = [request.answer for request in requests if request.answer is not None]
    if denials := [grant for grant in answers if grant.verdict == "deny"]:
        return Joined("deny", tuple(_reason(grant) for grant in denials))
    releases = sum(grant.verdict == "release" for grant in answers)
    if any(request.answer is None and not request.silent for request in requests):
        return None
    if referrals := [grant for grant in answers if grant.verdict == "refer"]:
        merged = tuple(Inspection(grant.authority, grant.target) for grant in referrals)
        return Joined("refer", tuple(_reason(grant) for grant in referrals), merged)
    held = tuple(_reason(grant) for grant in answers if grant.verdict == "hold")
    silent = tuple(f"no_answer:{request.authority}" for request in requests if request.silent)
    enough = releases >= (max(1, profile.quorum) if profile.join == "quorum" else 1)
    tolerated = profile.join == "quorum" or (profile.join == "veto" and not held)
    if enough and (tolerated or not (held or silent)):
        return Joined("release")
    return Joined("hold", held + silent or ("nobody_released",))


def _reason(grant: Grant) -> str:
    return f"{grant.reason or grant.verdict}:{grant.authority}"


def mismatches(
    profile: LaneProfile, identity: Identity, requests: Sequence[Request], supplement: Supplement | None = None
) -> tuple[str, ...]:
    """Return why this identity may not be released automatically; empty where it may.

    At least one release note has to cover everything in `must_match`, and no release note may contradict
    anything that was read, whether it must match or not: a tag and a plate that disagree are never averaged.
    What a person said in `supplement` stands for what was not read, where every release note says the same.
    """
    answers = [request.answer for request in requests if request.answer is not None]
    notes = [grant.note for grant in answers if grant.note and grant.verdict == "release"]
    if not notes:
        return ("no_release_note",)
    noted = [grant.note for grant in answers if grant.note]
    contradicted = [reason for note in noted for reason in _contradictions(profile, identity, note)]
    contradicted += [reason for note in noted for reason in _words_contradicted(note, supplement)]
    if identity.containers.reason == HEAVIER_THAN_EMPTY and not (supplement and supplement.containers):
        # No box was seen, and something weighs: whatever the notes name, until a person says what it is.
        contradicted.append("mismatch_containers")
    if contradicted:
        return tuple(dict.fromkeys(contradicted))
    shortfalls = [_shortfall(profile, identity, note, supplement) for note in notes]
    return () if any(not reasons for reasons in shortfalls) else min(shortfalls, key=len)


def suspected_clone(identity: Identity, requests: Sequence[Request]) -> bool:
    """Say whether tag and front plate contradict each other by a note: one is the noted vehicle's, the other not."""
    front, tag = dict(identity.plates).get("front"), identity.tag
    if front is None or front.value is None or tag.value is None:
        return False
    for note in (one.answer.note for one in requests if one.answer is not None and one.answer.note is not None):
        plates = [noted.text for noted in note.plates if noted.place == "front"]
        if note.tag is not None and plates and (front.value.text in plates) is not (tag.value.epc == note.tag):
            return True
    return False


def _contradictions(profile: LaneProfile, identity: Identity, note: ReleaseNote) -> list[str]:
    reasons: list[str] = []
    readings = dict(identity.plates)
    for noted in note.plates:
        reading = readings.get(noted.place)
        if reading is None:
            continue
        if reading.status == "conflict":
            reasons.append(f"conflict_{noted.place}_plate")
        elif reading.value is not None and reading.value.text != noted.text:
            reasons.append(f"mismatch_{noted.place}_plate")
        elif reading.value is not None and noted.colour is not None and reading.value.colour != noted.colour:
            reasons.append(f"mismatch_{noted.place}_plate_colour")
    reasons += of_two_vehicles(identity, note)
    if note.containers and profile.traffic in ("bulk", "car", "bus"):
        # Nothing here could ever see these boxes.
        reasons.append("containers_not_for_lane")
    if identity.containers.status == "conflict":
        reasons.append("conflict_containers")
    elif identity.containers.value is not None:
        read = sorted(container.code for container in identity.containers.value)
        if read != sorted(note.containers):
            reasons.append("mismatch_containers")
    if identity.tag.status == "conflict":
        reasons.append("conflict_tag")
    elif identity.tag.value is not None and note.tag is not None and identity.tag.value.epc != note.tag:
        reasons.append("mismatch_tag")
    if identity.driver.status == "conflict":
        reasons.append("conflict_driver")
    return reasons + _seal_contradictions(identity, note)


def _words_contradicted(note: ReleaseNote, supplement: Supplement | None) -> list[str]:
    """A note of another plate or of other boxes than a person said is against it, as it is against a reading."""
    if supplement is None:
        return []
    noted = [(one.place, one.text, supplement.plate(one.place)) for one in note.plates]
    reasons = [f"mismatch_{place}_plate" for place, text, said in noted if said not in (None, text)]
    if supplement.containers and sorted(supplement.containers) != sorted(note.containers):
        reasons.append("mismatch_containers")
    return reasons


def _seal_contradictions(identity: Identity, note: ReleaseNote) -> list[str]:
    """An open seal contradicts every note; another seal, or another count of openings, the note that names them."""
    if identity.seals.status == "conflict":
        return ["conflict_seals"]
    seals = identity.seals.value or ()
    reasons = [SEAL_OPEN] if unlocked(seals) else []
    if seals and note.seals:
        if sorted(one.id for one in seals) != sorted(one.id for one in note.seals):
            reasons.append("mismatch_seals")
        if _openings_differ(identity, note):
            reasons.append("mismatch_seal_openings")
    return reasons


def _openings_differ(identity: Identity, note: ReleaseNote) -> bool:
    counts = {one.id: one.openings for one in identity.seals.value or ()}
    return any(
        noted.openings is not None and noted.id in counts and counts[noted.id] != noted.openings for noted in note.seals
    )


def opened_unexpectedly(identity: Identity, requests: Sequence[Request]) -> bool:
    """Say whether a note that came with any answer expects another count of openings than a seal tells."""
    answers = [one.answer for one in requests if one.answer is not None]
    return any(one.note is not None and _openings_differ(identity, one.note) for one in answers)


def _shortfall(
    profile: LaneProfile, identity: Identity, note: ReleaseNote, supplement: Supplement | None
) -> tuple[str, ...]:
    demanded = profile.must_match
    if profile.traffic == "general" and note.containers and "containers" not in demanded:
        # Goods of any kind: boxes are demanded where the release note names them, like a tag.
        demanded = (*demanded, "containers")
    if note.seals and "seals" not in demanded:
        demanded = (*demanded, "seals")
    return tuple(reason for name in demanded if (reason := _missing(identity, note, name, supplement)))


def _missing(identity: Identity, note: ReleaseNote, name: Identifier, supplement: Supplement | None) -> str | None:
    if name == "containers":
        said = supplement is not None and bool(supplement.containers)
        return None if said or identity.containers.status == "read" else "unread_containers"
    if name == "weight":
        return None if identity.weight.status == "read" else "unread_weight"
    if name == "driver":
        return None if identity.driver.status == "read" else "unread_driver"
    if name == "seals":
        if identity.seals.status != "read":
            return "unread_seals"
        return None if note.seals else "not_noted_seals"
    if name == "tag":
        # A tag is demanded where the release note expects one.
        return None if note.tag is None or identity.tag.status == "read" else "unread_tag"
    place = name.removesuffix("_plate")
    reading = dict(identity.plates).get(place)
    said = supplement is not None and supplement.plate(place) is not None
    if not said and (reading is None or reading.status != "read"):
        return f"unread_{name}"
    return None if any(noted.place == place for noted in note.plates) else f"not_noted_{name}"
