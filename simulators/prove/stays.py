"""Which vehicle stood in the lane while a reader beside it showed something: what it then shows is no other one's."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulators.prove.traffic import Truck


@dataclass(slots=True, eq=False)
class Stay:
    """A vehicle in the lane, until it left; nobody is a stay, too."""

    truck: "Truck | None" = None
    left_ms: int | None = None

    def was_over(self, at_ms: int) -> bool:
        """Say whether its vehicle had left by then."""
        return self.left_ms is not None and self.left_ms < at_ms


NOBODY = Stay()
