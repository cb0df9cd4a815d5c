"""Reads container codes out of lines of text: rows joined, letters repaired by position, the check digit painted.

A code is `verified` only where its seventh digit was itself read, in the top answer, and agrees. No other
answer is ever tried until one agrees: one in ten would by chance.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge.core.container import Container, ContainerCheck, parse_container, repair_by_position
from edge.core.readings import ContainerSighting
from models.decode import Glyph, cut_to, top_glyphs
from models.detector import TextLine
from models.lines import ReadLine, around, corners_around, layout_of, overlap, stands_above, stands_left
from models.reader import CODE_CHARACTERS
from models.size_types import SIZE_TYPE_LENGTH, size_type_in, size_type_near

CODE_LENGTH = 11
OWNER_LENGTH = 4
MAX_PIECES = 4
MAX_CHAINS = 400
# Weakest character of a code that may be answered at all, and of one that may be verified: of the codes verified in
# photographs the least sure one has 0.483, of 1,124 rendered ones two were wrong, in rain, with 0.45 and 0.48.
ANSWER_FLOOR = 0.30
VERIFY_FLOOR = 0.48
MAX_REPAIRS = 2
MAX_LIKELY_LINES = 12
# Three characters, two of them letters, and one that is like a U, J or Z: the beginning of a code, badly read.
_HINT = re.compile("([A-Z]{2}[A-Z0-9]|[A-Z][0-9][A-Z]|[0-9][A-Z]{2})[UJZ0VL]")
CONFUSABLE_PLACES = 2


@dataclass(frozen=True, slots=True, eq=False)
class CodeLine:
    """A line and its top answer in the characters of codes."""

    read: ReadLine
    glyphs: tuple[Glyph, ...]

    @property
    def text(self) -> str:
        """The top answer as text."""
        return "".join(glyph.character for glyph in self.glyphs)


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


def code_line(line: ReadLine) -> CodeLine:
    """Return `line` with its top answer among letters and digits."""
    alphabet, columns = cut_to(line.probabilities, CODE_CHARACTERS)
    return CodeLine(line, tuple(top_glyphs(columns, alphabet)))


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


def chains(lines: list[CodeLine]) -> Iterator[tuple[CodeLine, ...]]:
    """Yield runs of lines that may hold one code: to the right on one level, or from row to row."""
    stack: list[tuple[CodeLine, ...]] = [(line,) for line in lines if may_begin(line.text)]
    produced = 0
    while stack and produced < MAX_CHAINS:
        chain = stack.pop()
        produced += 1
        yield chain
        if len(chain) == MAX_PIECES or sum(len(piece.glyphs) for piece in chain) > CODE_LENGTH + OWNER_LENGTH:
            continue
        last = chain[-1].read.line
        for line in lines:
            other = line.read.line
            if line in chain or not line.glyphs or _is_size_type_alone(line.text):
                continue
            if stands_left(last, other) or stands_above(last, other, 1.5):
                stack.append((*chain, line))


def _is_size_type_alone(text: str) -> bool:
    """Say whether a line is a size and type, its G perhaps read as 6 (2261): as digits it would end a wrong code."""
    return len(text) == SIZE_TYPE_LENGTH and size_type_in(text) is not None


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
            characters = tuple(glyph.confidence for glyph in glyphs[start:end])
            yield CodeCandidate(container, characters, chain, length < CODE_LENGTH)


def _may_end(rest: str, of_last: int, length: int) -> bool:
    """Say whether a code may end where `rest` of its last line is left and `of_last` characters of it are used."""
    if not rest:
        return True
    if length < CODE_LENGTH:
        return False
    # What follows is the size and type, or one stroke of the box around the check digit; a lone first
    # character of another number is no check digit.
    return size_type_in(rest) is not None or (of_last > 1 and rest in "1IJL")


def _repairs(raw: str) -> int:
    return sum(a != b for a, b in zip(raw, repair_by_position(raw), strict=True))


def best_candidates(lines: list[CodeLine]) -> list[CodeCandidate]:
    """Return the best candidate of each place: verified first, then by confidence."""
    rank = {"verified": 0, "inferred": 1, "failed": 2}
    found = [c for chain in chains(lines) for c in candidates_of(chain) if c.confidence >= ANSWER_FLOOR]
    found.sort(key=lambda c: (rank[_check(c)], -c.confidence))
    kept: list[CodeCandidate] = []
    for candidate in found:
        taken = [piece for other in kept for piece in other.lines]
        if not any(piece is other for piece in candidate.lines for other in taken):
            kept.append(candidate)
    return kept


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
