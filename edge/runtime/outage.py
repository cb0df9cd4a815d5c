"""What a lane has to look at from time to time to be ready for an outage: the clock, and lists that lie in a file."""

from collections.abc import Callable
from pathlib import Path

from edge.clearance.authority_link import ClearanceLink
from edge.clearance.feeds import OFFLINE_LISTS, IssuedFeed
from edge.clearance.keys import load_shared_secret
from edge.clearance.keyset import Keyset
from edge.clearance.lane_clearance import LaneClearance
from edge.clearance.seen import SeenVersions
from edge.clearance.time_quality import TimeQuality
from edge.core.events import Event
from edge.core.offline_list import OfflineList
from edge.ports import Clock

LOOK_EVERY_S = 10.0


class OutageWatch:
    """Judges the clock of a lane by its authorities' answers, and takes its offline lists where it may use them.

    Raises KeyFileError where the lane may pass vehicles offline and its list secret cannot be read.
    """

    def __init__(
        self,
        link: ClearanceLink,
        asking: LaneClearance,
        *,
        issuer: str | None,
        keyset: Callable[[], Keyset],
        keys_dir: Path,
        state_dir: Path,
        clock: Clock,
        take: Callable[[Event], None],
    ) -> None:
        self.feed: IssuedFeed[OfflineList] | None = None
        self._clock = clock
        self._quality = TimeQuality(clock, take)
        asking.vouch = self._quality.vouch
        if issuer is None:
            return
        self.feed = IssuedFeed(
            OFFLINE_LISTS,
            site=link.site,
            lane=link.lane,
            authority=issuer,
            secret=load_shared_secret(keys_dir / f"lane-{link.lane}.list.key"),
            keyset=keyset,
            seen=SeenVersions(state_dir / f"offline-list-seen-{link.lane}.json"),
            file=list_file(state_dir, link.lane),
            clock=clock,
            take=take,
        )
        self.feed.attach(link.link)

    async def run(self) -> None:
        """Look every `LOOK_EVERY_S` until cancelled."""
        while True:
            self._quality.check()
            if self.feed is not None:
                self.feed.look()
            await self._clock.sleep(LOOK_EVERY_S)


def list_file(state_dir: Path, lane: str) -> Path:
    """Return where a technician puts a lane's list."""
    return state_dir / f"offline-list-{lane}.jws"
