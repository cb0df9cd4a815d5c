"""What comes through a lane decides what its cameras look for, and what must match where nothing else is said."""

import pytest

from config.effective import effective
from config.loader import load_text
from config.problems import ConfigProblem
from config.schema import Configuration
from edge.core.cargo import Traffic as CoreTraffic
from edge.profiles import lane_profile

LANE = """\
site: north
state_dir: /s
keys_dir: /k
authorities: [{{id: customs}}]
lanes:
  - id: in-1
    direction: in
{traffic}    barrier: {{id: b1, host: 10.0.0.1}}
    cameras:
      - {{id: c1, url: "http://10.0.0.2/a", place: front, reads: [plate]}}
{more}"""
REAR = '      - {id: c2, url: "http://10.0.0.3/a", place: rear, reads: [plate]}\n'
BOXES = '      - {id: c3, url: "http://10.0.0.4/a", place: left, reads: [plate, container]}\n'
READER = "    tag_reader: {id: r1, port: /dev/ttyUSB0}\n"


def text(traffic: str | None, *more: str) -> str:
    return LANE.format(traffic=f"    traffic: {traffic}\n" if traffic else "", more="".join(more))


def loaded(text: str) -> Configuration:
    result = load_text(text, "lane.yaml")
    assert isinstance(result, Configuration), [str(problem) for problem in result]
    return result


def problems(text: str) -> list[ConfigProblem]:
    result = load_text(text, "lane.yaml")
    assert isinstance(result, list)
    return result


@pytest.mark.parametrize(
    ("traffic", "more", "must_match"),
    [
        (None, (BOXES, READER), ("front_plate", "containers", "tag")),
        ("container", (BOXES, READER), ("front_plate", "containers", "tag")),
        ("general", (BOXES, READER), ("front_plate", "tag")),
        ("general", (), ("front_plate",)),
        ("bulk", (REAR,), ("front_plate", "rear_plate")),
        ("bulk", (REAR, READER), ("front_plate", "rear_plate", "tag")),
        ("car", (), ("front_plate",)),
        ("car", (READER,), ("front_plate", "tag")),
        ("bus", (), ("front_plate",)),
        ("car", (REAR, "    must_match: [rear_plate]\n"), ("rear_plate",)),
    ],
)
def test_traffic_decides_what_must_match_by_default(
    traffic: CoreTraffic | None, more: tuple[str, ...], must_match: tuple[str, ...]
) -> None:
    configuration = loaded(text(traffic, *more))
    profile = lane_profile(configuration, configuration.lanes[0])
    assert (profile.traffic, profile.must_match) == (traffic or "container", must_match)


def test_the_default_says_that_it_is_one() -> None:
    values = {path: (value, origin) for path, value, origin in effective(loaded(text("bulk", REAR)))}
    assert values["lanes[0].traffic"] == ("bulk", "lane.yaml:8")
    assert values["lanes[0].must_match[1]"] == ("rear_plate", "default")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (text("lorry"), [(8, "not_allowed", "lanes[0].traffic")]),
        (text("bulk"), [(6, "no_device_for", "lanes[0].must_match[1]")]),
        (text(None, READER), [(6, "no_device_for", "lanes[0].must_match[1]")]),
        (text("car", BOXES), [(12, "not_in_traffic", "lanes[0].cameras[1].reads[1]")]),
        (text("bulk", REAR, BOXES), [(13, "not_in_traffic", "lanes[0].cameras[2].reads[1]")]),
        (
            text("bus", "    must_match: [front_plate, containers]\n"),
            [(12, "not_in_traffic", "lanes[0].must_match[1]")],
        ),
    ],
)
def test_what_does_not_fit_the_traffic_is_an_error_with_its_place(text: str, found: list[tuple[int, str, str]]) -> None:
    assert [(one.line, one.code, one.key_path) for one in problems(text)] == found


def test_the_error_names_the_traffic_and_what_to_do_in_both_languages() -> None:
    (problem,) = problems(text("car", BOXES))
    assert "no container in a lane for car" in problem.render("en")
    assert "set traffic to one of container, general" in problem.render("en")
    assert "traffic: car 的车道不识别箱号" in problem.render("zh")
