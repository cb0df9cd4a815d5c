"""The worker process: reads pictures from stdin, answers on stdout, ends when stdin closes.

Started by `WorkerRecogniser` as `python -m models.worker`; it can be killed at any time.
"""

import io
import json
import os
import select
import sys
from typing import TYPE_CHECKING, BinaryIO

from edge.priority import stand_back
from models.memory import give_back, keep, limit
from models.messages import MessageError, decode_question, encode_reading, length_of, packed
from models.registry import ModelError, registry_path

if TYPE_CHECKING:
    from models.pipeline import PictureReader

# After so long without a picture the vehicle is through, or away.
REST_S = 1.0
EXIT_MODEL = 3
EXIT_MESSAGE = 4


def main() -> int:
    """Serve until stdin closes, or nobody hears the answers any more; returns the exit status."""
    stand_back()
    keep()
    limit()
    source = sys.stdin.buffer
    # Native libraries print to descriptor 1: answers get a descriptor of their own, theirs goes to stderr. Nothing is
    # buffered: what is left of an answer that nobody takes would be written again at the end, and complained of.
    answers = io.FileIO(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        try:
            # Imported late: a missing model must be reported even where loading the libraries is what fails.
            from models.pipeline import load_picture_reader
            from models.pixels import use_one_thread

            use_one_thread()
            reader = load_picture_reader(registry_path(), lambda name: _tell(answers, {"loading": name}))
        except ModelError as error:
            _tell(answers, {"error": error.code, "message": str(error)})
            return EXIT_MODEL
        _tell(answers, {"ready": True})
        return serve(reader, source, answers)
    except BrokenPipeError:
        # Whoever asked was ended in the middle of it.
        return 0


def serve(reader: "PictureReader", source: BinaryIO, answers: BinaryIO) -> int:
    """Answer every request of `source`; returns 0 at its end, `EXIT_MESSAGE` for what is no request."""
    while True:
        try:
            question = _receive(source)
            jpeg = None if question is None else _receive(source)
            if question is None or jpeg is None:
                return 0
            look_for, masks = decode_question(question)
        except MessageError:
            return EXIT_MESSAGE
        reading = reader.read_encoded(jpeg, look_for, masks)
        _send(answers, encode_reading(reading, reader.fault))
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


def _tell(answers: BinaryIO, message: dict[str, object]) -> None:
    _send(answers, json.dumps(message).encode())


def _send(answers: BinaryIO, payload: bytes) -> None:
    """Write all of it. Raises BrokenPipeError where nobody reads any more."""
    left = memoryview(packed(payload))
    while left:
        left = left[answers.write(left) :]


if __name__ == "__main__":
    sys.exit(main())
