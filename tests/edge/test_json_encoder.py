"""Encoders that are made once write what the library writes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import json_encoder
from edge.json_encoder import encoder, quoted

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_the_text_is_the_librarys(value: object) -> None:
    assert encoder()(value) == json.dumps(value, ensure_ascii=False)
    compact = encoder(separators=(",", ":"), sort_keys=True, allow_nan=False)
    assert compact(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def test_what_is_no_json_is_refused_each_time() -> None:
    encode, cycle = encoder(allow_nan=False), []
    cycle.append(cycle)
    for _ in range(2):
        with pytest.raises(ValueError, match="Out of range"):
            encode([float("nan")])
        with pytest.raises(TypeError, match="not JSON serializable"):
            encode([object()])
        with pytest.raises(RecursionError):
            encode(cycle)
    assert encode([1]) == "[1]"


def test_a_python_without_the_c_encoder_writes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_encoder, "_make", None)
    assert encoder(separators=(",", ":"))({"a": [1, "粤"]}) == '{"a":[1,"粤"]}'


@pytest.mark.parametrize("text", ["", "in-1", "一号道", '"', "\\", "\n\t\x00\x1f\x7f", "\u2028", "\ud800", "😀"])
def test_a_text_alone_is_quoted_as_in_a_list(text: str) -> None:
    assert f"[{quoted(text)}, {7}]" == json.dumps([text, 7], ensure_ascii=False) == encoder()([text, 7])
