"""Work on pixels that several parts share: decoding, scaling, cutting out. Images are BGR, 8 bits a channel."""

import math
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.readings import Box

Image = NDArray[np.uint8]
Array = NDArray[np.float32]
# What is painted over takes the means of so many parts each way: finer ones would go on with a character's strokes.
FILL_CELLS = 64


def use_one_thread() -> None:
    """Keep OpenCV to the calling thread: there are as many processes as cores already."""
    cv2.setNumThreads(1)


def decoded(encoded: bytes) -> Image | None:
    """Return the picture that `encoded` holds, or None where it holds none."""
    try:
        image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if image is None or image.size == 0 else np.asarray(image, np.uint8)


def resized(image: Image, width: int, height: int) -> Image:
    """Return `image` at the size given, bilinear."""
    return np.asarray(cv2.resize(image, (width, height)), np.uint8)


def reduced(image: Image, width: int, height: int) -> Image:
    """Return `image` at the size given, each pixel the mean of those that it stands for; bilinear where it grows.

    It is halved as often as it can be, which takes a quarter of the time.
    """
    while image.shape[1] >= 2 * width and image.shape[0] >= 2 * height:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA), np.uint8)
    way = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=way), np.uint8)


def rows_moved(image: Image, aside: Array) -> Image:
    """Return `image` with each row moved to the left by so many pixels as `aside` says for it."""
    height, width = image.shape[:2]
    columns = np.arange(width, dtype=np.float32)[None] + np.asarray(aside, np.float32)[:, None]
    rows = np.broadcast_to(np.arange(height, dtype=np.float32)[:, None], columns.shape)
    moved = cv2.remap(image, columns, np.ascontiguousarray(rows), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def normalised(image: Image) -> Array:
    """Return (1, 3, h, w) between -1 and 1, as both networks expect it."""
    return np.ascontiguousarray((image.astype(np.float32) * (1 / 127.5) - 1.0).transpose(2, 0, 1)[None])


def hue_saturation_value(image: Image) -> Image:
    """Return hue (0-179), saturation and value (0-255) of every pixel."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2HSV), np.uint8)


def grey(image: Image) -> Image:
    """Return the brightness of every pixel (0-255)."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def counts(brightness: Image, counted: Image | None = None) -> NDArray[np.int64]:
    """Return how many pixels have each of the 256 values, of those where `counted` is not 0."""
    histogram = cv2.calcHist([brightness], [0], counted, [256], [0, 256])
    return np.asarray(histogram, np.float64).reshape(-1).astype(np.int64)


def shrunk(brightness: Image, width: int, height: int) -> Image:
    """Return the mean brightness of so many parts of a picture, side by side."""
    return np.asarray(cv2.resize(brightness, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def edges(brightness: Image) -> Image:
    """Return how strong the edge at each pixel is (0-255), grain smoothed away."""
    laplacian = cv2.Laplacian(cv2.GaussianBlur(brightness, (3, 3), 0), cv2.CV_16S)
    return np.asarray(cv2.convertScaleAbs(laplacian), np.uint8)


def away_from_zeros(mask: Image, pixels: int) -> Image:
    """Return `mask` with what is within so many pixels of a 0 made 0."""
    side = 2 * pixels + 1
    return np.asarray(cv2.erode(mask, np.ones((side, side), np.uint8)), np.uint8)


def painted_over(image: Image, seen: Image) -> Image:
    """Return `image` with the pixels that are 0 in `seen`, else 255, painted as what is around them, smoothly.

    Of what they held nothing is left, not even its brightness, and where they end no line is drawn.
    """
    height, width = seen.shape
    cells = max(1, min(FILL_CELLS, width)), max(1, min(FILL_CELLS, height))
    shares = np.asarray(cv2.resize(seen, cells, interpolation=cv2.INTER_AREA), np.float32) * np.float32(1 / 255)
    # As large as the picture, and let go of before another one is: a photograph may have 26 megapixels.
    sums = np.asarray(
        cv2.resize(cv2.bitwise_and(image, image, mask=seen), cells, interpolation=cv2.INTER_AREA), np.float32
    )
    around = np.asarray(np.clip(np.round(_filled(sums, shares)), 0, 255), np.uint8)
    painted = cv2.resize(around, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.copyTo(image, seen, painted), np.uint8)


def _filled(sums: Array, shares: Array) -> Array:
    """Return the mean of each cell of which a share is seen; of one that is not, what the cells around it come to."""
    if min(shares.shape) == 1 or shares.min() > 0.0:
        known = max(float(shares.sum()), 1e-6)
        mean = sums.sum(axis=(0, 1)) / known
        weight = shares[..., None]
        return np.asarray(np.where(weight > 0.0, sums / np.maximum(weight, 1e-6), mean), np.float32)
    half = (shares.shape[1] + 1) // 2, (shares.shape[0] + 1) // 2
    coarser = _filled(
        np.asarray(cv2.resize(sums, half, interpolation=cv2.INTER_AREA), np.float32),
        np.asarray(cv2.resize(shares, half, interpolation=cv2.INTER_AREA), np.float32),
    )
    height, width = shares.shape
    around = np.asarray(cv2.resize(coarser, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    return np.asarray(sums + (1.0 - shares[..., None]) * around, np.float32)


def upright_box(corners: Array) -> Box:
    """Return the upright box (x, y, width, height) around `corners`."""
    left, top = np.floor(corners.min(axis=0)).astype(int)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int)
    return int(left), int(top), int(right - left), int(bottom - top)


def order_corners(corners: Array) -> Array:
    """Return four corners clockwise from the upper left."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left = by_x[:2][np.argsort(by_x[:2, 1], kind="stable")]
    right = by_x[2:][np.argsort(by_x[2:, 1], kind="stable")]
    return np.stack([left[0], right[0], right[1], left[1]]).astype(np.float32)


def cut_out(image: Image, corners: Array) -> Image:
    """Return the upright rectangle of pixels inside four `corners` (clockwise from the upper left)."""
    sides = [float(np.linalg.norm(corners[a] - corners[b])) for a, b in ((0, 1), (3, 2), (0, 3), (1, 2))]
    width = max(1, math.ceil(max(sides[:2])))
    height = max(1, math.ceil(max(sides[2:])))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    if np.array_equal(corners, target) and (height, width) == image.shape[:2]:
        # The whole picture, as plate cameras send it.
        return image
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    cut = cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.uint8)


def ink_mask(brightness: Image) -> Image:
    """Return 1 where a pixel is of the lesser of the two brightnesses (Otsu): characters cover less than ground."""
    smooth = cv2.GaussianBlur(brightness, (3, 3), 0)
    _, mask = cv2.threshold(smooth, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    ink = np.asarray(mask, np.uint8)
    return np.asarray(1 - ink, np.uint8) if ink.mean() > 0.5 else ink


def bright_pieces(brightness: Image, around: int, more: float) -> Iterator[tuple[Box, NDArray[np.bool_]]]:
    """Yield what hangs together and is brighter than the mean of `around` pixels about it by `-more`: box and mask."""
    ink = cv2.adaptiveThreshold(brightness, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, around, more)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(np.asarray(ink, np.uint8), connectivity=8)
    for label in range(1, count):
        x, y, width, height, _area = (int(value) for value in boxes[label])
        yield (x, y, width, height), labels[y : y + height, x : x + width] == label


def sizes_of_pieces(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return width and height of what hangs together in `mask`."""
    count, _, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return [(int(boxes[piece][2]), int(boxes[piece][3])) for piece in range(1, count)]
