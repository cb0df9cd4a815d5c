"""`kakou bench vision`: a real measurement of few pictures, and what it says where there is nothing to measure."""

import json

import pytest

from edge.core.readings import PictureReading, Unread
from models.registry import REGISTRY_VARIABLE, ModelError
from simulators import bench, bench_vision
from simulators.bench_process import BenchError
from simulators.bench_vision import photographs, rendered
from tests.support.drawn import ground, jpeg

PICTURES = [jpeg(ground(64, 48, seed=seed)) for seed in range(10)]

FIGURES = [
    "plate_crop_ms_p50",
    "plate_crop_ratio_to_small",
    "scene_ms_p50",
    "container_photo_ms_p50",
    "container_ratio_to_rapidocr",
    "frames_per_s_2_cores",
    "first_result_ms",
    "rss_mb",
    "rss_peak_mb",
    "rss_after_vehicles_mb",
]


def test_a_short_measurement(capsys):
    assert bench.main(["vision", "--json", "--pictures", "2"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == FIGURES
    assert all(value > 0 for value in found.values())
    # A crop that is surely read costs one run of the small network; RapidOCR reads every line of a picture.
    assert found["plate_crop_ratio_to_small"] < 1
    assert found["container_ratio_to_rapidocr"] < 1
    assert found["rss_mb"] <= found["rss_peak_mb"]


def test_photographs_are_taken_evenly_out_of_their_folders(tmp_path):
    for name in ("plate_crops_gate", "plates", "containers"):
        (tmp_path / name / "images").mkdir(parents=True)
        for number in range(10):
            (tmp_path / name / "images" / f"{number}.jpg").write_bytes(PICTURES[number])
        (tmp_path / name / "images" / "labels.txt").write_bytes(b"no picture")
    assert photographs(tmp_path, 3).scenes == [PICTURES[0], PICTURES[3], PICTURES[6]]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no picture", "not_a_picture"),
        (b"", "empty"),
        (jpeg(ground(64, 48))[:-300], "truncated"),
        (None, "not_a_file"),
    ],
)
def test_what_cannot_be_measured_is_named_with_its_file(tmp_path, capsys, content, reason):
    for name in ("plate_crops_gate", "plates", "containers"):
        (tmp_path / name / "images").mkdir(parents=True)
        file = tmp_path / name / "images" / "a\x1b[31m.jpg"
        if content is None:
            file.mkdir()
        else:
            file.write_bytes(content)
    assert bench.main(["vision", "--photos", str(tmp_path)]) == bench.EXIT_UNAVAILABLE
    assert rf"{reason}: {tmp_path / 'plate_crops_gate' / 'images'}/a\x1b[31m.jpg: " in capsys.readouterr().err


def test_a_model_that_fails_is_named_and_not_measured(capsys, monkeypatch):
    class Failing:
        def read_encoded(self, _encoded, _look_for):
            return PictureReading(unread=(Unread("picture", "model_output"),))

    monkeypatch.setattr(bench_vision, "load_picture_reader", lambda _registry: Failing())
    assert bench.main(["vision", "--pictures", "1"]) == bench.EXIT_UNAVAILABLE
    assert capsys.readouterr().err.startswith("model_output: ")


def test_the_models_that_are_in_force_are_measured(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv(REGISTRY_VARIABLE, str(tmp_path / "none.json"))
    assert bench.main(["vision", "--pictures", "1"]) == bench.EXIT_UNAVAILABLE
    assert "none.json" in capsys.readouterr().err


def test_a_folder_without_photographs_is_named(tmp_path, capsys):
    assert bench.main(["vision", "--photos", str(tmp_path)]) == bench.EXIT_UNAVAILABLE
    assert "no_pictures" in capsys.readouterr().err


def test_what_is_no_picture_cannot_be_measured():
    with pytest.raises(BenchError, match="not_a_picture"):
        bench_vision._image(b"no picture")


def test_a_missing_model_is_named(monkeypatch, capsys):
    def missing(*_):
        raise ModelError("model_missing", "code_detector", "-", "a file", "none", "reinstall")

    monkeypatch.setattr(bench, "measured", missing)
    assert bench.main(["vision"]) == bench.EXIT_UNAVAILABLE
    assert "model_missing" in capsys.readouterr().err


def test_no_pictures_are_no_measurement():
    for count in ("0", "1001"):
        with pytest.raises(SystemExit):
            bench.main(["vision", "--pictures", count])


def test_rendered_pictures_are_all_different():
    found = rendered(3)
    assert len({*found.crops, *found.scenes, *found.containers}) == 9
