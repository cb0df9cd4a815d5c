"""What is asked about a plate that one look spells: what hides it, what another cut and the general reader say."""

from dataclasses import replace

import numpy as np

from edge.core.plate import PlateColour
from edge.core.readings import PlateSighting
from models.colours import plate_colour
from models.decode import cut_to, top_glyphs
from models.detector import TextLine
from models.lines import ReadLine, joined, stretched
from models.looks import AROUND_LOOKS, STEADY_LOOKS, WIDER_LOOK, TwoLooks
from models.pixels import Array
from models.plate_grammar import PLATE_CHARACTERS
from models.plate_opinions import (
    SPELT_FLOOR,
    SURE_FLOOR,
    SURELY_SEEN,
    USUAL_KINDS,
    agreed,
    agreed_in_scene,
    alike,
    contradicted,
    fitting,
    has_sure_marks,
    may_be_temporary,
    may_lack_a_character,
    scene_floor,
    spelt_as,
)
from models.plates import is_temporary, read_plate

# In a picture that is one plate, nobody else is asked about a reading that is as sure as this.
UNDOUBTED_FLOOR = 0.95
# A line that is read with less is cut out anew. A reading that all cuts share is as sure as UNDOUBTED_FLOOR, another is
# not. Above it other cuts confirm the wrong ones as well (2 of 929 rendered).
UNSTEADY_CEILING = 0.94
# How surely something stands before a plate: from here on it is no answer, from here on both readers have to be sure of
# every character, from here on they have to spell the same (docs/decisions/0077).
HIDDEN_FLOOR = 0.9
SURELY_FLOOR = 0.75
DOUBTFUL_FLOOR = 0.5
# What the first reader alone has to reach in a picture that is one plate of a kind that no photographed crop shows.
SELDOM_SEEN_FLOOR = 0.97
# In a crop other cuts say nothing more of a character that is less sure than this: they show it as doubtfully.
STEADY_FLOOR = 0.9
# In rows lower than this a reading that other cuts share may still be another province or letter: both readers are
# asked, and each character has to be this sure (docs/decisions/0083); in scenes one of the two is enough (0089).
LOW_ROW_PX = 20
LOW_ROW_FLOOR = 0.97
# What the general reader alone has to reach in a picture of more than the plate.
SCENE_TEXT_FLOOR = 0.9
# How surely the general reader has to spell an ordinary plate on no ground of its colour, where not all cuts with more
# around spell it again. Where one spells another plate, that is no answer.
NO_GROUND_FLOOR = 0.4
# How much of the other half is shown with a half of a crop, in its heights.
OTHER_HALF = 0.12
# Of a fitted row the general reader has to spell the same, each character with this at least.
FITTED_TEXT_FLOOR = 0.5


class PlateSight:
    """What is asked about lines of one picture: their colour, and what another look and another reader say of them."""

    def __init__(self, looks: TwoLooks, undoubted: frozenset[str] = frozenset()) -> None:
        """Look at `looks`; `undoubted` are the plates that were surely spelt both close and wide."""
        self._looks = looks
        self._undoubted = undoubted
        self._texts: dict[tuple[bytes, ...], Array] = {}
        self._fitting: dict[tuple[bytes, ...], tuple[str, float]] = {}
        self.refused: set[str] = set()

    @property
    def whole(self) -> TextLine:
        """The whole picture as one line."""
        height, width = self._looks.plates.image.shape[:2]
        return TextLine(np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32), 1.0)

    def colour_of(self, lines: list[ReadLine]) -> PlateColour | None:
        """Return the colour of the ground of the last of `lines`, None where it is none of a plate's."""
        return plate_colour(self._looks.plates.crop(lines[-1].line))

    def checked(self, sighting: PlateSighting, lines: list[ReadLine]) -> PlateSighting | None:
        """Return what both readers make of a plate that the first one spelt. What they refuse once stays refused."""
        if sighting.plate.text in self.refused or _is_a_word(sighting):
            return None
        answer = None if self._covered(sighting, lines) else self._believed(sighting, lines)
        if answer is None:
            self.refused.add(sighting.plate.text)
        return answer

    def _believed(self, sighting: PlateSighting, lines: list[ReadLine]) -> PlateSighting | None:
        """Return what is answered of a plate in a scene, or None where nobody can tell.

        The first reader is believed of one row that it spelt surely twice, with its province and marks, on a ground of
        its kind; never of two rows (docs/decisions/0086, 0087). Which of two readers that are both sure is right,
        nobody knows.
        """
        spelt = self._spelt(lines)
        if contradicted(sighting.plate, spelt):
            return None
        surely = _on_its_ground(sighting) and sighting.confidence >= UNDOUBTED_FLOOR and has_sure_marks(sighting)
        if surely and sighting.plate.rows == 1 and sighting.plate.text in self._undoubted:
            answer = self._unless_temporary(sighting, lines)
            return answer if answer is not None and self._is_legible(answer, lines) else None
        answer = agreed_in_scene(self._steadied(sighting, lines), self._any_text(lines), spelt)
        if answer is None or not self._is_legible(answer, lines) or not self._stands(answer, lines):
            return None
        return answer

    def doubted(self, sighting: PlateSighting, lines: list[ReadLine]) -> PlateSighting | None:
        """Return the plate where the first reader is sure of it alone, else what both make of it.

        One of two rows, one in low rows, and one on white that no plate of its kind is painted on, are believed by
        nobody alone; kinds that no photographed crop shows need more (docs/decisions/0070).
        """
        strange = len(lines) == 2 or (sighting.plate.colour is None and self.colour_of(lines) == "white")
        usual = sighting.plate.kind == "ordinary" and not strange
        low = min(line.line.height for line in lines) < LOW_ROW_PX
        weakest = min(sighting.characters, default=0.0)
        if low and weakest < LOW_ROW_FLOOR:
            return None
        if self._covered(sighting, lines):
            return None
        first = self._steadied(sighting, lines) if usual and not low and weakest >= STEADY_FLOOR else sighting
        if not (strange or low) and first.confidence >= (UNDOUBTED_FLOOR if usual else SELDOM_SEEN_FLOOR):
            return self._unless_temporary(first, lines)
        answer = self._agreed(first, lines)
        if answer is None or (usual and answer.plate.kind == "ordinary"):
            return answer
        return answer if answer.confidence >= UNDOUBTED_FLOOR else None

    def doubted_half(self, sighting: PlateSighting, lines: list[ReadLine]) -> PlateSighting | None:
        """Return what `doubted` does of the halves of a crop, or None where one alone may hold cut characters.

        A T without its bar is a 1: a lone half has to spell the same with a part of the other one, an ordinary plate.
        A half in which nothing stands makes no plate of two rows.
        """
        if len(lines) == 2:
            return None if any(_is_blank(line) for line in lines) else self.doubted(sighting, lines)
        is_lower = lines[0].line.corners[0, 1] > 0
        more = (0.0, 0.0, OTHER_HALF if is_lower else 0.0, 0.0 if is_lower else OTHER_HALF)
        stands = sighting.plate.kind == "ordinary" and self._again(sighting, lines, more) == sighting.plate.text
        return self.doubted(sighting, lines) if stands else None

    def fitted(self, sighting: PlateSighting, lines: list[ReadLine]) -> PlateSighting | None:
        """Return the plate of a fitted row where both readers spell it, each surely, and nothing may hide a part of it.

        Nobody believed another look at this crop: neither reader is believed alone, a doubt is a refusal, and so is a
        kind that no photographed crop shows.
        """
        if sighting.plate.kind != "ordinary" or min(sighting.characters, default=0.0) < LOW_ROW_FLOOR:
            return None
        text = self._any_text(lines)
        if is_temporary(text) or not alike(sighting, text, FITTED_TEXT_FLOOR):
            return None
        covers, places = self._looks.covers, [line.line for line in lines]
        if covers is None or max(covers.before(places), covers.before([self.whole])) < DOUBTFUL_FLOOR:
            return sighting
        covers.refuse(places, for_good=False)
        return None

    def spelt_alone(self, sighting: PlateSighting, lines: list[ReadLine]) -> PlateSighting | None:
        """Return the plate that the general reader alone spells in a scene, or None: it may be another, or hidden."""
        sure = sighting.confidence >= max(SCENE_TEXT_FLOOR, scene_floor(sighting.plate))
        believed = sure and _on_its_ground(sighting) and not may_lack_a_character(sighting.plate)
        return sighting if believed and self._may_be_read_alone(sighting, lines) else None

    def with_a_mark(self, sighting: PlateSighting, lines: list[ReadLine]) -> PlateSighting | None:
        """Return the plate that the general reader alone spells in a crop, where it has a province or a mark."""
        marked = sighting.plate.kind not in ("military", "armed_police")
        return sighting if marked and self._may_be_read_alone(sighting, lines) else None

    def _may_be_read_alone(self, sighting: PlateSighting, lines: list[ReadLine]) -> bool:
        return not _is_a_word(sighting) and not self._covered(sighting, lines, alone=True)

    def _covered(self, sighting: PlateSighting, lines: list[ReadLine], *, alone: bool = False) -> bool:
        """Say whether a part of the plate may be hidden, so that it is no answer (docs/decisions/0077).

        What the reader of plates did not spell itself is spelt by the general one `alone`, which nobody confirms.
        """
        covers, places = self._looks.covers, [line.line for line in lines]
        hidden = 0.0 if covers is None else covers.before(places)
        if covers is None or hidden < DOUBTFUL_FLOOR:
            return False
        sure = SURELY_SEEN if hidden >= SURELY_FLOOR else 0.0
        if hidden < HIDDEN_FLOOR and not alone and alike(sighting, self._any_text(lines), sure):
            return False
        covers.refuse(places, for_good=hidden >= HIDDEN_FLOOR)
        return True

    def _is_legible(self, answer: PlateSighting, lines: list[ReadLine]) -> bool:
        """Say whether what is answered in a scene can be told in rows as low as these (docs/decisions/0089).

        Each character has to be sure and the kind a usual one, else the general reader has to spell it, too.
        """
        if min(line.line.height for line in lines) >= LOW_ROW_PX:
            return True
        sure = answer.plate.kind in USUAL_KINDS and min(answer.characters, default=0.0) >= LOW_ROW_FLOOR
        return sure or spelt_as(answer.plate, self._spelt(lines)) >= SPELT_FLOOR

    def _stands(self, answer: PlateSighting, lines: list[ReadLine]) -> bool:
        """Say whether the general reader spells what is answered in a scene, too, or the reader of plates does again.

        What stands in one cut alone is an accident of it (docs/decisions/0089).
        """
        spelt = spelt_as(answer.plate, self._spelt(lines))
        if _on_its_ground(answer):
            return spelt >= SURE_FLOOR or self._again(answer, lines, WIDER_LOOK) == answer.plate.text
        seen = {self._again(answer, lines, look) for look in AROUND_LOOKS} - {answer.plate.text}
        return not seen or (seen == {""} and spelt >= NO_GROUND_FLOOR)

    def _agreed(self, sighting: PlateSighting, lines: list[ReadLine]) -> PlateSighting | None:
        return agreed(sighting, self._any_text(lines))

    def _unless_temporary(self, sighting: PlateSighting, lines: list[ReadLine]) -> PlateSighting | None:
        temporary = may_be_temporary(sighting) and is_temporary(self._any_text(lines))
        return None if temporary else sighting

    def _any_text(self, lines: list[ReadLine]) -> Array:
        """Return what the general reader says of `lines`, which it reads once."""
        places = _places(lines)
        if places not in self._texts:
            self._texts[places] = joined([self._looks.texts.read(line.line).probabilities for line in lines])
        return self._texts[places]

    def _spelt(self, lines: list[ReadLine]) -> tuple[str, float]:
        """Return the plate that the general reader spells in `lines`, and how surely; it is searched once."""
        places = _places(lines)
        if places not in self._fitting:
            self._fitting[places] = fitting(self._any_text(lines))
        return self._fitting[places]

    def _again(self, sighting: PlateSighting, lines: list[ReadLine], look: tuple[float, float, float, float]) -> str:
        """Return the plate that the reader of plates spells in another cut of the lines, '' where there is none."""
        again = [self._looks.plates.read(stretched(line.line, *look)) for line in lines]
        read = read_plate(joined([row.probabilities for row in again]), "white", sighting.plate.rows, sighting.box)
        return "" if read is None else read.plate.text

    def _steadied(self, sighting: PlateSighting, lines: list[ReadLine]) -> PlateSighting:
        """Return `sighting`, surer where other cuts of the lines say the same, less sure where they do not."""
        if sighting.confidence >= UNDOUBTED_FLOOR:
            return sighting
        for look in STEADY_LOOKS:
            if self._again(sighting, lines, look) != sighting.plate.text:
                return replace(sighting, confidence=min(sighting.confidence, UNSTEADY_CEILING))
        return replace(sighting, confidence=max(sighting.confidence, UNDOUBTED_FLOOR))


def _places(lines: list[ReadLine]) -> tuple[bytes, ...]:
    return tuple(line.line.corners.tobytes() for line in lines)


def _on_its_ground(sighting: PlateSighting) -> bool:
    """Say whether it stands on a ground of its kind, which an ordinary one without a colour does not.

    The first letter of a military plate looks like a province, and a mark that nobody reads leaves an ordinary plate.
    """
    return sighting.plate.kind != "ordinary" or sighting.plate.colour is not None


def _is_blank(line: ReadLine) -> bool:
    alphabet, columns = cut_to(line.probabilities, PLATE_CHARACTERS)
    return not top_glyphs(columns, alphabet)


def _is_a_word(sighting: PlateSighting) -> bool:
    """Say whether it has no digit: GA 36 allows two letters of five, and a container's CU CAP looks like a plate."""
    return not any(character.isdigit() for character in sighting.plate.text)
