"""Reads one line of text: the PP-OCRv6 recogniser, cut to the characters of plates and container codes."""

import math
from collections.abc import Callable

import numpy as np

from edge.core.plate import PROVINCES
from models.pixels import Array, Image, normalised, resized
from models.sessions import MOST_OFF, ModelOutputError

LINE_HEIGHT_PX = 48
MAX_LINE_WIDTH_PX = 960
MIN_LINE_WIDTH_PX = 48

CODE_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
PLATE_SPECIALS = "学警港澳挂使领民航应急"
# Stands on plates of paper alone, which are never read: who knows it sees that they are such.
TEMPORARY = "临"
# Column 0 is the CTC blank; the last but one is everything that no plate and no code contains.
ALPHABET = "\0" + CODE_CHARACTERS + PROVINCES + PLATE_SPECIALS + "\x01" + TEMPORARY
BLANK = 0
OTHER = len(ALPHABET) - 2
COLUMN = {character: index for index, character in enumerate(ALPHABET)}
# Read as "nothing here": the dot of plates, hyphens of codes, quotes that screws leave.
_SEPARATORS = " ·•・‧∙.-_'`,:°"
_LOOKALIKES = {"l": "I", "|": "I", "!": "I", "Ｏ": "O", "〇": "0"}


def column_map(characters: list[str]) -> list[int]:
    """Return for each output column of the network (blank first, `characters`, space) our column."""
    columns = [BLANK]
    for character in [*characters, " "]:
        folded = _LOOKALIKES.get(character, character.upper())
        if folded in _SEPARATORS:
            columns.append(BLANK)
        else:
            columns.append(COLUMN.get(folded, OTHER))
    return columns


class LineReader:
    """Reads lines with a network `run` whose characters the model file carries."""

    def __init__(self, run: Callable[[Array], Array], characters: list[str], name: str = "reader") -> None:
        self._run = run
        self._name = name
        self._columns = len(characters) + 2
        ours = np.array(column_map(characters))
        self._kept = np.flatnonzero(ours != OTHER)
        self._fold = np.zeros((len(self._kept), len(ALPHABET)), np.float32)
        self._fold[np.arange(len(self._kept)), ours[self._kept]] = 1.0

    def read(self, line: Image) -> Array:
        """Return (steps, ALPHABET) probabilities of a line's pixels. Raises ModelOutputError."""
        height, width = line.shape[:2]
        wanted = math.ceil(LINE_HEIGHT_PX * width / height)
        look_width = min(max(wanted, MIN_LINE_WIDTH_PX), MAX_LINE_WIDTH_PX)
        output = self._run(normalised(resized(line, look_width, LINE_HEIGHT_PX)))
        if output.ndim != 3 or output.shape[0] != 1 or output.shape[2] != self._columns:
            raise ModelOutputError(self._name, f"answered {output.shape}")
        self._check(output[0])
        probabilities = np.asarray(output[0][:, self._kept] @ self._fold, np.float32)
        probabilities[:, OTHER] = np.clip(1.0 - probabilities.sum(axis=1), 0.0, 1.0)
        return probabilities

    def _check(self, shares: Array) -> None:
        """Raise ModelOutputError where a step's numbers are not the shares of one."""
        if not shares.size:
            return
        least, most = float(shares.min()), float(shares.max())
        off = float(np.abs(shares.sum(axis=1) - 1.0).max())
        if least < -MOST_OFF or most > 1.0 + MOST_OFF or off > MOST_OFF:
            got = f"answered what are no shares of one: {least:.3g} to {most:.3g}, sums off by {off:.3g}"
            raise ModelOutputError(self._name, got)
