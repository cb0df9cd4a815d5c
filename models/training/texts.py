"""Draws numbers of plates at random: every class of the grammar, every province as often as every other."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from edge.core.plate import PROVINCES, PlateColour, PlateKind
from models.reader import TEMPORARY

Rng = np.random.Generator
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_DIGITS = "0123456789"
_SERIAL = _LETTERS + _DIGITS
_ENERGY = "ABCDEFGHJK"
# Pairs that are misread for each other at low resolution: drawn more often than by chance.
_CONFUSED = "QOD0Z2MHN8B5S71TIJUVYGC6"
# How often digits in a row are made the same.
RUN_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class PlateText:
    """What is painted on one plate."""

    text: str
    colour: PlateColour
    kind: PlateKind
    rows: Literal[1, 2] = 1


def _some(rng: Rng, characters: str, count: int = 1) -> str:
    return "".join(characters[int(place)] for place in rng.integers(0, len(characters), count))


def _serial(rng: Rng, count: int) -> str:
    """Mostly digits, as real numbers are; sometimes only characters that are easily confused."""
    draw = rng.random()
    if draw < 0.25:
        return "".join(c if c in _SERIAL else "0" for c in _some(rng, _CONFUSED, count))
    letters = int(rng.integers(0, min(3, count) + 1))
    characters = list(_some(rng, _LETTERS, letters) + _some(rng, _DIGITS, count - letters))
    rng.shuffle(characters)
    return "".join(characters)


def _second(rng: Rng) -> str:
    return "O" if rng.random() < 0.03 else _some(rng, _LETTERS)


def _ordinary(rng: Rng, colour: PlateColour, rows: Literal[1, 2] = 1) -> PlateText:
    return PlateText(_some(rng, PROVINCES) + _second(rng) + _serial(rng, 5), colour, "ordinary", rows)


def _ended(rng: Rng, end: str, colour: PlateColour, kind: PlateKind, rows: Literal[1, 2] = 1) -> PlateText:
    return PlateText(_some(rng, PROVINCES) + _second(rng) + _serial(rng, 4) + end, colour, kind, rows)


def _cross_border(rng: Rng, ends: str = "港澳") -> PlateText:
    end = _some(rng, ends)
    return PlateText("粤Z" + _serial(rng, 4) + end, "black", "hk" if end == "港" else "macau")


def _small_energy(rng: Rng) -> PlateText:
    text = _some(rng, PROVINCES) + _some(rng, _LETTERS) + _some(rng, _ENERGY) + _serial(rng, 1) + _some(rng, _DIGITS, 4)
    return PlateText(text, "green", "nev_small")


def _large_energy(rng: Rng) -> PlateText:
    text = _some(rng, PROVINCES) + _some(rng, _LETTERS) + _some(rng, _DIGITS, 5) + _some(rng, _ENERGY)
    return PlateText(text, "yellow_green", "nev_large")


def _embassy(rng: Rng) -> PlateText:
    number = _some(rng, _DIGITS, 6)
    return PlateText("使" + number if rng.random() < 0.6 else number + "使", "black", "embassy")


def _consulate(rng: Rng) -> PlateText:
    letter = _some(rng, _LETTERS) if rng.random() < 0.7 else ""
    text = _some(rng, PROVINCES) + letter + _some(rng, _DIGITS, int(rng.integers(4, 6))) + "领"
    return PlateText(text, "black", "consulate")


def _armed_police(rng: Rng) -> PlateText:
    province = _some(rng, PROVINCES) if rng.random() < 0.7 else ""
    return PlateText(
        "WJ" + province + _some(rng, _DIGITS, 4) + _some(rng, _DIGITS + "TDSHBXJ"), "white", "armed_police"
    )


def _military(rng: Rng) -> PlateText:
    return PlateText(_some(rng, _LETTERS, 2) + _some(rng, _DIGITS, 5), "white", "military")


def _emergency(rng: Rng) -> PlateText:
    return PlateText(_some(rng, PROVINCES) + _some(rng, "XS") + _serial(rng, 4) + "应急", "white", "emergency")


def temporary_text(rng: Rng) -> PlateText:
    """Return the number of a plate of paper, its 临 at the end, as most have it, or before the number."""
    number = _some(rng, PROVINCES) + _second(rng) + _serial(rng, int(rng.integers(4, 6)))
    text = number + TEMPORARY if rng.random() < 0.75 else TEMPORARY + number
    return PlateText(text, "white", "temporary")


_CLASSES: tuple[tuple[float, Callable[[Rng], PlateText]], ...] = (
    (0.30, lambda rng: _ordinary(rng, "blue")),
    (0.14, lambda rng: _ordinary(rng, "yellow")),
    (0.08, lambda rng: _ordinary(rng, "yellow", 2)),
    (0.12, lambda rng: _ended(rng, "挂", "yellow", "trailer", 2)),
    (0.10, _small_energy),
    (0.05, _large_energy),
    (0.03, lambda rng: _ended(rng, "学", "yellow", "coach")),
    (0.04, lambda rng: _ended(rng, "警", "white", "police")),
    (0.04, _cross_border),
    (0.02, _embassy),
    (0.02, _consulate),
    (0.02, _armed_police),
    (0.02, _military),
    (0.02, _emergency),
    (0.05, temporary_text),
)
_SHARES = np.array([share for share, _ in _CLASSES]) / sum(share for share, _ in _CLASSES)


def plate_text(rng: Rng) -> PlateText:
    """Return the number of one plate; classes as often as a lane needs them, provinces and letters evenly."""
    drawn = _CLASSES[int(rng.choice(len(_CLASSES), p=_SHARES))][1](rng)
    return _with_a_run(rng, drawn) if rng.random() < RUN_SHARE else drawn


def _with_a_run(rng: Rng, number: PlateText) -> PlateText:
    """Return `number` with one of its digits twice or more in a row: owners ask for such, and two look like one."""
    text = number.text
    places = [place for place in range(2, len(text) - 1) if text[place : place + 2].isdigit()]
    if not places:
        return number
    first = places[int(rng.integers(len(places)))]
    end = first + 2
    while text[end : end + 1].isdigit() and rng.random() < 0.5:
        end += 1
    return replace(number, text=text[:first] + text[first] * (end - first) + text[end:])


# What is judged apart, by name: each look that a plate may have, also those that few photographs show.
JUDGED: dict[str, Callable[[Rng], PlateText]] = {
    "blue": lambda rng: _ordinary(rng, "blue"),
    "yellow": lambda rng: _ordinary(rng, "yellow"),
    "yellow, two rows": lambda rng: _ordinary(rng, "yellow", 2),
    "挂, two rows": lambda rng: _ended(rng, "挂", "yellow", "trailer", 2),
    "new energy, small": _small_energy,
    "new energy, large": _large_energy,
    "学": lambda rng: _ended(rng, "学", "yellow", "coach"),
    "警": lambda rng: _ended(rng, "警", "white", "police"),
    "港": lambda rng: _cross_border(rng, "港"),
    "澳": lambda rng: _cross_border(rng, "澳"),
    "使": _embassy,
    "领": _consulate,
    "WJ": _armed_police,
    "military": _military,
    "应急": _emergency,
}


def judged_text(name: str, number: int, rng: Rng) -> PlateText:
    """Return plate `number` of the judged class `name`: where any province may stand, the provinces take turns."""
    drawn = JUDGED[name](rng)
    if name in ("港", "澳") or drawn.text[0] not in PROVINCES:
        return drawn
    return replace(drawn, text=PROVINCES[number % len(PROVINCES)] + drawn.text[1:])
