"""Finds columns of upright characters among lines, and turns them to what their reader reads.

The characters of a vertical container code stand under each other, each upright. A column is turned to the left, so
that its first character is the leftmost, and drawn together to half its length.
"""

import re
from dataclasses import dataclass, replace

import numpy as np

from models.decode import Glyph
from models.detector import BENT_AT, TextLine
from models.lines import around
from models.pixels import Array, Image, cut_out, reduced, resized, rows_moved
from models.reader import LINE_HEIGHT_PX

# What of its length a turned column keeps: characters that lie on their side need less of it than upright ones.
TURNED_SHARE = 0.5
CODE_LENGTH, OWNER_LENGTH = 11, 4
# A code that lacks characters at one end: none in between, or the places of the others would say nothing.
_BEGUN = re.compile("[A-Z]{3}[UJZ][0-9IOSZB]{3,6}")
_ENDED = re.compile("[A-Z]{0,2}[UJZ][0-9IOSZB]{7}|[0-9IOSZB]{5,7}")
# Owner, number and check digit stand apart: room for two gaps beyond the missing characters and more, in characters.
_ROOM = 3.0
# A column is bent where its middle lies so far aside, in its widths; what is bent more is no column.
MIN_BEND, MAX_BEND = 0.12, 1.0
# A short piece of a column says little about how the whole is bent, in its widths.
MIN_BENT_LENGTH = 5.0


@dataclass(frozen=True, slots=True)
class ColumnCut:
    """How a column is cut out of its picture: its sides, its beginning and its end moved outwards, in its widths."""

    aside: float
    before: float
    after: float


def columns_of(lines: list[TextLine]) -> list[list[TextLine]]:
    """Return groups of lines that form one column: tall lines and single characters under each other."""
    tall = sorted((line for line in lines if line.height > 0.75 * line.width), key=lambda line: line.centre[1])
    groups: list[list[TextLine]] = []
    for line in tall:
        for group in groups:
            if _continues(group[-1], line):
                group.append(line)
                break
        else:
            groups.append([line])
    return [group for group in groups if _shape(group)[1] > 3.0 * _shape(group)[0]]


def _continues(upper: TextLine, lower: TextLine) -> bool:
    width = max(upper.width, lower.width)
    gap = float(lower.corners[:2, 1].mean() - upper.corners[2:, 1].mean())
    aside = abs(float(lower.corners[:2, 0].mean() - upper.corners[2:, 0].mean()))
    alike = 0.5 < upper.width / max(lower.width, 1.0) < 2.0
    return alike and aside < 0.5 * width and -0.6 * width < gap < 4.0 * width


def _shape(group: list[TextLine]) -> tuple[float, float]:
    _, _, _, height = around(group)
    return float(np.median([line.width for line in group])), float(height)


def column_corners(group: list[TextLine], cut: ColumnCut) -> Array:
    """Return the corners of the column of `group` as `cut` moves its sides and ends."""
    upper, lower = group[0].corners, group[-1].corners
    down = (lower[2:].mean(axis=0) - upper[:2].mean(axis=0)) / max(_shape(group)[1], 1.0)
    width = float(np.median([line.width for line in group]))
    side = np.array([width * cut.aside, 0.0], np.float32)
    begin, end = down * width * cut.before, down * width * cut.after
    return np.stack(
        [upper[0] - side - begin, upper[1] + side - begin, lower[2] + side + end, lower[3] - side + end]
    ).astype(np.float32)


def bend_of(group: list[TextLine]) -> Array | None:
    """Return how far the middle of the column of `group` lies aside (pixels), by the place along it squared, and so on.

    The coefficients are those of a parabola, 0.0 at the upper end and 1.0 at the lower one, its constant last. None
    for a column that is straight, and where it is not known.
    """
    upper, lower = group[0].corners[:2].mean(axis=0), group[-1].corners[2:].mean(axis=0)
    length = max(1.0, float(lower[1] - upper[1]))
    places: list[float] = []
    offsets: list[float] = []
    for line in group:
        top, bottom = line.corners[:2].mean(axis=0), line.corners[2:].mean(axis=0)
        for at, bend in zip(BENT_AT, line.bend, strict=False):
            x, y = top + (bottom - top) * at
            places.append(float(y - upper[1]) / length)
            offsets.append(float(x - upper[0]) - float(lower[0] - upper[0]) * places[-1] + bend)
    if len(places) < len(BENT_AT):
        return None
    parabola = np.asarray(np.polyfit(places, offsets, 2), np.float32)
    along = np.polyval(parabola, np.linspace(0.0, 1.0, 9))
    width = _shape(group)[0]
    bent = MIN_BEND * width < float(np.ptp(along)) < MAX_BEND * width
    return parabola if bent and length > MIN_BENT_LENGTH * width else None


def straightened(strip: Image, parabola: Array, before: float, length: float) -> Image:
    """Return `strip` with its rows moved back, where a column of `length` rows begins after `before` and is bent so.

    Beyond its ends the column goes on half as aslant as it ended: its end is where the least is known.
    """
    places = (np.arange(strip.shape[0], dtype=np.float32) - before) / length
    inside = np.clip(places, 0.0, 1.0)
    slopes = np.polyval(np.polyder(parabola), inside) / 2
    aside = np.polyval(parabola, inside) + slopes * (places - inside)
    return rows_moved(strip, np.asarray(aside, np.float32))


def turned_column(image: Image, group: list[TextLine], cut: ColumnCut) -> Image:
    """Return the column of `group` in `image` as its reader gets it, LINE_HEIGHT_PX high.

    Its size is changed once: strokes are two pixels wide, and half of them would be lost where a narrow column
    was first drawn together and then enlarged.
    """
    lying = np.ascontiguousarray(np.rot90(_upright(image, group, cut)))
    height, length = lying.shape[:2]
    wanted = max(1, round(length * TURNED_SHARE * LINE_HEIGHT_PX / height))
    return (reduced if height > LINE_HEIGHT_PX else resized)(lying, wanted, LINE_HEIGHT_PX)


def _upright(image: Image, group: list[TextLine], cut: ColumnCut) -> Image:
    """Return the column of `group` as `cut` out of `image`, straight where it is bent."""
    parabola = bend_of(group)
    if parabola is None:
        return cut_out(image, column_corners(group, cut))
    width = _shape(group)[0]
    wider = replace(cut, aside=cut.aside + MAX_BEND)
    strip = cut_out(image, column_corners(group, wider))
    before, after = cut.before * width, cut.after * width
    straight = straightened(strip, parabola, before, max(1.0, strip.shape[0] - before - after))
    more = round(MAX_BEND * width)
    return straight[:, more : max(more + 1, straight.shape[1] - more)]


def completing(group: list[TextLine], cut: ColumnCut, glyphs: tuple[Glyph, ...]) -> ColumnCut | None:
    """Return `cut` made so much longer that what `glyphs` lack of a code stands in it.

    None where they lack nothing, or there is room for what they lack already. Single characters at an end, apart
    from the others or bent away from them, are often not found with the rest.
    """
    text = "".join(glyph.character for glyph in glyphs)
    missing = CODE_LENGTH - len(text)
    begun = bool(_BEGUN.fullmatch(text))
    if missing <= 0 or not (begun or _ENDED.fullmatch(text)):
        return None
    width, height = _shape(group)
    length = height / width + cut.before + cut.after
    pitch = float(np.median(np.diff([glyph.place for glyph in glyphs])))
    beyond = 1.0 - glyphs[-1].place if begun else glyphs[0].place
    more = ((missing + _ROOM) * pitch - beyond) * length
    if more <= 0.0:
        return None
    return replace(cut, after=cut.after + more) if begun else replace(cut, before=cut.before + more)
