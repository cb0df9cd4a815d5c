import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.core.container import Container
from edge.core.plate import Plate
from edge.core.readings import ContainerSighting, PictureReading, PlateSighting, Unread, VehicleSighting
from edge.text import say
from models import identify as module
from models.identify import described, file_bytes, identified, main
from models.registry import REGISTRY_VARIABLE
from tests.support.drawn import door, jpeg

CAMERA_AND_FILE = ("frozen", "truncated", "missing", "not_a_file", "no_permission", "link_loop", "unreadable")
PICTURE = ("empty", "too_large", "too_small", "not_a_picture", "damaged", "dark", "overexposed", "covered", "blurred")
READ = ("masked", "not_found", "check_digit", "too_few_pixels", "illegible", "model_output")
RECOGNISER = ("deadline", "worker_died", "model_unavailable", "busy", "closed")
READING = PictureReading(
    (PlateSighting(Plate("粤B6R678", None, "ordinary"), 0.9, (1, 2, 3, 4)),),
    (
        ContainerSighting(
            Container("CSQU3054383", "verified", "45G1", repaired=True),
            0.8,
            (5, 6, 7, 8),
            (0.8, *(0.9,) * 10),
            ((5, 6), (12, 7), (11, 14), (4, 13)),
            "row",
        ),
    ),
    (VehicleSighting("truck", 0.7, (0, 0, 9, 9)),),
    (Unread("picture", "dark"), Unread("container", "check_digit", (1, 1, 2, 2))),
    12.5,
)


def test_the_published_shape():
    assert identified("a.jpg", READING) == {
        "image": "a.jpg",
        "plates": [
            {
                "text": "粤B6R678",
                "colour": None,
                "kind": "ordinary",
                "rows": 1,
                "confidence": 0.9,
                "characters": [],
                "box": [1, 2, 3, 4],
                "corners": None,
            }
        ],
        "containers": [
            {
                "code": "CSQU3054383",
                "size_type": "45G1",
                "check": "verified",
                "repaired": True,
                "confidence": 0.8,
                "characters": [0.8, *(0.9,) * 10],
                "box": [5, 6, 7, 8],
                "corners": [[5, 6], [12, 7], [11, 14], [4, 13]],
                "layout": "row",
            }
        ],
        "vehicles": [{"class": "truck", "confidence": 0.7, "box": [0, 0, 9, 9]}],
        "unread": [
            {"what": "picture", "reason": "dark", "box": None},
            {"what": "container", "reason": "check_digit", "box": [1, 1, 2, 2]},
        ],
        "ms": 12.5,
    }


def test_for_people():
    line = described(identified("a.jpg", READING))
    assert "粤B6R678 (-, ordinary, 0.90)" in line
    assert "CSQU3054383 45G1 (verified, 0.80)" in line
    assert "unread picture: dark (too dark: look at the lamps and the exposure)" in line


@pytest.mark.parametrize("reason", [*CAMERA_AND_FILE, *PICTURE, *READ, *RECOGNISER])
def test_every_reason_is_told_in_both_languages(reason):
    said = {language: say(f"unread_{reason}", language) for language in ("en", "zh")}
    assert said["en"].isascii()
    assert not said["zh"].isascii()


def test_files_that_are_none(tmp_path, monkeypatch):
    file = tmp_path / "a.jpg"
    file.write_bytes(b"1234")
    assert file_bytes(file) == (b"1234", None)
    assert file_bytes(tmp_path / "b.jpg") == (b"", "missing")
    assert file_bytes(tmp_path) == (b"", "not_a_file")
    assert file_bytes(tmp_path / "nul\0name.jpg") == (b"", "missing")
    monkeypatch.setattr(module, "MAX_BYTES", 3)
    assert file_bytes(file) == (b"", "too_large")


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (errno.EACCES, "no_permission"),
        (errno.EPERM, "no_permission"),
        (errno.ENOENT, "missing"),
        (errno.ENXIO, "not_a_file"),
        (errno.EIO, "unreadable"),
        (None, "unreadable"),
    ],
)
def test_why_the_system_gives_no_content(tmp_path, monkeypatch, cause, reason):
    def refuse(*_):
        raise OSError(cause, "refused") if cause else OSError("refused")

    file = tmp_path / "a.jpg"
    file.write_bytes(b"1234")
    monkeypatch.setattr(os, "open", refuse)
    assert file_bytes(file) == (b"", reason)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes by name here")
def test_nothing_is_waited_for(tmp_path, monkeypatch):
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    assert file_bytes(pipe) == (b"", "not_a_file")
    # It took the place of a file meanwhile.
    real = Path(__file__).stat()
    monkeypatch.setattr(Path, "stat", lambda _, **__: real)
    assert file_bytes(pipe) == (b"", "not_a_file")
    assert file_bytes(Path("/dev/zero")) == (b"", "not_a_file")


def test_links_and_names(tmp_path):
    loop = tmp_path / "loop.jpg"
    loop.symlink_to(loop)
    assert file_bytes(loop) == (b"", "link_loop")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing")
    assert file_bytes(tmp_path / "gone.jpg") == (b"", "missing")
    assert file_bytes(Path(__file__) / "a.jpg") == (b"", "missing")
    assert file_bytes(tmp_path / ("n" * 300)) == (b"", "unreadable")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no /proc here")
def test_a_file_without_a_size_is_read_as_far_as_pictures_go(monkeypatch):
    assert file_bytes(Path("/proc/self/maps"))[0]
    monkeypatch.setattr(module, "MAX_BYTES", 3)
    assert file_bytes(Path("/proc/self/maps")) == (b"", "too_large")


@pytest.mark.parametrize("as_json", [True, False])
def test_without_its_models_nothing_is_read_and_the_model_is_named(tmp_path, capfd, monkeypatch, as_json):
    registry = tmp_path / "registry\x1b[31m.json"
    registry.write_text("{")
    monkeypatch.setenv(REGISTRY_VARIABLE, str(registry))
    good = tmp_path / "good.jpg"
    good.write_bytes(jpeg(door([])))
    assert main([str(good), str(good), *(["--json"] if as_json else [])]) == 69
    told = capfd.readouterr()
    assert told.out.count("model_unavailable") == 2
    assert told.err.count("model_registry_malformed: ") >= 1
    assert r"registry\x1b[31m.json" in told.err


@pytest.mark.parametrize("as_json", [True, False])
def test_every_file_gets_its_line(tmp_path, capsys, as_json):
    good, bad, cut = tmp_path / "good.jpg", tmp_path / "bad.jpg", tmp_path / "cut\n.jpg"
    good.write_bytes(jpeg(door([("CSQU 305438 3", (80, 120))])))
    bad.write_bytes(b"\xff\xd8garbage")
    cut.write_bytes(good.read_bytes()[:100])
    assert main([str(good), str(bad), str(tmp_path), str(cut), *(["--json"] if as_json else [])]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert "CSQU3054383" in lines[0]
    if as_json:
        found = [json.loads(line) for line in lines]
        assert [f["unread"][0]["reason"] for f in found[1:]] == ["not_a_picture", "not_a_file", "truncated"]
    else:
        assert r"cut\n.jpg: unread picture: truncated" in lines[3]


def test_an_area_is_left_out(tmp_path, capsys):
    good = tmp_path / "good.jpg"
    good.write_bytes(jpeg(door([("CSQU 305438 3", (80, 120))])))
    # Its row lies between 80 and 130 of 480.
    for mask, codes, reasons in (
        ("0,0.9,1,1", ["CSQU3054383"], []),
        ("0,0,1,0.4", [], ["not_found"]),
        ("0.62,0,1,1", [], ["masked"]),
    ):
        assert main([str(good), "--json", "--mask", mask]) == 0
        found = json.loads(capsys.readouterr().out)
        assert [one["code"] for one in found["containers"]] == codes
        assert [one["reason"] for one in found["unread"] if one["what"] == "container"][:1] == reasons


@pytest.mark.parametrize(
    "masks",
    [
        *(["0,0,1"], ["0,0,1,1,1"], ["left,0,1,1"], ["0.5,0,0.5,1"], ["0,0,1,2"], ["nan,0,1,1"], [""]),
        ["0,0,1,1", "1,1,0,0\x1b[31m"],
        ["0,0,1,0.1"] * 17,
    ],
)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_area_that_is_none_is_a_mistake(masks, language, monkeypatch, capsys):
    monkeypatch.setenv("KAKOU_LANG", language)
    with pytest.raises(SystemExit) as ended:
        main(["a.jpg", *(word for mask in masks for word in ("--mask", mask))])
    assert ended.value.code == 64
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines()[-1].isprintable()
    assert ("16" if len(masks) > 16 else "LEFT,TOP,RIGHT,BOTTOM") in told.err.splitlines()[-1]


def test_behind_two_hyphens_any_name_is_a_file(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["a", "--json", "b", "--", "--json", "-c", "--"]) == 0
    assert [json.loads(line)["image"] for line in capsys.readouterr().out.splitlines()] == [
        "a",
        "b",
        "--json",
        "-c",
        "--",
    ]
    with pytest.raises(SystemExit):
        main(["--"])


def test_no_file_is_a_mistake():
    done = subprocess.run([sys.executable, "-m", "models.identify"], capture_output=True, check=False)
    assert done.returncode == 64
