"""What `kakou evaluate --details` answered, counted by kind and for what was never trained on."""

import csv
import json

import pytest

from models.training import never_seen
from models.training.never_seen import trained_on

FREE, NOT_FREE = "MIT (CCPD)", "none"
# Rows come in eights, one eight in four is left out: the first is.
LEFT_OUT_PLACE, TAUGHT_PLACE = 0, 8


def row(**more):
    return {"licence": FREE, "boxes_xywh": "1,2,3,4", "orientation": "horizontal", "group": "ordinary"} | more


@pytest.mark.parametrize(
    ("folder", "place", "given", "taught"),
    [
        ("plates", TAUGHT_PLACE, row(), True),
        ("plates", LEFT_OUT_PLACE, row(), False),
        ("plates", TAUGHT_PLACE, row(boxes_xywh=""), False),
        ("plates", TAUGHT_PLACE, row(licence=NOT_FREE), False),
        ("plate_crops_ccpd", TAUGHT_PLACE, {"licence": FREE}, True),
        ("plate_crops_ccpd", LEFT_OUT_PLACE, {"licence": FREE}, False),
        ("plate_crops_gate", TAUGHT_PLACE, {"licence": FREE}, False),
        ("containers", TAUGHT_PLACE, row(), True),
        ("containers", LEFT_OUT_PLACE, row(), False),
        ("containers", LEFT_OUT_PLACE, row(orientation="vertical"), True),
        ("containers", LEFT_OUT_PLACE, row(orientation="vertical", licence=NOT_FREE), False),
    ],
)
def test_what_taught_a_network(folder, place, given, taught):
    assert trained_on(folder, place, given) is taught


def labelled(folder, name, rows):
    (folder / name).mkdir(parents=True)
    with (folder / name / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_answers_are_counted_by_kind_and_apart_where_nothing_learnt_from_them(tmp_path, capsys):
    scenes = [row(image=f"{place}.jpg", kind="blue" if place % 2 else "yellow") for place in range(10)]
    labelled(tmp_path, "plates", scenes)
    labelled(tmp_path, "plate_crops_gate", [{"image": "1.jpg", "licence": NOT_FREE}])
    codes = [("CSQU3054383", "vertical"), ("CSQU3054383", "horizontal-3-rows"), ("A|B", "horizontal"), ("", "vertical")]
    boxes = [row(image=f"{n}.jpg", code=code, orientation=way) for n, (code, way) in enumerate(codes)]
    labelled(tmp_path, "containers", boxes)
    details = tmp_path / "details.jsonl"
    pictures = [f"plates/{place}.jpg" for place in range(10)] + ["plate_crops_gate/1.jpg"]
    # The last one of the containers has no code and was not asked about.
    pictures += [f"containers/{place}.jpg" for place in range(3)]
    told = {"plates": [{"confidence": 0.95}, {"confidence": 0.5}], "containers": [{"confidence": 0.75}]}
    answers = [{"image": one, "outcome": "unread" if one == "plates/1.jpg" else "exact"} | told for one in pictures]
    details.write_text("".join(json.dumps(answer) + "\n" for answer in answers), encoding="utf-8")
    assert never_seen.main([str(tmp_path), str(details)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["kinds"] == {
        "containers, horizontal: horizontal-3-rows": {"n": 1, "exact": 1, "wrong": 0, "unread": 0},
        "containers, several: horizontal": {"n": 1, "exact": 1, "wrong": 0, "unread": 0},
        "containers, vertical: vertical": {"n": 1, "exact": 1, "wrong": 0, "unread": 0},
        "plates, ordinary: blue": {"n": 5, "exact": 4, "wrong": 0, "unread": 1},
        "plates, ordinary: yellow": {"n": 5, "exact": 5, "wrong": 0, "unread": 0},
    }
    assert found["never_trained_on"] == {
        "containers, horizontal": {"n": 1, "exact": 1, "wrong": 0, "unread": 0},
        "containers, several": {"n": 1, "exact": 1, "wrong": 0, "unread": 0},
        "plate_crops_gate": {"n": 1, "exact": 1, "wrong": 0, "unread": 0},
        "plates, ordinary": {"n": 8, "exact": 7, "wrong": 0, "unread": 1},
    }
    # Of the first answer each; what was not answered has none.
    assert found["confidence"] == {"plates": {"n": 10, "error": 0.05}, "codes": {"n": 3, "error": 0.25}}
