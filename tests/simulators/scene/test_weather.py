"""Light and weather over a scene: what a camera sees by night, in rain, under mud, and with something on its glass."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from models.light import defect_of, light_of
from simulators.scene import CLEAR, Weather, rained_on, render_container, render_empty_lane, render_front, vary
from simulators.scene.weather import under

Picture = npt.NDArray[np.uint8]
NIGHT = Weather(light=0.15)
SIZE = {"width": 640, "height": 360}


def front(weather: Weather) -> Picture:
    return render_front("苏A88888", "yellow", seed=3, weather=weather, **SIZE)


def container(weather: Weather) -> Picture:
    return render_container(["CSQU3054383"], ["22G1"], 3, weather=weather, **SIZE)


def empty(weather: Weather) -> Picture:
    return render_empty_lane(3, weather=weather, **SIZE)


SCENES = pytest.mark.parametrize("scene", [front, container, empty])
WEATHERS = [
    NIGHT, replace(NIGHT, rain=0.8), Weather(rain=0.8), Weather(blur=0.5), Weather(glare=0.6), Weather(dirt=0.5),
]  # fmt: skip


@SCENES
@pytest.mark.parametrize("weather", WEATHERS, ids=str)
def test_weather_changes_a_picture_and_repeats_with_its_seed(
    scene: Callable[[Weather], Picture], weather: Weather
) -> None:
    seen = scene(weather)
    assert seen.shape == (360, 640, 3)
    assert np.array_equal(seen, scene(weather))
    if not (scene is empty and weather.dirt):
        assert not np.array_equal(seen, scene(CLEAR))
    assert defect_of(light_of(seen)) is None, "a camera that works still sees something"


def test_by_night_a_plate_shines_in_the_cameras_lamp_and_headlamps_into_the_lens() -> None:
    day, night = front(CLEAR).astype(int), front(NIGHT).astype(int)
    assert night.mean() < 0.4 * day.mean()
    plate = np.s_[276:304, 274:358]
    assert night[plate].mean() > 0.6 * day[plate].mean()
    assert (night.min(2) > 240).sum() > 100, "the lamps"


def test_without_lamps_there_is_nothing_to_read_in_the_dark() -> None:
    assert defect_of(light_of(front(Weather(light=0.02, lamps=False)))) == "dark"


def test_a_covered_lens_shows_one_plain_surface() -> None:
    assert defect_of(light_of(vary(container(Weather(covered=1.0)), 1))) == "covered"


def test_rain_falls_anew_in_each_frame_and_a_dark_sensor_is_noisier() -> None:
    scene = empty(CLEAR)
    dry, wet = vary(scene, 7).astype(int), vary(scene, 7, Weather(rain=1.0)).astype(int)
    assert (wet - dry).max() > 40
    assert (wet >= dry).all(), "drops are bright"
    noise = np.abs(vary(scene, 7, NIGHT).astype(int) - scene).mean()
    assert noise > np.abs(dry - scene).mean()


def test_rain_on_a_part_of_a_scene_is_as_large_as_on_the_whole() -> None:
    part = np.full((48, 160, 3), 60, np.uint8)
    heavy = Weather(rain=1.0)

    def wet(seed: int, scene_width_px: float = 1280.0) -> Picture:
        return rained_on(part, np.random.default_rng(seed), heavy, scene_width_px)

    assert wet(1).shape == part.shape
    assert np.array_equal(wet(1), wet(1))
    assert not np.array_equal(wet(1), wet(2))
    assert wet(1).mean() > part.mean(), "rain takes contrast: what is dark gets lighter"
    # Few streaks cross so small a part; the same pixels of a small picture are all of its rain.
    streaked = [(wet(seed, width).max(2) > 110).mean() for seed in range(8) for width in (1280.0, 160.0)]
    assert 0.0 < np.mean(streaked[::2]) < np.mean(streaked[1::2])
    assert np.array_equal(rained_on(part, np.random.default_rng(1), CLEAR, 1280.0), part)


def test_a_scene_by_day_is_what_it_always_was() -> None:
    picture = np.full((36, 64, 3), 100, np.uint8)
    lit = under(picture, np.random.default_rng(1), CLEAR)
    assert np.array_equal(lit, under(picture, np.random.default_rng(1), Weather(lamps=False)))
    assert 70 < lit.mean() < 110


@pytest.mark.parametrize("wrong", [{"light": -0.1}, {"rain": 1.5}, {"covered": 2}])
def test_no_weather_is_more_than_all_of_it(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        Weather(**wrong)  # type: ignore[arg-type]
