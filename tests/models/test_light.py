"""Pictures that cannot be read are told apart by why: too little light or too much, covered, blurred."""

import cv2
import numpy as np
import pytest

from edge.core.readings import PictureReading, Unread
from models.light import Light, cause_of, defect_of, light_of
from models.pipeline import Detectors, PictureReader, Readers, _explained
from tests.support.drawn import BLUE, door, ground, jpeg, plate

DOOR = door([("CSQU 305438 3", (80, 120))])


def plain(level: int) -> np.ndarray:
    return np.full((200, 200, 3), level, np.uint8)


def smeared(sigma: float) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(DOOR, (0, 0), sigma), np.uint8)


@pytest.mark.hazard("D2")
@pytest.mark.parametrize(
    ("image", "defect"),
    [
        (plain(0), "dark"),
        (plain(255), "overexposed"),
        (plain(120), "covered"),
        (ground(200, 200), "covered"),
        (smeared(12), "blurred"),
        (smeared(1), None),
        (DOOR, None),
        # Little contrast: a reader still reads it.
        ((DOOR * 0.6 + 60).astype(np.uint8), None),
    ],
)
def test_d2_what_cannot_be_read_is_told_apart(image, defect):
    assert defect_of(light_of(image)) == defect


def test_weak_edges_of_a_picture_without_contrast_are_not_blurred():
    assert defect_of(Light(low=200, high=212, spread=12, edges=7)) is None
    assert defect_of(Light(low=100, high=180, spread=80, edges=7)) == "blurred"


@pytest.mark.parametrize(
    ("light", "cause"),
    [
        (Light(low=2, high=39, spread=30, edges=20), "dark"),
        (Light(low=201, high=255, spread=30, edges=20), "overexposed"),
        (Light(low=2, high=48, spread=30, edges=20), None),
        (Light(low=173, high=255, spread=30, edges=20), None),
    ],
)
def test_light_beyond_that_of_photographs_may_be_why_nothing_was_found(light, cause):
    assert cause_of(light) == cause


def test_a_cause_stands_in_the_place_of_nothing_found_alone():
    reading = PictureReading(unread=(Unread("plate", "not_found"), Unread("container", "check_digit", (1, 2, 3, 4))))
    assert [one.reason for one in _explained(reading, "dark").unread] == ["dark", "check_digit"]
    assert _explained(reading, None) is reading


def test_the_crop_of_a_plate_with_too_few_pixels_a_character_is_not_read():
    image = ground(38, 13)
    plate(image, "B6R678", (0, 0), 12, BLUE)
    # Neither detectors nor readers are asked.
    reader = PictureReader(Detectors(None, None, None), Readers(None, None, None))
    reading = reader.read_encoded(jpeg(image), frozenset({"plate"}))
    assert [(one.what, one.reason) for one in reading.unread] == [("plate", "too_few_pixels")]
