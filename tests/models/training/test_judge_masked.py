"""Photographs with areas that are not to be read: what is drawn and masked, how it is counted, what is printed."""

import json

import numpy as np
import pytest

from edge.core.container import Container
from edge.core.masks import Mask, boxes_of
from edge.core.plate import Plate
from edge.core.readings import ContainerSighting, PictureReading, PlateSighting
from models.training import judge_masked
from models.training.judge_disturbed import DRAWN_CODE
from models.training.judge_masked import STRIP, around, cutting, in_strip, judge, main
from tests.support.drawn import ground
from tests.support.labelled import folder_of

CODE = "MSKU2615360"
OWN, BESIDE = "粤B12345", "粤A54321"


def code(text):
    return ContainerSighting(Container(text, "verified"), 0.9, (100, 100, 330, 40))


def plate(text, width=200):
    return PlateSighting(Plate(text, "blue", "ordinary"), 0.9, (100, 100, width, 60))


class Answering:
    """A reader of pictures that finds `found`, and what is drawn too where it is not masked; of cut plates `cut`."""

    def __init__(self, found=(), plates=(), cut=()):
        self.found, self.plates, self.cut = tuple(found), tuple(plates), tuple(cut)

    def read(self, image, look_for, masked):
        if look_for == {"plate"}:
            return PictureReading(self.plates if masked.seen is None else self.cut)
        drawn = (image > 240).all(axis=2).any()
        return PictureReading(containers=(*self.found, *((code(DRAWN_CODE),) if drawn else ())))


def test_what_is_drawn_lies_in_the_area_that_is_masked():
    image = ground()
    shown = in_strip(image)
    changed = (shown != image).any(axis=2)
    assert changed.sum() > 200
    ((x, y, width, height),) = boxes_of((STRIP,), 640, 480)
    assert not changed[:y].any()
    mask = around(image, shown)
    ((x, y, width, height),) = boxes_of((mask,), 640, 480)
    assert changed.sum() == changed[y : y + height, x : x + width].sum()
    image[:], shown[:] = 0, 1
    assert around(image, shown) == Mask(0.0, 0.0, 1.0, 1.0)


def test_masks_begin_at_each_eighth_of_a_plate_from_each_side():
    masks = list(cutting((100, 200, 80, 40), 640, 480))
    assert len(masks) == 32
    assert masks[0] == Mask(110 / 640, 0.0, 1.0, 1.0)
    assert masks[1] == Mask(0.0, 0.0, 170 / 640, 1.0)
    assert masks[2] == Mask(0.0, 205 / 480, 1.0, 1.0)
    assert masks[31] == Mask(0.0, 0.0, 1.0, 200 / 480)
    # Where the plate ends with the picture nothing is left to mask.
    assert len(list(cutting((0, 0, 640, 480), 640, 480))) == 28


def test_each_photograph_is_read_in_all_ways(tmp_path):
    rows = ("1.png", CODE, "yes"), ("1.png", f"{CODE}|{CODE}", "yes"), ("1.png", "", "yes"), ("broken.png", CODE, "yes")
    folder = folder_of(tmp_path, (*rows, ("1.png", CODE, "partial: hidden")), [("1.png",), ("broken.png",)])
    reader = Answering([code(CODE)], [plate(OWN), plate(BESIDE, 90)], [plate(BESIDE, 90)])
    figures = judge(reader, folder, 1, 0).figures()
    assert {name: list(one.values()) for name, one in figures.items() if name != "misread"} == {
        "as it is": [1, 1, 0, 0],
        "drawn": [1, 0, 1, 0],
        "drawn, masked": [1, 1, 0, 0],
        "strip": [1, 0, 1, 0],
        "strip, masked": [1, 1, 0, 0],
        "plates cut": [32, 0, 0, 32],
    }
    assert [one["answers"] for one in figures["misread"]] == [[DRAWN_CODE, CODE]] * 2


@pytest.mark.parametrize(("cut", "counts"), [([plate(OWN)], [32, 32, 0, 0]), ([plate("粤B1234")], [32, 0, 32, 0])])
def test_a_plate_that_is_read_short_is_wrong(tmp_path, cut, counts):
    folder = folder_of(tmp_path, plates=[("1.png",)])
    figures = judge(Answering([], [plate(OWN)], cut), folder, 1, 0).figures()
    assert list(figures["plates cut"].values()) == counts


def test_a_photograph_without_a_plate_is_not_cut_and_the_command_prints_what_it_counted(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(judge_masked, "load_picture_reader", lambda: Answering([code(CODE)]))
    folder = folder_of(tmp_path, [("1.png", CODE, "yes")] * 3, [("1.png",)])
    assert main([str(folder), "--step", "2", "--first", "1", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["as it is"] == {"n": 1, "exact": 1, "wrong": 0, "unread": 0}
    assert "plates cut" not in figures
    assert np.isfinite(figures["strip, masked"]["n"])
