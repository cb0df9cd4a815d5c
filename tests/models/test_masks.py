"""Areas that are left out of a picture: nothing in them is seen, their light does not count, nothing is read short."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge.core.container import Container
from edge.core.masks import Mask
from edge.core.plate import Plate
from edge.core.readings import ContainerSighting, PictureReading, PlateSighting, VehicleSighting
from models.light import light_of
from models.masks import CODE_REACH, MASKED, PLATE_REACH, Masked
from models.pipeline import Detectors, PictureReader, load_picture_reader
from models.pixels import painted_over
from models.recogniser import WorkerRecogniser
from models.vehicle_finder import VehicleFinder
from tests.models.test_vehicle_finder import cells
from tests.support.drawn import BLUE, WHITE, Image, door, ground, jpeg, plate, png, text, two_row_plate

PLATE = frozenset({"plate"})
CONTAINER = frozenset({"container"})
VEHICLE = frozenset({"vehicle"})
PAINTED, DRAWN = "CSQU3054383", "MSKU2615360"
STRIP = Mask(0.0, 0.9, 1.0, 1.0)
ENOUGH_S = 40.0


@pytest.fixture(scope="module")
def reader() -> PictureReader:
    return load_picture_reader()


def with_osd(code: str = PAINTED) -> Image:
    """A door with a code painted on it, and another one that its camera draws in white below."""
    image = door([(code, (80, 120))] if code else [])
    text(image, "MSKU 261536 0", (60, 470), 26, (255, 255, 255))
    return image


def codes(reading: PictureReading) -> list[str]:
    return sorted(one.container.code for one in reading.containers if one.container.check == "verified")


def why(reading: PictureReading) -> list[tuple[str, str]]:
    return [(one.what, one.reason) for one in reading.unread]


# --- what a camera draws, and a lane beside this one ---------------------------------------------------------------


async def test_what_is_masked_is_not_answered_and_what_is_painted_is() -> None:
    """Through a real worker process, as a lane asks it."""
    recogniser = WorkerRecogniser()
    try:
        both = await recogniser.read(jpeg(with_osd()), CONTAINER, ENOUGH_S)
        alone = await recogniser.read(jpeg(with_osd("")), CONTAINER, ENOUGH_S)
        masked = await recogniser.for_lane("in-1").read(jpeg(with_osd()), CONTAINER, ENOUGH_S, (STRIP,))
        nothing = await recogniser.read(jpeg(with_osd("")), CONTAINER, ENOUGH_S, (STRIP,))
    finally:
        await recogniser.close()
    assert codes(both)
    assert codes(alone) == [DRAWN]
    assert codes(masked) == [PAINTED]
    assert (codes(nothing), why(nothing)) == ([], [("container", "not_found")])


def test_the_plate_of_a_lane_beside_this_one_is_not_answered(reader: PictureReader) -> None:
    image = ground(1280, 720)
    plate(image, "B6R678", (900, 100), 60, BLUE)
    plate(image, "粤B6R678", (200, 450), 60, BLUE)
    own = reader.read_encoded(png(image), PLATE, (Mask(0.6, 0.0, 1.0, 0.4),))
    assert [one.plate.text for one in own.plates] == ["粤B6R678"]
    other = reader.read_encoded(png(image), PLATE, (Mask(0.0, 0.5, 0.6, 1.0),))
    assert all(one.plate.text != "粤B6R678" for one in other.plates)


def test_a_picture_that_is_masked_as_a_whole_is_not_read(reader: PictureReader) -> None:
    halves = (Mask(0.0, 0.0, 0.5, 1.0), Mask(0.5, 0.0, 1.0, 1.0))
    reading = reader.read_encoded(jpeg(door([])), PLATE, halves)
    assert (reading.plates, why(reading)) == ((), [("picture", MASKED)])


# --- nothing is read short -------------------------------------------------------------------------------------------


def test_a_plate_is_not_read_short_wherever_a_mask_cuts_it(reader: PictureReader) -> None:
    image = ground()
    plate(image, "粤B6R678", (200, 200), 60, BLUE)
    two = ground()
    two_row_plate(two, "粤A", "T781挂", (200, 200), 120)
    told = set()
    for edge in range(340, 480, 20):
        for shown, number in ((image, "粤B6R678"), (two, "粤AT781挂")):
            reading = reader.read_encoded(png(shown), PLATE, (Mask(edge / 640, 0.0, 1.0, 1.0),))
            assert [one.plate.text for one in reading.plates] in ([], [number])
            told.update(one.reason for one in reading.unread)
    assert MASKED in told
    # Two characters further away it is the plate again.
    (sighting,) = reader.read_encoded(png(image), PLATE, (Mask(0.75, 0.0, 1.0, 1.0),)).plates
    assert sighting.plate.text == "粤B6R678"


def test_without_that_rule_a_plate_is_read_short(reader: PictureReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Masked, "reached", lambda *_: False)
    image = ground()
    plate(image, "粤AF12345", (200, 200), 60, (60, 160, 60))
    (short,) = reader.read_encoded(png(image), PLATE, (Mask(364 / 640, 0.3, 1.0, 0.7),)).plates
    assert short.plate.text == "粤AF1234"


@pytest.mark.parametrize("mask", [Mask(330 / 1280, 0.5, 1, 1), Mask(400 / 1280, 0.5, 1, 1), Mask(0, 515 / 720, 1, 1)])
def test_another_vehicle_s_plate_is_no_answer_where_the_nearer_one_is_cut(reader: PictureReader, mask: Mask) -> None:
    image = ground(1280, 720)
    plate(image, "粤B6R678", (200, 450), 60, BLUE)
    plate(image, "京A8K321", (800, 120), 40, BLUE)
    masked = reader.read_encoded(png(image), PLATE, (mask,))
    assert masked.plates == ()
    assert why(masked) == [("plate", "masked")]


def test_a_plate_that_is_nearly_as_high_and_cut_forbids_another_however_faintly_it_is_seen() -> None:
    mask = Mask(0.5, 0.0, 1.0, 1.0)
    answer = PlateSighting(Plate("粤A12345", "blue", "ordinary"), 0.9, (10, 10, 60, 18))
    for cut, answered in (
        ((60, 50, 60, 12), [answer]),
        ((60, 50, 60, 13), []),
        ((60, 50, 60, 30), []),
        # The same plate, seen otherwise, and one that no mask cuts.
        ((60, 20, 60, 30), [answer]),
        ((10, 50, 60, 30), [answer]),
    ):
        masked = Masked((mask,), 200, 100)
        assert masked.alone("plate", [answer], [cut]) == answered
        assert masked.first_refused("plate") == (None if answered else cut)
    # Where nothing is answered nothing forbids it, and the reason is another's.
    masked = Masked((mask,), 200, 100)
    assert (masked.alone("plate", [], [(60, 50, 60, 30)]), masked.first_refused("plate")) == ([], None)


def test_a_mask_that_could_hide_a_larger_vehicle_forbids_to_call_one_empty() -> None:
    far = VehicleSighting("car", 0.9, (10, 10, 60, 40))
    assert Masked((Mask(0.5, 0.0, 1.0, 1.0),), 1000, 500).may_hide_box([far]) == far.box
    assert Masked((Mask(0.0, 0.95, 1.0, 1.0),), 1000, 500).may_hide_box([far]) is None


def test_a_crop_whose_side_is_masked_is_no_plate(reader: PictureReader) -> None:
    image = ground(189, 60)
    plate(image, "粤B6R678", (0, 0), 60, BLUE)
    assert [one.plate.text for one in reader.read_encoded(png(image), PLATE).plates] == ["粤B6R678"]
    reading = reader.read_encoded(png(image), PLATE, (Mask(0.97, 0.0, 1.0, 1.0),))
    assert (reading.plates, why(reading)) == ((), [("plate", MASKED)])


def test_a_code_at_a_mask_is_not_read_and_its_size_and_type_only_far_from_it(reader: PictureReader) -> None:
    image = door([("CSQU 305438 3", (80, 120)), ("45G1", (80, 180))])
    (whole,) = reader.read_encoded(png(image), CONTAINER, (STRIP,)).containers
    assert (whole.container.code, whole.container.size_type) == (PAINTED, "45G1")
    cut = reader.read_encoded(png(image), CONTAINER, (Mask(0.0, 140 / 480, 1.0, 1.0),))
    assert (cut.containers, why(cut)) == ((), [("container", MASKED)])
    (near,) = reader.read_encoded(png(image), CONTAINER, (Mask(0.0, 220 / 480, 1.0, 1.0),)).containers
    assert (near.container.code, near.container.size_type) == (PAINTED, None)


def test_what_is_at_a_mask_is_told_from_what_is_not() -> None:
    masked = Masked((Mask(0.5, 0.0, 1.0, 1.0),), 200, 100)
    assert masked.reached((80, 40, 15, 10), (1.0, 0.0))
    assert not masked.reached((80, 40, 10, 10), (1.0, 0.0))
    assert not masked.reached((80, 40, 15, 10), (0.5, 1.0))
    assert masked.reached((80, 40, 15, 10), (0.6, 0.0))
    # A column is as wide as a character, whatever its height.
    assert not masked.reached((70, 0, 15, 100), (1.0, 1.0))
    below = Masked((Mask(0.0, 0.5, 1.0, 1.0),), 200, 100)
    assert below.reached((80, 38, 15, 10), (0.0, 0.3))
    assert not below.reached((80, 38, 15, 10), (1.0, 0.2))
    assert not Masked().reached((0, 0, 10, 10), (1.0, 1.0))


def test_what_was_refused_once_is_refused_in_another_cut_of_its_place() -> None:
    masked = Masked((Mask(0.5, 0.0, 1.0, 1.0),), 200, 100)
    cut = PlateSighting(Plate("粤A12345", "blue", "ordinary"), 0.9, (60, 40, 35, 10))
    shorter, elsewhere = replace(cut, box=(55, 40, 25, 10)), replace(cut, box=(5, 80, 35, 10))
    assert masked.spared("plate", PLATE_REACH, [shorter, elsewhere]) == [shorter, elsewhere]
    assert masked.first_refused("plate") is None
    assert masked.spared("plate", PLATE_REACH, [cut, elsewhere]) == [elsewhere]
    assert masked.spared("plate", PLATE_REACH, [shorter, elsewhere]) == [elsewhere]
    assert masked.first_refused("plate") == cut.box
    # Of a code in the same place that says nothing.
    code = ContainerSighting(Container(PAINTED, "verified"), 0.9, (55, 40, 25, 10))
    assert masked.spared("container", CODE_REACH, [code]) == [code]


# --- what carries a box ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("masks", "told"),
    [((), []), ((Mask(0.1, 0.0, 0.11, 1.0),), []), ((Mask(0.075, 0.0, 1.0, 1.0),), [("container", MASKED)])],
)
def test_a_vehicle_whose_box_may_be_masked_is_no_empty_one(
    masks: tuple[Mask, ...], told: list[tuple[str, str]]
) -> None:
    def run(batch: np.ndarray) -> np.ndarray:
        return cells(("truck", 0, 3.0, (1, 1, 3, 3)), seen=batch.shape[3:1:-1])[None]

    reader = PictureReader(Detectors(None, None, None, VehicleFinder(run)), None)  # type: ignore[arg-type]
    reading = reader.read_encoded(jpeg(door([("CSQU", (80, 120))])), VEHICLE, masks)
    assert [one.vehicle_class for one in reading.vehicles] == ["truck"]
    assert why(reading) == told


def test_a_box_that_is_seen_needs_no_such_word() -> None:
    masked = Masked((Mask(0.5, 0.0, 1.0, 1.0),), 200, 100)
    seen = VehicleSighting("container", 0.9, (20, 20, 90, 60))
    assert masked.may_hide_box([seen]) is None
    assert masked.may_hide_box([seen, replace(seen, vehicle_class="truck")]) == seen.box


# --- what is painted, and whose light counts -------------------------------------------------------------------------


def test_nothing_of_what_is_masked_is_left_and_no_line_is_drawn() -> None:
    rng = np.random.default_rng(1)
    image = np.clip(ground(320, 240, level=90).astype(int) + np.arange(320)[None, :, None] // 4, 0, 255).astype(
        np.uint8
    )
    masks = (Mask(0.25, 0.25, 0.5, 0.5), Mask(0.4, 0.4, 1.0, 1.0))
    painted = []
    for content in (0, 255, None):
        shown = image.copy()
        for area in ((slice(60, 120), slice(80, 160)), (slice(96, 240), slice(128, 320))):
            shown[area] = rng.integers(0, 256, shown[area].shape) if content is None else content
        masked = Masked(masks, 320, 240)
        painted.append(masked.painted(shown))
        assert masked.seen is not None
        assert (painted[-1][masked.seen > 0] == image[masked.seen > 0]).all()
    assert (painted[0] == painted[1]).all()
    assert (painted[0] == painted[2]).all()
    # As bright as what is beside it, within its grain.
    for beside, inside in (
        ((75, slice(60, 90)), (85, slice(60, 90))),
        ((slice(130, 200), 120), (slice(130, 200), 135)),
    ):
        (x, ys), (x_in, ys_in) = (beside, inside) if isinstance(beside[0], int) else (beside[::-1], inside[::-1])
        assert abs(float(image[ys, x].mean()) - float(painted[0][ys_in, x_in].mean())) < 8


@pytest.mark.parametrize("size", [(1, 1), (12, 12), (12, 700), (700, 12), (65, 63)])
def test_pictures_of_any_size_are_painted(size: tuple[int, int]) -> None:
    width, height = size
    image = ground(width, height)
    masked = Masked((Mask(0.0, 0.5, 1.0, 1.0), Mask(0.5, 0.0, 1.0, 1.0)), width, height)
    assert masked.painted(image).shape == image.shape
    assert masked.leaves_nothing == (size == (1, 1))
    assert Masked().painted(image) is image
    assert not Masked().leaves_nothing


def test_where_nothing_is_left_the_painting_is_black() -> None:
    image = ground(40, 30)
    assert not painted_over(image, np.zeros((30, 40), np.uint8)).any()


def night_with_lamps() -> Image:
    """A dark yard: a tenth of its left half is lit and shows a code, its right half is black."""
    image = np.full((480, 640, 3), 6, np.uint8)
    image[200:300, 10:310] = 120
    text(image, "CSQU 305438", (20, 260), 20, WHITE)
    return image


@pytest.mark.parametrize(
    ("filling", "dark"), [(255, True), (0, False)], ids=["a lamp that is masked", "a black part that is masked"]
)
def test_what_is_masked_does_not_decide_about_the_light(reader: PictureReader, filling: int, dark: bool) -> None:
    """A lamp makes no night day, a black corner no lit picture night."""
    image = np.full((480, 640, 3), 6, np.uint8) if filling else night_with_lamps()
    image[:, 320:] = filling
    mask = Mask(0.5, 0.0, 1.0, 1.0)
    masked = Masked((mask,), 640, 480)
    light, alone = light_of(masked.painted(image), masked.seen), light_of(image[:, :320])
    assert (light.low, light.high) == (alone.low, alone.high)
    assert (("picture", "dark") in why(reader.read_encoded(png(image), PLATE, (mask,)))) is dark


def test_the_side_of_a_mask_makes_no_blurred_picture_sharp() -> None:
    blurred = np.asarray(cv2.GaussianBlur(door([("CSQU 305438 3", (80, 120))]), (0, 0), 12), np.uint8)
    masked = Masked((Mask(0.3, 0.3, 0.6, 0.6), Mask(0.0, 0.9, 1.0, 1.0)), 640, 480)
    assert light_of(masked.painted(blurred), masked.seen).edges <= light_of(blurred).edges
