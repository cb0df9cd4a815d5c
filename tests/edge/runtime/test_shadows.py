"""How the readings of a shadow stand to the lane's: never a value, only whether they are the same."""

from typing import Any, cast

import pytest

from edge.core.container import Container
from edge.core.effects import StartCapture
from edge.core.events import Event
from edge.core.plate import Plate
from edge.core.profile import LaneProfile
from edge.core.readings import Identity, Reading, Weight
from edge.core.state import LaneState
from edge.core.step import initial
from edge.core.tag import Tag
from edge.ports import DeviceError
from edge.runtime.captures import LaneCaptures
from edge.runtime.shadows import LaneShadows, compare
from tests.support.clocks import StoodClock


def read(value: Any) -> Reading[Any]:
    return Reading("read", value, 1.0)


UNREAD: Reading[Any] = Reading("unread", reason="no_tag")
A, B = Tag("E200"), Tag("E201")


@pytest.mark.parametrize(
    ("lane", "shadow", "verdict"),
    [
        (read(A), read(A), "same"),
        (read(A), read(B), "different"),
        (UNREAD, read(A), "lane_unread"),
        (read(A), Reading("conflict", candidates=(A, B)), "shadow_unread"),
        (UNREAD, UNREAD, "unread"),
    ],
)
def test_tags(lane: Reading[Tag], shadow: Reading[Tag], verdict: str) -> None:
    assert compare(Identity(tag=lane), Identity(tag=shadow)) == {"tag": verdict}


def test_plates_by_place_containers_by_code_and_weights_about() -> None:
    blue, white = Plate("苏A88888", "blue", "ordinary"), Plate("苏A88888", "white", "ordinary")
    box = Container("CSQU3054383", "verified", None)
    lane = Identity(plates=(("front", read(blue)),), containers=read((box,)), weight=read(Weight(32_000)))
    shadow = Identity(
        plates=(("front", read(white)), ("rear", read(blue))), containers=read(()), weight=read(Weight(32_300))
    )
    assert compare(lane, shadow) == {
        "front_plate": "same",
        "rear_plate": "lane_unread",
        "containers": "different",
        "weight": "same",
    }
    assert compare(lane, Identity(weight=read(Weight(33_000)))) == {"weight": "different"}
    assert compare(lane, Identity(containers=read((box,)))) == {"containers": "same"}


class BrokenCaptures:
    """Captures of which every use is a defect."""

    take: Any = None

    def start(self, passage: str, since_ms: int) -> None:
        raise RuntimeError(passage)


def test_a_defect_in_the_shadow_ends_there(monkeypatch: pytest.MonkeyPatch) -> None:
    profile = LaneProfile("yard", "lane-1", "in", ())
    shadows = LaneShadows(profile, cast(LaneCaptures, BrokenCaptures()), StoodClock(), lambda name, data: None)
    effects = (StartCapture("p", 1),)
    monkeypatch.setattr("edge.runtime.shadows.step", lambda state, event: (state, effects))
    state: LaneState = initial(profile)
    assert shadows.step(state, cast(Event, None)) == (state, effects)
    # Before the lane runs nobody asks how a device of the shadow fares.
    lost = DeviceError("reader_lost", device="trial", address="x", expected="a", got="b", next_step="c")
    shadows.device_lost("trial", lost)
    shadows.device_back("trial")
