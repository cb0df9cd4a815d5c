import io
import json
import os
import subprocess
import sys

import pytest

from edge.streams import JSON_ESCAPES, give_up, prepare, tell

CHILD = """
import os, sys
from edge.streams import prepare
prepare(as_json=False)
taken = os.open(os.devnull, os.O_RDONLY)
print(taken, file=open(sys.argv[1], "w"))
assert sys.stdin.read() == ""
print("nobody reads this", file=sys.stderr, flush=True)
try:
    print("lost", flush=True)
except OSError as error:
    open(sys.argv[1], "a").write(str(error.errno))
    os._exit(0)
"""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk", "utf-8"])
def test_what_an_encoding_lacks_is_what_json_escapes(encoding: str) -> None:
    text = "a\xe9车\U0001f69b\udcff"
    written = json.dumps(text, ensure_ascii=False).encode(encoding, JSON_ESCAPES)
    assert json.loads(written.decode(encoding)) == text


def test_what_cannot_be_decoded_is_not_escaped() -> None:
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", JSON_ESCAPES)


def test_a_closed_descriptor_goes_to_no_file_that_is_opened_later(tmp_path) -> None:  # type: ignore[no-untyped-def]
    seen = tmp_path / "seen"
    command = ["sh", "-c", 'exec "$@" 0<&- >&- 2>&-', "sh", sys.executable, "-c", CHILD, str(seen)]
    assert subprocess.run(command, check=False).returncode == 0
    taken, refused = seen.read_text().split("\n")
    assert int(taken) > 2
    assert int(refused) == 9


def test_streams_that_are_no_files_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    prepare(as_json=True)
    give_up(stream)
    assert sys.stdout is stream


def test_what_nobody_reads_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        tell("lost")
        stream.write("lost")
        stream.flush()
