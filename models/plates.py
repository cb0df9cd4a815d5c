"""Reads plates out of lines of text: one row, or two rows joined, by the grammar of plates."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from edge.core.plate import KIND_COLOURS, PlateColour, parse_plate
from edge.core.readings import Box, PlateSighting
from models.decode import Spelling, best_fitting, cut_to, spelling_of, top_glyphs
from models.lines import ReadLine, around, corners_around, joined, overlap, stands_above
from models.pixels import Array
from models.plate_grammar import PLATE_CHARACTERS, is_complete, may_follow
from models.reader import COLUMN, TEMPORARY

# Set on the 960 crops of ../shared/real-images: 4 wrong of 960 against 813 right; below, wrong ones grow faster.
SHARE_FLOOR = 0.70
WEAKEST_FLOOR = 0.05
# Two letters and five digits are also half of a container code and the rest of any plate whose province was
# not seen: such a reading needs every character and the white of the plate.
UNMARKED_FLOOR = 0.80
MIN_ROW_HEIGHT_PX = 8
# From here on the top answer is not searched for better ones.
PLAIN_FLOOR = 0.96
# Anything in a scene may look like a plate: 144 right and 1 wrong of 194 from here, 155 and 4 without.
SCENE_FLOOR = 0.70
# As likely as this a 临 that is taken for something else makes a plate nobody's number.
TEMPORARY_FLOOR = 0.1
# Where the whole picture is known to be one plate.
CROP_FLOOR = 0.50
_OF_NEW_ENERGY = KIND_COLOURS["nev_small"] | KIND_COLOURS["nev_large"]

ColourOf = Callable[[list[ReadLine]], PlateColour | None]
# What another reader makes of a sighting in these lines: the same, a better one, or nothing.
Check = Callable[[PlateSighting, list[ReadLine]], PlateSighting | None]


def read_plate(probabilities: Array, colour: PlateColour | None, rows: Literal[1, 2], box: Box) -> PlateSighting | None:
    """Return the plate that the reader's `probabilities` spell, or None: it is open, or a temporary one.

    Confidence is the share of this plate among all plates that the probabilities allow, but at most the fourth root of
    its weakest character's. `characters` are those of the top answer, and none where that is not this plate.
    """
    if is_temporary(probabilities):
        return None
    alphabet, columns = cut_to(probabilities, PLATE_CHARACTERS)
    found = _plainly_spelt(columns, alphabet) or best_fitting(columns, alphabet, may_follow, is_complete)
    if found is None:
        return None
    spelling, share = found
    if share < SHARE_FLOOR or spelling.confidence < WEAKEST_FLOOR:
        return None
    plate = parse_plate(spelling.text, colour, rows)
    if plate is None:
        return None
    if plate.kind in ("military", "armed_police") and (spelling.confidence < UNMARKED_FLOOR or plate.colour != "white"):
        return None
    glyphs = top_glyphs(columns, alphabet)
    plain = "".join(glyph.character for glyph in glyphs) == plate.text
    characters = tuple(round(glyph.confidence, 4) for glyph in glyphs) if plain else ()
    return PlateSighting(plate, round(min(share, spelling.confidence**0.25), 4), box, characters)


def is_temporary(probabilities: Array) -> bool:
    """Say whether a reader may see the 临 of a temporary plate in a line, whatever it takes it for rather.

    Cut to the characters of plates, its answer would be the number alone, which is another vehicle's.
    """
    return float(probabilities[:, COLUMN[TEMPORARY]].max(initial=0.0)) >= TEMPORARY_FLOOR


def _plainly_spelt(columns: Array, alphabet: str) -> tuple[Spelling, float] | None:
    """Return the top answer where it is a plate and so likely that no search can find another; it saves the search.

    The share is the probability of its one best path: all other plates together have at most the rest.
    """
    share = float(columns.max(axis=1).prod())
    if share < PLAIN_FLOOR:
        return None
    spelling = spelling_of(top_glyphs(columns, alphabet))
    return (spelling, share) if is_complete(spelling.text) else None


def unchecked(sighting: PlateSighting, _lines: list[ReadLine]) -> PlateSighting | None:
    """Return `sighting` as it is: a check that asks nobody."""
    return sighting


def plates_of(
    lines: list[ReadLine], colour_of: ColourOf, confidence_floor: float = SCENE_FLOOR, check: Check = unchecked
) -> list[PlateSighting]:
    """Return the plates in `lines` of at least `confidence_floor`, best first; a line is part of one plate only.

    `check` is asked about each of them: it costs a run of another reader.
    """
    usable = [line for line in lines if line.line.height >= MIN_ROW_HEIGHT_PX]
    groups: list[list[ReadLine]] = [[line] for line in usable]
    groups += [[u, lower] for u in usable for lower in usable if u is not lower and _may_be_two_rows(u, lower)]
    found: list[PlateSighting] = []
    for group in groups:
        for sighting in _sighting(group, colour_of, 2 if len(group) == 2 else 1):
            checked = check(sighting, group) if sighting.confidence >= confidence_floor else None
            found += [] if checked is None else [checked]
    return without_repeats(found)


def _may_be_two_rows(upper: ReadLine, lower: ReadLine) -> bool:
    # The upper row of a large plate is lower and shorter than the lower row (GA 36-2018: 60 mm over 110 mm).
    heights = upper.line.height / max(lower.line.height, 1.0)
    return 0.3 < heights < 1.3 and upper.line.width < 1.15 * lower.line.width and stands_above(upper.line, lower.line)


def _sighting(lines: list[ReadLine], colour_of: ColourOf, rows: Literal[1, 2]) -> list[PlateSighting]:
    box = around([line.line for line in lines])
    sighting = read_plate(joined([line.probabilities for line in lines]), "white", rows, box)
    if sighting is None:
        return []
    colour = colour_of(lines)
    plate = parse_plate(sighting.plate.text, colour, rows)
    if plate is None or (plate.kind in ("military", "armed_police") and colour != "white"):
        return []
    if plate.kind == "ordinary" and colour in _OF_NEW_ENERGY:
        # A green plate has eight characters: the one that is missing stands behind something.
        return []
    return [replace(sighting, plate=plate, corners=corners_around([line.line for line in lines]))]


def without_repeats(found: list[PlateSighting]) -> list[PlateSighting]:
    """Return the best sighting of each place, and of each text once."""
    kept: list[PlateSighting] = []
    for sighting in sorted(found, key=lambda s: (-s.plate.rows, -s.confidence)):
        if not any(overlap(sighting.box, other.box) > 0.5 or other.plate.text == sighting.plate.text for other in kept):
            kept.append(sighting)
    return sorted(kept, key=lambda s: -s.confidence)
