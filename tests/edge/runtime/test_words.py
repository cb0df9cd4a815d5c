"""What a person types is compared in one form; nothing is taken for what was not typed."""

from typing import Any

import pytest

from edge.runtime.words import typed_words


def test_case_width_and_separators_are_typing() -> None:
    assert typed_words({"rear": "苏a·1234 挂", "front": "苏Ａ88888"}, ["csqu 305438-3"]) == (
        (("front", "苏A88888"), ("rear", "苏A1234挂")),
        ("CSQU3054383",),
    )
    assert typed_words({}, []) == ((), ())


def test_no_character_is_taken_for_another_one() -> None:
    assert typed_words({}, ["CSQUO54383"]) == ((), ("CSQUO54383",))


@pytest.mark.parametrize(
    ("plates", "containers"),
    [
        ({"front": 7}, []), ({"front": ""}, []), ({"front": "苏" * 33}, []), ({}, ["A" * 33]), ({}, [None]),
        ({}, ["CSQU3054383"] * 9), ({"front": "a\x1b[2J"}, []), ({}, ["a\u202eb"]), ({"": "苏A88888"}, []),
    ],
)  # fmt: skip
def test_what_is_no_short_text_is_nothing(plates: dict[str, Any], containers: list[Any]) -> None:
    assert typed_words(plates, containers) is None
