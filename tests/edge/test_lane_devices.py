"""What of that which devices tell reaches the lane at all, and so its journal."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from edge.core.events import CardShown, Event
from edge.core.readings import DriverCard, Identity
from edge.core.state import Passage
from edge.lane_devices import Sources

CARD = DriverCard("6217000123", "ic")
COMING = Passage("p1", 1_000, triggered_at_ms=1_000)


@pytest.mark.hazard("I19")
@pytest.mark.parametrize(
    ("passage", "heard"),
    [(None, False), (COMING, True), (replace(COMING, identity=Identity()), False)],
    ids=["nobody there", "not known yet", "known"],
)
def test_of_a_card_that_nobody_needs_nothing_is_kept(passage: Passage | None, heard: bool) -> None:
    taken: list[Event] = []
    sources = Sources()
    runner: Any = SimpleNamespace(state=SimpleNamespace(passage=passage), take=taken.append, now_ms=lambda: 2_000)
    sources.runner = runner
    sources.card_shown(CARD, 1_500)
    assert taken == ([CardShown(2_000, CARD, 1_500)] if heard else [])
