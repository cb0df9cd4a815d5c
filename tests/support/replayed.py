"""`kakou replay` in this process."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

from edge.verbs.replay import main


def replayed(journal: Path) -> tuple[int, dict[str, Any]]:
    """Return the exit status of `kakou replay JOURNAL --json` and what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        status = main([str(journal), "--json"])
    return status, json.loads(printed.getvalue())
