"""What the demo shows: widths, words for reasons, lines to paste."""

import pytest

from simulators.demo_score import STAGES
from simulators.demo_view import View, padded, program, reason_in_words, summary
from simulators.trucks import rendered_trucks


@pytest.fixture(params=["en", "zh"])
def language(request, monkeypatch):
    monkeypatch.setenv("KAKOU_LANG", request.param)
    return request.param


def cells(line):
    return sum(2 if ord(character) > 0x2E80 else 1 for character in line)


@pytest.mark.parametrize(
    ("text", "filled"), [("opened", "opened  "), ("已抬杆", "已抬杆  "), ("identified", "identified")]
)
def test_padding_counts_cells(text, filled):
    assert padded(text, 8) == filled


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("unread_front_plate:customs", "front plate was not read (unread_front_plate:customs)"),
        ("conflict_containers", "readings of containers contradict each other (conflict_containers)"),
        ("mismatch_front_plate_colour", "front plate is not the one on the release note (mismatch_front_plate_colour)"),
        ("no_answer:customs", "customs did not answer in time (no_answer:customs)"),
        ("no_note:customs", "no release note for this plate (no_note:customs)"),
        ("unread_elephant", "unread_elephant"),
        ("something_new:customs", "something_new:customs"),
    ],
)
def test_reasons_are_told_in_words(monkeypatch, reason, words):
    monkeypatch.setenv("KAKOU_LANG", "en")
    assert reason_in_words(reason) == words


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("zh", ["显示屏        [ 请停车 | 正在识别 ]", "显示屏        [ 请到地磅 | 进行称重 ]"]),
        ("en", ["sign          [ STOP | Reading ]", "sign          [ GO TO | weighbridge ]"]),
    ],
    indirect=["language"],
)
def test_the_sign_is_shown_whenever_it_says_something_else(capsys, language, shown):
    view = View(live=True)
    view.sign({})
    for phrase, target in (("stop", None), ("stop", None), ("go_to", "weigh")):
        view.sign({"guidance": phrase, "guidance_target": target, "drill": False})
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" s  ")[2] for line in lines] == shown


@pytest.mark.usefixtures("language")
def test_a_passage_is_told_line_by_line(capsys):
    view = View(live=True)
    (truck,) = rendered_trucks(1, 5)
    view.started("broker")
    view.arrived(truck)
    view.event("passage_opened", {})
    view.event("identified", {"passage": "p", "front_plate": "read", "containers": "unread", "tag": "conflict"})
    view.event("requested", {"passage": "p"})
    view.event("decided", {"decision": "hold", "reasons": "unread_container:customs,no_note:customs"})
    view.event("boom_raised", {})
    view.event("passage_ended", {"terminal": "PASSED"})
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[2] == f"{truck.id}  {truck.plates[0][1]}  {truck.containers[0][0]}"
    stages = lines[3:]
    assert len(stages) == 6
    assert all(line[7:10] == " s " for line in stages)
    assert "unread_container:customs" in stages[3]
    assert "no_note:customs" in stages[3]
    assert stages[-1].endswith("PASSED")


def test_a_silent_view_says_nothing(capsys):
    view = View(live=False)
    view.say("something")
    view.arrived(next(rendered_trucks(1, 5)))
    assert capsys.readouterr() == ("", "")


def test_titles_are_bold_on_a_terminal(capsys, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    View(live=True).arrived(next(rendered_trucks(1, 5)))
    assert "\033[1mtruck-1" in capsys.readouterr().err


@pytest.mark.usefixtures("language")
@pytest.mark.parametrize("first_released_s", [None, 3.14])
def test_the_table_fits_80_columns(capsys, monkeypatch, first_released_s):
    monkeypatch.setenv("COLUMNS", "80")
    slow = dict.fromkeys(STAGES, 123456)
    passages = [
        {"terminal": "TURNED_BACK", "stages_ms": {**slow, "opened": None}},
        {"terminal": None, "stages_ms": dict.fromkeys(STAGES)},
        {"terminal": ["PASSED", "FAULT"], "stages_ms": slow},
    ]
    summary({"passages": passages, "wrongly_opened": 1, "held_unread": 2, "held_wrong": 3}, first_released_s)
    out = capsys.readouterr().out
    assert "TURNED_BACK" in out
    assert "PASSED FAULT" in out
    assert out.count("123456") == 9
    assert ("3.1" in out) == (first_released_s is not None)
    assert max(cells(line) for line in out.splitlines()) <= 80


def test_the_program_is_called_as_from_here(tmp_path, monkeypatch):
    from simulators import demo_view

    monkeypatch.chdir(demo_view._ROOT)
    assert program() == "./kakou"
    monkeypatch.chdir(tmp_path)
    assert program().endswith("/kakou")
    assert program().startswith("/")
