"""The lines of a container engine, against those of the README, wrong ones among them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ocr_lines.wire import ALIVE, MOST_AGE_MS, EngineDecoder, Told, decode_result, encode
from edge.core.container import Container
from edge.core.readings import ToldBox
from tests.support.sources import ROOT

BOX: dict[str, Any] = {"code": "CSQU3054383", "confidence": 0.98, "size_type": "22G1", "place": "front"}
RESULT: dict[str, Any] = {"id": "7", "age_ms": 850, "boxes": [BOX], "picture": "portal/7.jpg"}
TOLD = Told("7", 850, (ToldBox(Container("CSQU3054383", "verified", "22G1"), 0.98, "front"),), "portal/7.jpg")


def read(said: dict[str, Any]) -> list[Told]:
    return EngineDecoder().feed(encode(said))


def test_the_documented_lines() -> None:
    text = (ROOT / "drivers" / "ocr_lines" / "README.md").read_text(encoding="utf-8")
    lines = [line.encode() for line in text.splitlines() if line.startswith("{") and "*" in line]
    assert EngineDecoder().feed(b"\r\n".join(lines) + b"\r\n") == [TOLD, ALIVE]
    assert [encode(RESULT), encode({"alive": True})] == [line + b"\r\n" for line in lines]


@pytest.mark.parametrize(
    ("text", "code", "check", "repaired"),
    [
        ("CSQU3054383", "CSQU3054383", "verified", False),
        ("csqu 305438 3", "CSQU3054383", "verified", False),
        ("CSQU3O54383", "CSQU3054383", "verified", True),
        ("CSQU3054388", "CSQU3054388", "failed", False),
        ("CSQU305438", "CSQU3054383", "inferred", False),
    ],
)
def test_a_code_is_checked_as_our_own_whatever_the_engine_says_of_it(
    text: str, code: str, check: str, repaired: bool
) -> None:
    (told,) = read(RESULT | {"boxes": [{"code": text, "confidence": 1, "check": "verified", "valid": True}]})
    assert told.boxes == (ToldBox(Container(code, check, None, repaired), 1.0),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""}, {"id": "x" * 65}, {"id": "a b"}, {"id": 7}, {"id": None}, {"age_ms": -1}, {"age_ms": 1.5},
        {"age_ms": MOST_AGE_MS + 1}, {"age_ms": True}, {"age_ms": None}, {"boxes": None}, {"boxes": {}},
        {"boxes": [BOX] * 5}, {"boxes": [7]}, {"boxes": [BOX | {"code": "no code"}]}, {"boxes": [BOX | {"code": 7}]},
        {"boxes": [BOX | {"code": "C" * 65}]}, {"boxes": [BOX | {"confidence": 1.01}]},
        {"boxes": [BOX | {"confidence": "0.9"}]}, {"boxes": [BOX | {"confidence": True}]},
        {"boxes": [BOX | {"place": "left"}]}, {"boxes": [BOX | {"size_type": 22}]}, {"picture": 7},
        {"picture": "x" * 257}, {"picture": "a\nb"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_wrong_anywhere_makes_the_whole_line_none(changes: dict[str, Any]) -> None:
    assert read(RESULT | changes) == []


@pytest.mark.parametrize(
    "body",
    [b"{}", b"[]", b'{"alive": false}', b'{"id": "7", "id": "8", "age_ms": 0, "boxes": []}', b"{" * 2_000, b"{\xff}",
     b'{"id": "7", "age_ms": 0, "boxes": [{"code": "CSQU3054383", "confidence": NaN}]}'],
)  # fmt: skip
def test_what_is_of_another_form_is_none(body: bytes) -> None:
    assert decode_result(body) is None


def test_a_result_without_boxes_is_one_and_a_line_without_its_crc_is_none() -> None:
    assert read({"id": "7", "age_ms": 0, "boxes": []}) == [Told("7")]
    line = encode(RESULT)
    decoder = EngineDecoder()
    assert decoder.feed(line.replace(b"850", b"851") + line[: line.index(b"*")] + b"\r\n") == []
    assert decoder.checksum_errors == 2


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything(data: bytes) -> None:
    decode_result(data)
    EngineDecoder().feed(data + b"\r\n")
