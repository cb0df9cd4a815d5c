"""Devices on serial lines: each has its own name and its own port, and what it is set to is checked."""

import pytest

from edge.packages import packages_of
from tests.config.test_loader import GOOD, loaded, problems

SIGN = "    sign: {id: s1, port: /dev/ttyUSB1}\n"
VOICE = '    voice: {id: v1, port: "socket://10.0.0.4:4001", volume: 60}\n'
CARDS = "    driver_identity: {{id: d1, port: /dev/ttyUSB4, {}}}\n"
SEALS = "    seal_reader: {{id: e1, {}}}\n"
PUSHING = "    container_engine: {{id: o1, driver: ocr_push, {}}}\n"
OF_PACKAGE = (
    "    container_engine: {{id: o1, driver: package, package: {{distribution: d, version: '1', entry_point: e}}{}}}\n"
)
ENGINE = "    container_engine: {{id: o1, port: 'socket://10.0.0.9:7000', {}}}\n"
SCALE = "    weighbridge: {{id: w1, port: /dev/ttyUSB3, {}}}\n"


@pytest.mark.parametrize(
    "fitting",
    [
        "driver: toledo_continuous, checksum: false",
        "driver: toledo_short, data_bits: 7, parity: even",
        "driver: yaohua_reversed, unit: t, tolerance_kg: 20",
    ],
)
def test_a_lane_has_a_scale_whose_weight_it_may_demand(fitting: str) -> None:
    lane = loaded(GOOD + SCALE.format(fitting) + "    must_match: [front_plate, weight]\n").lanes[0]
    assert lane.weighbridge is not None
    assert (lane.weighbridge.stable_readings, lane.weighbridge.min_kg) == (5, 500)
    assert [key for key, _ in lane.on_lines] == ["tag_reader", "weighbridge"]


def test_a_lane_has_a_reader_of_drivers_whom_it_may_demand() -> None:
    fitting = "driver: card_stx, medium: qr, check: gb11643, heartbeat: ALIVE, prefix: 'ID:'"
    lane = loaded(GOOD + CARDS.format(fitting) + "    must_match: [front_plate, driver]\n").lanes[0]
    assert lane.driver_identity is not None
    assert (lane.driver_identity.least_characters, lane.driver_identity.heartbeat_s) == (4, 5)
    assert [key for key, _ in lane.on_lines] == ["tag_reader", "driver_identity"]


def test_a_lane_has_a_reader_of_seals_on_a_line_or_at_an_address() -> None:
    lane = loaded(GOOD + SEALS.format("port: /dev/ttyUSB5") + "    must_match: [front_plate, seals]\n").lanes[0]
    assert ([key for key, _ in lane.on_lines], lane.over_http) == (["tag_reader", "seal_reader"], ())
    lane = loaded(GOOD + SEALS.format("driver: seal_http, url: http://10.0.0.6/seals")).lanes[0]
    assert [key for key, _ in lane.on_lines] == ["tag_reader"]
    assert [(path, reader.url) for path, reader in lane.over_http] == [(("seal_reader",), "http://10.0.0.6/seals")]


def test_an_engine_that_pushes_is_told_where_and_waits_in_a_file() -> None:
    lane = loaded(GOOD + PUSHING.format("url: http://10.0.0.1:8602/codes, spool: s, peers: [10.0.0.9]")).lanes[0]
    ((path, engine),) = lane.over_http
    assert (path, engine.url) == (("container_engine",), "http://10.0.0.1:8602/codes")
    assert lane.container_engine is engine
    assert lane.container_engine.pushes
    assert (lane.container_engine.peers, lane.container_engine.spool is not None) == (("10.0.0.9",), True)


def test_an_engine_of_a_package_is_on_a_line_or_at_an_address() -> None:
    for where, over_http in ((", port: /dev/ttyUSB5", 0), (", url: 'https://10.0.0.9/'", 1)):
        lane = loaded(GOOD + OF_PACKAGE.format(where)).lanes[0]
        assert len(lane.over_http) == over_http


def test_a_lane_without_container_cameras_may_demand_containers_of_an_engine() -> None:
    bare = GOOD.replace('      - {id: c2, url: "http://10.0.0.3/a", place: left, reads: [container]}\n', "")
    demand = "    must_match: [front_plate, containers]\n"
    assert [one.code for one in problems(bare + demand)] == ["no_device_for"]
    lane = loaded(bare + demand + ENGINE.format("min_confidence: 0.9")).lanes[0]
    assert lane.container_engine is not None
    assert (lane.container_engine.min_confidence, lane.container_engine.heartbeat_s) == (0.9, 2)
    assert [key for key, _ in lane.on_lines] == ["tag_reader", "container_engine"]


def test_a_lane_has_a_sign_and_a_voice_or_none() -> None:
    bare = loaded(GOOD).lanes[0]
    assert (bare.sign, bare.voice, [key for key, _ in bare.on_lines]) == (None, None, ["tag_reader"])
    lane = loaded(GOOD + SIGN + VOICE).lanes[0]
    named = [(key, device.id) for key, device in lane.on_lines]
    assert named == [("tag_reader", "r1"), ("sign", "s1"), ("voice", "v1")]
    assert lane.sign is not None
    assert lane.voice is not None
    assert (lane.sign.driver, lane.sign.baud, lane.sign.address) == ("led_serial", 9600, 1)
    assert (lane.voice.driver, lane.voice.address, lane.voice.volume) == ("voice_serial", 2, 60)


ACME = "driver: package, package: {distribution: acme, version: 1.2.0, entry_point: e, options: {table: 3, on: true}}"


@pytest.mark.parametrize(
    "device",
    [
        SCALE.format(ACME + ", unit: t, checksum: false"),
        CARDS.format(ACME),
        SEALS.format(ACME + ", port: /dev/ttyUSB5, url: https://10.0.0.6/"),
        ENGINE.format(ACME),
        SIGN.replace("}", f", {ACME}}}"),
        VOICE.replace("}", f", {ACME}}}"),
    ],
)
def test_a_device_of_a_package_has_options_of_its_own_and_is_judged_by_its_driver(device: str) -> None:
    ((key, package),) = packages_of(loaded(GOOD + device))
    assert (key, package.version) == (f"lanes[0].{device.split(':')[0].strip()}.package", "1.2.0")
    assert package.options == {"table": 3, "on": True}


@pytest.mark.parametrize(
    ("options", "code", "path"),
    [
        ("{a: null}", "bad_option", ".a"),
        ("{a: [1]}", "bad_option", ".a"),
        ("{a: {b: 1}}", "bad_option", ".a"),
        ("{a: 1e999}", "bad_option", ".a"),
        (f"{{a: {'x' * 1_001}}}", "bad_option", ".a"),
        ('{"a\\nb": 1}', "bad_id", ""),
        ("[1]", "wrong_type", ""),
    ],
)
def test_an_option_is_a_plain_value_and_what_is_none_is_told_once(options: str, code: str, path: str) -> None:
    found = problems(GOOD + SIGN.replace("}", f", {ACME}}}").replace("{table: 3, on: true}", options))
    assert [one.code for one in found] == [code]
    assert f"lanes[0].sign.package.options{path}" in found[0].key_path
    assert "\n" not in found[0].render("zh")
    assert "Input" not in found[0].render("zh")


@pytest.mark.parametrize(
    ("more", "code", "value"),
    [
        ("    sign: {id: s1, port: /dev/ttyUSB1, driver: package}\n", "package_incomplete", "package"),
        (SCALE.format(ACME + ", data_bits: 7"), "no_parity", "none"),
        ("    sign: {id: s1, port: /dev/ttyUSB0}\n", "duplicate_port", "/dev/ttyUSB0"),
        ("    voice: {id: r1, port: /dev/ttyUSB1}\n", "duplicate_id", "r1"),
        ("    sign: {id: clearance, port: /dev/ttyUSB1}\n", "reserved_id", "clearance"),
        ('    sign: {id: s1, port: "socket://nowhere"}\n', "bad_port", "socket://nowhere"),
        ("    sign: {id: s1, port: /dev/ttyUSB1, baud: 9601}\n", None, "9601"),
        ("    sign: {id: s1, port: /dev/ttyUSB1, address: 255}\n", None, "255"),
        ("    sign: {id: s1, port: /dev/ttyUSB1, driver: led_seral}\n", None, "led_seral"),
        ("    voice: {id: v1, port: /dev/ttyUSB1, volume: 101}\n", None, "101"),
        (SCALE.format("checksum: false"), "not_for_driver", "false"),
        (SCALE.format("driver: toledo_short, unit: t"), "not_for_driver", "t"),
        (SCALE.format("driver: yaohua_ascii, unit: t"), "not_for_driver", "t"),
        (SCALE.format("data_bits: 7"), "no_parity", "none"),
        (SCALE.format("stable_readings: 4"), None, "4"),
        (SCALE.format("unit: lb"), "not_allowed", "lb"),
        ("    weighbridge: {id: w1, port: /dev/ttyUSB0}\n", "duplicate_port", "/dev/ttyUSB0"),
        (CARDS.format("data_bits: 7"), "no_parity", "none"),
        (CARDS.format("least_characters: 5, most_characters: 4"), "least_above_most", "5"),
        (CARDS.format("check: gb11643, most_characters: 17"), "not_for_check", "gb11643"),
        (CARDS.format("check: gb11643, characters: digits"), "not_for_check", "gb11643"),
        (CARDS.format("prefix: 证"), "bad_text", "证"),
        (CARDS.format('heartbeat: "A\\tB"'), "bad_text", "A"),
        (SEALS.format("driver: seal_http"), "missing_for_driver", "seal_http"),
        (SEALS.format("url: http://10.0.0.6/"), "missing_for_driver", "seal_serial"),
        (SEALS.format("port: /dev/ttyUSB5, url: http://10.0.0.6/"), "not_for_driver", "http://10.0.0.6/"),
        (SEALS.format("driver: seal_http, url: http://10.0.0.6/, port: /dev/x"), "not_for_driver", "/dev/x"),
        (SEALS.format("driver: seal_http, url: https://10.0.0.6/"), "not_for_driver", "https://10.0.0.6/"),
        (SEALS.format(ACME), "missing_for_driver", "package"),
        ("    seal_reader: {id: r1, driver: seal_http, url: http://10.0.0.6/}\n", "duplicate_id", "r1"),
        ("    must_match: [front_plate, seals]\n", "no_device_for", "seals"),
        (ENGINE.format("min_confidence: 1.1"), None, "1.1"),
        (ENGINE.format("spool: s"), "not_for_driver", "s"),
        (ENGINE.format("peers: [10.0.0.3]"), "not_for_driver", "peers"),
        ("    container_engine: {id: o1}\n", "missing_for_driver", "ocr_lines"),
        (OF_PACKAGE.format(""), "missing_for_driver", "package"),
        (PUSHING.format("spool: s"), "missing_for_driver", "ocr_push"),
        (PUSHING.format("url: http://10.0.0.1:8602/"), "missing_for_driver", "ocr_push"),
        (PUSHING.format("url: https://10.0.0.1:8602/, spool: s"), "not_for_driver", "https://10.0.0.1:8602/"),
        (PUSHING.format("url: http://10.0.0.1/, spool: s, port: /dev/x"), "not_for_driver", "/dev/x"),
        (PUSHING.format("url: http://10.0.0.1/, spool: s, peers: [a]"), "bad_ip_address", "a"),
        (PUSHING.format("url: http://10.0.0.1/, spool: s, user: u"), "missing_for_driver", "ocr_push"),
        (PUSHING.format("url: http://10.0.0.1/, spool: s, password_file: p"), "missing_for_driver", "ocr_push"),
        (PUSHING.format("url: http://10.0.0.1/, spool: s, auth: basic"), "auth_without_user", "basic"),
        (ENGINE.format("user: u"), "not_for_driver", "u"),
        ("    must_match: [front_plate, driver]\n", "no_device_for", "driver"),
        ("    must_match: [front_plate, weight]\n", "no_device_for", "weight"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(more: str, code: str | None, value: str) -> None:
    (problem,) = problems(GOOD + more)
    assert problem.line == GOOD.count("\n") + 1
    assert value in problem.render("en")
    assert code in (None, problem.code)
