"""Photographs that something was painted over: what is painted, how it is counted, what the command prints."""

import json

import numpy as np
import pytest

from edge.core.container import Container
from edge.core.readings import ContainerSighting, PictureReading
from models.training import judge_disturbed
from models.training.judge_disturbed import DRAWN_CODE, SHADES, TENTHS, bars, covered_letters, drawn, judge, main
from tests.support.drawn import ground
from tests.support.labelled import folder_of

CODE = "MSKU2615360"


def sighting(code=CODE, layout="row", check="verified"):
    corners = ((100, 100), (430, 100), (430, 140), (100, 140))
    return ContainerSighting(Container(code, check), 0.9, (100, 100, 330, 40), (), corners, layout)


class Answering:
    """A reader of pictures that finds the same in all of them, and counts them."""

    def __init__(self, *found):
        self.found, self.asked = found, 0

    def read(self, image, look_for):
        assert look_for == {"container"}
        self.asked += 1
        return PictureReading(containers=self.found)


def test_a_bar_covers_what_it_says():
    image = ground()
    shown = list(bars(image, 1))
    assert len(shown) == len(TENTHS)
    for tenth, (how, barred) in zip(TENTHS, shown, strict=True):
        changed = np.flatnonzero((barred != image).any(axis=(0, 2)))
        assert abs(changed.mean() / image.shape[1] - tenth / 10) < 0.01
        assert 0.04 < (np.ptp(changed) + 1) / image.shape[1] < 0.21
        assert str(tenth) in how
        assert tuple(barred[10, int(changed.mean())]) in SHADES


def test_of_letters_a_part_is_covered():
    image = ground()
    for _, shown in covered_letters(image, sighting(), np.random.default_rng(1)):
        rows, columns = np.nonzero((shown != image).any(axis=2))
        assert columns.min() >= 98
        assert columns.max() < 100 + 30 * 3.5
        assert rows.min() >= 100
        assert rows.max() <= 151


def test_a_code_is_drawn_in_its_colour():
    image = ground()
    shown = drawn(image, (0, 255, 255), np.random.default_rng(1))
    assert ((shown == (0, 255, 255)).all(axis=2)).sum() > 50
    assert drawn(ground(60, 40), (0, 0, 255), np.random.default_rng(1)).shape == (40, 60, 3)


@pytest.mark.parametrize(
    ("found", "sets", "wrong"),
    [
        ((sighting(),), {"as it is": 1, "bars": 9, "letters": 4, "drawn": 1, "drawn white": 1}, 0),
        ((sighting(layout="column"),), {"as it is": 1, "bars": 9, "drawn": 1, "drawn white": 1}, 0),
        ((sighting(DRAWN_CODE),), {"as it is": 1, "bars": 9, "drawn": 1, "drawn white": 1}, 12),
        ((sighting(check="failed"),), {"as it is": 1, "bars": 9, "drawn": 1, "drawn white": 1}, 0),
    ],
)
def test_each_photograph_is_read_in_all_ways(tmp_path, found, sets, wrong):
    rows = ("1.png", CODE, "yes"), ("1.png", f"{CODE}|{CODE}", "yes"), ("1.png", "", "yes"), ("broken.png", CODE, "yes")
    folder = folder_of(tmp_path, (*rows, ("1.png", CODE, "partial: hidden")))
    figures = judge(Answering(*found), folder, 1, 0).figures()
    assert {name: one["n"] for name, one in figures.items() if name != "misread"} == sets
    assert sum(one["wrong"] for name, one in figures.items() if name != "misread") == wrong == len(figures["misread"])


def test_the_command_prints_what_it_counted(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(judge_disturbed, "load_picture_reader", lambda: Answering(sighting()))
    folder = folder_of(tmp_path, [("1.png", CODE, "yes")] * 2)
    assert main([str(folder), "--step", "2", "--first", "1", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["bars"] == {"n": 9, "exact": 9, "wrong": 0, "unread": 0}
