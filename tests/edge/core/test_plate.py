"""Number plates: every class of domain.md 3.3, what cameras do to them, and what is no plate at all."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.plate import KIND_COLOURS, PLATE_KINDS, PROVINCES, canonical_plate_text, parse_plate, plate_kind

PLATES = {
    "粤BF38711": "nev_small", "京AD12345": "nev_small", "沪AK01234": "nev_small", "粤B12345D": "nev_large",
    "京A00000F": "nev_large", "粤ZAB12港": "hk", "粤Z1234澳": "macau", "冀B1A2C挂": "trailer", "皖O1234挂": "trailer",
    "苏E123A学": "coach", "京A1234警": "police", "粤O1234警": "police", "京X1234应急": "emergency",
    "川SA123应急": "emergency", "使012345": "embassy", "123456使": "embassy", "沪A1234领": "consulate",
    "粤12345领": "consulate", "沪A12345领": "consulate", "WJ12345": "armed_police", "WJ京1234X": "armed_police",
    "WJ粤12345": "armed_police",
    "WJ1693015": "armed_police", "VA12345": "military", "KB00001": "military", "民航A1234": "civil_aviation",
    "粤BF3871": "ordinary", "苏A88888": "ordinary", "皖O12345": "ordinary", "粤OA1234": "ordinary",
}  # fmt: skip
NO_PLATES = [
    "", " ", "unknown", "UNKNOWN", "无车牌", "未识别", "none", "ËÕA88888", "苏A8888", "苏A888888", "苏I88888",
    "苏AI8888", "苏A8O888", "A88888", "粤ZABO2港", "粤YAB12港", "粤BE1234O", "粤BI38711", "粤B1234ID", "粤B12345L",
    "京A12挂", "京A12345挂", "使01234", "0123456使", "沪A123领", "WJ京123X", "WJ1234Y", "V12345", "VAB2345",
    "京W1234应急", "京A1234应急", "应急京A1234", "应急1234", "民航1234",
    "苏A12345临", "临苏A12345", "苏A1234临", "粤BF3871\x00", "苏A88888挂挂", "台A12345", "蓝苏A8888", "蓝蓝苏A88888",
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind"), PLATES.items())
def test_each_class_is_told(text: str, kind: str) -> None:
    plate = parse_plate(text)
    assert plate is not None
    assert (plate.text, plate.kind, plate.colour, plate.rows) == (text, kind, None, 1)


def test_every_class_that_has_a_grammar_is_covered() -> None:
    assert set(PLATES.values()) | {"temporary", "port_internal"} == set(PLATE_KINDS)
    assert len(PROVINCES) == 31 == len(set(PROVINCES))
    assert all(parse_plate(f"{province}A12345") for province in PROVINCES)


@pytest.mark.parametrize("text", NO_PLATES)
def test_what_is_no_plate_is_refused(text: str) -> None:
    assert parse_plate(text, "blue") is None


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("京A·12345", "京A12345"),
        ("京A•12345", "京A12345"),
        ("京A・12345", "京A12345"),
        ("京A.123-45", "京A12345"),
        (" 京a 12345 ", "京A12345"),
        ("京Ａ１２３４５", "京A12345"),
        ("黄闽D66681", "闽D66681"),
        ("蓝京A12345", "京A12345"),
        ("京A12345\n", "京A12345"),
        ("应急 川S·A123", "川SA123应急"),
        ("应急川X1234", "川X1234应急"),
    ],
)
def test_o10_spellings_of_one_plate_are_one_text(raw: str, text: str) -> None:
    plate = parse_plate(raw)
    assert plate is not None
    assert plate.text == text


def test_the_canonical_text_is_exact_even_before_it_is_canonical() -> None:
    assert plate_kind("京A12345\n") is None
    assert canonical_plate_text(" 无车牌 ") == ""


def test_colour_is_part_of_the_identity() -> None:
    blue, yellow = parse_plate("粤BF3871", "blue"), parse_plate("粤BF3871", "yellow", rows=2)
    assert blue is not None
    assert yellow is not None
    assert blue != yellow
    assert (yellow.colour, yellow.rows) == ("yellow", 2)


def test_a_colour_that_the_class_never_has_is_not_believed() -> None:
    plate = parse_plate("冀B1A2C挂", "blue")
    assert plate is not None
    assert plate.colour is None
    assert set(KIND_COLOURS) == set(PLATE_KINDS)


def test_a_site_may_know_plates_of_its_own_and_they_come_last() -> None:
    port = re.compile(r"YG[0-9]{3}|京A12345")
    inner = parse_plate("YG007", "green", port_internal=port)
    assert inner is not None
    assert (inner.kind, inner.colour) == ("port_internal", "green")
    assert parse_plate("YG0071", port_internal=port) is None
    ordinary = parse_plate("京A12345", port_internal=port)
    assert ordinary is not None
    assert ordinary.kind == "ordinary"


@given(st.text(max_size=12))
@pytest.mark.hazard("O10")
def test_no_text_raises_and_what_parses_is_canonical(raw: str) -> None:
    plate = parse_plate(raw)
    if plate is not None:
        assert plate.text == canonical_plate_text(plate.text)
        assert parse_plate(plate.text) == plate
        assert unicodedata.is_normalized("NFKC", plate.text)
