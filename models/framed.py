"""Finds the frame that is painted around a check digit, and takes it away.

A reader takes the sides of the frame for characters: 1 in a frame reads as 111 or as nothing, 0 as D.
"""

from dataclasses import dataclass

import numpy as np

from models.pixels import Image, bright_pieces, grey, resized

# The strip is looked at in this height: the strokes of a frame are two pixels and more then.
LOOK_HEIGHT_PX = 96
# Frames are nearly half as high as the strip and higher, and so wide for their height.
MIN_HEIGHT_PX = 38
MIN_ASPECT, MAX_ASPECT = 0.3, 1.1
# Where a frame begins and ends, in pitches of the digits behind the centre of the last one.
BEHIND, REACH = 0.55, 4.2
# How much of each side has to be there: the upright ones decide, since edges of steel run upright as well.
UPRIGHT_SIDES, LEVEL_SIDES = 0.75, 0.60
MAX_INK = 0.80
# Size of the neighbourhood and how much brighter than it ink is.
_THRESHOLDS = ((41, -6.0), (25, -10.0), (25, -4.0), (41, -20.0))
# What the strokes of a frame take of its width and height.
_STROKE_X, _STROKE_Y = 0.20, 0.14
_ROOM = 0.4


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame in the pixels of a strip; `straight` is how much of its sides is there, 0 to 2."""

    left: int
    top: int
    width: int
    height: int
    straight: float = 2.0


def framed_digit(strip: Image, last_px: float, pitch_px: float) -> Frame | None:
    """Return the straightest frame behind the one centred at `last_px`, or None; `pitch_px` is from digit to digit."""
    height, width = strip.shape[:2]
    left, right = round(last_px + BEHIND * pitch_px), min(width, round(last_px + REACH * pitch_px))
    if right - left < BEHIND * pitch_px or left < 0:
        return None
    scale = LOOK_HEIGHT_PX / height
    part = resized(grey(strip)[:, left:right], max(1, round((right - left) * scale)), LOOK_HEIGHT_PX)
    found = [frame for seen in (part, np.asarray(255 - part, np.uint8)) for frame in _frames(seen)]
    if not found:
        return None
    best = max(found, key=lambda frame: frame.straight)
    return Frame(
        left + int(best.left / scale), int(best.top / scale), int(best.width / scale) + 1, int(best.height / scale) + 1
    )


def _frames(part: Image) -> list[Frame]:
    """Return the frames that are brighter than what is around them."""
    found: list[Frame] = []
    for around, more in _THRESHOLDS:
        for (x, y, width, height), piece in bright_pieces(part, around, more):
            if height < MIN_HEIGHT_PX or not MIN_ASPECT < width / height < MAX_ASPECT or piece.mean() > MAX_INK:
                continue
            if not 0 < y < LOOK_HEIGHT_PX - height:
                # What goes on above or below the strip is no frame but the ground around one, or a post.
                continue
            stroke = max(1, round(0.15 * min(width, height)))
            level = min(piece[:stroke].any(axis=0).mean(), piece[-stroke:].any(axis=0).mean())
            upright = min(piece[:, :stroke].any(axis=1).mean(), piece[:, -stroke:].any(axis=1).mean())
            if upright >= UPRIGHT_SIDES and level >= LEVEL_SIDES:
                found.append(Frame(x, y, width, height, float(level + upright)))
    return found


def without_frame(strip: Image, frame: Frame, last_px: float, pitch_px: float) -> Image:
    """Return `strip` up to the digit at `last_px`, and what stands inside `frame` behind it on its own ground."""
    before = strip[:, : max(1, round(last_px + BEHIND * pitch_px))]
    side, level = round(frame.width * _STROKE_X), round(frame.height * _STROKE_Y)
    top, bottom = frame.top + level, frame.top + frame.height - level
    inner = strip[top:bottom, frame.left + side : frame.left + frame.width - side]
    room = round(_ROOM * pitch_px)
    behind = np.empty((strip.shape[0], inner.shape[1] + 2 * room, 3), np.uint8)
    behind[:] = np.median(inner.reshape(-1, 3), axis=0)
    behind[top : top + inner.shape[0], room : room + inner.shape[1]] = inner
    return np.asarray(np.hstack([before, behind]), np.uint8)
