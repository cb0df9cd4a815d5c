"""`kakou bench vision`: a real measurement of few pictures, and what it says where there is nothing to measure."""

import json

import pytest

from models.registry import ModelError
from simulators import bench, bench_vision
from simulators.bench_process import BenchError
from simulators.bench_vision import photographs, rendered

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
            (tmp_path / name / "images" / f"{number}.jpg").write_bytes(bytes([number]))
        (tmp_path / name / "images" / "labels.txt").write_bytes(b"no picture")
    assert photographs(tmp_path, 3).scenes == [b"\x00", b"\x03", b"\x06"]


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
    with pytest.raises(SystemExit):
        bench.main(["vision", "--pictures", "0"])


def test_rendered_pictures_are_all_different():
    found = rendered(3)
    assert len({*found.crops, *found.scenes, *found.containers}) == 9
