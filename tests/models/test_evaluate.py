import csv
import hashlib
import json
import shutil
from pathlib import Path

import pytest

from edge.core.container import parse_container
from edge.core.readings import ContainerSighting, PictureReading
from models.evaluate import main
from models.registry import REGISTRY_PATH, REGISTRY_VARIABLE
from models.scoring import (
    BoxTally,
    LabelledBox,
    Tally,
    join_views,
    percentile,
    score_codes,
    score_plate,
    share_of_both,
)
from tests.support import graphs
from tests.support.drawn import BLUE, door, ground, jpeg, plate


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [("A", "exact"), ("B", "unread"), ("X", "wrong"), ("XA", "exact"), ("BX", "wrong"), ("", "unread")],
)
def test_plates_count_by_the_main_one(answers, outcome):
    assert score_plate("A", ["A", "B"], answers) == outcome


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [(["A", "B"], "exact"), (["A"], "unread"), ([], "unread"), (["A", "B", "C"], "wrong"), (["C"], "wrong")],
)
def test_codes_count_when_all_are_found(answers, outcome):
    assert score_codes(["A", "B"], answers) == outcome


def view(*codes):
    containers = [parse_container(code) for code in codes]
    return PictureReading(containers=tuple(ContainerSighting(one, 0.9, (0, 0, 9, 9)) for one in containers))


def test_views_are_joined_as_the_lane_joins_them():
    assert join_views([view("CSQU3054383"), view(), view("CSQU3054383", "TCLU4254260")]) == (
        "CSQU3054383",
        "TCLU4254260",
    )
    # G for Q passes the check digit: views that disagree are never outvoted.
    assert join_views([view("CSQU3054383"), view("CSQU3054383"), view("CSGU3054383")]) == ()


def boxes(*found):
    return [LabelledBox(label, box) for label, *box in found]


def counted(truths, answers, picture=(100, 100)):
    tally = BoxTally()
    tally.add(boxes(*truths), boxes(*answers), picture)
    return {label: (one["truth"], one["found"], one["false"]) for label, one in tally.summary().items()}


def test_a_box_is_found_once_and_by_half_of_what_both_cover():
    assert share_of_both((0, 0, 10, 10), (0, 5, 10, 10)) == pytest.approx(1 / 3)
    assert share_of_both((0, 0, 10, 10), (10, 0, 10, 10)) == 0.0
    truth = ("container", 0, 0, 60, 40)
    assert counted([truth], [truth]) == {"container": (1, 1, 0)}
    assert counted([truth], [("container", 5, 0, 60, 40), truth]) == {"container": (1, 1, 1)}
    assert counted([truth], [("container", 40, 0, 60, 40)]) == {"container": (1, 0, 1)}
    assert counted([truth], [("truck", 0, 0, 60, 40)]) == {"container": (1, 0, 0), "truck": (0, 0, 1)}


def test_small_boxes_are_left_out_and_so_is_who_sees_them():
    small, large = ("container", 0, 0, 20, 20), ("container", 0, 0, 30, 26)
    assert counted([small], [small]) == {"container": (0, 0, 0)}
    assert counted([small], []) == {"container": (0, 0, 0)}
    assert counted([], [small]) == {}
    assert counted([small], [large]) == {"container": (0, 0, 0)}
    assert counted([large], [small]) == {"container": (1, 1, 0)}
    assert counted([], [large]) == {"container": (0, 0, 1)}


def test_counts_add_up():
    tally = Tally()
    for outcome, time_ms in (("exact", 10.0), ("wrong", 20.0), ("unread", 30.0), ("exact", 40.0)):
        tally.add(outcome, time_ms)
    assert tally.summary() == {"n": 4, "exact": 2, "wrong": 1, "unread": 1, "ms_p50": 30.0, "ms_p95": 40.0}
    assert Tally().summary() == {"n": 0, "exact": 0, "wrong": 0, "unread": 0, "ms_p50": None, "ms_p95": None}
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def labels(folder, rows):
    (folder / "images").mkdir(parents=True, exist_ok=True)
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


ROAD = {"image": "road.jpg", "boxes_xywh": ""}
GONE = {"image": "gone.jpg", "boxes_xywh": "car:0,0,9,9"}


@pytest.fixture
def pictures(tmp_path):
    """A folder laid out as the photographs are, with drawn pictures."""
    scene = ground()
    plate(scene, "粤B6R678", (200, 200), 60, BLUE)
    crop = ground(188, 60)
    plate(crop, "粤B6R678", (0, 0), 60, BLUE)
    truth = {"image": "a.jpg", "plate": "粤B6R678"}
    labels(tmp_path / "plates", [{**truth, "all_plates": "粤B6R678", "group": "ordinary"}])
    (tmp_path / "plates/images/a.jpg").write_bytes(jpeg(scene))
    labels(
        tmp_path / "plate_crops_gate",
        [truth, {"image": "b.jpg", "plate": "粤B6R679"}],
    )
    (tmp_path / "plate_crops_gate/images/a.jpg").write_bytes(jpeg(crop))
    (tmp_path / "plate_crops_gate/images/b.jpg").write_bytes(jpeg(crop))
    row = {"image": "a.jpg", "code": "CSQU3054383", "size_type": "45G1", "orientation": "horizontal", "truck": "t"}
    rows = [
        {**row, "legible": "yes"},
        {**row, "legible": "partial: cut"},
        {**row, "legible": "yes", "image": "gone.jpg", "orientation": "vertical"},
        {**row, "legible": "yes", "code": "CSQU3054383|TCLU4254260", "size_type": "", "truck": ""},
    ]
    labels(tmp_path / "containers", rows)
    (tmp_path / "containers/images/a.jpg").write_bytes(jpeg(door([("CSQU 305438 3", (80, 120)), ("45G1", (80, 180))])))
    labels(tmp_path / "vehicles", [{"image": "a.jpg", "boxes_xywh": "container:0,0,640,480;truck:1,1,9,9"}, ROAD, GONE])
    (tmp_path / "vehicles/images/a.jpg").write_bytes(jpeg(scene))
    (tmp_path / "vehicles/images/road.jpg").write_bytes(jpeg(scene))
    return tmp_path


def test_a_folder_is_counted(pictures, capsys):
    details = pictures / "details.jsonl"
    assert main([str(pictures), "--json", "--details", str(details)]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert list(counts) == ["plate_crops_gate", "plates", "containers", "vehicles"]

    def outcomes(group):
        assert group["exact"] + group["wrong"] + group["unread"] == group["n"]
        return group["n"], group["exact"], group["wrong"]

    assert outcomes(counts["plate_crops_gate"]) == (2, 1, 1)
    assert outcomes(counts["plates"]["ordinary"]) == (1, 1, 0)
    assert outcomes(counts["plates"]["painted"]) == (0, 0, 0)
    assert outcomes(counts["containers"]["horizontal"]) == (1, 1, 0)
    assert outcomes(counts["containers"]["vertical"]) == (1, 0, 0)
    assert outcomes(counts["containers"]["several"]) == (1, 0, 0)
    assert outcomes(counts["containers"]["passages"]) == (1, 1, 0)
    assert counts["containers"]["size_type"] == {"n": 1, "exact": 1}
    assert counts["vehicles"]["container"]["truth"] == 1
    assert counts["vehicles"]["truck"]["truth"] == 0
    assert "car" not in counts["vehicles"]
    assert counts["plate_crops_gate"]["ms_p50"] > 0
    assert len(details.read_text().splitlines()) == 6


def test_a_folder_that_is_none(tmp_path, capsys):
    assert main([str(tmp_path / "gone")]) == 66
    assert "not_a_folder" in capsys.readouterr().err


def test_a_folder_without_labelled_pictures_is_no_result(tmp_path, capsys):
    assert main([str(tmp_path)]) == 66
    printed = capsys.readouterr()
    assert (printed.out, printed.err.partition(":")[0]) == ("", "nothing_labelled")


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_a_limit_is_at_least_one(tmp_path, limit):
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path), "--limit", limit])
    assert ended.value.code == 64


def test_details_that_cannot_be_written_are_said(pictures, capsys):
    assert main([str(pictures), "--details", str(pictures / "none" / "details")]) == 73
    assert "details_unwritable" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_details_that_find_no_room_are_said(pictures, capsys):
    assert main([str(pictures), "--limit", "1", "--details", "/dev/full"]) == 74
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "details_unwritable: [Errno 28]" in printed.err


def test_labels_that_cannot_be_used_end_before_a_model_is_loaded(tmp_path, capsys):
    (tmp_path / "plates").mkdir()
    (tmp_path / "plates" / "labels.csv").write_text("picture\nfirst.jpg\n", encoding="utf-8")
    assert main([str(tmp_path)]) == 66
    assert capsys.readouterr().err.startswith("labels_unusable")
    (tmp_path / "plates" / "labels.csv").unlink()
    assert main([str(tmp_path)]) == 66
    assert "cannot be read (missing)" in capsys.readouterr().err
    (tmp_path / "containers").symlink_to(tmp_path / "nothing")
    (tmp_path / "plates").rmdir()
    assert main([str(tmp_path)]) == 66
    assert "containers: not a folder" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["labels.csv", "images/a.jpg", "../plates/new"])
def test_details_never_replace_labels_or_pictures(pictures, capsys, name):
    assert main([str(pictures), "--details", str(pictures / "plates" / name)]) == 73
    assert "would replace" in capsys.readouterr().err
    assert (pictures / "plates" / "labels.csv").stat().st_size
    assert (pictures / "plates" / "images" / "a.jpg").stat().st_size


def test_details_never_replace_what_a_folder_links_to(pictures, capsys):
    images, listed = pictures / "elsewhere", pictures / "listed.csv"
    (pictures / "plates" / "images").rename(images)
    (pictures / "plates" / "images").symlink_to(images)
    (pictures / "plates" / "labels.csv").rename(listed)
    (pictures / "plates" / "labels.csv").symlink_to(listed)
    for file in (images / "a.jpg", listed):
        assert main([str(pictures), "--details", str(file)]) == 73
        assert "would replace" in capsys.readouterr().err
        assert file.stat().st_size


def test_details_by_a_link_that_leads_back_to_itself_are_said(pictures, capsys):
    (pictures / "loop").symlink_to(pictures / "loop")
    assert main([str(pictures), "--details", str(pictures / "loop")]) == 73
    assert "details_unwritable" in capsys.readouterr().err


def test_pictures_that_nobody_looked_at_are_told(pictures, capsys):
    crops = pictures / "plate_crops_gate"
    rows = [{"image": name, "plate": "粤B6R678"} for name in ("a.jpg", "none.jpg", "cut.jpg", "folder")]
    labels(crops, rows)
    (crops / "images" / "cut.jpg").write_bytes((crops / "images" / "a.jpg").read_bytes()[:-200])
    (crops / "images" / "folder").mkdir()
    assert main([str(pictures), "--json"]) == 0
    printed = capsys.readouterr()
    gate = json.loads(printed.out)["plate_crops_gate"]
    assert (gate["n"], gate["exact"], gate["unread"]) == (4, 1, 3)
    assert gate["ms_p95"] > 0
    told = [line for line in printed.err.splitlines() if line.startswith("not_seen: plate_crops_gate")]
    assert len(told) == 3
    assert "1 pictures count as unread because of missing (no such file" in told[0]
    assert told[0].endswith("the first: none.jpg")
    assert "truncated" in told[1]
    assert "not_a_file" in told[2]


def test_counts_of_pictures_that_are_not_there_are_no_result(tmp_path, capsys):
    labels(tmp_path / "plate_crops_gate", [{"image": "a.jpg", "plate": "粤B6R678"}])
    assert main([str(tmp_path)]) == 66
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "not_seen: plate_crops_gate: 1 pictures count as unread because of missing" in printed.err


def registered(folder, role="plate_reader", **changed):
    """A registry in which the model of a role is changed."""
    said = json.loads(REGISTRY_PATH.read_text("utf-8"))
    for entry in said["models"]:
        if entry["name"] == role:
            entry |= changed
    path = folder / "registry.json"
    path.write_text(json.dumps(said), encoding="utf-8")
    return str(path)


DETECTOR = next(one for one in json.loads(REGISTRY_PATH.read_text("utf-8"))["models"] if one["name"] == "code_detector")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (lambda _: {"file": "nothing.onnx"}, "model_missing"),
        (lambda _: {"sha256": "0" * 64}, "model_tampered"),
        (lambda _: {"file": DETECTOR["file"], "sha256": DETECTOR["sha256"]}, "model_unfit"),
    ],
)
def test_a_model_that_cannot_be_used_is_named_and_nothing_counted(pictures, capfd, monkeypatch, changed, code):
    monkeypatch.setenv(REGISTRY_VARIABLE, registered(pictures, **changed(pictures)))
    for name in ("plates", "containers", "vehicles"):
        shutil.rmtree(pictures / name)
    assert main([str(pictures), "--json"]) == 69
    printed = capfd.readouterr()
    assert printed.out == ""
    assert code in printed.err
    assert "Traceback" not in printed.err


def test_a_model_that_fails_at_every_picture_is_named_and_nothing_counted(pictures, capfd, monkeypatch):
    hungry = graphs.hungry(500_000_000, graphs.value(b"x", ("n", 3, "h", "w")), graphs.value(b"y", ("n", 48, "c")))
    (pictures / "hungry.onnx").write_bytes(hungry)
    changed = {"file": str(pictures / "hungry.onnx"), "sha256": hashlib.sha256(hungry).hexdigest()}
    monkeypatch.setenv(REGISTRY_VARIABLE, registered(pictures, "vehicle_detector", **changed))
    for name in ("plates", "containers", "plate_crops_gate"):
        shutil.rmtree(pictures / name)
    assert main([str(pictures), "--json"]) == 69
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "vehicle_detector wanted more than" in printed.err
    assert "not_seen: vehicles: 2 pictures count as unread because of model_output" in printed.err


@pytest.mark.parametrize("changed", [None, {"file": DETECTOR["file"], "sha256": DETECTOR["sha256"]}])
def test_vehicles_that_no_model_looked_for_are_not_counted(pictures, capfd, monkeypatch, changed):
    path = Path(registered(pictures, "vehicle_detector", **(changed or {})))
    if changed is None:
        said = json.loads(path.read_text("utf-8"))
        said["models"] = [one for one in said["models"] if one["name"] != "vehicle_detector"]
        path.write_text(json.dumps(said), encoding="utf-8")
    monkeypatch.setenv(REGISTRY_VARIABLE, str(path))
    for name in ("plates", "containers", "plate_crops_gate"):
        shutil.rmtree(pictures / name)
    assert main([str(pictures), "--json"]) == 69
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "not_seen: vehicles: 2 pictures count as unread because of model_unavailable" in printed.err


def test_a_worker_that_cannot_start_is_named(pictures, capfd, monkeypatch):
    monkeypatch.setenv(REGISTRY_VARIABLE, str(pictures / "none.json"))
    assert main([str(pictures)]) == 69
    assert "model_missing" in capfd.readouterr().err
