from dataclasses import replace

from tests.support.lane_bench import DOWN, PROFILE, LaneBench


def test_a_lane_without_an_exit_loop_passes_a_vehicle_by_its_safety_loop() -> None:
    lane = LaneBench(replace(PROFILE, exit_loop=False))
    lane.open()
    lane.scan(4, safety_loop=True, exit_loop=None)
    lane.scan(30, safety_loop=False, arrival_loop=False, exit_loop=None)
    lane.scan(2, exit_loop=None, **DOWN)
    assert lane.ended == ["PASSED"]
