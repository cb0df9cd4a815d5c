"""The worker's side of the pipe; the process itself is in test_recogniser."""

import contextlib
import io
import os
import subprocess
import sys

import pytest

from edge.core.masks import Mask
from edge.core.readings import PictureReading, Unread
from models.messages import PREFIX, decode_message, decode_reading, packed, request
from models.registry import REGISTRY_PATH
from models.roles import REQUIRED
from models.worker import EXIT_MESSAGE, EXIT_MODEL, serve


class Reader:
    """Answers what it was asked."""

    fault = None

    def __init__(self):
        self.rests = 0
        self.masks = []

    def read_encoded(self, encoded, look_for, masks):
        self.masks.append(masks)
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


def test_what_to_leave_out_comes_with_the_question():
    reader, masks = Reader(), [Mask(0.0, 0.9, 1.0, 1.0), Mask(0.25, 0.0, 0.5, 0.125)]
    source = io.BytesIO(request(frozenset({"plate"}), b"one", masks) + request(frozenset({"plate"}), b"two"))
    assert serve(reader, source, io.BytesIO()) == 0
    assert reader.masks == [tuple(masks), ()]


@pytest.mark.parametrize("cut", [2, 6, 40, 43])
def test_half_a_request_ends_the_worker(cut):
    assert serve(Reader(), io.BytesIO(request(frozenset({"plate"}), b"one")[:cut]), io.BytesIO()) == 0


@pytest.mark.parametrize(
    "garbage",
    [
        b"\xff" * 8,
        *(
            packed(one) + packed(b"x")
            for one in (
                *(b"{", b"5", b'"plate"', b'["plate"]', b'{"plate": 1}', b"[" * 50_000),
                *(b'{"look_for": ["plate"]}', b'{"masks": []}', b'{"look_for": {}, "masks": []}'),
                *(b'{"look_for": [1], "masks": []}', b'{"look_for": [["plate"]], "masks": []}'),
                b'{"look_for": ["plate"], "masks": {}}',
                b'{"look_for": ["plate"], "masks": [], "more": 1}',
                # A mask that is no area would hide who knows what: nothing is read at all.
                *(
                    b'{"look_for": ["plate"], "masks": [%s]}' % mask
                    for mask in (
                        *(b"[0, 0, 1]", b"[0, 0, 1, 1, 1]", b"0", b"[]", b'"0011"', b'{"left": 0}'),
                        *(b"[0, 0, 1.01, 1]", b"[-0.01, 0, 1, 1]", b"[0.5, 0, 0.5, 1]", b"[0, 1, 1, 0]"),
                        *(b"[NaN, 0, 1, 1]", b"[0, 0, Infinity, 1]", b'["0", 0, 1, 1]', b"[false, false, true, true]"),
                        *(b"[0, 0, null, 1]", b"[0, 0, [1], 1]", b", ".join([b"[0, 0, 1, 0.5]"] * 17)),
                    )
                ),
            )
        ),
    ],
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


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('{"models": [[]]}', b"model_registry_malformed"),
        ('{"models": []}', b"model_missing"),
        ("[" * 200_000, b"model_registry_malformed"),
    ],
)
def test_a_registry_that_is_none_is_told_without_a_traceback(tmp_path, content, code):
    (tmp_path / "own.json").write_text(content)
    done = started(tmp_path / "own.json", input=b"", capture_output=True)
    assert (done.returncode, done.stderr) == (EXIT_MODEL, b"")
    assert code in done.stdout


def test_a_registry_that_is_a_pipe_holds_nobody(tmp_path):
    os.mkfifo(tmp_path / "own.json")
    done = started(tmp_path / "own.json", input=b"", capture_output=True, timeout=60)
    assert done.returncode == EXIT_MODEL
    assert b"a named pipe" in done.stdout


def started(registry, **options):
    environment = {**os.environ, "KAKOU_MODEL_REGISTRY": str(registry), "PYTHONPATH": ":".join(sys.path)}
    return subprocess.run([sys.executable, "-m", "models.worker"], check=False, env=environment, **options)


def test_models_are_named_before_they_are_loaded():
    done = started(REGISTRY_PATH, input=b"", capture_output=True)
    answers, told = io.BytesIO(done.stdout), []
    while prefix := answers.read(4):
        told.append(decode_message(answers.read(PREFIX.unpack(prefix)[0])))
    assert {one["loading"] for one in told[:-1]} == set(REQUIRED)
    assert told[-1] == {"ready": True}


@pytest.mark.parametrize("after", [0, 1])
def test_whoever_asked_is_ended_meanwhile_and_nothing_is_said_of_it(after):
    """Nobody reads its answers any more: while it loads, and while it reads a picture."""
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-m", "models.worker"], stdin=pipe, stdout=pipe, stderr=pipe, env=environment
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        assert worker.stderr is not None
        while after and b"ready" not in worker.stdout.read(PREFIX.unpack(worker.stdout.read(4))[0]):
            pass
        worker.stdout.close()
        # It may be gone before it is asked.
        with contextlib.suppress(BrokenPipeError):
            worker.stdin.write(request(frozenset({"plate"}), b"no picture"))
            worker.stdin.flush()
        assert worker.stderr.read() == b""
        assert worker.wait() == 0
