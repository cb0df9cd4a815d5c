"""A lane that can be cut off from its authorities, with a list that names the truck it meets."""

from dataclasses import replace
from typing import Any

from edge.core.events import OfflineListAccepted, TimeJudged
from edge.core.offline import CLEARANCE
from edge.core.offline_list import OfflineEntry, OfflineList, hash_identifier
from edge.core.profile import LaneProfile, OfflineRules
from edge.core.state import Phase
from tests.support.lane_bench import CODE, PLATE, PROFILE, LaneBench

TID = "E2003412DC03011A06052A2C"
KEY = "list-key"
OFFLINE = replace(PROFILE, offline=OfflineRules("customs"))
LIFE_MS = 4 * 3_600_000


def entry(**changes: Any) -> OfflineEntry:
    """The entry of the bench's truck."""
    values: dict[str, Any] = {
        "id": "entry-1",
        "plate": hash_identifier(KEY, "plate", PLATE),
        "container": hash_identifier(KEY, "container", CODE),
        "tag": hash_identifier(KEY, "tag", TID),
        "from_ms": 0,
        "until_ms": LIFE_MS,
        "max_uses": 1,
        "risk": "low",
    }
    return OfflineEntry(**(values | changes))


def offline_list(*entries: OfflineEntry, version: int = 1, **changes: Any) -> OfflineList:
    found = OfflineList("customs", version, KEY, LIFE_MS, entries or (entry(),))
    return replace(found, **changes)


class OfflineBench(LaneBench):
    """Everything is as it must be for the truck to pass unasked, except for what a test takes away."""

    def __init__(self, profile: LaneProfile = OFFLINE, *, found: OfflineList | None = None, good: bool = True) -> None:
        super().__init__(profile)
        if good:
            self.take(TimeJudged(self.at_ms, good=True))
        self.accept(found or offline_list())
        self.cut_off()

    def accept(self, found: OfflineList) -> None:
        self.take(OfflineListAccepted(self.at_ms, found))

    def cut_off(self, for_ms: int = 60_000) -> None:
        """The connection to the authorities is lost, and stays so."""
        self.lose_device(CLEARANCE)
        self.at_ms += for_ms
        self.scan()

    def wait_in_vain(self, *, tid: str | None = TID) -> None:
        """A truck comes, everything is read, nobody answers."""
        self.arrive()
        self.read_plate()
        self.read_container()
        self.read_tag(tid=tid)
        self.prepare()
        self.give_up()

    def give_up(self) -> None:
        """Let the authorities' time run out, the truck still there."""
        assert self.phase is Phase.WAITING
        while self.phase is Phase.WAITING:
            self.wait()
        self.scan()

    def pass_unasked(self) -> None:
        """One truck, from idle to idle again."""
        self.wait_in_vain()
        self.durable()
        self.scan(boom_up=True, boom_down=False)
        self.close()
        self.fall()
        self.scan()
        assert self.phase is Phase.IDLE

    @property
    def why(self) -> str:
        """The lane's reason not to let the truck pass unasked."""
        assert self.phase is Phase.HELD, self.phase
        (reason,) = [one for one in self.passage.reasons if one.startswith("offline_")]
        return reason.removeprefix("offline_")
