"""Areas that a camera leaves out of recognition, as a configuration names them."""

import pytest

from config.devices import Mask
from edge.core.masks import Mask as Area
from edge.profiles import lane_profile, shadow_profile
from tests.config.test_cameras import EVENTS, FRONT, STREAM, with_camera
from tests.config.test_loader import GOOD, loaded, problems

STRIP = "{left: 0.0, top: 0.92, right: 1.0, bottom: 1.0}"


def masked(*masks: str) -> str:
    return with_camera(FRONT.replace("}", f", masks: [{', '.join(masks)}]}}"))


def test_what_is_left_out_reaches_the_lane_and_its_record() -> None:
    # Whole numbers are shares too.
    configuration = loaded(masked(STRIP, "{left: 0, top: 0, right: 0.25, bottom: 0.5}"))
    areas = (Area(0.0, 0.92, 1.0, 1.0), Area(0.0, 0.0, 0.25, 0.5))
    camera = configuration.lanes[0].cameras[0]
    assert [one.words for one in camera.masks] == ["0.0,0.92,1.0,1.0", "0.0,0.0,0.25,0.5"]
    assert lane_profile(configuration, configuration.lanes[0]).cameras[0].masks == areas
    assert lane_profile(loaded(GOOD), loaded(GOOD).lanes[0]).cameras[0].masks == ()


def test_a_camera_in_the_shadow_leaves_out_what_it_is_told() -> None:
    shadow = FRONT.replace("c1", "c9").replace("}", f", masks: [{STRIP}]}}")
    text = GOOD.replace("    cameras:\n", f"    shadow: {{cameras: [{shadow}]}}\n    cameras:\n", 1)
    configuration = loaded(text)
    lane = configuration.lanes[0]
    assert lane.shadow is not None
    assert shadow_profile(configuration, lane, lane.shadow).cameras[0].masks == (Area(0.0, 0.92, 1.0, 1.0),)


@pytest.mark.parametrize("camera", [STREAM, EVENTS])
def test_every_sort_of_camera_gives_pictures_that_are_read(camera: str) -> None:
    (mask,) = loaded(with_camera(camera.format(f", masks: [{STRIP}]"))).lanes[0].cameras[0].masks
    assert mask == Mask(left=0.0, top=0.92, right=1.0, bottom=1.0)


@pytest.mark.parametrize(
    "masks",
    [
        ["{left: 0, top: 0, right: 0.25, bottom: 1}", "{left: 0.3, top: 0, right: 1, bottom: 1}"],
        ["{left: 0, top: 0, right: 1, bottom: 0.95}"],
        ["{left: 0, top: 0, right: 0.1, bottom: 1}", "{left: 0.15, top: 0, right: 1, bottom: 1}"],
    ],
)
def test_what_leaves_just_enough_is_taken_however_its_sides_are_rounded(masks: list[str]) -> None:
    assert len(loaded(masked(*masks)).lanes[0].cameras[0].masks) == len(masks)


def test_areas_that_differ_in_their_last_digit_are_two() -> None:
    sides = ("0.12345671", "0.12345672")
    configuration = loaded(masked(*(f"{{left: 0, top: {top}, right: 1, bottom: 0.5}}" for top in sides)))
    camera = configuration.lanes[0].cameras[0]
    assert [one.words for one in camera.masks] == [f"0.0,{top},1.0,0.5" for top in sides]


@pytest.mark.parametrize(
    ("masks", "code", "told"),
    [
        (["{left: 0.5, top: 0, right: 0.5, bottom: 1}"], "not_beyond", "0.5"),
        (["{left: 0, top: 0.9, right: 1, bottom: 0.8}"], "not_beyond", "0.9"),
        (["{left: -0.1, top: 0, right: 1, bottom: 0.5}"], "out_of_range", "-0.1"),
        (["{left: 0, top: 0, right: 100, bottom: 0.5}"], "out_of_range", "100"),
        (["{left: 0, top: 0, right: .inf, bottom: 0.5}"], "wrong_type", "inf"),
        (["{left: .nan, top: 0, right: 1, bottom: 0.5}"], "wrong_type", "nan"),
        (["{left: 0, top: 0, right: 1}"], "missing_key", "bottom"),
        (["{left: 0, top: 0, right: 1, bottom: 0.5, centre: 1}"], "unknown_key", "centre"),
        (['{left: "0", top: 0, right: 1, bottom: 0.5}'], "wrong_type", "0"),
        (["5"], "wrong_type", "5"),
        ([STRIP, STRIP], "duplicate_value", "0.0,0.92,1.0,1.0"),
        (
            ["{left: -0.0, top: 0, right: 0.5, bottom: 1}", "{left: 0.0, top: 0, right: 0.5, bottom: 1}"],
            "duplicate_value",
            "0.0,0.0,0.5,1.0",
        ),
        (["{left: 0, top: 0, right: 1, bottom: 0.96}"], "masks_hide_all", "4.0"),
        (
            ["{left: 0, top: 0, right: 0.5, bottom: 1}", "{left: 0.5, top: 0, right: 1, bottom: 1}"],
            "masks_hide_all",
            "0.0",
        ),
        ([f"{{left: 0, top: 0, right: {0.5 + one / 100}, bottom: 0.5}}" for one in range(17)], "wrong_length", "16"),
    ],
)
def test_what_is_no_area_or_leaves_nothing_is_told_with_its_place(masks: list[str], code: str, told: str) -> None:
    (problem,) = problems(masked(*masks))
    assert problem.line == GOOD[: GOOD.index(FRONT)].count("\n") + 1
    assert problem.code == code
    assert told in problem.render("en")
    assert told in problem.render("zh")
    assert "masks" in problem.render("en")


def test_an_area_whose_first_side_is_wrong_is_told_once() -> None:
    (problem,) = problems(masked("{left: none, top: 0, right: 0.5, bottom: 1}"))
    assert problem.code == "wrong_type"
    assert "a number" in problem.render("en")
