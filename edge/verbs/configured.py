"""The configuration that a verb was given."""

import sys
from pathlib import Path

from config.loader import load
from config.schema import Configuration
from edge.text import default_language


def configured(path: Path) -> Configuration | None:
    """Return the configuration; where it is none, say on stderr everything that is wrong with it, and return None."""
    loaded = load(path)
    if isinstance(loaded, Configuration):
        return loaded
    for problem in loaded:
        print(problem.render(default_language()), file=sys.stderr)
    return None
