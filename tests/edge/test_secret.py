import json
import logging
import pickle
import traceback
from pathlib import Path

import pytest

from edge.secret import Secret

CANARY = "canary-Pq9"


@pytest.mark.hazard("S15", "I19")
def test_nothing_but_reveal_shows_it(caplog: pytest.LogCaptureFixture):
    secret = Secret(CANARY)
    assert secret.reveal() == CANARY
    logging.getLogger("edge").error("failed %s %r", secret, {"password": secret})
    try:
        raise ValueError(secret, f"{secret:>20}", [secret])
    except ValueError as error:
        told = "".join(traceback.format_exception(error))
    assert CANARY not in f"{secret} {secret!r} {secret:s} {[secret]} {told} {caplog.text}"
    assert "***" in told
    for writer in (pickle.dumps, json.dumps, lambda one: vars(one)):
        with pytest.raises(TypeError):
            writer(secret)


def test_equal_ones_are_equal_and_a_text_is_not_one():
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    with pytest.raises(TypeError):
        hash(Secret("a"))


def test_it_is_read_without_its_line_end(tmp_path: Path):
    (tmp_path / "secret").write_bytes(b"two words \r\n")
    assert Secret.read(tmp_path / "secret") == Secret("two words ")
    with pytest.raises(OSError, match="none"):
        Secret.read(tmp_path / "none")


@pytest.mark.parametrize("raw", [b"", b"\n", b"\r\n\r\n", b"one\ntwo\n", b"\xff\xfe", b"a\0b", b"\xef\xbb\xbfone\n"])
def test_a_file_that_holds_no_one_line_is_named_and_no_secret(tmp_path: Path, raw: bytes):
    """An empty password would let in who knows none, and two lines let in nobody, without a word why."""
    file = tmp_path / "secret"
    file.write_bytes(raw)
    with pytest.raises(OSError, match="expected one line of text") as refused:
        Secret.read(file)
    assert refused.value.filename == str(file)
    assert "one\ntwo" not in str(refused.value)
