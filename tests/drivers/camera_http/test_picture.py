import base64
import zlib

import pytest

from drivers.kit.camera.picture import judge, limit_decoder
from simulators.devices.camera import claim_size
from simulators.scene import (
    Weather,
    darken,
    encode_jpeg,
    overexpose,
    render_container,
    render_empty_lane,
    render_front,
    vary,
)
from tests.support.needs import PHOTOS

LANE = render_empty_lane(1)
MAX_PIXELS = 40_000_000


def test_rendered_scenes_are_fit_to_read_at_day_and_dusk() -> None:
    limit_decoder()
    for light in (1.0, 0.4):
        for scene in (
            render_empty_lane(2, weather=Weather(light)),
            render_front("粤B12345", "blue", weather=Weather(light)),
            render_container(["CSQU3054383"], ["22G1"], weather=Weather(light)),
        ):
            assert judge(encode_jpeg(vary(scene, 3), 3), MAX_PIXELS) == (1280, 720, None)


@pytest.mark.hazard("D2")
def test_exposure_faults_are_named() -> None:
    assert judge(encode_jpeg(vary(darken(LANE), 1), 1), MAX_PIXELS)[2] == "dark"
    assert judge(encode_jpeg(vary(overexpose(LANE), 1), 1), MAX_PIXELS)[2] == "overexposed"


@pytest.mark.hazard("D2")
def test_covered_lens_is_blurred() -> None:
    flat = LANE.copy()
    flat[:] = 120
    assert judge(encode_jpeg(flat, 1), MAX_PIXELS)[2] == "blurred"


@pytest.mark.hazard("S10")
def test_caps_and_damage_are_found_before_decoding() -> None:
    whole = encode_jpeg(LANE, 1)
    assert judge(claim_size(whole, 65_500, 65_500), MAX_PIXELS) == (65_500, 65_500, "too_large")
    assert judge(whole, 1280 * 720 - 1)[2] == "too_large"
    assert judge(whole[: len(whole) // 2], MAX_PIXELS) == (1280, 720, "truncated")
    assert judge(b"<html>", MAX_PIXELS) == (0, 0, "not_a_picture")
    assert judge(b"", MAX_PIXELS) == (0, 0, "not_a_picture")


def test_picture_that_holds_nothing_is_damaged() -> None:
    png = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
    # Its chunks are whole, and what the middle one holds is nothing.
    broken = png[:41] + bytes(len(png) - 53) + png[-12:]
    assert judge(broken, MAX_PIXELS)[2] == "damaged"
    # Sound by all that it says of itself; what it holds is no compressed data.
    pixels = b"IDAT" + bytes(13)
    unfit = png[:33] + len(pixels[4:]).to_bytes(4) + pixels + zlib.crc32(pixels).to_bytes(4) + png[-12:]
    assert judge(unfit, MAX_PIXELS)[2] == "damaged"


@pytest.mark.photos
def test_no_real_photograph_is_called_defective() -> None:
    photographs = [
        path for folder in ("containers", "plates") for path in sorted((PHOTOS / folder / "images").iterdir())
    ]
    assert photographs
    # Every fifth: the whole set takes long and says the same.
    assert {path.name: found for path in photographs[::5] if (found := judge(path.read_bytes(), MAX_PIXELS)[2])} == {}
