"""What can go wrong, each named after its row of hazards.md; a seed draws its own subset (swarm testing)."""

from random import Random

# Fault: row.
ROWS: dict[str, str] = {
    "slow_disk": "X3",
}


class Swarm:
    """The faults of one history. `struck` holds the rows that really happened."""

    def __init__(self, active: frozenset[str], draw: Random) -> None:
        self.active = active
        self.struck: set[str] = set()
        self._draw = draw

    def strikes(self, fault: str, chance: float) -> bool:
        """Say whether the fault happens now."""
        if fault not in self.active or self._draw.random() >= chance:
            return False
        self.struck.add(ROWS[fault])
        return True
