"""Looks for container codes in one picture: rows first, then closer at what is missing, then columns."""

import re
from dataclasses import replace

import numpy as np

from edge.core.boxes import SAME_BOX_DIFFERENCES
from edge.core.container import parse_container
from edge.core.evidence import joined, look_of, of_one_thing
from edge.core.readings import ContainerSighting
from models.code_chains import CODE_LENGTH, OWNER_LENGTH, CodeLine, code_line
from models.colours import is_drawn
from models.columns import ColumnCut, columns_of, completing
from models.containers import CodeCandidate, best_candidates, may_begin, sightings_of
from models.detector import TextLine
from models.framed import framed_digit, without_frame
from models.lines import ReadLine, around, is_upright, overlap, stretched
from models.looks import Looks
from models.size_types import agreed_size_type

MAX_CLOSER_LOOKS = 8
MAX_COLUMNS = 6
# The check digit stands one to two character widths after the serial number, in a box.
CHECK_DIGIT_REACH = (2.2, 1.4)
# A letter or two missing before the rest of a code, and how far to the left they may stand.
_HEADLESS = re.compile("[A-Z]{1,2}[UJZ][0-9]{6,7}")
BEGINNING_REACH, CODE_DIGITS = 1.5, 7
FRAME_REACH, FRAME_MARGIN = 2.2, 0.2
MIN_DIGITS_FOR_PITCH = 3
# The detector's box of a column is wider than its characters.
COLUMN_CUTS = (
    ColumnCut(-0.25, 0.5, 0.5),
    ColumnCut(-0.2, 2.0, 2.0),
    ColumnCut(-0.15, 0.5, 0.5),
    ColumnCut(-0.1, 4.0, 4.0),
)
MIN_COLUMN_GLYPHS = 4
# A code in a row, its owner perhaps cut off; how many digits of two numbers differ that are not one misread, and how
# much higher a row is than the step from character to character of a column where it is of a nearer box.
_NUMBER = re.compile("[A-Z]{1,3}[UJZ]([0-9]{6})")
OTHER_NUMBER_DIFFERENCES, NEARER_ROW = 4, 2.0
MAX_COMPLETIONS = 3
# What a code has to reach that one, two or three cuts verify: the check digit does not tell an R from an H.
COLUMN_FLOORS = (0.90, 0.80, 0.60)


def find_containers(looks: Looks, lines: list[TextLine], rows: list[ReadLine]) -> list[ContainerSighting]:
    """Return the container codes among `lines`, of which `rows` are read already. Raises ModelOutputError."""
    code_lines = [_with_beginning(looks, line) for line in map(code_line, rows) if not _drawn(looks, line)]
    candidates = best_candidates(code_lines)
    for candidate in [c for c in candidates if c.container.check != "verified"][:MAX_CLOSER_LOOKS]:
        code_lines = _with_check_digit(looks, candidate, code_lines)
    found = sightings_of(best_candidates(code_lines), code_lines)
    if not any(sighting.container.check == "verified" for sighting in found):
        found += _in_columns(looks, lines, code_lines)
    return found


def heed_rows(looks: Looks, rows: list[ReadLine]) -> None:
    """Keep in `looks` what numbers of codes `rows` hold, whoever read them: a smaller column is another box's then."""
    for row in rows:
        number = _NUMBER.search(code_line(row).text)
        if number is not None:
            looks.numbers_in_rows.append((number[1], row.line.height))


def _of_a_farther_box(looks: Looks, sighting: ContainerSighting) -> bool:
    """Say whether a row with another number is so much larger than the column of `sighting` that its box is nearer."""
    digits = sighting.container.code[OWNER_LENGTH : OWNER_LENGTH + 6]
    step_px = sighting.box[3] / CODE_LENGTH
    return any(
        height > NEARER_ROW * step_px
        and sum(a != b for a, b in zip(number, digits, strict=True)) >= OTHER_NUMBER_DIFFERENCES
        for number, height in looks.numbers_in_rows
    )


def _drawn(looks: Looks, line: CodeLine) -> bool:
    return may_begin(line.text) and is_drawn(looks.crop(line.read.line), len(line.glyphs))


def _with_beginning(looks: Looks, line: CodeLine) -> CodeLine:
    """Return `line` read again further to the left where it is a code that lacks its first letters."""
    if not _HEADLESS.fullmatch(line.text):
        return line
    again = code_line(looks.read(stretched(line.read.line, left=BEGINNING_REACH, up=0.05, down=0.05)))
    return again if may_begin(again.text) and again.text.endswith(line.text[-CODE_DIGITS:]) else line


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


def _in_columns(looks: Looks, lines: list[TextLine], rows: list[CodeLine]) -> list[ContainerSighting]:
    """Return the codes in columns: verified where several cuts of a column spell one, or one cut surely does."""
    tall = [line for line in lines if is_upright(line) or line.height > 0.75 * line.width]
    groups = columns_of(tall)[:MAX_COLUMNS]
    columns = [(group, _column(looks, group, COLUMN_CUTS[0])) for group in groups]
    others = [*rows, *(first for _, first in columns if first is not None)]
    found: list[ContainerSighting] = []
    for group, first in columns:
        if first is None or len(first.glyphs) < MIN_COLUMN_GLYPHS:
            continue
        cuts = [first, *(cut for cut in (_column(looks, group, cut) for cut in COLUMN_CUTS[1:]) if cut is not None)]
        cuts += _completed(looks, group, cuts)
        sightings = [one for cut in cuts for one in sightings_of(best_candidates([cut]), [cut, *others])]
        looks.spelt_in_columns += sightings
        looks.beside_columns += [] if sightings else [cut.text for cut in cuts]
        found += _agreed(sightings)
    if not any(sighting.container.check == "verified" for sighting in found):
        found = _by_characters(looks.spelt_in_columns) or found
    found = [sighting for sighting in found if not _of_a_farther_box(looks, sighting)]
    return _with_size_type(found, looks.beside_columns)


def size_type_beside(looks: Looks, lines: list[TextLine], found: list[ContainerSighting]) -> list[ContainerSighting]:
    """Return `found`, a lone code in a column that lacks its size and type with what columns among `lines` say of it.

    Raises ModelOutputError.
    """
    for group in columns_of([line for line in lines if line.height > 0.75 * line.width])[:MAX_COLUMNS]:
        if not any(overlap(around(group), sighting.box) for sighting in found):
            cuts = [_column(looks, group, cut) for cut in COLUMN_CUTS]
            looks.beside_columns += [cut.text for cut in cuts if cut is not None]
    return _with_size_type(found, looks.beside_columns)


def lacks_size_type(found: list[ContainerSighting]) -> bool:
    """Say whether `found` is one verified code in a column, and its size and type is not known."""
    if len(found) != 1 or found[0].container.check != "verified" or found[0].container.size_type is not None:
        return False
    _, _, width, height = found[0].box
    return height > width


def _with_size_type(found: list[ContainerSighting], beside: list[str]) -> list[ContainerSighting]:
    """Return `found`, a lone code that lacks its size and type with what all cuts of the other columns say of it."""
    if len(found) != 1 or found[0].container.size_type is not None:
        return found
    return [replace(found[0], container=replace(found[0].container, size_type=agreed_size_type(beside)))]


def _column(looks: Looks, group: list[TextLine], cut: ColumnCut) -> CodeLine | None:
    read = looks.read_column(group, cut)
    return None if read is None else code_line(read)


def _completed(looks: Looks, group: list[TextLine], cuts: list[CodeLine]) -> list[CodeLine]:
    """Return what longer cuts read, where `cuts` lack characters at one end of a code."""
    found: list[CodeLine] = []
    for cut, read in zip(COLUMN_CUTS, cuts, strict=True):
        last, longer = read, completing(group, cut, read.glyphs)
        for _ in range(MAX_COMPLETIONS):
            again = None if longer is None else _column(looks, group, longer)
            if longer is None or again is None or len(again.glyphs) <= len(last.glyphs):
                break
            found.append(again)
            last, longer = again, completing(group, longer, again.glyphs)
    return found


def _by_characters(sightings: list[ContainerSighting]) -> list[ContainerSighting]:
    """Return the code that all cuts of all columns spell together, character by character, where that is verified.

    Where a cut of the same place verifies another code, none is.
    """
    looks = {
        look_of(one.container.code, one.confidence, one.characters, str(number)): one
        for number, one in enumerate(sightings)
    }
    for group in of_one_thing(tuple(looks), SAME_BOX_DIFFERENCES):
        for needed in range(len(COLUMN_FLOORS), 1, -1):
            top = joined(group, needed, needed)
            container = None if top is None else parse_container(top.text)
            if top is None or container is None or container.check != "verified":
                continue
            best = max((looks[look] for look in group), key=lambda one: one.confidence)
            others = [one for look, one in looks.items() if look not in group and one.container.check == "verified"]
            if top.confidence >= COLUMN_FLOORS[needed - 1] and not any(overlap(best.box, one.box) for one in others):
                sizes = [looks[look].container.size_type for look in group if looks[look].container.size_type]
                repaired = any(looks[look].container.repaired for look in group)
                whole = replace(container, size_type=sizes[0] if sizes else None, repaired=repaired)
                return [replace(best, container=whole, confidence=round(top.confidence, 4), characters=())]
    return []


def _agreed(sightings: list[ContainerSighting]) -> list[ContainerSighting]:
    """Return the one code that the cuts of a column verify, or the likeliest of those that they do not."""
    verified = [one for one in sightings if one.container.check == "verified"]
    if not verified:
        return sorted(sightings, key=lambda one: -one.confidence)[:1]
    best = max(verified, key=lambda one: one.confidence)
    alike = sum(one.container.code == best.container.code for one in verified)
    if alike < len(verified) or best.confidence < COLUMN_FLOORS[min(alike, len(COLUMN_FLOORS)) - 1]:
        return []
    return [best]
