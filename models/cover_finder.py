"""Sees where something stands before a line of a plate: a small network that knows strokes, not characters.

The readers do not say so: a B behind a post is an E to them, and a sure one.
"""

from collections.abc import Callable

import numpy as np

from models.pixels import Array, Image, normalised, reduced
from models.sessions import ModelOutputError, heed_shares

LOOK_WIDTH_PX, LOOK_HEIGHT_PX = 128, 32
# The network answers for each so many columns of pixels how surely a part of them is hidden.
COLUMN_PX = 4
COLUMNS = LOOK_WIDTH_PX // COLUMN_PX


class CoverFinder:
    """Finds what stands before a line, with a network `run` (a `Session.run`)."""

    def __init__(self, run: Callable[[Array], Array]) -> None:
        self._run = run

    def hidden(self, line: Image) -> Array:
        """Return how surely (0 to 1) something is before each of COLUMNS parts of a line. Raises ModelOutputError.

        It costs 0.3 ms.
        """
        output = self._run(normalised(reduced(line, LOOK_WIDTH_PX, LOOK_HEIGHT_PX)))
        if output.shape != (1, 1, 1, COLUMNS):
            raise ModelOutputError("cover_detector", f"answered {output.shape}")
        heed_shares("cover_detector", output)
        return np.asarray(output[0, 0, 0], np.float32)
