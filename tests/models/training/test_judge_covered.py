"""Photographs with a part of the number hidden: which pictures are taken, where numbers stand, what is counted."""

import json

import pytest

from edge.core.container import parse_container
from edge.core.plate import parse_plate
from edge.core.readings import ContainerSighting, PictureReading, PlateSighting
from models.training import judge_covered
from models.training.judge_covered import CCPD, COLUMNS, GATES, ROWS, SCENES, Judge
from tests.support.drawn import BLUE, column, door, ground, jpeg, plate, png

CODE = "CSQU3054383"
CORNERS = ((80, 100), (380, 100), (380, 130), (80, 130))


class Answering:
    """A reader of pictures that answers the same to every one, and keeps what it was shown."""

    def __init__(self, reading):
        self._reading = reading
        self.shown = []

    def read_encoded(self, encoded, look_for):
        self.shown.append((encoded, look_for))
        return self._reading


def plate_read(text, corners=()):
    return PictureReading(plates=(PlateSighting(parse_plate(text), 0.9, (0, 0, 100, 30), corners=corners),))


def code_read(code, corners=CORNERS):
    sighting = ContainerSighting(parse_container(code), 0.9, (0, 0, 9, 9), corners=corners)
    return PictureReading(containers=(sighting,))


def labels(folder, header, *rows):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "images").mkdir(exist_ok=True)
    (folder / "labels.csv").write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")


@pytest.fixture
def data(tmp_path):
    crop = ground(188, 60)
    plate(crop, "粤B6R678", (0, 0), 60, BLUE)
    for name in (GATES, CCPD):
        labels(tmp_path / name, "image,plate", "a.png,粤B6R678", "broken.png,粤B6R678")
        (tmp_path / name / "images" / "a.png").write_bytes(png(crop))
        (tmp_path / name / "images" / "broken.png").write_bytes(b"no picture")
    image = ground()
    plate(image, "粤B6R678", (200, 200), 60, BLUE)
    labels(
        tmp_path / SCENES,
        "image,plate,all_plates,repo,boxes_xywh",
        'boxed.jpg,粤B6R678,苏A12345|粤B6R678,x,"1,1,9,9;200,200,190,60"',
        "bare.jpg,粤B6R678,粤B6R678,x,",
    )
    for name in ("boxed", "bare"):
        (tmp_path / SCENES / "images" / f"{name}.jpg").write_bytes(jpeg(image))
    labels(
        tmp_path / "containers",
        "image,code,orientation,legible",
        f"row.jpg,{CODE},horizontal,yes",
        f"column.jpg,{CODE},vertical,yes",
        f"two.jpg,{CODE}|MSKU9070323,horizontal,yes",
        f"part.jpg,{CODE},horizontal,partial: cut",
    )
    for name, picture in (("row", door([("CSQU 305438 3", (80, 120))])), ("column", column(CODE))):
        (tmp_path / "containers" / "images" / f"{name}.jpg").write_bytes(jpeg(picture))
    return tmp_path


def test_the_first_answer_to_a_crop_counts_and_the_same_seed_shows_the_same(data):
    shown = []
    for seed in (1, 1, 2):
        reader = Answering(plate_read("粤B6R673"))
        figures = Judge(data, reader, seed, rounds=3).judge(GATES).figures()
        assert (figures["n"], figures["wrong"]) == (3, 3)
        assert figures["misread"][0].startswith("a.png, ")
        assert (
            sum(
                figures["by_cover"][name]["n"]
                for name in ("0.04 to 0.07", "0.07 to 0.11", "0.11 to 0.15")
                if name in figures["by_cover"]
            )
            == 3
        )
        shown.append([encoded for encoded, _ in reader.shown])
    assert shown[0] == shown[1] != shown[2]
    assert len(set(shown[0])) == 3, "each time another thing"


def test_a_plate_in_a_scene_stands_where_its_box_is_or_where_it_is_read(data):
    judge = Judge(data, Answering(plate_read("粤B6R678", CORNERS)), 1)
    assert judge.judge(SCENES).figures()["exact"] == 2
    assert judge.places["plates/boxed.jpg"] == [[200, 200], [390, 200], [390, 260], [200, 260]]
    assert judge.places["plates/bare.jpg"] == [list(corner) for corner in CORNERS]
    blind = Judge(data, Answering(PictureReading()), 1)
    figures = blind.judge(SCENES).figures()
    assert (figures["unread"], figures["left_out"]) == (1, 1)


def test_another_plate_of_the_scene_is_not_wrong(data):
    judge = Judge(data, Answering(plate_read("苏A12345")), 1, limit=1)
    assert judge.judge(SCENES).figures()["unread"] == 1


def test_codes_are_covered_where_they_are_read(data):
    judge = Judge(data, Answering(code_read(CODE)), 1)
    assert judge.judge(ROWS).figures()["exact"] == 1
    upright = ((90, 10), (120, 10), (120, 300), (90, 300))
    other = Judge(data, Answering(code_read(CODE, upright)), 1)
    assert other.judge(COLUMNS).figures()["exact"] == 1
    assert other.places["columns/column.jpg"] == [[120, 10], [120, 300], [90, 300], [90, 10]]
    wrong = Judge(data, Answering(code_read("MSKU9070323")), 1, places={"rows/row.jpg": [list(c) for c in CORNERS]})
    assert wrong.judge(ROWS).figures()["wrong"] == 1
    blind = Judge(data, Answering(PictureReading()), 1)
    assert blind.judge(ROWS).figures()["left_out"] == 1


def test_the_command_judges_the_shipped_models_and_keeps_where_numbers_stand(data, tmp_path, capsys):
    places, details, examples = tmp_path / "places", tmp_path / "details", tmp_path / "examples"
    arguments = [str(data), "--places", str(places), "--kinds", "post", "mud", "--limit", "1"]
    more = ["--details", str(details), "--examples", str(examples), "--json"]
    assert judge_covered.main([*arguments, *more, "--sets", GATES, SCENES, ROWS]) == 0
    figures = json.loads(capsys.readouterr().out)
    lines = [json.loads(line) for line in details.read_text("utf-8").splitlines()]
    assert set(figures) == {"seed", GATES, SCENES, ROWS}
    assert figures[GATES]["n"] == 1
    assert {line["cover"] for line in lines} <= {"post", "mud"}
    wrong = sum(counts["wrong"] for name, counts in figures.items() if name != "seed")
    assert len(list(examples.iterdir())) == wrong
    kept = json.loads(places.read_text("utf-8"))
    assert set(kept) == {"plates/boxed.jpg", "rows/row.jpg"}
    assert judge_covered.main([*arguments, "--sets", SCENES]) == 0
    out = capsys.readouterr().out
    assert "| set | n | exact | wrong | unread |" in out
    assert json.loads(places.read_text("utf-8")) == kept


def test_a_picture_that_was_answered_wrongly_is_kept(data, tmp_path):
    examples = tmp_path / "examples"
    examples.mkdir()
    Judge(data, Answering(plate_read("粤B6R673")), 1, examples=examples).judge(GATES)
    assert [file.name for file in examples.iterdir()] == [f"{GATES}-0-a.png"]
