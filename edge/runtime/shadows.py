"""Devices in the shadow of a lane: read when the lane reads, compared when it is done, and never heard by it.

What they see goes through the core's own observing and fusing, in a state of their own. The lane's events never hold
anything of theirs, so nothing that they say or fail to say can change what it does.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from edge.core.draft import Draft
from edge.core.effects import Effect, EndPassage, RaiseBoom, StartCapture
from edge.core.events import DeviceBack, DeviceLost, Event
from edge.core.observe import observe
from edge.core.profile import LaneProfile
from edge.core.readings import Identity, Reading
from edge.core.state import LaneState, Passage
from edge.core.step import initial, step
from edge.log import logger
from edge.ports import Clock, Device, DeviceError
from edge.runtime.captures import LaneCaptures

# Of the one that decides, where both tell a weight: scales of another make round otherwise.
_SAME_WEIGHT = 0.01
# `same`, `different`, or who of the two read nothing that counts; `unread` where neither did.
Verdict = Literal["same", "different", "lane_unread", "shadow_unread", "unread"]
Note = Callable[[str, Mapping[str, str]], object]


def _unheard(name: str, known: dict[str, str]) -> None:  # noqa: ARG001 - nobody asks yet
    return


class LaneShadows:
    """The shadow of one lane. Its `step` stands before the core's and looks on."""

    def __init__(self, profile: LaneProfile, captures: LaneCaptures, clock: Clock, note: Note) -> None:
        """`profile` has the shadow's devices alone, `note` keeps a comparison; `devices` and `know` are set later."""
        self.devices: Sequence[Device] = ()
        # Told a device's state, for those who ask how each fares.
        self.know: Callable[[str, dict[str, str]], None] = _unheard
        self._state = initial(profile)
        self._captures = captures
        self._clock = clock
        self._note = note
        self._log = logger(lane=profile.lane)
        captures.take = self.take

    def step(self, state: LaneState, event: Event) -> tuple[LaneState, tuple[Effect, ...]]:
        """Return what the core makes of it, and nothing else."""
        after, effects = step(state, event)
        for effect in effects:
            try:
                self._follow(effect)
            except Exception:  # noqa: BLE001 - a defect in the shadow must not touch the lane
                self._log.exception("shadow_crashed")
        return after, effects

    def take(self, event: Event) -> None:
        """Take in what a device of the shadow says."""
        draft = Draft(self._state, event.at_ms)
        observe(draft, event)
        self._state = draft.state

    def device_lost(self, name: str, error: DeviceError) -> None:
        """A supervisor lost a device of the shadow: for the lane nothing is lost."""
        self.know(name, {"state": "lost", "code": error.code, "cause": str(error)})
        self.take(DeviceLost(self._clock.now_ms(), name, error.code))

    def device_back(self, name: str) -> None:
        """A supervisor reached it."""
        self.know(name, {"state": "up"})
        self.take(DeviceBack(self._clock.now_ms(), name))

    async def close(self) -> None:
        """Cancel whatever runs."""
        await self._captures.close()

    def _follow(self, effect: Effect) -> None:
        match effect:
            case StartCapture(passage=passage, since_ms=since_ms):
                draft = Draft(self._state, since_ms)
                weighing = self._state.weighing
                draft.change(passage=Passage(passage, since_ms, triggered_at_ms=since_ms, weighing=weighing))
                self._state = draft.state
                self._captures.start(passage, since_ms)
            case RaiseBoom(passage=passage):
                # Not at the lane's own stop, which comes as soon as its devices are done: the vehicle stands there yet.
                self._captures.stop(passage)
            case EndPassage(passage=passage, identity=identity):
                self._captures.stop(passage)
                self._compare(passage, identity)
                self._captures.ended(passage)

    def _compare(self, passage: str, identity: Identity) -> None:
        seen = self._state.passage
        if seen is None or seen.id != passage:
            return
        draft = Draft(self._state, self._clock.now_ms())
        verdicts = compare(identity, draft.fused())
        draft.change(passage=None)
        self._state = draft.state
        self._log.info("shadow_compared", passage=passage, **verdicts)
        self._note("shadow_compared", {"passage": passage, **verdicts})


def compare(lane: Identity, shadow: Identity) -> dict[str, Verdict]:
    """Return how the shadow's readings stand to the lane's, for each that the shadow looks for. Nothing personal."""
    own = dict(lane.plates)
    pairs: dict[str, tuple[Reading[Any] | None, Reading[Any]]] = {
        f"{place}_plate": (own.get(place), reading) for place, reading in shadow.plates
    }
    pairs |= {name: (getattr(lane, name), getattr(shadow, name)) for name in ("containers", "tag", "weight")}
    return {name: _verdict(*pair) for name, pair in pairs.items() if pair[1].reason != "not_looked_for"}


def _verdict(lane: Reading[Any] | None, shadow: Reading[Any]) -> Verdict:
    ours = None if lane is None or lane.status != "read" else _key(lane.value)
    theirs = None if shadow.status != "read" else _key(shadow.value)
    if ours is None or theirs is None:
        return "unread" if ours is theirs else "lane_unread" if ours is None else "shadow_unread"
    if isinstance(ours, int) and isinstance(theirs, int):
        return "same" if abs(ours - theirs) <= _SAME_WEIGHT * ours else "different"
    return "same" if ours == theirs else "different"


def _key(value: object) -> object:
    """What makes two readings the same: the number, not how sure or in which colour it was seen."""
    for name in ("text", "epc", "kg", "code"):
        if hasattr(value, name):
            return getattr(value, name)
    return tuple(_key(one) for one in value) if isinstance(value, tuple) else value
