"""Tractor and trailer are two identities: which plates can stand on one vehicle.

The front plate is the tractor's. The rear plate is the trailer's (挂), and trailers are swapped; without a trailer it
is the tractor's own, the same as in front.
"""

from edge.core.grant import ReleaseNote
from edge.core.plate import plate_kind
from edge.core.readings import Identity


def of_two_vehicles(identity: Identity, note: ReleaseNote | None = None) -> tuple[str, ...]:
    """Return why the plates that were read are not of one vehicle, or not of the kind that `note` names.

    `front_plate_of_trailer`: what was read in front is a trailer's plate, and says nothing of the tractor.
    `rear_plate_not_trailer`: the rear plate is no trailer's where the note names a trailer, or is neither a
    trailer's, nor the tractor's own, nor the noted one.
    """
    readings = dict(identity.plates)
    front, rear = (readings[place].value if place in readings else None for place in ("front", "rear"))
    noted = [(one.place, one.text) for one in note.plates] if note is not None else []
    if front is not None and front.kind == "trailer":
        return ("front_plate_of_trailer",)
    if rear is None or rear.kind == "trailer" or ("rear", rear.text) in noted:
        return ()
    trailer_noted = any(place == "rear" and plate_kind(text) == "trailer" for place, text in noted)
    own = {front.text} if front is not None else {text for place, text in noted if place == "front"}
    stranger = bool(own) and rear.text not in own
    return ("rear_plate_not_trailer",) if trailer_noted or stranger else ()
