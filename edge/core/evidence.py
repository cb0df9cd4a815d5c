"""Several looks at one code or plate, joined character by character.

What frames and views read differently is decided place by place, by how sure each was of its character, never by
which came first. Only the top answer of all places together is given: no second one is tried until a check digit fits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# A reader's own word for one character counts no more and no less than this: looks share light, lens and reader.
LEAST, MOST = 0.05, 0.98
# Letters and digits that a character could be instead.
ALTERNATIVES = 35
# How much of the evidence at each place the top character needs.
WON = 0.90
# What the weakest character of a joined answer has to have been read with, in the look that read it best.
SEEN = 0.50


@dataclass(frozen=True, slots=True)
class Look:
    """What one picture (`sha256`) spells: a text, and how sure the reader is of each character (0.0 to 1.0).

    The text may lack the last characters that others have; `characters` is as long as `text`.
    """

    text: str
    characters: tuple[float, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class Joined:
    """The top answer of several looks. `confidence` is its weakest character's; `evidence` are the pictures."""

    text: str
    confidence: float
    evidence: tuple[str, ...]


def look_of(text: str, confidence: float, characters: tuple[float, ...], sha256: str) -> Look:
    """Return the look of a sighting; where its reader gave none for each character, all have the line's confidence."""
    return Look(text[: len(characters)] if characters else text, characters or (confidence,) * len(text), sha256)


def differences(one: str, other: str) -> int:
    """Return in how many places two texts differ, over the length of the shorter one."""
    return sum(a != b for a, b in zip(one, other, strict=False))


def of_one_thing(looks: Sequence[Look], most: int, missing: int = 0) -> list[list[Look]]:
    """Return `looks` in groups that may show one thing: at most `most` places differ from the surest of the group.

    Two looks of one picture are two things. `missing` is how many last characters one may lack that the surest has,
    or the other way round.
    """
    groups: list[list[Look]] = []
    for look in sorted(looks, key=lambda one: -min(one.characters)):
        for group in groups:
            first = group[0].text
            near = abs(len(first) - len(look.text)) <= missing and differences(first, look.text) <= most
            if near and all(other.sha256 != look.sha256 for other in group):
                group.append(look)
                break
        else:
            groups.append([look])
    return groups


def joined(looks: Sequence[Look], needed: int, needed_last: int) -> Joined | None:
    """Return the top answer of `looks` at one thing (one or more), or None where a place stays open.

    Each character needs `needed` pictures that read it (`needed_last` the last one), WON of the evidence at its place,
    one picture that is SEEN sure of it, and one that read as many characters as any: what a shorter look alone says
    may stand in another place, where it missed one in between.
    """
    text, confidence = "", 1.0
    length = max(len(look.text) for look in looks)
    for place in range(length):
        read: dict[str, list[float]] = {}
        for look in looks:
            if place < len(look.text):
                read.setdefault(look.text[place], []).append(look.characters[place])
        weights = {character: math.prod(_odds(one) for one in values) for character, values in read.items()}
        top = max(weights, key=lambda character: weights[character])
        share = weights[top] / sum(weights.values())
        whole = any(look.text[place] == top for look in looks if len(look.text) == length)
        enough = whole and len(read[top]) >= (needed_last if place == length - 1 else needed)
        # Asked so that what is no number wins nothing.
        if not (enough and share >= WON and max(read[top]) >= SEEN):
            return None
        text += top
        confidence = min(confidence, share, max(read[top]))
    return Joined(text, confidence, tuple(dict.fromkeys(look.sha256 for look in looks)))


def _odds(confidence: float) -> float:
    """How much likelier a character is after a look than before it, when all were alike."""
    bounded = min(max(confidence, LEAST), MOST)
    return bounded * ALTERNATIVES / (1.0 - bounded)
