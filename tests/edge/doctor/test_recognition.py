"""What `kakou doctor` says of the models: the shipped ones, and those of a site."""

import json
from pathlib import Path

import pytest

from edge.doctor.finding import Finding
from edge.doctor.recognition import look_at_models
from models.registry import REGISTRY_PATH, REGISTRY_VARIABLE
from models.trials import Tried


def look() -> dict[str, Finding]:
    return {one.subject: one for one in look_at_models()}


def test_shipped_models_are_good() -> None:
    found = look()
    assert {(one.status, one.code) for one in found.values()} == {("OK", "model_good")}
    assert len(found) == len(json.loads(REGISTRY_PATH.read_text())["models"])


def test_what_is_wrong_with_the_shipped_ones_is_mended_by_the_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "edge.doctor.recognition.try_models", lambda: [Tried(None, "model_registry_malformed", "it is bad")]
    )
    (found,) = look_at_models()
    assert (found.code, found.subject) == ("model_refused", str(REGISTRY_PATH))
    assert found.message("en") == "it is bad"
    assert "this release" in found.next_step("en")


def test_what_is_wrong_with_the_registry_of_a_site_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own.json"
    monkeypatch.setenv(REGISTRY_VARIABLE, str(own))
    own.write_text('{"models": [[]]}')
    found = list(look_at_models())
    assert {(one.status, one.code, one.subject) for one in found} == {("FAIL", "own_model_refused", str(own))}
    assert "models[0]" in found[0].message("en")
    assert "model_missing" in found[1].message("zh")
    assert str(own) in found[0].next_step("en")
    own.unlink()
    (found_now,) = look_at_models()
    assert "model_missing: model registry" in found_now.message("en")
