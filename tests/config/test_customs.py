"""The customs bridge in a configuration: what it has to agree on with the rest, and with the dialects there are."""

from typing import get_args

import pytest

from config.customs import Dialect
from config.customs_checks import OF_LETTERS
from config.loader import load_text
from config.schema import Configuration
from edge.clearance.bridge.dialects import DIALECTS

GOOD = """\
site: north
state_dir: /s
keys_dir: /k
authorities: [{id: customs}, {id: port, deadline_ms: 1000}]
lanes:
  - {id: in-1, direction: in, traffic: car, barrier: {id: b1, host: h1}, must_match: [front_plate], cameras: [
      {id: c1, url: "http://h/a", place: front, reads: [plate]}]}
  - {id: out-1, direction: out, traffic: car, barrier: {id: b2, host: h2}, must_match: [front_plate], cameras: [
      {id: c2, url: "http://h/b", place: front, reads: [plate]}]}
customs_bridge:
  authority: customs
  host: h
  area_id: "7208100000"
  lanes:
    - {lane: in-1, chnl_no: "7208100001"}
    - {lane: out-1, chnl_no: "7208100001"}
"""


def places(text: str) -> list[tuple[int, str]]:
    found = load_text(text)
    return [(one.line, one.code) for one in found] if isinstance(found, list) else []


def test_a_good_one_has_safe_defaults_and_two_directions_may_share_a_number() -> None:
    found = load_text(GOOD)
    assert isinstance(found, Configuration), [str(one) for one in found]
    bridge = found.customs_bridge
    assert bridge is not None
    assert (bridge.port, bridge.dialect, bridge.answer_ms, bridge.release_codes) == (9005, "gb2312", 8000, None)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("authority: customs", "authority: police", (11, "unknown_authority")),
        ("authority: customs", "authority: customs\n  answer_ms: 10000", (12, "no_time_to_answer")),
        ("authority: customs", "authority: port", (11, "no_time_to_answer")),
        ("lane: in-1", "lane: in-9", (15, "unknown_lane")),
        ("lane: out-1", "lane: in-1", (16, "duplicate_value")),
        ("host: h\n", "host: h\n  dialect: gb18030\n", (13, "not_allowed")),
        ("host: h\n", "host: h\n  heartbeat_s: 30\n", (11, "silence_too_short")),
        ('"7208100000"', '"72081000000"', (13, "bad_customs_number")),
        ('"7208100000"', '"场站"', (13, "bad_customs_number")),
        ("host: h\n", 'host: h\n  release_codes: ["11000000000000000000"]\n', (13, "bad_release_code")),
        ("host: h\n", 'host: h\n  release_codes: ["Y"]\n', (13, "bad_release_code")),
        ("host: h\n", f'host: h\n  dialect: letters\n  release_codes: ["{"0" * 20}"]\n', (14, "codes_of_letters")),
        (
            "host: h\n",
            f'host: h\n  dialect: generation_82\n  release_codes: ["{"0" * 20}"]\n',
            (14, "codes_of_letters"),
        ),
        ("host: h\n", "host: h..net\n", (12, "bad_host")),
        ("host: h\n", f"host: {'h' * 64}.net\n", (12, "bad_host")),
        ("host: h\n", "host: h\n  redis: {}\n", (13, "redis_of_tcp")),
        ("host: h\n", "host: h\n  dialect: json_redis\n  redis: {user: b}\n", (14, "user_without_password")),
        ("host: h\n", "host: h\n  pass_records: {sender_id: a b, receiver_id: c}\n", (13, "bad_dxp_party")),
        ("host: h\n", 'host: h\n  pass_records: {sender_id: a, receiver_id: ""}\n', (13, "bad_dxp_party")),
        ("direction: out", "direction: in", (16, "duplicate_value")),
        ("{id: customs}", "{id: customs, fields: {plates: hash}}", (4, "hidden_from_customs")),
    ],
)
def test_each_contradiction_has_its_place_and_code(old: str, new: str, expected: tuple[int, str]) -> None:
    assert GOOD.count(old) >= 1
    assert expected in places(GOOD.replace(old, new, 1))


def test_what_no_bridged_lane_reads_and_others_ask_for_may_be_hidden() -> None:
    assert places(GOOD.replace("{id: customs}", "{id: customs, fields: {tag: deny, containers: deny}}")) == []
    assert places(GOOD.replace("{id: port,", "{id: port, fields: {plates: deny},")) == []


def test_silence_may_be_no_fault_and_an_area_may_differ() -> None:
    text = GOOD.replace("host: h\n", "host: h\n  silence_s: null\n")
    assert places(text.replace("lane: out-1,", 'lane: out-1, area_id: "7208100009",')) == []


def test_a_platform_on_topics_may_want_a_password() -> None:
    access = "redis: {user: bridge, password_file: /etc/p, ca_file: /etc/c}"
    assert places(GOOD.replace("host: h\n", f"host: h\n  dialect: json_redis\n  {access}\n")) == []
    assert places(GOOD.replace("host: h\n", "host: h\n  dialect: json_redis\n")) == []


def test_a_configuration_names_the_dialects_that_there_are() -> None:
    assert set(get_args(Dialect)) == set(DIALECTS)
    assert {one.name for one in DIALECTS.values() if not one.by_digits} == OF_LETTERS
