"""Broken files, each with the exact place and code that a technician is told."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.document import MAX_NODES, parse
from config.effective import effective
from config.loader import MAX_BYTES, load, load_text
from config.modbus_map import SignalMap
from config.problems import ConfigProblem
from config.schema import Configuration
from edge.core.inputs import SIGNAL_NAMES

EXAMPLES = Path(__file__).parents[2] / "config" / "examples"
GOOD = """\
site: north
state_dir: /s
keys_dir: /k
authorities:
  - id: customs
lanes:
  - id: in-1
    direction: in
    barrier: {id: b1, host: 10.0.0.1}
    cameras:
      - {id: c1, url: "http://10.0.0.2/a", place: front, reads: [plate]}
      - {id: c2, url: "http://10.0.0.3/a", place: left, reads: [container]}
    tag_reader: {id: r1, port: /dev/ttyUSB0}
"""


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def problems(text: str) -> list[ConfigProblem]:
    result = load_text(text, "lane.yaml")
    assert isinstance(result, list)
    assert result
    return result


def places(text: str) -> list[tuple[int, int, str]]:
    return [(problem.line, problem.column, problem.code) for problem in problems(text)]


def loaded(text: str) -> Configuration:
    result = load_text(text, "lane.yaml")
    assert isinstance(result, Configuration), [str(problem) for problem in result]
    return result


SECOND_LANE = """\
  - id: in-2
    direction: out
    barrier: {id: b2, host: 10.0.0.9}
    must_match: [front_plate]
    cameras: [{id: c9, url: "http://10.0.0.2/a", place: front, reads: [plate]}]
"""
BARRIER = "barrier: {id: b1, host: 10.0.0.1}"
READER = "tag_reader: {id: r1, port: /dev/ttyUSB0}"
SIGNALS = "arrival_loop: 'discrete:0', safety_loop: 'discrete:1', boom_up: 'discrete:2', boom_down: "


def with_map(text: str) -> str:
    return changed(BARRIER, f"barrier:\n      id: b1\n      host: h\n      map: {{{text}}}")


BROKEN: list[tuple[str, list[tuple[int, int, str]]]] = [
    # The text itself
    ("", [(1, 1, "empty")]),
    ("# only a comment\n", [(1, 1, "empty")]),
    ("- site: x\n", [(1, 1, "not_a_mapping")]),
    ("site", [(1, 1, "not_a_mapping")]),
    ("site: [\n", [(2, 1, "yaml_syntax")]),
    ("site: a\n\tkeys_dir: b\n", [(2, 1, "yaml_syntax")]),
    ("site: a: b\n", [(1, 8, "yaml_syntax")]),
    ("site: x\n--- \nsite: y\n", [(2, 1, "yaml_syntax")]),
    ("site: no\x00rth\n", [(1, 9, "yaml_syntax")]),
    ("[" * 200, [(1, 21, "too_complex")]),
    (GOOD + "site: south\n", [(14, 1, "duplicate_key")]),
    (changed("host: 10.0.0.1", "host: a, host: b"), [(9, 32, "duplicate_key")]),
    (GOOD + "? [a]\n: b\n", [(14, 3, "key_not_text")]),
    (GOOD + "~: b\n", [(14, 1, "key_not_text")]),
    (changed("site: north", "site: !python/object x"), [(1, 7, "yaml_tag"), (1, 7, "wrong_type")]),
    # Keys
    (GOOD + "broker: {hosst: x}\n", [(14, 10, "unknown_key")]),
    (changed("direction: in", "directoin: in"), [(7, 5, "missing_key"), (8, 5, "unknown_key")]),
    (changed("site: north\n", ""), [(1, 1, "missing_key")]),
    (changed("{id: b1, host: 10.0.0.1}", "{id: b1}"), [(9, 14, "missing_key")]),
    # Types: nothing is coerced
    (changed("site: north", "site: 12"), [(1, 7, "wrong_type")]),
    (changed("site: north", "site: null"), [(1, 7, "wrong_type")]),
    (GOOD + "    simulated: yes\n", [(14, 16, "wrong_type")]),
    (GOOD + "    simulated: 1\n", [(14, 16, "wrong_type")]),
    (changed("host: 10.0.0.1", 'host: h, port: "502"'), [(9, 38, "wrong_type")]),
    (changed("host: 10.0.0.1", "host: h, port: 502.0"), [(9, 38, "wrong_type")]),
    (changed("host: 10.0.0.1", "host: h, port: true"), [(9, 38, "wrong_type")]),
    (changed("reads: [plate]", "reads: plate"), [(11, 65, "wrong_type")]),
    (changed(BARRIER, "barrier: b1"), [(9, 14, "wrong_type")]),
    (GOOD + "broker: {mqtt_version: 5}\n", [(14, 24, "not_allowed")]),
    (changed("state_dir: /s", "state_dir: 5"), [(2, 12, "wrong_type")]),
    # Values
    (changed("direction: in", "direction: im"), [(8, 16, "not_allowed")]),
    (changed("id: in-1", "id: in/1"), [(7, 9, "bad_id")]),
    (changed("id: in-1", 'id: "卡口"'), [(7, 9, "bad_id")]),
    (changed("id: in-1", f"id: {'x' * 65}"), [(7, 9, "bad_id")]),
    (changed("state_dir: /s", 'state_dir: ""'), [(2, 12, "bad_path")]),
    (changed("host: 10.0.0.1", "host: a b"), [(9, 29, "bad_host")]),
    (changed('"http://10.0.0.2/a"', "rtsp://10.0.0.2/a"), [(11, 23, "bad_url")]),
    (changed('"http://10.0.0.2/a"', '"http://[::1"'), [(11, 23, "bad_url")]),
    (changed("reads: [plate]", "reads: [plate], driver: rtsp_camera"), [(11, 23, "bad_url")]),
    (changed('"http://10.0.0.2/a"', "rtsp://u:hunter2@h/a, driver: rtsp_camera"), [(11, 23, "url_with_password")]),
    (changed('"http://10.0.0.2/a"', "rtsp://h/a, driver: rtsp_camera, mode: mjpeg"), [(11, 62, "not_for_driver")]),
    (changed('"http://10.0.0.2/a"', '"http://u:hunter2@h/a"'), [(11, 23, "url_with_password")]),
    *((GOOD + f"evidence: {{serve: {{host: h, url: '{url}', cert_file: /c, key_file: /k}}}}\n", [(14, 34, code)])
      for url, code in (("http://h", "bad_https_url"), ("https://h/a", "bad_https_url"), ("x", "bad_url"))),
    (changed("port: /dev/ttyUSB0", "port: 'socket://h'"), [(13, 32, "bad_port")]),
    (changed("port: /dev/ttyUSB0", "port: 'socket://[::1'"), [(13, 32, "bad_port")]),
    (changed("port: /dev/ttyUSB0", "port: /dev/t, baud: 1234"), [(13, 46, "not_allowed")]),
    (changed("port: /dev/ttyUSB0", "port: /dev/t, antennas: [4]"), [(13, 51, "out_of_range")]),
    (changed("reads: [plate]", "reads: []"), [(11, 65, "wrong_length")]),
    (changed("  - id: customs", "  []"), [(5, 3, "wrong_length")]),
    (changed("host: 10.0.0.1", 'host: ""'), [(9, 29, "wrong_length")]),
    (changed("host: 10.0.0.1", "host: h, port: 0"), [(9, 38, "out_of_range")]),
    (changed("  - id: customs", "  - {id: customs, deadline_ms: 30001}"), [(5, 32, "out_of_range")]),
    (GOOD + "    timing: {clear_ms: 999}\n", [(14, 24, "out_of_range")]),
    (GOOD + "    timing: {sample_max_age_ms: 201}\n", [(14, 33, "out_of_range")]),
    (GOOD + "recogniser: {workers: 5}\n", [(14, 23, "out_of_range")]),
    # Lanes of one kind
    (GOOD + SECOND_LANE + "    simulated: true\n", [(19, 16, "mixed_simulation")]),
    (GOOD + "    simulated: true\n" + SECOND_LANE, [(15, 5, "mixed_simulation")]),
    # Addresses
    (with_map("coils: {raise_boom: 40001, lower_boom: 'coil:1', red: 'coil:2', green: 'coil:3'}"),
     [(12, 33, "address_one_based")]),
    (with_map("registers: {heartbeat: 40001}"), [(12, 36, "address_one_based")]),
    (with_map("registers: {heartbeat: '00000'}"), [(12, 36, "address_one_based")]),
    (with_map("registers: {heartbeat: 'coil:1'}"), [(12, 36, "address_table")]),
    (with_map("registers: {heartbeat: 'holding:65536'}"), [(12, 36, "address_invalid")]),
    (with_map("registers: {heartbeat: 'holding:0', boot_counter: 'holding:200'}"),
     [(12, 24, "addresses_too_far_apart")]),
    (with_map(f"signals: {{{SIGNALS}'discrete:2007'}}"), [(12, 22, "addresses_too_far_apart")]),
    (with_map("registers: {heartbeat: 7}"), [(12, 36, "address_invalid")]),
    (with_map("registers: {heartbeat: []}"), [(12, 36, "address_invalid")]),
    (with_map(f"signals: {{{SIGNALS}10004}}"), [(12, 112, "address_one_based")]),
    (with_map(f"signals: {{{SIGNALS}{{address: 'discrete:3', inverted: 1}}}}"), [(12, 146, "wrong_type")]),
    (with_map("signals: {arrival_loop: 'discrete:0'}"), [(12, 22, "missing_key")] * 3),
    # Contradictions
    (with_map("registers: {heartbeat: 'holding:1', boot_counter: 'holding:1'}"), [(12, 63, "duplicate_address")]),
    (with_map(f"signals: {{{SIGNALS}'discrete:0'}}"), [(12, 112, "duplicate_address")]),
    (with_map("coils: {raise_boom: 'coil:0', lower_boom: 'coil:0', red: 'coil:2', green: 'coil:3'}"),
     [(12, 55, "duplicate_address")]),
    (GOOD + SECOND_LANE.replace("10.0.0.9", "10.0.0.1"), [(16, 14, "duplicate_address")] * 7),
    (GOOD + SECOND_LANE.replace("in-2", "in-1"), [(14, 9, "duplicate_id")]),
    (GOOD + SECOND_LANE.replace("b2", "r1"), [(16, 19, "duplicate_id")]),
    (changed("  - id: customs", "  - id: customs\n  - id: customs"), [(6, 9, "duplicate_id")]),
    (GOOD + SECOND_LANE.replace("b2", "clearance"), [(16, 19, "reserved_id")]),
    (GOOD + SECOND_LANE + "    tag_reader: {id: r2, port: /dev/ttyUSB0}\n", [(19, 32, "duplicate_port")]),
    (GOOD + "    must_match: [tag, tag]\n", [(14, 23, "duplicate_value")]),
    (changed("reads: [plate]", "reads: [plate, plate]"), [(11, 73, "duplicate_value")]),
    (changed("reads: [plate]", "reads: [plate, vehicle]"), [(11, 65, "vehicle_without_container")]),
    (changed("port: /dev/ttyUSB0", "port: /dev/t, antennas: [1, 1]"), [(13, 54, "duplicate_value")]),
    (changed(f"    {READER}\n", ""), [(7, 5, "no_device_for")]),
    (GOOD + "    must_match: [rear_plate]\n", [(14, 18, "no_device_for")]),
    (changed("place: front, reads: [plate]", "place: rear, reads: [plate]"), [(7, 5, "no_device_for")]),
    (changed("reads: [container]", "reads: [plate]"), [(7, 5, "no_device_for")]),
    (changed("host: 10.0.0.1", "host: h, poll_ms: 100") + "    timing: {sample_max_age_ms: 60}\n",
     [(14, 33, "shorter_than_poll")]),
    (changed("reads: [plate]", "reads: [plate], frames_needed: 3, frames_max: 2"), [(11, 104, "frames_max_too_small")]),
    (changed("reads: [plate]", "reads: [plate], password_file: /p"), [(11, 89, "password_without_user")]),
    (changed("reads: [plate]", "reads: [plate], auth: basic"), [(11, 80, "auth_without_user")]),
    (changed("http://10.0.0.3/a", "https://10.0.0.3/a"), [(12, 23, "https_without_trust")]),
    (
        changed("reads: [container]", f"reads: [container], ca_file: /c, certificate_sha256: '{'0a' * 32}'"),
        [(12, 86, "trust_without_https"), (12, 110, "trust_without_https")],
    ),
    (
        changed("reads: [container]", "reads: [container], certificate_sha256: '0a:0b'"),
        [(12, 97, "bad_certificate_digest")],
    ),
    (GOOD + "broker: {password_file: /p}\n", [(14, 25, "password_without_user")]),
    (GOOD + "broker: {tls: {ca_file: /c, key_file: /k}}\n", [(14, 15, "key_without_certificate")]),
    (GOOD + "    limited_offline: {authority: port}\n", [(14, 34, "unknown_authority")]),
    (GOOD + "    handheld: {authority: port}\n", [(14, 27, "unknown_authority")]),
    (GOOD + "    handheld: {authority: customs, answer_s: 9}\n", [(14, 46, "out_of_range")]),
    (GOOD + "quorum_of: 1\n", [(14, 12, "quorum_unused")]),
    (GOOD + "join: quorum\n", [(14, 7, "quorum_missing")]),
    (GOOD + "join: quorum\nquorum_of: 2\n", [(15, 12, "quorum_too_large")]),
    (GOOD + "    sampling: {authority: port}\n", [(14, 27, "unknown_authority")]),
    (GOOD + "    limited_offline: {authority: port}\n", [(14, 34, "unknown_authority")]),
    (GOOD + "    sampling: {authority: customs, without_plan: pass}\n", [(14, 50, "not_allowed")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), BROKEN, ids=[f"{i}-{e[0][2]}" for i, (_, e) in enumerate(BROKEN)])
def test_each_error_has_its_place_and_code(text: str, expected: list[tuple[int, int, str]]) -> None:
    assert places(text) == expected


def test_every_error_comes_at_once_in_the_order_of_the_file() -> None:
    text = changed("direction: in", "direction: im").replace("site: north", "site: a b") + "nonsense: 1\n"
    assert places(text) == [(1, 7, "bad_id"), (8, 16, "not_allowed"), (14, 1, "unknown_key")]


@pytest.mark.parametrize(
    ("text", "zh", "en"),
    [
        (GOOD + "broker: {hosst: x}\n", "是否想写 'host'?", "did you mean 'host'?"),
        (GOOD + "broker: {mqtt_version: 5}\n", '请加引号写作 "5"', 'put it in quotes: "5"'),
        (GOOD + "    simulated: on\n", "只是文本", "only text here"),
        (changed("direction: in", "direction: Out"), "'out'", "did you mean 'out'?"),
        (with_map("registers: {heartbeat: 40001}"), "请写 holding:0", "write holding:0"),
        (with_map("registers: {heartbeat: '00001'}"), "线上地址是 coil:0", "is coil:0, and table holding"),
        (changed("host: 10.0.0.1", 'host: h, port: "502"'), "请去掉引号", "remove the quotes"),
        (changed("reads: [plate]", "reads: plate"), "写作 ['plate']", "as ['plate']"),
        (changed(f"    {READER}\n", ""), "must_match", "leave it out of must_match"),
    ],
)
def test_hints_say_what_to_write_in_both_languages(text: str, zh: str, en: str) -> None:
    (problem,) = problems(text)
    assert zh in problem.render("zh")
    assert en in problem.render("en")
    assert str(problem).splitlines() == [problem.render("zh"), problem.render("en")]


def test_a_message_carries_place_key_value_and_expectation() -> None:
    (problem,) = problems(changed("direction: in", "direction: im"))
    assert problem.key_path == "lanes[0].direction"
    assert problem.render("en").startswith("lane.yaml:8:16: lanes[0].direction: got 'im', expected one of in, out")


def test_a_password_in_an_address_is_not_repeated() -> None:
    (problem,) = problems(changed('"http://10.0.0.2/a"', '"http://u:hunter2@h/a"'))
    assert "hunter2" not in str(problem)


def test_long_and_undecodable_values_stay_on_one_short_line() -> None:
    (problem,) = problems(changed("id: in-1", f'id: "{"x" * 500}\\n"'))
    assert len(problem.value) <= 60
    assert "\n" not in problem.value


def test_aliases_cannot_multiply_a_small_file() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    document = parse("\n".join(lines))
    assert [flaw.code for flaw in document.flaws] == ["too_complex"]
    assert len(document.values) <= MAX_NODES + 1


def test_an_alias_into_itself_ends() -> None:
    assert places("&a {site: *a}\n")[0][2] in {"too_complex", "wrong_type", "missing_key"}


def test_yaml_booleans_of_old_are_text() -> None:
    assert parse("a: [yes, no, on, off, true, False, ~, '1', 010, 0x1f, 1e3, .nan, 2026-01-01]").data == {
        "a": ("yes", "no", "on", "off", True, False, None, "1", 10, "0x1f", 1000.0, ".nan", "2026-01-01")
    }


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text_gives_problems_and_never_raises(text: str) -> None:
    result = load_text(text)
    assert isinstance(result, list)
    assert result
    for problem in result:
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.render("zh")


SPELLINGS = ["\n  ", ": ", "- ", "a", "site", "lanes", "&x ", "*x", "<<", "!!int ", "1", "%YAML 1.1\n---\n", "&x a\n"]
YAML_TOKENS = st.sampled_from([*"[]{}:,-?&*!|>'\"%@`#~\n\t ", *SPELLINGS])


@settings(max_examples=300, deadline=None)
@given(st.lists(YAML_TOKENS, max_size=40).map("".join))
def test_any_yaml_like_text_never_raises(text: str) -> None:
    assert isinstance(load_text(text), list)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(GOOD)), st.integers(0, 30), st.text(max_size=8))
def test_any_edit_of_a_good_file_gives_a_result(start: int, length: int, inserted: str) -> None:
    result = load_text(GOOD[:start] + inserted + GOOD[start + length :])
    assert isinstance(result, Configuration) or result


@settings(max_examples=50, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes_in_a_file_never_raise(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("config") / "lane.yaml"
    path.write_bytes(content)
    assert load(path)


@pytest.mark.parametrize(
    ("content", "line", "column", "code", "hint"),
    [
        ("site: x\nname: 卡口\n".encode("gb18030"), 2, 7, "bad_encoding", "GB18030"),
        (b"a: \xff\xff\xff", 1, 4, "bad_encoding", "UTF-8"),
        (b"#" * (MAX_BYTES + 1), 1, 1, "file_too_large", None),
    ],
)
def test_a_file_that_is_no_text(
    tmp_path: Path, content: bytes, line: int, column: int, code: str, hint: str | None
) -> None:
    path = tmp_path / "lane.yaml"
    path.write_bytes(content)
    result = load(path)
    assert isinstance(result, list)
    (problem,) = result
    assert (problem.line, problem.column, problem.code) == (line, column, code)
    assert hint is None or (problem.hint is not None and hint in problem.hint.en)


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, code in (
        (tmp_path / "pipe", "file_not_regular"),
        (Path("/dev/null"), "file_not_regular"),
        (tmp_path / "none", "file_missing"),
        (tmp_path, "file_unreadable"),
        (Path("a\0b"), "file_unreadable"),
    ):
        result = load(path)
        assert isinstance(result, list)
        assert [problem.code for problem in result] == [code]


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_examples_are_valid(example: Path) -> None:
    result = load(example)
    assert isinstance(result, Configuration), [str(problem) for problem in result]


def test_there_are_examples() -> None:
    assert {path.name for path in EXAMPLES.glob("*.yaml")} >= {"demo.yaml", "lane.yaml"}


def test_relative_paths_are_beside_the_file_and_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    text = changed("/s", "state").replace("/dev/ttyUSB0", "./reader")
    (tmp_path / "lane.yaml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    config = load(tmp_path / "lane.yaml")
    assert isinstance(config, Configuration)
    assert config.state_dir == tmp_path / "state"
    assert config.keys_dir == Path("/k")
    assert config.control_socket_path == tmp_path / "state" / "control.sock"
    assert config.lanes[0].tag_reader is not None
    assert config.lanes[0].tag_reader.port == str(tmp_path / "reader")
    assert loaded(changed("/s", "state")).state_dir == Path("state")
    assert loaded(GOOD + "control_socket: /run/k.sock\n").control_socket_path == Path("/run/k.sock")


def test_effective_values_say_where_they_came_from() -> None:
    text = with_map(f"signals: {{{SIGNALS}'discrete:3'}}")
    values = {path: (value, origin) for path, value, origin in effective(loaded(text))}
    assert values["site"] == ("north", "lane.yaml:1")
    assert values["broker.port"] == (1883, "default")
    assert values["lanes[0].barrier.map.signals.boom_down.address"] == ("discrete:3", "lane.yaml:12")
    assert values["lanes[0].barrier.map.signals.boom_down.inverted"] == (False, "default")
    assert values["lanes[0].must_match[2]"] == ("tag", "default")


def test_a_configuration_is_frozen_and_its_signals_are_the_cores() -> None:
    config = loaded(GOOD)
    with pytest.raises(ValueError, match="frozen"):
        config.site = "other"  # type: ignore[misc]
    assert set(SignalMap.model_fields) == set(SIGNAL_NAMES)


def test_a_socket_port_stays_as_it_is() -> None:
    config = loaded(changed("port: /dev/ttyUSB0", "port: 'socket://10.0.0.5:4001'"))
    assert config.lanes[0].tag_reader is not None
    assert config.lanes[0].tag_reader.port == "socket://10.0.0.5:4001"


def test_quorum_and_hardware_pulse_are_accepted() -> None:
    text = with_map("hardware_pulse: true") + "join: quorum\nquorum_of: 1\n"
    assert loaded(text).quorum_of == 1
