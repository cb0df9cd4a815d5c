"""How far the journal had come, in a small file beside it: a journal from a backup is older than that (hazards.md O6).

Written now and then from what is on the disk already, so it is never ahead of a journal that only lost its power.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.files import write_whole
from edge.log import logger


@dataclass(frozen=True, slots=True)
class Head:
    """The epoch of a journal, and of each lane by name the seq and hash (hex) of its newest record."""

    epoch: int
    lanes: dict[str, tuple[int, str]]


def head_file(journal: Path) -> Path:
    """Return where the head of a journal is kept."""
    return journal.with_name(journal.name + ".head")


def keep_head(journal: Path, head: Head) -> None:
    """Put the head on the disk. Raises OSError."""
    lanes = {name: list(one) for name, one in head.lanes.items()}
    write_whole(head_file(journal), json.dumps({"epoch": head.epoch, "lanes": lanes}).encode())


def kept_head(journal: Path) -> Head | None:
    """Return what was kept; None where nothing was, or where it cannot be understood: then it proves nothing."""
    try:
        found: Any = json.loads(head_file(journal).read_text(encoding="utf-8"))
        return Head(
            int(found["epoch"]), {str(name): (int(one[0]), str(one[1])) for name, one in found["lanes"].items()}
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        logger().error("journal_head_unreadable", file=str(head_file(journal)), cause=repr(error))
        return None
