"""The sampling plans of a lane: from the topic of whoever may issue them, and from a file that outlives a restart."""

from collections.abc import Callable
from pathlib import Path

from edge.clearance.authority_link import ClearanceLink
from edge.clearance.feeds import SAMPLING_PLANS, IssuedFeed
from edge.clearance.keys import load_shared_secret
from edge.clearance.keyset import Keyset
from edge.clearance.seen import SeenVersions
from edge.core.events import Event
from edge.core.sampling_plan import SamplingPlan
from edge.ports import Clock

LOOK_EVERY_S = 10.0


class SamplingWatch:
    """Takes the plans of `issuer` for one lane. Raises KeyFileError where their secret cannot be read."""

    def __init__(
        self,
        link: ClearanceLink,
        *,
        issuer: str,
        keyset: Callable[[], Keyset],
        keys_dir: Path,
        state_dir: Path,
        clock: Clock,
        take: Callable[[Event], None],
    ) -> None:
        self._clock = clock
        self.feed: IssuedFeed[SamplingPlan] = IssuedFeed(
            SAMPLING_PLANS,
            site=link.site,
            lane=link.lane,
            authority=issuer,
            secret=load_shared_secret(keys_dir / f"lane-{link.lane}.sampling.key"),
            keyset=keyset,
            seen=SeenVersions(state_dir / f"sampling-plan-seen-{link.lane}.json"),
            file=plan_file(state_dir, link.lane),
            clock=clock,
            take=take,
        )
        self.feed.attach(link.link)

    async def run(self) -> None:
        """Look at the file every `LOOK_EVERY_S` until cancelled."""
        while True:
            self.feed.look()
            await self._clock.sleep(LOOK_EVERY_S)


def plan_file(state_dir: Path, lane: str) -> Path:
    """Return where the newest plan of a lane lies, and where a technician puts one."""
    return state_dir / f"sampling-plan-{lane}.jws"
