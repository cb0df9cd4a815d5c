"""What empty vehicles weigh is the site's word: off where it is left out, and refused where it contradicts itself."""

import pytest

from edge.core.cargo import EmptyWeights
from edge.profiles import lane_profile, shadow_profile
from tests.config.test_devices_on_lines import loaded, problems
from tests.config.test_loader import GOOD

SCALE = "    weighbridge: {{id: s1, port: /dev/ttyUSB7{0}}}\n"
WEIGHTS = ", empty_weights: {{truck_most_kg: {0}, chassis_least_kg: {1}, chassis_most_kg: {2}}}"


def with_scale(*kg: int) -> str:
    return GOOD + SCALE.format(WEIGHTS.format(*kg) if kg else "")


def test_left_out_it_is_off() -> None:
    configuration = loaded(with_scale())
    assert lane_profile(configuration, configuration.lanes[0]).empty_weights is None
    bare = loaded(GOOD)
    assert lane_profile(bare, bare.lanes[0]).empty_weights is None


@pytest.mark.parametrize("kg", [(10_000, 11_500, 17_000), (10_000, 10_001, 10_001)])
def test_the_core_has_it_as_the_site_says(kg: tuple[int, int, int]) -> None:
    configuration = loaded(with_scale(*kg))
    assert lane_profile(configuration, configuration.lanes[0]).empty_weights == EmptyWeights(*kg)


@pytest.mark.parametrize(
    ("kg", "key"),
    [((10_000, 10_000, 17_000), "truck_most_kg"), ((10_000, 12_000, 11_999), "chassis_least_kg")],
)
def test_figures_that_overlap_are_refused(kg: tuple[int, int, int], key: str) -> None:
    (problem,) = problems(with_scale(*kg))
    assert (problem.code, problem.key_path) == ("least_above_most", f"lanes[0].weighbridge.empty_weights.{key}")


@pytest.mark.parametrize("kg", [(999, 11_500, 17_000), (10_000, 11_500, 100_001)])
def test_figures_that_no_vehicle_has_are_refused(kg: tuple[int, int, int]) -> None:
    assert problems(with_scale(*kg))


def test_where_other_goods_come_a_heavy_vehicle_without_a_box_is_no_contradiction() -> None:
    general = with_scale(10_000, 11_500, 17_000).replace(
        "    direction: in\n", "    direction: in\n    traffic: general\n"
    )
    assert "general" in general
    (problem,) = problems(general)
    assert (problem.code, problem.key_path) == ("not_in_traffic", "lanes[0].weighbridge.empty_weights")


def test_a_scale_in_the_shadow_has_its_own() -> None:
    shadow = "    shadow: {weighbridge: {id: s2, port: /dev/ttyUSB8" + WEIGHTS.format(9_000, 9_500, 16_000) + "}}\n"
    configuration = loaded(with_scale() + shadow)
    lane = configuration.lanes[0]
    assert lane.shadow is not None
    assert shadow_profile(configuration, lane, lane.shadow).empty_weights == EmptyWeights(9_000, 9_500, 16_000)
