"""The head of a push: what is taken, and with which words the others are refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.kit.push.head import PushHead, PushRefusedError, encode_answer, encode_push, parse_head


def head(*lines: str, first: str = "POST /events HTTP/1.1") -> bytes:
    return "\r\n".join([first, *lines, "", ""]).encode("latin-1")


LENGTH = "Content-Length: 12"


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (head(LENGTH, "Content-Type: application/xml"), "/"),
        (head("content-length:12", "CONTENT-TYPE :  application/xml  "), "/events"),
        (head(LENGTH, LENGTH, "Content-Type: application/xml", first="PUT /events?x=1 HTTP/1.0"), "/events"),
        (head(LENGTH, "Content-Type: application/xml", first="POST http://10.0.0.1:8601/events HTTP/1.1"), "/events"),
    ],
)
def test_what_devices_send_is_taken(raw: bytes, path: str) -> None:
    assert parse_head(raw, path=path, most_bytes=12) == PushHead(
        "application/xml", 12, False, raw.split()[0].decode(), raw.split()[1].decode(), ends=b"HTTP/1.0" in raw
    )


def test_who_waits_for_leave_is_told_apart() -> None:
    assert parse_head(head(LENGTH, "Expect: 100-Continue"), path="/", most_bytes=12).waits


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
        (head(LENGTH, first="POST /events HTTP/2.0"), 400),
        (head(LENGTH, first="POST  /events HTTP/1.1"), 400),
        (head(LENGTH, "no header"), 400),
        (head(LENGTH, "Content-Length: 13"), 400),
        (head("Content-Length: -1"), 400),
        (head("Content-Length: 12, 12"), 400),
        (head(LENGTH, first="POST http://[/events HTTP/1.1"), 404),
        (head(LENGTH, first="POST /other HTTP/1.1"), 404),
        (head(LENGTH, first="GET /events HTTP/1.1"), 405),
        (head(), 411),
        (head("Transfer-Encoding: chunked"), 411),
        (head(LENGTH, "Transfer-Encoding: chunked"), 411),
        (head("Content-Length: 13"), 413),
        (head("Content-Length: 999999999999"), 413),
    ],
)
@pytest.mark.hazard("D14")
def test_what_is_none_is_refused_with_its_status(raw: bytes, status: int) -> None:
    with pytest.raises(PushRefusedError) as refused:
        parse_head(raw, path="/events", most_bytes=12)
    assert refused.value.status == status
    assert refused.value.reason


@given(st.binary(max_size=300))
@pytest.mark.hazard("D14")
def test_any_bytes_raise_nothing_but_a_refusal(raw: bytes) -> None:
    for one in (raw, raw + b"\r\n\r\n", b"POST / HTTP/1.1\r\n" + raw + b"\r\n\r\n"):
        with contextlib.suppress(PushRefusedError):
            assert parse_head(one, path="/", most_bytes=100).length <= 100


def test_what_a_simulator_sends_and_an_answer_are_http() -> None:
    raw, _, body = encode_push("/events", "text/plain", b"words").partition(b"\r\n\r\n")
    expected = PushHead("text/plain", 5, False, target="/events")
    assert parse_head(raw + b"\r\n\r\n", path="/events", most_bytes=5) == expected
    assert body == b"words"
    assert encode_answer(200).startswith(b"HTTP/1.1 200 OK\r\n")
    assert encode_answer(507, "the disk is full").endswith(
        b"Content-Length: 17\r\nConnection: close\r\n\r\nthe disk is full\n"
    )
