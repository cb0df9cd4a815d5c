"""What a seal reader answers over HTTP, against written-down answers, wrong ones among them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.kit.http import HttpAnswer, encode_get, parse_answer
from drivers.seal_http.wire import decode_seals, encode_seals
from edge.core.readings import Seal

DOCUMENTED = b'{"seals": [{"id": "CNSEAL0001", "locked": true, "openings": 3, "battery_percent": 87}]}'
GOOD: dict[str, Any] = {"id": "S1", "locked": True}


def test_the_documented_answer() -> None:
    assert decode_seals(DOCUMENTED) == (Seal("CNSEAL0001", True, 3, 87),)
    assert encode_seals([Seal("CNSEAL0001", True, 3, 87)]) == DOCUMENTED
    assert decode_seals(b'{"seals": [], "reader": "x"}') == ()
    assert decode_seals(b'{"seals": [{"id": "S1", "locked": null}]}') == (Seal("S1", None),)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""}, {"id": "S 1"}, {"id": "S|1"}, {"id": "x" * 65}, {"id": 1}, {"id": "锁"}, {"locked": 1},
        {"locked": "yes"}, {"openings": -1}, {"openings": 65_536}, {"openings": True}, {"openings": 1.0},
        {"openings": "3"}, {"battery_percent": 101},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_wrong_anywhere_makes_the_whole_answer_none(changes: dict[str, Any]) -> None:
    assert decode_seals(json.dumps({"seals": [GOOD | changes]}).encode()) is None
    assert decode_seals(json.dumps({"seals": [{"id": "S0", "locked": True}, GOOD | changes]}).encode()) is None


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b'{"seals": {}}', b'{"seals": [1]}', b'{"seals": [{"id": "S1"}]}',
        b'{"seals": [{"id": "S1", "locked": true}, {"id": "S1", "locked": true}]}',
        b'{"seals": [{"id": "S1", "locked": true, "locked": false}]}', b'{"seals": [], "x": NaN}', b"\xff",
        b"[" * 9_999,
        json.dumps({"seals": [{"id": f"S{number}", "locked": True} for number in range(17)]}).encode(),
    ],
)  # fmt: skip
def test_what_is_of_another_form_is_none(body: bytes) -> None:
    assert decode_seals(body) is None


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything(data: bytes) -> None:
    assert decode_seals(data) is None
    parse_answer(data)
    parse_answer(b"HTTP/1.1 200 OK\r\n" + data)


def test_a_question_names_path_and_host() -> None:
    assert encode_get("http://10.0.0.6:8080/a?b=c") == (
        b"GET /a?b=c HTTP/1.1\r\nHost: 10.0.0.6:8080\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    )
    assert encode_get("http://10.0.0.6").startswith(b"GET / HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", HttpAnswer(200, b"{}")),
        (b"HTTP/1.0 404\r\n\r\nno", HttpAnswer(404, b"no")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}", None),
        (b"HTTP/1.1 200 OK\r\n", None),
        (b"HTTP/2 200\r\n\r\n", None),
        (b"", None),
    ],
)
def test_an_answer_is_whole_or_none(raw: bytes, answer: HttpAnswer | None) -> None:
    assert parse_answer(raw) == answer
