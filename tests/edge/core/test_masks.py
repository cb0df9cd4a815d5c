"""Areas that are left out of a picture: what is one, what several leave, and which pixels they are."""

import pytest

from edge.core.masks import Mask, boxes_of, mask_of, share_left


@pytest.mark.parametrize("sides", [(0, 0, 1, 1), (0.0, 0.92, 1.0, 1.0), (0.5, 0.5, 0.5001, 0.6)])
def test_an_area_of_a_picture(sides: tuple[float, float, float, float]) -> None:
    assert mask_of(*sides) == Mask(*sides)


@pytest.mark.parametrize(
    "sides",
    [
        *((0.5, 0.0, 0.5, 1.0), (0.6, 0.0, 0.5, 1.0), (0.0, 0.5, 1.0, 0.5), (0.0, 0.6, 1.0, 0.5)),
        *((-0.1, 0.0, 1.0, 1.0), (0.0, -0.1, 1.0, 1.0), (0.0, 0.0, 1.1, 1.0), (0.0, 0.0, 1.0, 1.1)),
        *((float("nan"), 0.0, 1.0, 1.0), (0.0, 0.0, 1.0, float("nan")), (0.0, 0.0, float("inf"), 1.0)),
    ],
)
def test_what_is_no_area(sides: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="no area"):
        mask_of(*sides)


@pytest.mark.parametrize(
    ("masks", "left"),
    [
        ((), 1.0),
        ((Mask(0.0, 0.75, 1.0, 1.0),), 0.75),
        # What lies in two of them is hidden once.
        ((Mask(0.0, 0.0, 0.5, 0.5), Mask(0.25, 0.25, 0.75, 0.75)), 0.5625),
        ((Mask(0.0, 0.0, 0.5, 1.0), Mask(0.5, 0.0, 1.0, 1.0)), 0.0),
        ((Mask(0.0, 0.0, 1.0, 1.0),) * 16, 0.0),
    ],
)
def test_what_masks_leave_of_a_picture(masks: tuple[Mask, ...], left: float) -> None:
    assert share_left(masks) == pytest.approx(left)


def test_a_pixel_that_is_hidden_in_part_is_hidden() -> None:
    masks = (Mask(0.0, 0.9, 1.0, 1.0), Mask(0.1001, 0.0, 0.2999, 0.0001))
    assert boxes_of(masks, 640, 480) == ((0, 432, 640, 48), (64, 0, 128, 1))
    assert boxes_of(masks, 1, 1) == ((0, 0, 1, 1), (0, 0, 1, 1))
