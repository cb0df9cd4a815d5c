"""The centre out of reach, and the signed list under which a lane may pass vehicles meanwhile (hazards.md 4.5).

The lists are real bytes, judged by the real feed; the truth about each passage unasked is told from what was signed and
from when the link was down, never from what the lane makes of either.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, cast

from edge.clearance.feeds import OFFLINE_LISTS, IssuedFeed
from edge.clearance.seen import SeenVersions
from edge.core.effects import ConsumeAuthority
from edge.core.events import DeviceBack, DeviceLost
from edge.core.offline import CLEARANCE
from edge.core.offline_list import OfflineList
from edge.core.profile import LaneProfile, OfflineRules
from edge.ports import Clock
from edge.times import rfc3339
from simulators.prove.disk import KeptVersions
from simulators.prove.lists import BAD_LISTS, ENTRY, SECRET, Lists
from simulators.prove.virtual_time import FIRST_DAY

if TYPE_CHECKING:
    from simulators.prove.box import Box
    from simulators.prove.world import World

# What has to have come of outages in a large campaign: the passage unasked, and each reason not to let it happen.
OFFLINE_CASES = (
    "unasked", "reported", "list_expired", "list_refused", "no_list", "outage_not_proved", "time_quality",
    "cap_reached", "no_entry", "entry_used", "entry_denied", "entry_not_now", "risk_class", "too_few_identifiers",
    "unread",
)  # fmt: skip
_CUT = "centre_cut"
_FAULTS = (_CUT, "list_lapsed", "list_withheld", "time_unvouched", "clock_unset", *BAD_LISTS)
# A box without a clock of its own starts two hours in the past, and is set right after a while.
SET_LATER_S = (-7_200, *(0,) * 400)
_SHARE_OF_LANES = 0.1
# A lane that is cut off and fails closed: some sites want no list.
_FAIL_CLOSED = 0.2
_OUTAGE_MS = 4_000
_EXPECTED = 0.75
# In an outage one that passed unasked comes again.
_AGAIN = 0.3
# An outage is as much shorter here as the feed looks more often for steps of the clock.
_LOOK_S = 0.7
# A moment is written in whole milliseconds.
_CUT_MS = 1
# No jump of the wall clock comes near it: nobody vouches for a clock by chance.
_ISSUER_OFF = timedelta(seconds=5_000)
_MOST_SKEW_S = 30
# The lane looks for steps of its wall clock this often, and a controller that stood still looks later.
_STEP_SEEN_MS, _STEP_SEEN_PAUSED_MS = 10_500, 21_000
_PREFIX = "offline_"
_FIRST_MOMENT = rfc3339(FIRST_DAY)


def drawn_offline(profile: LaneProfile, seed: str, faults: frozenset[str], *, asks_clock: bool) -> LaneProfile:
    """Some lanes may pass vehicles under a list; most of those that are cut off may. A list ends by the wall clock."""
    draw = Random(seed + "|offline lane")  # noqa: S311 - a repeatable simulation
    share = 1 - _FAIL_CLOSED if any(fault in faults for fault in _FAULTS) else _SHARE_OF_LANES
    if not asks_clock or draw.random() >= share:
        return profile
    rules = OfflineRules("customs", outage_ms=_OUTAGE_MS, most_passes=draw.choice((1, 2, 4)))
    return replace(profile, offline=rules)


class Outages:
    """The link to the authorities of one lane, and the lists that it was sent.

    `down`: nothing goes through it, either way.
    """

    def __init__(self, world: "World") -> None:
        self.world = world
        self.down = False
        self.seen: set[str] = set()
        self._draw = Random(world.plan.seed + "|outages")  # noqa: S311 - a repeatable simulation
        self._rules = world.profile.offline
        faults = world.plan.faults
        self._cuts = any(fault in faults for fault in _FAULTS)
        self._withholds = "list_withheld" in faults
        self._unvouched = "time_unvouched" in faults
        self._step_seen_ms = _STEP_SEEN_PAUSED_MS if "paused" in faults else _STEP_SEEN_MS
        self._down_since_ms = 0
        self._box: Box | None = None
        self._feed: IssuedFeed[OfflineList] | None = None
        self._versions = KeptVersions()
        self._lists = Lists(world, self._draw)
        # The version that counts in this life, as far as it was rightly accepted; whether anybody was heard in it.
        self._in_force = 0
        self._heard = False
        self._uses: dict[str, int] = {}
        self._came: set[int] = set()
        self._passes = 0
        self._unreported: set[str] = set()
        if self._rules is not None:
            world.time.after(30, self._issue)
        if self._cuts:
            world.time.after(self._draw.uniform(5_000, 20_000), self._cut)

    # --- the link -----------------------------------------------------------------------------------------------

    def _cut(self) -> None:
        if not self.world.swarm.active:
            return
        swarm = self.world.swarm
        swarm.strikes(_CUT, 1)
        self.down, self._down_since_ms, self._passes = True, self.world.time.now_ms, 0
        self._tell()
        self.world.time.after(swarm.draw.choice((1_500, 8_000, 20_000, 45_000)), self.restore)

    def restore(self) -> None:
        """The authorities can be asked again, for some time."""
        if not self.down:
            return
        self.down = False
        self._tell()
        self._bring()
        self.world.time.after(self._draw.uniform(4_000, 40_000), self._cut)

    def _tell(self) -> None:
        """The lane's own connection notices."""
        box, now_ms = self._box, self.world.time.now_ms
        if box is not None:
            box.take(DeviceLost(now_ms, CLEARANCE, "connection_lost") if self.down else DeviceBack(now_ms, CLEARANCE))

    def begin(self, box: "Box", clock: Clock) -> None:
        """A process of the controller starts: it has no list, and finds the link as it is."""
        self._box, self._in_force, self._heard = box, 0, False
        if self._rules is not None:
            self._feed = IssuedFeed(
                OFFLINE_LISTS,
                site=self.world.profile.site,
                lane=self.world.profile.lane,
                authority=self._rules.authority,
                secret=SECRET,
                keyset=self.world.keyset,
                seen=cast(SeenVersions, self._versions),
                file=Path("no-such-file"),
                clock=clock,
                take=box.take,
            )
            box.keep(self._watch_clock(self._feed, clock))
        self._tell()
        if not self.down:
            self._bring()
        elif self._draw.random() < 0.5:
            # A technician has put the newest one where the lane looks for it.
            self.world.time.after(self._draw.uniform(100, 2_000), self._bring)

    async def _watch_clock(self, feed: IssuedFeed[OfflineList], clock: Clock) -> None:
        while True:
            await clock.sleep(_LOOK_S)
            feed.tell_again()

    def heard(self) -> bool:
        """Bytes of an authority are about to reach the lane; says whether they can."""
        if self.down:
            return False
        self._heard = True
        return True

    # --- the lists ----------------------------------------------------------------------------------------------

    def issued_at(self) -> str:
        """When an authority signs, by its own clock."""
        if self._rules is None:
            return _FIRST_MOMENT
        if self._unvouched:
            self.world.swarm.strikes("time_unvouched", 1)
            return rfc3339(self._lists.utc() + _ISSUER_OFF)
        return rfc3339(self._lists.utc())

    def _issue(self) -> None:
        """Sign the next list; it goes out at once where the lane can be reached."""
        self._lists.issue()
        if not self.down:
            self._bring()
        if not self._lists.retained:
            self.world.time.after(self._draw.uniform(8_000, 25_000), self._issue)

    def _bring(self) -> None:
        """Hand the newest list to the lane, and before or behind it what somebody else made of one."""
        feed, box, swarm = self._feed, self._box, self.world.swarm
        if feed is None or box is None or box.dead or not self._lists.issued:
            return
        if not (self._withholds and swarm.strikes("list_withheld", 0.8)):
            newest = self._lists.newest
            if self._lists.lapse:
                swarm.strikes("list_lapsed", 1)
            self._offer(newest, self._lists.issued[newest].raw)
        for fault in BAD_LISTS:
            if swarm.strikes(fault, 0.7):
                self._offer(0, self._lists.bad(fault))

    def _offer(self, version: int, raw: bytes) -> None:
        """Hand bytes to the lane; whatever it takes has to be what the centre signed for it (I21)."""
        assert self._feed is not None
        before = self._versions.highest("")
        outcome = self._feed.offer(raw)
        if not isinstance(outcome, OfflineList):
            self.seen.add("list_refused")
            return
        known = self._lists.issued.get(outcome.version)
        if known is None or known.raw != raw:
            self.world.judge.blame("I21", f"a list was taken that nobody may send this lane: version {version}")
        elif outcome.version < before:
            self.world.judge.blame("I21", f"list {outcome.version} was taken after list {before}")
        else:
            self._in_force = max(self._in_force, outcome.version)

    def expected(self, number: int) -> int:
        """Who comes: where there are lists mostly one whom they name; else the stranger that was drawn."""
        if not self._lists.issued or self._draw.random() >= _EXPECTED:
            return number
        if self.down and self._uses and self._draw.random() < _AGAIN:
            return int(self._draw.choice(list(self._uses)).removeprefix(ENTRY))
        listed = self._draw.choice(self._lists.numbers())
        # Where nothing is wrong nobody comes twice: whoever was sent elsewhere the first time is rightly held.
        if listed in self._came and not self._cuts:
            return number
        self._came.add(listed)
        return listed

    # --- the truth ----------------------------------------------------------------------------------------------

    def consumes(self, effect: ConsumeAuthority) -> None:
        """The lane is about to let a vehicle pass unasked: everything that has to be true is (I21)."""
        now_ms, blame = self.world.time.now_ms, self.world.judge.blame
        entry = self._lists.issued[self._in_force].entries.get(_entry(effect.nonces)) if self._in_force else None
        if self._rules is None:
            blame("I21", "passed unasked where that is not configured")
        elif not self.down or now_ms - self._down_since_ms < _OUTAGE_MS:
            blame("I21", "passed unasked although the link was not down for long enough")
        elif entry is None:
            blame("I21", "passed unasked without an entry of the list in force")
        elif now_ms >= self._lists.issued[self._in_force].until_ms or effect.deadline_ms >= entry.until_ms:
            blame("I21", "passed unasked under a list, or an entry, that is over")
        elif entry.denied or not entry.low_risk or now_ms < entry.from_ms - _CUT_MS:
            blame("I21", "passed unasked although its entry says otherwise")
        elif not self._heard or self._time_is_wrong():
            blame("I21", "passed unasked by a clock that nobody vouched for")
        there = self.world.traffic.now
        if entry is not None and there is not None and there.number != entry.number:
            blame("I21", "passed unasked under the entry of another vehicle")

    def _time_is_wrong(self) -> bool:
        """The wall clock is wrong, and was long enough for the lane to have noticed."""
        if self._unvouched:
            return True
        world = self.world
        jumps, looked_us = world.wall_jumps_s, world.time.now_us - self._step_seen_ms * 1_000
        if looked_us // 20_000_000 != world.time.now_us // 20_000_000:
            return False
        return abs(jumps[world.time.now_us // 20_000_000 % len(jumps)]) > _MOST_SKEW_S

    def spent(self, effect: dict[str, Any]) -> None:
        """A passage unasked is on the disk as spent: within the uses of its entry, and the passes of this outage."""
        entry = _entry(effect["nonces"])
        self._uses[entry] = self._uses.get(entry, 0) + 1
        self._passes += 1
        most = max(
            (one.entries[entry].most_uses for one in self._lists.issued.values() if entry in one.entries), default=0
        )
        if self._uses[entry] > most:
            self.world.judge.blame("I21", f"{entry} passed {self._uses[entry]} times, {most} are allowed")
        if self._rules is not None and self._passes > self._rules.most_passes:
            self.world.judge.blame("I21", f"{self._passes} passed in one outage")

    def ended(self, effect: dict[str, Any]) -> None:
        """A passage ended: one that passed unasked has to be told afterwards; one that was held says why."""
        if effect["terminal"] == "OFFLINE_PASSED":
            self.seen.add("unasked")
            self._unreported.add(effect["passage"])
        self.seen.update(reason.removeprefix(_PREFIX) for reason in effect["reasons"] if reason.startswith(_PREFIX))

    def told(self, data: dict[str, Any]) -> None:
        """Central operations was told how a passage ended."""
        if data.get("terminal") == "OFFLINE_PASSED":
            self.seen.add("reported")
            self._unreported.discard(data["passage"])

    def close(self) -> None:
        """The link is up and everything was read: nobody passed unasked in silence."""
        if self._unreported:
            self.world.judge.blame("I21", f"{len(self._unreported)} passed unasked and were never reported")


def _entry(nonces: Any) -> str:
    return str(nonces[0]).partition("|")[0]
