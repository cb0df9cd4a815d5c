"""Looks for container codes in one picture: rows first, then closer at what is missing, then columns."""

import numpy as np

from edge.core.readings import ContainerSighting
from models.columns import columns_of
from models.containers import CodeCandidate, CodeLine, best_candidates, code_line, may_begin, sightings_of
from models.detector import TextLine
from models.framed import framed_digit, without_frame
from models.lines import ReadLine, is_upright
from models.looks import Looks, stretched

MAX_CLOSER_LOOKS = 8
MAX_COLUMNS = 6
# The check digit stands one to two character widths after the serial number, in a box.
CHECK_DIGIT_REACH = (2.2, 1.4)
FRAME_REACH, FRAME_MARGIN = 2.2, 0.2
MIN_DIGITS_FOR_PITCH = 3
COLUMN_GROWTH = (0.15, 1.8)


def find_containers(looks: Looks, lines: list[TextLine], rows: list[ReadLine]) -> list[ContainerSighting]:
    """Return the container codes among `lines`, of which `rows` are read already. Raises ModelOutputError."""
    code_lines = [code_line(row) for row in rows]
    candidates = best_candidates(code_lines)
    for candidate in [c for c in candidates if c.container.check != "verified"][:MAX_CLOSER_LOOKS]:
        code_lines = _with_check_digit(looks, candidate, code_lines)
    found = sightings_of(best_candidates(code_lines), code_lines)
    if not any(sighting.container.check == "verified" for sighting in found):
        found += _in_columns(looks, lines, code_lines)
    return found


def _with_check_digit(looks: Looks, candidate: CodeCandidate, lines: list[CodeLine]) -> list[CodeLine]:
    """Return `lines` with the last of `candidate` read again further to the right, where that shows one digit more."""
    last = candidate.lines[-1]
    if not candidate.short:
        return lines
    framed: CodeLine | None = None
    for reach in CHECK_DIGIT_REACH:
        again = code_line(looks.read(stretched(last.read.line, right=reach, up=0.05, down=0.05)))
        rest = again.text[len(last.text) :]
        if again.text.startswith(last.text) and rest[:1].isdigit():
            if len(rest) == 1:
                return _replaced(lines, last, again)
            # What follows the digit may be a side of its frame, and so may the digit be.
            framed = framed or again
    again_or_none = _unframed(looks, last) or framed
    return lines if again_or_none is None else _replaced(lines, last, again_or_none)


def _replaced(lines: list[CodeLine], last: CodeLine, again: CodeLine) -> list[CodeLine]:
    return [again if line is last else line for line in lines if line is last or not _inside(line, again)]


def _unframed(looks: Looks, last: CodeLine) -> CodeLine | None:
    """Return `last` and the digit in a frame behind it, read without the frame; None where there is no such digit."""
    if len(last.glyphs) < MIN_DIGITS_FOR_PITCH:
        return None
    line = stretched(last.read.line, right=FRAME_REACH, up=FRAME_MARGIN, down=FRAME_MARGIN)
    places = [glyph.place * last.read.line.width for glyph in last.glyphs]
    # The gap behind the owner is none between two digits.
    pitch_px = float(np.median(np.diff(places)))
    strip = looks.crop(line)
    frame = framed_digit(strip, places[-1], pitch_px)
    if frame is None:
        return None
    again = code_line(looks.read_as(line, without_frame(strip, frame, places[-1], pitch_px)))
    rest = again.text[len(last.text) :]
    return again if again.text.startswith(last.text) and len(rest) == 1 and rest.isdigit() else None


def _inside(line: CodeLine, again: CodeLine) -> bool:
    x, y = line.read.line.centre
    left, top, width, height = again.read.box
    return len(line.glyphs) <= 1 and left <= x <= left + width and top <= y <= top + height


def _short_columns(looks: Looks, tall: list[TextLine]) -> list[CodeLine]:
    """Return what stands in the other columns: the size and type of a vertical code is one of them."""
    upright = [line for line in tall if is_upright(line)][:MAX_COLUMNS]
    read = [looks.read_column([line], COLUMN_GROWTH[0]) for line in upright]
    return [code_line(column) for column in read if column is not None]


def _in_columns(looks: Looks, lines: list[TextLine], rows: list[CodeLine]) -> list[ContainerSighting]:
    tall = [line for line in lines if is_upright(line) or line.height > 0.75 * line.width]
    found: list[ContainerSighting] = []
    for group in columns_of(tall)[:MAX_COLUMNS]:
        for growth in COLUMN_GROWTH:
            read = looks.read_column(group, growth)
            if read is None:
                continue
            column = code_line(read)
            if not may_begin(column.text):
                continue
            candidates = best_candidates([column])
            if any(candidate.container.check == "verified" for candidate in candidates):
                beside = _short_columns(looks, [line for line in tall if not any(line is one for one in group)])
                found += sightings_of(candidates, [column, *rows, *beside])
                break
            found += sightings_of(candidates, [column, *rows])
    return found
