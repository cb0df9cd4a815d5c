from pathlib import Path

import numpy as np
import pytest

from simulators.scene import (
    Weather,
    darken,
    draw_plate,
    encode_jpeg,
    overexpose,
    photo,
    render_container,
    render_empty_lane,
    render_front,
    vary,
)
from simulators.scene.canvas import glyphs, ink

PLATES = [
    ("粤B12345", "blue", "ordinary", 1, (280, 880)),
    ("皖O8K3F7", "yellow", "ordinary", 2, (440, 880)),
    ("粤BD12345", "green", "nev_small", 1, (280, 960)),
    ("京A12345D", "yellow_green", "nev_large", 1, (280, 960)),
    ("粤A1234挂", "yellow", "trailer", 2, (440, 880)),
    ("粤Z1234港", "black", "hk", 1, (280, 880)),
    ("川X1234应急", "white", "emergency", 1, (280, 880)),
    ("WJ京12345", "white", "armed_police", 1, (280, 880)),
    ("VA12345", "white", "military", 1, (280, 880)),
    ("使123456", "black", "embassy", 1, (280, 880)),
]


@pytest.mark.parametrize(("text", "colour", "kind", "rows", "shape"), PLATES)
def test_plates_have_the_published_geometry_and_their_ground(
    text: str, colour: str, kind: str, rows: int, shape: tuple[int, int]
) -> None:
    plate = draw_plate(text, colour, kind, rows)
    assert plate.shape == (*shape, 3)
    blue, green, red = plate[-14, 40].astype(int)
    grounds = {
        "blue": blue > red + 80,
        "yellow": red > blue + 150,
        "green": green > red + 50,
        "yellow_green": red > blue + 150,
        "white": min(blue, green, red) > 200,
        "black": max(blue, green, red) < 60,
    }
    assert grounds[colour]


def test_every_character_of_a_plate_changes_the_picture() -> None:
    base = draw_plate("粤B12345", "blue")
    for other in ("沪B12345", "粤A12345", "粤B02345", "粤B12346"):
        assert np.any(draw_plate(other, "blue") != base)


@pytest.mark.parametrize(
    ("text", "colour", "rows"), [("粤B12345", "pink", 1), ("粤B", "blue", 1), ("粤B12345", "blue", 3)]
)
def test_plates_that_cannot_be_drawn_are_refused(text: str, colour: str, rows: int) -> None:
    with pytest.raises(ValueError, match="cannot draw"):
        draw_plate(text, colour, "ordinary", rows)


def test_glyph_without_ink_is_refused_and_ink_outside_is_cut() -> None:
    with pytest.raises(ValueError, match="no glyph"):
        glyphs(" ", 20)
    canvas = np.zeros((10, 10, 3), np.uint8)
    mask = np.full((8, 8), 255, np.uint8)
    ink(canvas, mask, 12, 0, (255, 255, 255))
    assert not canvas.any()
    ink(canvas, mask, 6, 6, (255, 255, 255))
    assert canvas[6:, 6:].all()


def test_scenes_repeat_with_their_seed_and_differ_with_another() -> None:
    for render in (
        lambda seed: render_front("粤B12345", "blue", seed=seed),
        lambda seed: render_container(["CSQU3054383"], ["22G1"], seed),
        lambda seed: render_container(["CSQU3054383", "MSKU9070323"], ["22G1", "22G1"], seed),
        lambda seed: render_container(["CSQU3054383"], ["22G1"], seed, upright=True),
        lambda seed: render_empty_lane(seed),
    ):
        first, again, other = render(1), render(1), render(2)
        assert first.shape == (720, 1280, 3)
        assert first.dtype == np.uint8
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)


@pytest.mark.parametrize("upright", [False, True])
def test_a_code_is_painted_in_a_line_or_in_a_column(upright: bool) -> None:
    one, other = (render_container([code], ["22G1"], 1, upright=upright) for code in ("CSQU3054383", "TGHM1111111"))
    down, across = np.nonzero((one != other).any(2))
    assert bool(np.std(down) > 2 * np.std(across)) is upright
    assert bool(np.std(across) > 2 * np.std(down)) is not upright


def test_a_code_may_be_painted_in_two_or_three_rows() -> None:
    high = []
    for rows in (1, 2, 3):
        one, other = (render_container([code], ["22G1"], 1, rows=rows) for code in ("CSQU3054383", "TGHM1111111"))
        down, across = np.nonzero((one != other).any(2))
        high.append(np.ptp(down))
        assert np.ptp(across) < 0.35 * one.shape[1]
    assert high[2] - high[1] > 15
    assert high[1] - high[0] > 15
    with pytest.raises(ValueError, match="one, two or three rows"):
        render_container(["CSQU3054383"], ["22G1"], rows=4)


def test_dusk_is_darker_than_day() -> None:
    assert render_empty_lane(1, weather=Weather(0.4)).mean() < 0.5 * render_empty_lane(1).mean()


@pytest.mark.parametrize(
    ("codes", "types"),
    [([], []), (["CSQU3054383"] * 3, ["22G1"] * 3), (["CSQU3054383"], []), (["CSQU305438"], ["22G1"])],
)
def test_containers_that_cannot_be_drawn_are_refused(codes: list[str], types: list[str]) -> None:
    with pytest.raises(ValueError, match="expected one or two codes"):
        render_container(codes, types)


def test_frames_of_one_scene_differ_a_little_as_a_cameras_do() -> None:
    scene = render_empty_lane(1)
    frames = [vary(scene, seed) for seed in range(6)]
    assert len({encode_jpeg(frame, seed) for seed, frame in enumerate(frames)}) == 6
    for frame in frames:
        assert frame.shape == scene.shape
        assert 1.0 < np.abs(frame.astype(int) - scene.astype(int)).mean() < 12.0


def test_exposure_faults_leave_nothing_to_read() -> None:
    scene = render_front("粤B12345", "blue")
    assert darken(scene).max() < 16
    assert overexpose(scene).min() >= 250


def test_photographs_are_loaded_and_scaled_down_only(tmp_path: Path) -> None:
    path = tmp_path / "one.jpg"
    path.write_bytes(encode_jpeg(render_empty_lane(1), 0))
    assert photo(path).shape == (720, 1280, 3)
    assert photo(path, max_side=640).shape == (360, 640, 3)
    path.write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"picture in one\.jpg"):
        photo(path)
