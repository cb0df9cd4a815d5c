"""The core's own copy does what `dataclasses.replace` does."""

from dataclasses import replace

import pytest

from edge.core.copying import changed
from edge.core.state import Passage


def test_a_copy_has_what_was_changed_and_the_rest_as_it_was():
    passage = Passage("one", 5)
    assert changed(passage, {"attempt": 2, "entered": True}) == replace(passage, attempt=2, entered=True)
    assert passage == Passage("one", 5)


def test_a_field_that_is_none_is_refused_by_its_name():
    with pytest.raises(TypeError, match="Passage has no atempt"):
        changed(Passage("one", 5), {"atempt": 2})
