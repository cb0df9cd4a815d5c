"""A truck as it truly is: plates, containers, tag, and the axles on which its weight stands."""

from dataclasses import dataclass

# Steering axle, drive axles and the last three of a tractor with its trailer, as shares of the whole weight.
_TRACTOR_TRAILER_SHARES = (0.13, 0.18, 0.18, 0.17, 0.17, 0.17)
_RIGID_SHARES = (0.35, 0.65)
# In metres behind the front, or before the rear where negative.
_TRACTOR_TRAILER_AT_M = (1.4, 4.6, 5.9, -4.5, -3.2, -1.9)
_RIGID_AT_M = (1.3, -1.5)
# A vehicle that is shorter has two axles.
_TRACTOR_TRAILER_FROM_M = 12.0


@dataclass(frozen=True, slots=True)
class Axle:
    """One axle: how far behind the vehicle's front it touches the road, and what it bears."""

    behind_front_m: float
    kg: int


@dataclass(frozen=True, slots=True)
class Truck:
    """What drives into the lane. The truth that a demo compares readings with.

    `plates`: (place, text, colour, kind, rows), place `front` or `rear`; `containers`: (code, size_type);
    `pictures`: (camera, source) where a camera shall show a given picture instead of a rendered one.
    """

    id: str
    plates: tuple[tuple[str, str, str, str, int], ...] = ()
    containers: tuple[tuple[str, str], ...] = ()
    tag_epc: str | None = None
    length_m: float = 16.5
    pictures: tuple[tuple[str, str], ...] = ()
    axles: tuple[Axle, ...] = ()

    @property
    def weight_kg(self) -> int:
        """What it weighs with all that it carries."""
        return sum(axle.kg for axle in self.axles)


def usual_axles(length_m: float, weight_kg: int) -> tuple[Axle, ...]:
    """Return where a vehicle of this length has its axles; their loads add up to exactly `weight_kg`."""
    long = length_m >= _TRACTOR_TRAILER_FROM_M
    places = _TRACTOR_TRAILER_AT_M if long else _RIGID_AT_M
    shares = _TRACTOR_TRAILER_SHARES if long else _RIGID_SHARES
    loads = [int(weight_kg * share) for share in shares[1:]]
    loads.insert(0, weight_kg - sum(loads))
    # Of what is shorter than a truck's overhang every axle is within its length.
    behind = [min(at, length_m) if at >= 0 else max(length_m + at, 0.0) for at in places]
    return tuple(Axle(at, kg) for at, kg in zip(sorted(behind), loads, strict=True))
