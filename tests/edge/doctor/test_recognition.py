"""What `kakou doctor` says of the models: the shipped ones, and those of a site."""

import json
from pathlib import Path

import pytest

from config.loader import load
from config.schema import Configuration
from edge.doctor.finding import Finding
from edge.doctor.recognition import look_at_models
from models.registry import REGISTRY_PATH, REGISTRY_VARIABLE, ModelEntry
from models.trials import Tried

EXAMPLE = Path(__file__).parents[3] / "config" / "examples" / "demo.yaml"


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


def test_a_camera_that_reads_what_no_model_reads_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = EXAMPLE.read_text("utf-8").replace("reads: [container]", "reads: [container, vehicle]")
    config = tmp_path / "kakou.yaml"
    config.write_text(text, "utf-8")
    configuration = load(config)
    assert isinstance(configuration, Configuration), configuration
    assert "vehicle_detector_missing" not in {one.code for one in look_at_models(configuration.lanes)}
    entry = ModelEntry("plate_reader", "1", "", "", "", "", "", "")
    monkeypatch.setattr("edge.doctor.recognition.try_models", lambda: [Tried(entry)])
    good, missing = look_at_models(configuration.lanes)
    (lane,) = configuration.lanes
    assert (good.status, missing.status, missing.code) == ("OK", "WARN", "vehicle_detector_missing")
    assert missing.subject == f"{lane.id} container-left"
    assert str(REGISTRY_PATH) in missing.message("en")
    assert "vehicle_detector" in missing.next_step("zh")
    # A registry that cannot be used is told as such, and nothing else of it.
    monkeypatch.setattr("edge.doctor.recognition.try_models", lambda: [Tried(None, "model_missing", "gone")])
    assert [one.status for one in look_at_models(configuration.lanes)] == ["FAIL"]
