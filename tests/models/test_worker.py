"""The worker's side of the pipe; the process itself is in test_recogniser."""

import io
import os
import subprocess
import sys

import pytest

from edge.core.readings import PictureReading, Unread
from models.messages import PREFIX, decode_message, decode_reading, packed, request
from models.worker import EXIT_MESSAGE, EXIT_MODEL, serve


class Reader:
    """Answers what it was asked."""

    def __init__(self):
        self.rests = 0

    def read_encoded(self, encoded, look_for):
        return PictureReading(unread=(Unread(",".join(sorted(look_for)), encoded.decode()),))

    def rest(self):
        self.rests += 1


def test_requests_are_answered_until_the_pipe_closes():
    answers = io.BytesIO()
    source = io.BytesIO(request(frozenset({"plate"}), b"one") + request(frozenset({"container"}), b"two"))
    assert serve(Reader(), source, answers) == 0
    answers.seek(0)
    seen = []
    while prefix := answers.read(4):
        reading = decode_reading(decode_message(answers.read(PREFIX.unpack(prefix)[0])))
        seen.append((reading.unread[0].what, reading.unread[0].reason))
    assert seen == [("plate", "one"), ("container", "two")]


def test_memory_is_given_back_when_no_picture_comes(monkeypatch):
    read, write = os.pipe()
    given_back = []

    def none_comes():
        given_back.append(True)
        os.close(write)

    monkeypatch.setattr("models.worker.REST_S", 0.01)
    monkeypatch.setattr("models.worker.give_back", none_comes)
    os.write(write, 2 * request(frozenset({"plate"}), b"one"))
    answers = io.BytesIO()
    # Not buffered: what waits in a buffer cannot be seen from outside.
    with os.fdopen(read, "rb", buffering=0) as source:
        reader = Reader()
        assert serve(reader, source, answers) == 0
    assert given_back == [True]
    assert reader.rests == 1
    assert len(answers.getvalue()) == 2 * (PREFIX.size + PREFIX.unpack(answers.getvalue()[: PREFIX.size])[0])


@pytest.mark.parametrize("cut", [2, 6, 15, 17])
def test_half_a_request_ends_the_worker(cut):
    assert serve(Reader(), io.BytesIO(request(frozenset({"plate"}), b"one")[:cut]), io.BytesIO()) == 0


@pytest.mark.parametrize(
    "garbage",
    [b"\xff" * 8, *(packed(one) + packed(b"x") for one in (b"{", b"5", b'"plate"', b'{"plate": 1}', b"[" * 50_000))],
)
@pytest.mark.hazard("I18")
def test_garbage_ends_the_worker_with_a_status(garbage):
    assert serve(Reader(), io.BytesIO(garbage), io.BytesIO()) == EXIT_MESSAGE


def test_a_missing_registry_is_told(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "models.worker"],
        input=b"",
        capture_output=True,
        check=False,
        env={"KAKOU_MODEL_REGISTRY": str(tmp_path / "none.json"), "PYTHONPATH": ":".join(sys.path)},
    )
    assert done.returncode == EXIT_MODEL
    assert b"model_missing" in done.stdout
