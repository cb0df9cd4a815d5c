"""Trucks in the simulated lane on injected time."""

import pytest

from simulators.devices.barrier_plant import Plant
from simulators.vehicle import Truck, usual_axles
from simulators.world import Geometry, Load, Pace, World, WorldEvent

TRUCK = Truck("t1", plates=(("front", "京A12345", "yellow", "ordinary", 1),), tag_epc="E200301666130121155074EF")
NEXT = Truck("t2", tag_epc="E2003016661301211550AAAA", length_m=6.0)


class Lane:
    def __init__(self, geometry: Geometry | None = None) -> None:
        self.ms = 0
        self.heard: list[WorldEvent] = []
        self.plant = Plant(lambda: self.ms, stroke_s=0.5)
        self.world = World(self.plant, lambda: self.ms, geometry=geometry, on_event=self.heard.append)

    def run(self, ms: int) -> None:
        self.ms += ms
        self.world.advance()

    def open(self) -> None:
        self.plant.pulse("raise")
        self.run(500)
        self.plant.write_output("red", False)
        self.plant.write_output("green", True)

    def happened(self) -> list[tuple[str, str]]:
        return [(event.what, event.truck) for event in self.world.events]

    def edges(self, ms: int) -> list[tuple[str, bool]]:
        """Run and note every change of a loop, each millisecond looked at."""
        before, found = self.world.signals(), []
        for _ in range(ms):
            self.run(1)
            after = self.world.signals()
            found += [(name, after[name]) for name in after if after[name] != before[name]]
            before = after
        return found


def test_a_truck_drives_in_and_waits_at_the_line() -> None:
    lane = Lane()
    lane.world.arrive(TRUCK)
    lane.run(299)
    assert lane.world.phase("t1") == "approaching"
    lane.run(60_000)
    assert lane.world.phase("t1") == "waiting"
    assert lane.world.signals() == {
        "arrival_loop": True,
        "safety_loop": False,
        "exit_loop": False,
        "safety_beam": False,
        "scale_front_beam": False,
        "scale_rear_beam": False,
    }
    assert lane.plant.signals()["arrival_loop"] is True
    assert lane.happened() == [("arrived", "t1"), ("stopped", "t1")]
    assert lane.world.events[1].at_ms == pytest.approx(300, abs=5)


def test_it_passes_only_under_a_raised_boom_and_green() -> None:
    lane = Lane()
    lane.world.arrive(TRUCK)
    lane.run(400)
    lane.plant.write_output("green", True)
    lane.plant.write_output("red", False)
    lane.run(1_000)
    assert lane.world.phase("t1") == "waiting"
    lane.plant.write_output("green", False)
    lane.plant.pulse("raise")
    lane.run(1_000)
    assert lane.world.phase("t1") == "waiting"
    lane.plant.write_output("green", True)
    lane.run(5)
    assert lane.world.phase("t1") == "passing"
    lane.run(550)
    assert lane.world.phase("t1") == "gone"
    assert lane.world.empty
    assert lane.happened()[2:] == [("entered", "t1"), ("cleared", "t1"), ("gone", "t1")]
    assert lane.heard == lane.world.events


def test_loops_are_met_and_left_in_driving_order() -> None:
    lane = Lane()
    lane.world.arrive(TRUCK)
    lane.run(400)
    lane.open()
    edges = [edge for edge in lane.edges(700) if edge[0].endswith("loop")]
    assert edges == [
        ("safety_loop", True),
        ("exit_loop", True),
        ("arrival_loop", False),
        ("safety_loop", False),
        ("exit_loop", False),
    ]


def test_the_same_times_give_the_same_passage() -> None:
    runs = []
    for _ in range(2):
        lane = Lane()
        lane.world.arrive(TRUCK)
        lane.run(400)
        lane.open()
        lane.run(700)
        runs.append(lane.world.events)
    assert runs[0] == runs[1]


def test_one_big_step_is_many_small_ones() -> None:
    big, small = Lane(), Lane()
    for lane in (big, small):
        lane.world.arrive(TRUCK)
        lane.run(400)
        lane.open()
    big.run(1_000)
    for _ in range(200):
        small.run(5)
    assert big.world.events == small.world.events


def test_turning_back_empties_the_lane() -> None:
    lane = Lane()
    lane.world.arrive(TRUCK)
    lane.run(400)
    lane.world.turn_back()
    lane.run(100)
    assert lane.world.phase("t1") == "reversing"
    lane.run(300)
    assert lane.world.empty
    assert lane.happened()[2:] == [("turned_back", "t1"), ("gone", "t1")]
    assert lane.world.signals()["arrival_loop"] is False
    with pytest.raises(LookupError):
        lane.world.turn_back()


def test_cameras_and_reader_see_the_truck_at_the_line_only() -> None:
    lane = Lane(Geometry(views={"rear": (-10.0, -4.0)}))
    assert lane.world.truck_in_view("front") is None
    assert lane.world.tags_in_field() == ()
    lane.world.arrive(TRUCK)
    lane.run(100)
    assert lane.world.truck_in_view("front") is None
    lane.run(300)
    assert lane.world.truck_in_view("front") is TRUCK
    assert lane.world.truck_in_view("rear") is TRUCK
    assert lane.world.tags_in_field() == (TRUCK.tag_epc,)
    lane.open()
    lane.run(600)
    assert lane.world.truck_in_view("front") is None
    assert lane.world.tags_in_field() == ()


def test_the_next_truck_waits_behind_and_then_comes_to_the_line() -> None:
    lane = Lane()
    lane.world.arrive(TRUCK)
    lane.run(400)
    lane.world.arrive(NEXT)
    lane.run(1_000)
    assert lane.world.phase("t2") == "approaching"
    assert lane.world.tags_in_field() == (TRUCK.tag_epc,)
    lane.open()
    lane.run(10)
    lane.plant.write_output("green", False)
    lane.run(2_000)
    assert lane.world.phase("t1") == "gone"
    assert lane.world.phase("t2") == "waiting"


def test_a_tailgater_follows_through_on_red() -> None:
    lane = Lane(Geometry(stop_line=12.0, lane_end=60.0))
    lane.world.arrive(TRUCK)
    lane.run(400)
    lane.world.arrive(NEXT, tailgates=True)
    lane.open()
    lane.run(10)
    lane.plant.write_output("green", False)
    lane.run(3_000)
    assert ("cleared", "t2") in lane.happened()


def test_a_truck_that_halts_under_the_boom_keeps_the_safety_loop() -> None:
    lane = Lane()
    lane.world.arrive(TRUCK, halts_at_m=15.0)
    lane.run(400)
    lane.open()
    lane.run(3_600_000 // 100)
    assert lane.world.phase("t1") == "passing"
    assert lane.world.signals()["safety_loop"] is True
    assert lane.world.signals()["safety_beam"] is True
    lane.world.resume()
    lane.run(600)
    assert lane.world.phase("t1") == "gone"


def test_a_boom_lowered_on_a_truck_reverses() -> None:
    lane = Lane()
    lane.world.arrive(TRUCK, halts_at_m=15.0)
    lane.run(400)
    lane.open()
    lane.run(300)
    lane.plant.pulse("lower")
    lane.run(1_000)
    assert lane.plant.boom_is_up
    assert lane.plant.reversals == 1


def test_the_scale_bears_the_axles_that_stand_on_it_and_its_beams_see_what_reaches_over_an_end() -> None:
    lane = Lane()
    truck = Truck("heavy", axles=usual_axles(16.5, 18_850))
    lane.world.arrive(truck, halts_at_m=9.0)
    lane.run(50)
    assert 0 < lane.world.load().kg < 18_850
    assert lane.world.load().moving
    lane.run(1_000)
    assert lane.world.load() == Load(18_850 - truck.axles[-1].kg, moving=False)
    assert lane.world.signals()["scale_rear_beam"]
    lane.world.resume()
    lane.run(1_000)
    assert lane.world.load() == Load(18_850, moving=False)
    assert not lane.world.signals()["scale_rear_beam"]
    lane.open()
    lane.run(150)
    assert lane.world.signals()["scale_front_beam"]
    assert 0 < lane.world.load().kg < 18_850
    lane.run(1_000)
    assert lane.world.load() == Load(0, moving=False)


def test_two_short_vehicles_stand_on_the_scale_together() -> None:
    lane = Lane()
    for name in ("one", "two"):
        lane.world.arrive(Truck(name, length_m=6.0, axles=usual_axles(6.0, 9_000)))
    lane.run(2_000)
    assert lane.world.load() == Load(18_000, moving=False)
    assert not lane.world.signals()["scale_rear_beam"]


@pytest.mark.parametrize(("length_m", "axles"), [(16.5, 6), (12.0, 6), (6.0, 2), (1.0, 2)])
@pytest.mark.parametrize("kg", [0, 1, 18_850, 49_000])
def test_usual_axles_bear_the_whole_weight_within_the_vehicle(length_m: float, axles: int, kg: int) -> None:
    usual = usual_axles(length_m, kg)
    assert len(usual) == axles
    assert Truck("t", length_m=length_m, axles=usual).weight_kg == kg
    assert all(one.kg >= 0 for one in usual)
    assert [one.behind_front_m for one in usual] == sorted(one.behind_front_m for one in usual)
    assert all(0 <= one.behind_front_m <= length_m for one in usual)


def test_nonsense_is_refused() -> None:
    lane = Lane()
    lane.world.arrive(TRUCK)
    with pytest.raises(ValueError, match="in the lane already"):
        lane.world.arrive(TRUCK)
    with pytest.raises(LookupError, match="t9"):
        lane.world.resume("t9")
    with pytest.raises(ValueError, match="needs time"):
        Pace(drive_in_s=0)
