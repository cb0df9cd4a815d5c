"""What a line reader would answer, made from text: probabilities without a network."""

import numpy as np

from models.detector import TextLine
from models.lines import ReadLine
from models.looks import Looks, TwoLooks
from models.pixels import Array, Image
from models.reader import ALPHABET, BLANK, COLUMN


def spelled(text: str, confidence: float = 0.99, doubts: dict[int, dict[str, float]] | None = None) -> Array:
    """Return probabilities that spell `text`, a blank after each character.

    `doubts` gives the distribution of single places, as {place: {character: probability}}.
    """
    rows = []
    for place, character in enumerate(text):
        row = np.zeros(len(ALPHABET), np.float32)
        for option, value in (doubts or {}).get(place, {character: confidence}).items():
            row[COLUMN[option]] = value
        row[BLANK] = max(0.0, 1.0 - row.sum())
        blank = np.zeros(len(ALPHABET), np.float32)
        blank[BLANK] = 1.0
        rows += [row, blank]
    return np.array(rows, np.float32).reshape(-1, len(ALPHABET))


def text_line(x: float, y: float, width: float, height: float) -> TextLine:
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float32)
    return TextLine(corners, 0.9)


def read_line(text: str, x: float = 0, y: float = 0, height: float = 20, **options: object) -> ReadLine:
    """Return a line of `text` at (x, y), 0.6 of its height a character wide."""
    width = max(1, len(text)) * height * 0.6
    return ReadLine(text_line(x, y, width, height), spelled(text, **options))  # type: ignore[arg-type]


class Script:
    """A line reader that gives its answers in turn, then nothing: a text, or a text and `doubts` (see `spelled`)."""

    def __init__(self, *answers: "str | tuple[str, dict[int, dict[str, float]]]") -> None:
        self.answers = list(answers)
        self.seen: list[tuple[int, ...]] = []

    def read(self, line: Array) -> Array:
        self.seen.append(line.shape)
        answer = self.answers.pop(0) if self.answers else ""
        return spelled(answer) if isinstance(answer, str) else spelled(answer[0], doubts=answer[1])


def two_looks(image: Image, plates: Script, texts: Script) -> TwoLooks:
    """Return looks at `image` with two readers, where nobody looks for what covers plates."""
    return TwoLooks(Looks(image, plates), Looks(image, texts))  # type: ignore[arg-type]
