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
