"""Has every registered model tried, and says what became of it: what `kakou doctor` knows of recognition."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from models.messages import MessageError, decode_fault, decode_message
from models.process import environment_of
from models.registry import ModelEntry, ModelError, look_at_registry, registry_path

# All models together take two seconds of a free core; on a slow disk or a busy box one may take long.
TRIAL_LIMIT_S = 60.0
TRIAL_COMMAND = (sys.executable, "-P", "-m", "models.trial")


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one model, or of the registry (`entry` is None): `code` is empty where it is good."""

    entry: ModelEntry | None
    code: str = ""
    cause: str = ""


def try_models(command: tuple[str, ...] = TRIAL_COMMAND, limit_s: float = TRIAL_LIMIT_S) -> Iterator[Tried]:
    """Yield what is wrong with the registry in force, then what became of each model that it names. Never raises.

    A model that hangs, or that ends the process which tries it, is told as such, and those behind it are tried.
    """
    entries, errors = look_at_registry(registry_path())
    for error in errors:
        yield Tried(None, error.code, str(error))
    left = list(entries.values())
    while left:
        with tempfile.TemporaryFile() as lines:
            ended = _run((*command, *(entry.name for entry in left)), lines, limit_s)
            lines.seek(0)
            told = _told(lines)
        while left and left[0].name in told:
            yield Tried(left[0], *told[left.pop(0).name])
        if left:
            yield _ended(left.pop(0), ended)


def _run(command: tuple[str, ...], lines: IO[bytes], limit_s: float) -> str:
    """Return how the process ended. Its lines go to a file: what it said before it hung is there all the same."""
    try:
        process = subprocess.Popen(  # noqa: S603 - our own module, names of the registry's roles
            command,
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=subprocess.DEVNULL,
            env=environment_of(None),
        )
    except OSError as error:
        return f"no process: {error}"
    said = 0
    with process:
        while process.returncode is None:
            try:
                process.wait(limit_s)
            except subprocess.TimeoutExpired:
                before, said = said, os.fstat(lines.fileno()).st_size
                # Another model was done meanwhile: the next one has its own time.
                if said == before:
                    process.kill()
                    return f"nothing within {limit_s:g} s"
    return _end_of(process.returncode)


def _end_of(status: int) -> str:
    if status >= 0:
        return f"a process that ended with {status}"
    try:
        return f"a process that was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"a process that was ended by signal {-status}"


def _told(lines: IO[bytes]) -> dict[str, tuple[str, str]]:
    """Return code and cause by name, of the lines that are whole."""
    found: dict[str, tuple[str, str]] = {}
    for line in lines:
        try:
            message = decode_message(line)
            fault = decode_fault(message)
        except MessageError:
            # The process was ended in the middle of it.
            break
        found[str(message.get("name"))] = ("", "") if fault is None else (fault.code, fault.message)
    return found


def _ended(entry: ModelEntry, ended: str) -> Tried:
    error = ModelError(
        "model_unloadable", entry.name, entry.file, "an answer to a picture", ended, "register another model"
    )
    return Tried(entry, error.code, str(error))
