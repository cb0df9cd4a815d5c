from dataclasses import replace

import numpy as np
import pytest

from models import sessions
from models.registry import ModelError, load_registry
from models.sessions import LaterSession, ModelOutputError, Session


class Answering:
    def __init__(self, output):
        self._output = output

    def run(self, _names, _inputs):
        return [self._output]


@pytest.fixture(scope="module")
def session():
    return Session(load_registry()["text_reader"])


def test_probabilities_come_back(session):
    output = session.run(np.zeros((1, 3, 48, 64), np.float32))
    assert output.shape[2] == len(session.metadata["character"].removesuffix("\n").split("\n")) + 2
    assert output.sum(axis=2) == pytest.approx(1.0, abs=1e-3)


def test_an_input_that_the_graph_refuses(session):
    with pytest.raises(ModelOutputError):
        session.run(np.zeros((1, 1, 7, 7), np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.hazard("D33")
def test_what_is_not_finite_is_no_answer(session, monkeypatch, value):
    monkeypatch.setattr(session, "_session", Answering(np.full((1, 2, 3), value, np.float32)))
    with pytest.raises(ModelOutputError, match="not finite"):
        session.run(np.zeros((1, 3, 48, 64), np.float32))


def test_a_model_that_few_ask_for_is_verified_at_once_and_loaded_when_it_is_asked(monkeypatch):
    entry = load_registry()["vehicle_detector"]
    later = LaterSession(entry)
    loaded = []
    monkeypatch.setattr(sessions, "Session", lambda given: loaded.append(given) or Session(given))
    batch = np.zeros((1, 3, 64, 64), np.float32)
    assert later.run(batch).shape == later.run(batch).shape == (1, 48, 84)
    assert loaded == [entry]
    # At rest it holds nothing, and what is asked then is answered all the same.
    later.rest()
    assert later.run(batch).shape == (1, 48, 84)
    assert loaded == [entry, entry]
    with pytest.raises(ModelError, match="model_tampered"):
        LaterSession(replace(entry, sha256="0" * 64))
