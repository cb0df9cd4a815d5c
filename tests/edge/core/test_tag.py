"""Tags: the raw EPC is the key."""

import pytest

from edge.core.tag import Tag, parse_tag


@pytest.mark.parametrize(
    ("epc", "tid", "tag"),
    [
        ("E200301666130121155074EF", None, Tag("E200301666130121155074EF")),
        ("e200 3016", None, Tag("E2003016")),
        ("30", None, None),
        ("300", None, None),
        ("", None, None),
        ("E20G", None, None),
        ("E200\n", None, None),
        ("E200", "e280 1160", Tag("E200", "E2801160")),
        ("E200", "E2\n", None),
        ("E200", "", None),
        ("0000" * 31, None, Tag("0000" * 31)),
        ("0000" * 32, None, None),
    ],
)
def test_tags_are_whole_words_of_hex(epc: str, tid: str | None, tag: Tag | None) -> None:
    assert parse_tag(epc, tid) == tag
