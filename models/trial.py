"""Tries models as the lane would use them, in a process of its own that may hang, die or run out of memory.

`python -m models.trial NAME...` loads each of these models of the registry in force and lets it look once, at the
largest size that the lane asks for. It writes one line of JSON for each that came to an end: `name`, and `fault` where
it cannot be used. Whoever started it knows by the first name without a line which model it was that ended it.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from edge.priority import stand_back
from models.memory import limit
from models.registry import ModelEntry, ModelError, look_at_registry, registry_path

if TYPE_CHECKING:
    from models.sessions import Session


def main(names: Sequence[str]) -> int:
    """Try the models of these names, each of which is registered as it should be; returns the exit status."""
    stand_back()
    limit()
    # Native libraries print to descriptor 1.
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    from models.pipeline import fault_of
    from models.pixels import use_one_thread
    from models.sessions import ModelOutputError

    use_one_thread()
    # What is wrong with the rest of it, whoever asked has found already.
    entries, _ = look_at_registry(registry_path())
    # Kept, as a worker keeps them: the memory is shared by all.
    held: list[Session] = []
    for name in names:
        fault = None
        try:
            held.append(_tried(entries[name]))
        except (ModelError, ModelOutputError) as error:
            fault = asdict(fault_of(error))
        print(json.dumps({"name": name, "fault": fault}), file=lines, flush=True)
    return 0


def _tried(entry: ModelEntry) -> "Session":
    """Load a model and let it look at a picture that shows nothing. Raises ModelError, ModelOutputError."""
    import numpy as np

    from models.cover_finder import CoverFinder
    from models.detector import TextDetector
    from models.pipeline import CONTAINER_SIDE_PX, PLATE_SIDES_PX, SECOND_SIDE_PX
    from models.plate_finder import PlateFinder
    from models.reader import LINE_HEIGHT_PX, MAX_LINE_WIDTH_PX, LineReader
    from models.roles import ROLES
    from models.sessions import Session
    from models.vehicle_finder import VehicleFinder

    session = Session(entry)
    # Of the shape that cameras have, from dark to bright.
    bright = np.linspace(0, 255, SECOND_SIDE_PX * SECOND_SIDE_PX * 3 // 4 * 3)
    picture = bright.astype(np.uint8).reshape(SECOND_SIDE_PX * 3 // 4, SECOND_SIDE_PX, 3)
    if ROLES[entry.name].characters:
        LineReader(session.run, session.characters, entry.name).read(picture[:LINE_HEIGHT_PX, :MAX_LINE_WIDTH_PX])
    elif entry.name == "plate_detector":
        PlateFinder(session.run).find(picture, max(PLATE_SIDES_PX))
    elif entry.name == "cover_detector":
        CoverFinder(session.run).hidden(picture)
    elif entry.name == "vehicle_detector":
        VehicleFinder(session.run).find(picture)
    else:
        side = CONTAINER_SIDE_PX if entry.name == "code_detector" else SECOND_SIDE_PX
        TextDetector(session.run, entry.name).find(picture, side)
    return session


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
