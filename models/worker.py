"""The worker process: reads pictures from stdin, answers on stdout, ends when stdin closes.

Started by `WorkerRecogniser` as `python -m models.worker`; it can be killed at any time.
"""

import json
import os
import select
import sys
from typing import TYPE_CHECKING, BinaryIO

from edge.priority import stand_back
from models.memory import give_back, keep
from models.messages import MessageError, encode_reading, length_of, packed
from models.registry import ModelError, registry_path

if TYPE_CHECKING:
    from models.pipeline import PictureReader

# After so long without a picture the vehicle is through, or away.
REST_S = 1.0
EXIT_MODEL = 3
EXIT_MESSAGE = 4


def main() -> int:
    """Serve until stdin closes; returns the exit status."""
    stand_back()
    keep()
    source = sys.stdin.buffer
    # Native libraries print to descriptor 1: answers get a descriptor of their own, theirs goes to stderr.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        # Imported late: a missing model must be reported even where loading the libraries is what fails.
        from models.pipeline import load_picture_reader
        from models.pixels import use_one_thread

        use_one_thread()
        reader = load_picture_reader(registry_path())
    except ModelError as error:
        _send(answers, json.dumps({"error": error.code, "message": str(error)}).encode())
        return EXIT_MODEL
    _send(answers, json.dumps({"ready": True}).encode())
    return serve(reader, source, answers)


def serve(reader: "PictureReader", source: BinaryIO, answers: BinaryIO) -> int:
    """Answer every request of `source`; returns 0 at its end, `EXIT_MESSAGE` for what is no request."""
    while True:
        try:
            question = _receive(source)
            jpeg = None if question is None else _receive(source)
            if question is None or jpeg is None:
                return 0
            asked = json.loads(question)
        except (MessageError, ValueError, RecursionError):
            return EXIT_MESSAGE
        if not isinstance(asked, list):
            return EXIT_MESSAGE
        look_for = frozenset(str(item) for item in asked)
        _send(answers, encode_reading(reader.read_encoded(jpeg, look_for)))
        _rest(reader, source)


def _rest(reader: "PictureReader", source: BinaryIO) -> None:
    """Give memory back where no picture comes for a while; the next one would only take it again."""
    try:
        coming = select.select([source], [], [], REST_S)[0]
    except (OSError, ValueError):
        # Nothing to wait for: not a file, or one that this system cannot watch.
        return
    if not coming:
        reader.rest()
        give_back()


def _receive(source: BinaryIO) -> bytes | None:
    """Return the next message, or None where the other side is gone."""
    prefix = source.read(4)
    if len(prefix) < 4:
        return None
    length = length_of(prefix)
    payload = source.read(length)
    return payload if len(payload) == length else None


def _send(answers: BinaryIO, payload: bytes) -> None:
    answers.write(packed(payload))
    answers.flush()


if __name__ == "__main__":
    sys.exit(main())
