"""Where referred vehicles go: they appear there or do not, somebody looks, a word comes back, and they come again.

What is known here is the truth: whom the cameras looked at, who signed which word about which referral, and which box
or plate a vehicle has now. `opens` and `kept` judge by it, and ask the lane nothing.
"""

import hmac
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from edge.clearance.envelope import canonical_json, seal
from edge.clearance.referral_report import REPORT_TYPE, report_claims
from edge.core.profile import LaneProfile
from edge.core.referral import RESULTS, ReferralReport, Saying
from simulators.prove.traffic import Truck, box

if TYPE_CHECKING:
    from simulators.prove.world import World

# What has to have come of referrals in a large campaign: what was said, how they ended, why a word did not count.
REFERRALS = (
    "arrived", "clear", "findings", "no_show", "overdue", "swapped",
    "rechecked", "withdrawn", "not_rechecked", "opened_by_person",
    "wrong_lane", "unknown_referral", "unknown_authority", "sequence_not_newer", "already_settled", "already_arrived",
)  # fmt: skip
_TIMES_MS = (8_000, 45_000)
_COMES_BACK = 0.7
_EARLY, _SWAPPED = 0.15, 0.25
_RESULTS: tuple[tuple[Saying, ...], tuple[int, ...]] = (("clear", "findings", "no_show"), (8, 2, 1))
# Added to a vehicle's number it gives a box like none that it had.
_OTHER_NUMBER = 234_567
# What a check that is due right at the end of a time may be late by: a scan, a full disk that was waited for.
_LATE_MS = 2_500
# Between an event and its record on the disk.
_COMMIT_MS = 1_000
_STOPS_THE_LANE = frozenset({"paused", "disk_full", "disk_error", "killed", "power_cut", "controller_dip"})
# Claims that make a word another's: each has to be ignored, whatever its signature.
_ALIEN: tuple[dict[str, Any], ...] = (
    {"lane": "lane-2"}, {"site": "elsewhere"}, {"referral": "f" * 32}, {"authority": "port-2"},
)  # fmt: skip


def drawn_times(profile: LaneProfile, seed: str) -> LaneProfile:
    """Each place has a time of its own within which a vehicle has to appear there."""
    draw = Random(seed + "|referral times")  # noqa: S311 - a repeatable simulation
    nii, bay, weigh, quarantine = (draw.randint(*_TIMES_MS) for _ in range(4))
    timing = replace(
        profile.timing, referral_nii_ms=nii, referral_bay_ms=bay, referral_weigh_ms=weigh,
        referral_quarantine_ms=quarantine,
    )  # fmt: skip
    return replace(profile, timing=timing)


@dataclass(slots=True)
class _Task:
    """One referral as the lane keeps it, with the vehicle that it really is about and what was really said of it."""

    id: str
    truck: Truck | None
    key: bytes
    marks: dict[str, str]
    looks: dict[str, str]
    since_ms: int
    said: dict[str, list[tuple[int, Saying]]] = field(default_factory=dict)
    heard: list[tuple[str, int, str]] = field(default_factory=list)
    overdue: bool = False

    @property
    def clear(self) -> bool:
        """Everybody who wanted to look has signed that it is clear."""
        return all("clear" in {word for _, word in self.said.get(name, ())} for name in self.looks)

    def is_of(self, name: str, value: str) -> bool:
        """Whether what was read then is what this value would have been."""
        return hmac.digest(self.key, f"{name}|{value}".encode(), "sha256").hex() == self.marks.get(name)

    def about(self, one: Truck) -> bool:
        """Whether a vehicle has anything on it that was read of the referred one."""
        rear = one.plate if one.trailer is None else one.trailer
        told = {"front_plate": one.plate.text, "rear_plate": rear.text, "tag": one.tag.epc, "containers": _boxes(one)}
        return any(value and self.is_of(name, value) for name, value in told.items())


def _boxes(one: Truck) -> str:
    return ",".join(sorted(each.code for each in one.containers))


class Inspections:
    """Every place where this lane's vehicles are looked at."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self._draw = Random(world.plan.seed + "|inspections")  # noqa: S311 - a repeatable simulation
        self._stood: dict[str, Truck] = {}
        self._open: dict[str, _Task] = {}
        # Ended as rechecked, and the vehicle of that recheck is still there.
        self._served: list[_Task] = []
        self._back: list[tuple[Truck, bool]] = []
        self._sequence = 0
        self._sent: list[tuple[str, bytes]] = []
        self._boot_ms = 0
        times = world.profile.timing
        self._longest_ms = {
            "nii": times.referral_nii_ms, "bay": times.referral_bay_ms, "weigh": times.referral_weigh_ms,
            "quarantine": times.referral_quarantine_ms,
        }  # fmt: skip

    def _saw(self, what: str) -> None:
        self.world.reached.add(f"referral {what}")

    # --- the vehicle --------------------------------------------------------------------------------------------

    def stands(self, passage: str, one: Truck | None) -> None:
        """The cameras look at a vehicle for a passage."""
        if one is not None:
            self._stood[passage] = one
        self._served.clear()

    def stood(self, passage: str) -> Truck | None:
        """Return the vehicle that the cameras looked at for a passage."""
        return self._stood.get(passage)

    def comes_back(self) -> tuple[Truck, bool] | None:
        """Return the next vehicle that was referred and drives to the lane again, and whether it may pass by itself."""
        return self._back.pop(0) if self._back else None

    def _drives_to(self, task: _Task, one: Truck) -> None:
        """It goes where it was sent, or to somewhere else."""
        draw, strikes = self._draw, self.world.swarm.strikes
        if draw.random() < _EARLY:
            self._return(one, draw.uniform(500, 4_000), entitled=False)
            return
        longest_ms = self._time_ms(task)
        if strikes("report_lost", 0.4):
            return
        for name in task.looks:
            arrives_ms = draw.uniform(0.1, 0.4) * longest_ms
            if strikes("report_late", 0.5):
                arrives_ms = longest_ms + draw.choice((-1, 1, 4_000))
            result = draw.choices(*_RESULTS)[0]
            if result != "no_show" and draw.random() < 0.8:
                self.world.time.after(arrives_ms, partial(self._say, task, name, "arrived"))
            self.world.time.after(arrives_ms + draw.uniform(500, 3_000), partial(self._say, task, name, result))

    def _returns(self, task: _Task, one: Truck) -> None:
        """Everybody has looked: the driver comes again, now and then with something else behind the same plate."""
        draw = self._draw
        if draw.random() >= _COMES_BACK:
            return
        swapped = one.containers and draw.random() < _SWAPPED
        if swapped:
            others = (
                box(one.number + _OTHER_NUMBER * (index + 2), each.size_type)
                for index, each in enumerate(one.containers)
            )
            one = replace(one, containers=tuple(others))
        # A driver who was sent twice has to be cleared twice.
        sent = [each.id for each in self._open.values() if each.truck is not None and each.truck.number == one.number]
        self._return(one, draw.uniform(100, 3_000), entitled=task.clear and not swapped and sent == [task.id])

    def _return(self, one: Truck, in_ms: float, *, entitled: bool) -> None:
        again = replace(one, verdict="release", where="waiting")
        self.world.time.after(in_ms, lambda: self._back.append((again, entitled)))

    # --- the words ----------------------------------------------------------------------------------------------

    def _say(self, task: _Task, authority: str, says: Saying) -> None:
        """An authority signs a word about a referral, and sends it."""
        swarm, profile = self.world.swarm, self.world.profile
        self._sequence += 1
        report = ReferralReport(
            authority, "", profile.site, profile.lane, task.id, says, self._sequence, "2026-03-01T00:00:00Z", "looked"
        )
        self._hostile(task, report)
        task.said.setdefault(authority, []).append((report.sequence, says))
        self._saw(says)
        payload = self._seal(report, f"result-{authority}")
        self._sent.append((authority, payload))
        self._deliver(authority, payload)
        if swarm.strikes("report_replayed", 0.6):
            for _ in range(swarm.draw.randint(1, 3)):
                old = swarm.draw.choice(self._sent)
                self.world.time.after(swarm.draw.uniform(0, 9_000), partial(self._deliver, *old))
        settled = all(any(word in RESULTS for _, word in task.said.get(name, ())) for name in task.looks)
        if settled and task.truck is not None:
            self._returns(task, task.truck)

    def _hostile(self, task: _Task, report: ReferralReport) -> None:
        """Somebody says more than was found: another's words, a grant's key, words that contradict what was settled."""
        swarm, draw = self.world.swarm, self.world.swarm.draw
        if not swarm.strikes("report_altered", 0.7):
            return
        good = replace(report, says="clear", sequence=report.sequence + 1_000)
        self._deliver(report.authority, self._seal(replace(good, **draw.choice(_ALIEN)), f"result-{report.authority}"))
        signer = draw.choice(("stranger", report.authority, "lane-1"))
        self._deliver(report.authority, self._seal(good, signer))
        self._deliver(report.authority, self._seal(good, f"result-{report.authority}"), retained=True)
        self._deliver(report.authority, draw.choice((b"", b"a.b.c", b"\xff" * 40)))
        for other in self.world.profile.authorities:
            if other.id not in task.looks:
                self._deliver(other.id, self._seal(replace(good, authority=other.id), f"result-{other.id}"))
        # Its own authority says it once more, or another thing once all is settled: where the lane did not hear the
        # first word, this one counts.
        says = draw.choice(("arrived", "findings")) if report.says in RESULTS else report.says
        self._sequence += 1
        again = replace(report, says=says, sequence=self._sequence)
        task.said.setdefault(report.authority, []).append((again.sequence, again.says))
        late = partial(self._deliver, report.authority, self._seal(again, f"result-{report.authority}"))
        self.world.time.after(draw.uniform(100, 400), late)

    def _seal(self, report: ReferralReport, signer: str) -> bytes:
        signers = self.world.signers
        payload = canonical_json(report_claims(report))
        return seal(payload, typ=REPORT_TYPE, key_id=signers.key_ids[signer], key=signers.keys[signer])

    def _deliver(self, authority: str, payload: bytes, *, retained: bool = False) -> None:
        box_ = self.world.box
        if box_ is not None and not box_.dead:
            box_.report(authority, payload, retained=retained)

    # --- the truth ----------------------------------------------------------------------------------------------

    def booted(self) -> None:
        """A controller started: each referral has its whole time again."""
        self._boot_ms = self.world.time.now_ms

    def kept(self, kept: dict[str, Any]) -> None:
        """A referral is on the disk, as it stands now."""
        task = self._open.get(kept["id"])
        if task is None:
            looks = {one["authority"]: one["target"] for one in kept["inspections"]}
            truck, now_ms = self.stood(kept["passage"]), self.world.time.now_ms
            task = _Task(kept["id"], truck, bytes.fromhex(kept["key"]), dict(kept["marks"]), looks, now_ms)
            self._open[task.id] = task
            self.world.time.after(self._time_ms(task) + _LATE_MS, partial(self._missed, task))
            if truck is not None:
                self._drives_to(task, truck)
        self._hears(task, [tuple(one) for one in kept["heard"]])
        if kept["ended"] is not None:
            self._ends(task, kept["ended"])

    def _hears(self, task: _Task, heard: list[Any]) -> None:
        """Each word that counted was said, by whom it is counted for, and none after a result."""
        for authority, sequence, says in heard[len(task.heard) :]:
            if (sequence, says) not in task.said.get(authority, ()):
                self.world.judge.blame("I1", f"{authority} never said {says} of this referral")
        if heard[: len(task.heard)] != task.heard:
            self.world.judge.blame("I8", "a word about a referral was changed afterwards")
        task.heard = heard

    def _ends(self, task: _Task, ending: str) -> None:
        del self._open[task.id]
        self._saw(ending)
        if ending in ("rechecked", "not_rechecked") and not task.clear:
            self.world.judge.blame("I1", f"a referral ended as {ending} that not everybody had cleared")
        if ending == "rechecked":
            self._served.append(task)

    def ignored(self, reason: str) -> None:
        """A word about a referral did not count."""
        self._saw(reason)

    def overdue(self, referral: str) -> None:
        """The lane says that a vehicle did not appear in time."""
        task = self._open.get(referral)
        self._saw("overdue")
        if task is None:
            self.world.judge.blame("I16", "overdue is a referral that is not open")
            return
        task.overdue = True
        waited_ms = self.world.time.now_ms - max(task.since_ms, self._boot_ms)
        if not task.heard and waited_ms < self._time_ms(task) - _COMMIT_MS:
            self.world.judge.blame("I11", "a vehicle is overdue before its time is over")
        if set(task.looks) <= {name for name, _, _ in task.heard}:
            self.world.judge.blame("I11", "a vehicle is overdue that everybody has seen")

    def _missed(self, task: _Task) -> None:
        """Its time is over: where nobody has said anything the lane has told so."""
        box_, waited_ms = self.world.box, self.world.time.now_ms - self._boot_ms
        alive = box_ is not None and not box_.dead and waited_ms > self._time_ms(task) + _LATE_MS
        awaited = task.id in self._open and not task.heard and not task.overdue
        if alive and awaited and not _STOPS_THE_LANE & self.world.plan.faults:
            self.world.judge.blame("I11", "a referred vehicle appeared nowhere, and nobody was told")

    def _time_ms(self, task: _Task) -> int:
        return max(self._longest_ms[target] for target in task.looks.values())

    def cleared(self, passage: str) -> bool:
        """Whether the vehicle of a passage was referred, and everybody has cleared it."""
        one = self.stood(passage)
        return one is not None and any(task.clear and task.about(one) for task in self._tasks())

    def _tasks(self) -> list[_Task]:
        return [*self._open.values(), *self._served]

    def opens(self, passage: str) -> None:
        """The boom is asked up for grants: a referred vehicle was cleared, and is the one that was sent."""
        one = self.stood(passage)
        for task in self._tasks() if one is not None else ():
            if one is None or not task.is_of("front_plate", one.plate.text):
                continue
            if not task.clear:
                self.world.judge.blame("I1", "opened for a referred vehicle that not everybody has cleared")
            then = task.truck
            same = then is None or not task.is_of("containers", _boxes(then)) or _boxes(then) == _boxes(one)
            if not same:
                self._saw("swapped")
                if "containers" in self.world.profile.must_match:
                    self.world.judge.blame("I1", "opened for a referred vehicle that came back with another box")

    def rechecked(self, swapped: str) -> None:
        """The lane compared a vehicle with those that were referred."""
        if swapped:
            self._saw("swapped")
