"""What a driver can claim in its quality.yaml: levels, and the points that each of them takes.

A point is claimed with what shows it: `suite` (tests/drivers/conformance runs it for this driver) or a test of its own,
`tests/...py::test_name`. A level is reached where all its points are shown, and all points of the levels below it.
"""

from collections.abc import Collection

BRONZE = "bronze"
SILVER = "silver"
GOLD = "gold"
NO_LEVEL = "none"

POINTS: dict[str, dict[str, str]] = {
    BRONZE: {
        "fixtures": "documented or recorded bytes pin the codec, wrong ones among them",
        "any_chunking": "any chunking of the stream gives the same readings",
        "resynchronises": "behind garbage the next reading is found",
        "any_bytes": "no bytes raise anything but a named error",
        "bounded_memory": "what is held of a stream has a bound",
        "named_errors": "each error has its code, device, address, next step, and stands in the README",
        "fault_switches": "the simulator has a switch for each fault of the list",
    },
    SILVER: {
        "connects": "on the real wire, and connecting proves the device",
        "comes_back": "lost at once or within its bound, back within 5 s of its return",
        "logs_once": "lost and back are logged once each",
    },
    GOLD: {
        "third_party": "another implementation of the protocol, or the device itself, spoke with the driver",
    },
}


def level_of(shown: Collection[str]) -> str:
    """Return the highest level whose points, and those of all levels below it, are all in `shown`."""
    reached = NO_LEVEL
    for level, points in POINTS.items():
        if not set(points) <= set(shown):
            break
        reached = level
    return reached
