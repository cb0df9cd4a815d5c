import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clearance.strict_json import MAX_DEPTH, MAX_INTEGER, StrictJsonError, parse_object

REFUSED = {
    "byte_order_mark": [b'\xef\xbb\xbf{"a":1}'],
    "not_utf8": [
        b'{"a":"\xff"}',
        b'{"a":"\xc0\xaf"}',
        b'{"a":"\xed\xa0\x80"}',
        '{"a":1}'.encode("utf-16-le") + b"\xff",
    ],
    "too_deep": [b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), b"[" * 16000, b'{"a":' * 3000],
    "duplicate_key": [b'{"a":1,"a":1}', b'{"a":{"b":1,"b":2}}', b'{"a":1,"\\u0061":2}'],
    "number": [
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":9007199254740993}',
        b'{"a":-9007199254740993}',
        b'{"a":' + b"9" * 10_000 + b"}",
        b'{"a":1.' + b"0" * 100 + b"}",
    ],
    "syntax": [
        b"",
        b" ",
        b"{",
        b'{"a":1} x',
        b'{"a":1}{"a":1}',
        b"{'a':1}",
        b'{"a":01}',
        b'{"a":1,}',
        b'{"a":"\n"}',
        b'{"a":undefined}',
        b'{"a":"' + b'\\"' * 8000,
    ],
    "not_an_object": [b"[]", b"1", b'"a"', b"null", b"true"],
    "text": [b'{"a":"\\ud800"}', b'{"\\udfff":1}', b'{"a":["\\u0000"]}'],
}


@pytest.mark.parametrize(
    ("reason", "raw"),
    [pytest.param(reason, raw, id=f"{reason}-{n}") for reason, many in REFUSED.items() for n, raw in enumerate(many)],
)
@pytest.mark.hazard("S3", "S8")
def test_refuses_within_bounded_time(reason: str, raw: bytes) -> None:
    began_s = time.process_time()
    with pytest.raises(StrictJsonError) as refusal:
        parse_object(raw)
    assert refusal.value.reason == reason
    assert time.process_time() - began_s < 0.05


def test_accepts_plain_objects() -> None:
    found = parse_object('{"a":[1,2.5,null,true,"沪A","]}{"],"b":{"c":-3}}'.encode())
    assert found == {"a": [1, 2.5, None, True, "沪A", "]}{"], "b": {"c": -3}}
    assert parse_object(b'{"a":%d}' % MAX_INTEGER) == {"a": MAX_INTEGER}
    deepest = b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH
    assert parse_object(deepest)
    assert parse_object(deepest[:-1] + b',"b":{"[":[]}}')


@given(st.binary(max_size=300))
def test_any_bytes_are_an_object_or_refused(raw: bytes) -> None:
    with contextlib.suppress(StrictJsonError):
        assert isinstance(parse_object(raw), dict)
