"""Reads container codes out of lines of text: rows joined, letters repaired by position, the check digit painted.

A code is `verified` only where its seventh digit was itself read, in the top answer, and agrees. No other
answer is ever tried until one agrees: one in ten would by chance.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from edge.core.container import (
    Container,
    ContainerCheck,
    also_ending_in_zero,
    check_digit,
    parse_container,
    repair_by_position,
)
from edge.core.readings import ContainerSighting
from models.code_chains import CODE_LENGTH, OWNER_LENGTH, CodeLine, chains, code_line, fits_together
from models.decode import Glyph
from models.detector import TextLine
from models.lines import ReadLine, around, corners_around, is_upright, layout_of, overlap, stands_above, stands_left
from models.look_alikes import LOOK_ALIKE
from models.size_types import is_behind_a_code, size_type_near

# Weakest character of a code that may be answered at all, and of one that may be verified: of the codes verified in
# photographs the least sure one has 0.483, of 1,124 rendered ones two were wrong, in rain, with 0.45 and 0.48.
ANSWER_FLOOR = 0.30
VERIFY_FLOOR = 0.48
MAX_REPAIRS = 2
MAX_LIKELY_LINES = 12
# Three characters, two of them letters, and one that is like a U, J or Z: the beginning of a code, badly read.
_HINT = re.compile("([A-Z]{2}[A-Z0-9]|[A-Z][0-9][A-Z]|[0-9][A-Z]{2})[UJZ0VL]")
CONFUSABLE_PLACES = 2
# An owner's letter is doubtful where the reader gives another one of its value more than this, and in a row where it
# has a look-alike and less than this itself. In 209 rows of photographs two letters are; where a part of a letter was
# painted over, so that another one of its value was read, 24 of 33. Several cuts of a column say more together.
MOST_OF_ANOTHER, MOST_OF_ANOTHER_IN_COLUMN = 0.005, 0.05
LOOK_ALIKE_FLOOR = 0.85
# Where the check digit is a 0, which two remainders have, a character is doubtful where the reader gives one that
# agrees as well more than this (docs/decisions/0085 counts what that finds and what it costs).
# Letters differ more from font to font, and cuts of a column say more together.
MOST_OF_ANOTHER_DIGIT, MOST_OF_ANOTHER_BESIDE_ZERO = 0.003, 0.05
# What is doubtful is at most so sure: below what is verified, and below what one of several frames has to have seen
# (edge.core.evidence), so that a thing that stands still before the camera is not verified by being seen again.
DOUBTFUL = 0.40
_STROKES = frozenset("1IJL")
# Of codes that are misread so many agree with their check digit, which counts modulo 11, all the same; and with a 0.
MISREAD_AND_AGREES, MISREAD_AND_AGREES_WITH_ZERO = 1 / 11, 2 / 11


@dataclass(frozen=True, slots=True, eq=False)
class CodeCandidate:
    """A code found in consecutive lines, how sure each character is; `short` where it lacks the check digit."""

    container: Container
    characters: tuple[float, ...]
    lines: tuple[CodeLine, ...]
    short: bool

    @property
    def confidence(self) -> float:
        """That of its weakest character."""
        return min(self.characters)


def looks_like_owner(text: str) -> bool:
    """Say whether `text` begins as a code does: letters, one of them repaired at most, and a U, J or Z as read.

    A 0 for an O is no repair here: many fonts paint both alike (OOLU). The fourth letter is never the product of
    a repair: every 2 beside a number would begin a code.
    """
    head = text[:OWNER_LENGTH]
    repaired = repair_by_position(head)
    if len(head) < OWNER_LENGTH or not repaired.isalpha() or head[3] not in "UJZ":
        return False
    return sum(a not in (b, "0") for a, b in zip(head, repaired, strict=True)) <= 1


def may_begin(text: str) -> bool:
    """Say whether a code may begin somewhere in `text`."""
    return any(looks_like_owner(text[at:]) for at in range(len(text)))


def likely_code_lines(seen: list[ReadLine]) -> list[TextLine]:
    """Return those of `seen` that a code may stand in, by what a reader makes of them that is better at plates.

    They are lines that may begin one, also where a letter is taken for a digit, and what may continue them.
    """
    lines = [code_line(row) for row in seen]
    chosen = [line for line in lines if _HINT.search(line.text)]
    place = 0
    while place < len(chosen):
        last = chosen[place].read.line
        place += 1
        for line in lines:
            other = line.read.line
            known = any(line is one for one in chosen)
            if not known and line.glyphs and (stands_left(last, other) or stands_above(last, other, 1.5)):
                chosen.append(line)
        if len(chosen) > MAX_LIKELY_LINES:
            break
    return [line.read.line for line in chosen[:MAX_LIKELY_LINES]]


def candidates_of(chain: tuple[CodeLine, ...]) -> Iterator[CodeCandidate]:
    """Yield the codes of eleven, or ten at the end, characters that begin in the first and end in the last line."""
    glyphs = [glyph for piece in chain for glyph in piece.glyphs]
    text = "".join(glyph.character for glyph in glyphs)
    last_start = len(glyphs) - len(chain[-1].glyphs)
    for start in range(len(chain[0].glyphs)):
        if not looks_like_owner(text[start:]):
            continue
        for length in (CODE_LENGTH, CODE_LENGTH - 1):
            end = start + length
            if not last_start < end <= len(glyphs) or not _may_end(text[end:], end - last_start, length):
                continue
            raw = text[start:end]
            container = parse_container(raw)
            if container is None or _repairs(raw) > MAX_REPAIRS or not raw[-1].isdigit():
                # The check digit is never the product of a repair: an I is the side of its box.
                continue
            whole = start == 0 and text[end:] not in _STROKES and fits_together(chain)
            characters = _characters(glyphs[start:end], chain, raw if whole else None)
            yield CodeCandidate(container, characters, chain, length < CODE_LENGTH)


def _may_end(rest: str, of_last: int, length: int) -> bool:
    """Say whether a code may end where `rest` of its last line is left and `of_last` characters of it are used."""
    if not rest:
        return True
    if length < CODE_LENGTH:
        return False
    # A lone first character of another number is no check digit. One stroke may be a side of the box around the check
    # digit, or one digit of a longer number.
    return (is_behind_a_code(rest) and not (of_last == 1 and rest.isdigit())) or (of_last > 1 and rest in _STROKES)


def _characters(glyphs: list[Glyph], chain: tuple[CodeLine, ...], raw: str | None) -> tuple[float, ...]:
    """Return how sure each of the `glyphs` of a code is; what is doubtful about one counts as doubt in it.

    All of them are doubtful where `raw` is None: they are a part of something longer. What was repaired is where lines
    are joined: it may be of another number altogether. And so is a letter where another one of its value may stand.
    """
    if raw is None:
        return tuple(min(glyph.confidence, DOUBTFUL) for glyph in glyphs)
    repaired = repair_by_position(raw)
    undecided = _not_told_by_a_zero(repaired, chain)
    characters: list[float] = []
    for place, glyph in enumerate(glyphs):
        moved = len(chain) > 1 and raw[place] not in (repaired[place], "0")
        another = place < OWNER_LENGTH - 1 and _may_be_another(chain[0], place)
        doubtful = moved or another or place in undecided
        characters.append(min(glyph.confidence, DOUBTFUL) if doubtful else glyph.confidence)
    return tuple(characters)


def _not_told_by_a_zero(code: str, chain: tuple[CodeLine, ...]) -> frozenset[int]:
    """Return the places of `code`, which begins where `chain` does, that may hold another character beside its 0.

    Where it lacks the check digit, beside the one that it should have: another frame may show that.
    """
    whole = code if len(code) == CODE_LENGTH else f"{code}{check_digit(code)}"
    upright = is_upright(chain[0].read.line)
    standing = [(line, at) for line in chain for at in range(len(line.glyphs))]
    return frozenset(
        place
        for place, (others, (line, at)) in enumerate(zip(also_ending_in_zero(whole), standing, strict=False))
        if others
        and line.share(at, others)
        > (MOST_OF_ANOTHER_DIGIT if place >= OWNER_LENGTH and not upright else MOST_OF_ANOTHER_BESIDE_ZERO)
    )


def _may_be_another(line: CodeLine, place: int) -> bool:
    """Say whether another letter may stand there that the check digit cannot tell from the one that was read."""
    if is_upright(line.read.line):
        return line.others[place] > MOST_OF_ANOTHER_IN_COLUMN
    glyph = line.glyphs[place]
    weak = glyph.character in LOOK_ALIKE and glyph.confidence < LOOK_ALIKE_FLOOR
    return weak or line.others[place] > MOST_OF_ANOTHER


def _repairs(raw: str) -> int:
    return sum(a != b for a, b in zip(raw, repair_by_position(raw), strict=True))


def best_candidates(lines: list[CodeLine]) -> list[CodeCandidate]:
    """Return the best candidate of each place: verified first, then by confidence.

    Where lines spell two whole codes with each other, neither is verified: the check digit would choose.
    """
    rank = {"verified": 0, "inferred": 1, "failed": 2}
    beginning = [line for line in lines if may_begin(line.text)]
    spelt = [candidate for chain in chains(lines, beginning) for candidate in candidates_of(chain)]
    found = [_undecided(c) if _has_rival(c, spelt) else c for c in spelt if c.confidence >= ANSWER_FLOOR]
    found.sort(key=lambda c: (rank[_check(c)], -c.confidence))
    kept: list[CodeCandidate] = []
    for candidate in found:
        taken = [piece for other in kept for piece in other.lines]
        if not any(piece is other for piece in candidate.lines for other in taken):
            kept.append(candidate)
    return kept


def _has_rival(candidate: CodeCandidate, spelt: list[CodeCandidate]) -> bool:
    return not candidate.short and any(
        other.container.code != candidate.container.code
        and not other.short
        and any(piece is line for piece in candidate.lines for line in other.lines)
        for other in spelt
    )


def _undecided(candidate: CodeCandidate) -> CodeCandidate:
    return replace(candidate, characters=tuple(min(one, DOUBTFUL) for one in candidate.characters))


def _check(candidate: CodeCandidate) -> ContainerCheck:
    """What its check digit says; a code that is read too weakly is not verified by it."""
    if candidate.container.check == "verified" and candidate.confidence < VERIFY_FLOOR:
        return "failed"
    return candidate.container.check


def sightings_of(candidates: list[CodeCandidate], lines: list[CodeLine]) -> list[ContainerSighting]:
    """Return one sighting a candidate, with the size and type that stand near it."""
    sightings: list[ContainerSighting] = []
    for candidate in candidates:
        used = [piece.read.line for piece in candidate.lines]
        size_type = size_type_near(used, [(line.read.line, line.text) for line in lines])
        known = candidate.container
        container = Container(known.code, _check(candidate), size_type, known.repaired)
        characters = tuple(round(one, 4) for one in candidate.characters)
        place = around(used), characters, corners_around(used), layout_of(used)
        sightings.append(ContainerSighting(container, min(characters), *place))
    return without_repeats(sightings)


def as_probability(sighting: ContainerSighting) -> ContainerSighting:
    """Return `sighting` with how probable its code is, where a check digit that was read by itself agrees.

    That it agrees tells more than its weakest character: of eleven misread codes one would. What floors and frames are
    compared with are the characters, which stay; where there are none, the confidence is theirs and stays too.
    """
    if sighting.container.check != "verified" or not sighting.characters:
        return sighting
    agrees = MISREAD_AND_AGREES_WITH_ZERO if sighting.container.code.endswith("0") else MISREAD_AND_AGREES
    misread = (1.0 - sighting.confidence) * agrees
    return replace(sighting, confidence=round(sighting.confidence / (sighting.confidence + misread), 4))


def without_repeats(sightings: list[ContainerSighting]) -> list[ContainerSighting]:
    """Return each place's first sighting; where two verified codes claim one place, neither stands.

    Nor does either of two that differ in so few places that one may be the other misread, seen twice.
    """
    kept: list[ContainerSighting] = []
    disputed: list[ContainerSighting] = []
    for sighting in sightings:
        rivals = [other for other in kept if overlap(sighting.box, other.box) > 0.5 or _confusable(sighting, other)]
        if not rivals:
            kept.append(sighting)
        elif sighting.container.check == "verified":
            disputed += [
                other
                for other in rivals
                if other.container.check == "verified" and other.container.code != sighting.container.code
            ]
    return [sighting for sighting in kept if sighting not in disputed]


def _confusable(one: ContainerSighting, other: ContainerSighting) -> bool:
    pairs = zip(one.container.code, other.container.code, strict=True)
    return sum(a != b for a, b in pairs) <= CONFUSABLE_PLACES
