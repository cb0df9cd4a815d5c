"""Cameras that give pictures and cameras that tell events: what is given for the other sort is told."""

import pytest

from config.loader import load_text
from config.schema import Configuration
from edge.packages import packages_of
from tests.config.test_loader import GOOD, loaded, problems

FRONT = '{id: c1, url: "http://10.0.0.2/a", place: front, reads: [plate]}'
STREAM = '{{driver: onvif_camera, id: c1, url: "rtsp://10.0.0.2/a", place: front, reads: [plate]{}}}'
EVENTS = '{{driver: isapi_camera, id: c1, url: "http://10.0.0.2", place: front, reads: [plate]{}}}'

PUSHES = '{{driver: isapi_push, id: c1, url: "http://127.0.0.1:8601", place: front, reads: [plate], spool: s{}}}'


def with_camera(text: str) -> str:
    assert GOOD.count(FRONT) == 1
    return GOOD.replace(FRONT, text)


def test_a_camera_that_tells_events_has_its_own_keys() -> None:
    camera = loaded(with_camera(EVENTS.format(", silent_ms: 60000, late_ms: 5000"))).lanes[0].cameras[0]
    assert (camera.driver, camera.tells_events, camera.silent_ms, camera.late_ms) == (
        "isapi_camera",
        True,
        60_000,
        5_000,
    )
    usual = loaded(GOOD).lanes[0].cameras[0]
    assert (usual.driver, usual.tells_events, usual.silent_ms, usual.late_ms) == ("http_camera", False, 30_000, 3_000)


def test_a_camera_that_tells_plates_beside_its_stream_has_the_keys_of_both() -> None:
    told = STREAM.format(", poll_ms: 200, silent_ms: 60000, late_ms: 5000")
    camera = loaded(with_camera(told)).lanes[0].cameras[0]
    assert (camera.driver, camera.tells_events, camera.poll_ms, camera.silent_ms) == (
        "onvif_camera",
        False,
        200,
        60_000,
    )


@pytest.mark.parametrize(
    ("camera", "code", "value"),
    [
        (STREAM.format(", mode: mjpeg"), "not_for_driver", "mjpeg"),
        (STREAM.format("").replace("rtsp://", "http://"), "bad_url", "http://10.0.0.2/a"),
        (EVENTS.format(", mode: mjpeg"), "not_for_driver", "mjpeg"),
        (EVENTS.format(", poll_ms: 100"), "not_for_driver", "100"),
        (FRONT.replace("}", ", silent_ms: 60000}"), "not_for_driver", "60000"),
        (FRONT.replace("}", ", late_ms: 5000}"), "not_for_driver", "5000"),
        (EVENTS.format(", silent_ms: 10"), "out_of_range", "10"),
        (EVENTS.format(", peers: [10.0.0.3]"), "not_for_driver", "peers"),
        (EVENTS.format(", spool: s"), "not_for_driver", "s"),
        (PUSHES.format(", peers: [camera]"), "bad_ip_address", "camera"),
        (PUSHES.format(", peers: []"), "wrong_length", "peers"),
        (PUSHES.format(", user: admin"), "missing_for_driver", "isapi_push"),
        (PUSHES.format(", password_file: p"), "password_without_user", "p"),
        (PUSHES.format(", auth: basic"), "auth_without_user", "basic"),
        (PUSHES.format(", certificate_sha256: " + "ab" * 32), "trust_without_https", "ab"),
        (PUSHES.format("").replace("http://", "https://"), "bad_url", "https"),
        (PUSHES.format("").replace(", spool: s", ""), "missing_for_driver", "isapi_push"),
        (EVENTS.format("").replace("isapi_camera", "isapi_camara"), "not_allowed", "isapi_camara"),
        (EVENTS.format("").replace("http://", "https://"), "https_without_trust", "https"),
    ],
)
def test_what_is_given_in_vain_is_named_with_its_place(camera: str, code: str, value: str) -> None:
    (problem,) = problems(with_camera(camera))
    assert problem.line == GOOD[: GOOD.index(FRONT)].count("\n") + 1
    assert (problem.code, value in problem.render("en"), value in problem.render("zh")) == (code, True, True)


def test_what_is_given_as_it_is_anyway_is_borne() -> None:
    assert isinstance(
        load_text(with_camera(EVENTS.format(", mode: snapshot, poll_ms: 500")), "lane.yaml"), Configuration
    )


def test_a_camera_of_a_package_takes_the_keys_of_either_sort() -> None:
    package = "driver: package, package: {distribution: acme, version: 1.2.0, entry_point: eye}"
    written = FRONT.replace("}", f", {package}, mode: mjpeg, silent_ms: 60000}}")
    ((key, named),) = packages_of(loaded(with_camera(written)))
    assert (key, named.entry_point, named.options) == ("lanes[0].cameras[0].package", "eye", {})


def test_a_camera_that_pushes_is_told_who_may_and_where_it_waits() -> None:
    camera = loaded(with_camera(PUSHES.format(", peers: [10.0.0.3, fe80::1]"))).lanes[0].cameras[0]
    assert (camera.pushes, camera.tells_events, camera.peers) == (True, True, ("10.0.0.3", "fe80::1"))
    assert camera.spool is not None
    assert loaded(with_camera(PUSHES.format(""))).lanes[0].cameras[0].peers == ("127.0.0.1",)


def test_two_cameras_never_share_a_port_or_a_spool() -> None:
    again = PUSHES.format("").replace("c1", "c9")
    assert [one.code for one in problems(with_camera(PUSHES.format("") + f"\n      - {again}"))] == [
        "duplicate_port"
    ] * 2
