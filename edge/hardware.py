"""Which box this is: fingerprints of its hardware, and folders that are bound to it (hazards.md O7).

A disk that is cloned, and a journal or key folder that is copied, do not act as the lane on another box. What is
compared can be forged by whoever knows it; only a key in hardware could not (docs/decisions/0035).
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from edge.files import write_whole

SYSTEM = Path("/sys")
# Where systemd puts what LoadCredential= of the unit names: so a service without rights reads what is root's alone.
_CREDENTIALS = "CREDENTIALS_DIRECTORY"
BOUND_FILE = "hardware.json"
FINGERPRINT_DIGITS = 16
# Serial numbers of the board, where the firmware tells them; some are for root alone.
_SERIALS = ("firmware/devicetree/base/serial-number", "class/dmi/id/product_uuid", "class/dmi/id/board_serial")
# What makers write in the place of a number: all boxes of their model have it, so a clone would be known by it.
_PLACEHOLDERS = frozenset(
    {
        "0123456789", "123456789", "1234567890", "03000200-0400-0500-0006-000700080009",
        "00020003-0004-0005-0006-000700080009", "12345678-1234-5678-90ab-cddeefaabbcc",
        "11111111-2222-3333-4444-555555555555",
    }
)  # fmt: skip
_LEAST_KINDS = 3
_PERMANENT = "0"
_NO_ADDRESS = "00:00:00:00:00:00"


class HardwareError(Exception):
    """This box is not the one that a configuration or a folder is bound to, or its binding cannot be read.

    `code`: hardware_foreign, hardware_file_damaged.
    """

    def __init__(self, code: str, where: Path | str, *, expected: Iterable[str], got: Iterable[str]) -> None:
        listed = (", ".join(names) or "none" for names in (expected, got))
        super().__init__(
            "{}: {}: expected one of {}, got {}; next: on the box that is to be this lane's from now on, with the "
            "other one switched off: kakou hardware CONFIG --bind".format(code, where, *listed)
        )
        self.code = code


def fingerprints(system: Path = SYSTEM) -> tuple[str, ...]:
    """Return one fingerprint (16 hex digits) for each part of this box that has a number of its own, sorted.

    The parts: network cards with a permanent address, and the board. Cards of containers and bridges have none. A
    box keeps its identity while one part of it stays. A number that is for root alone is there for whoever runs this
    where it may be read, or where the unit loads it as a credential.
    """
    cards = (_card(folder) for folder in sorted((system / "class" / "net").glob("*")))
    boards = (one for name in _SERIALS if _is_a_number(one := _read(system / name) or _credential(name)))
    return _hashed([f"net {one}" for one in cards if one] + [f"board {one}" for one in boards])


def of_root_alone(system: Path = SYSTEM) -> tuple[str, ...]:
    """Return those of `fingerprints` that a service without rights does not see unless its unit loads them."""
    names = [name for name in _SERIALS if not _for_everybody(system / name)]
    return _hashed([f"board {one}" for name in names if _is_a_number(one := _read(system / name))])


def _hashed(numbers: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({hashlib.sha256(one.encode()).hexdigest()[:FINGERPRINT_DIGITS] for one in numbers}))


def _for_everybody(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def _credential(name: str) -> str:
    folder = os.environ.get(_CREDENTIALS)
    return _read(Path(folder) / Path(name).name) if folder else ""


def _is_a_number(serial: str) -> bool:
    """Say whether it tells one board from the next: "default string" and a row of zeros do not."""
    letters = set(serial) - set("-. ")
    return serial not in _PLACEHOLDERS and len(letters) >= _LEAST_KINDS and any(one.isdigit() for one in letters)


def _card(folder: Path) -> str:
    if not (folder / "device").exists() or _read(folder / "addr_assign_type") != _PERMANENT:
        return ""
    address = _read(folder / "address")
    return "" if address == _NO_ADDRESS else address


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip("\0 \n").lower()
    except (OSError, ValueError):
        return ""


def check_hardware(configured: Sequence[str], folders: Iterable[Path], present: Sequence[str]) -> None:
    """Raise HardwareError where the configuration, or one of the folders, is bound to another box.

    Each names some fingerprints, of which one has to be `present`; what names none is not bound.
    """
    if configured and not set(configured) & set(present):
        raise HardwareError("hardware_foreign", "the configuration", expected=configured, got=present)
    for folder in folders:
        bound = bound_to(folder)
        if bound is not None and not set(bound) & set(present):
            raise HardwareError("hardware_foreign", folder, expected=bound, got=present)


def bound_to(folder: Path) -> tuple[str, ...] | None:
    """Return the fingerprints that a folder is bound to; None where it is not. Raises HardwareError."""
    path = folder / BOUND_FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise ValueError(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise HardwareError("hardware_file_damaged", path, expected=["a list of fingerprints"], got=[]) from error
    return tuple(found)


def bind(folder: Path, to: Sequence[str]) -> None:
    """Bind a folder to the box with one of these fingerprints. Raises OSError."""
    write_whole(folder / BOUND_FILE, json.dumps(list(to)).encode(), mode=0o644)
