"""The sign of the simulated lane: drivers obey it, and the judge compares its promises with the boom."""

import pytest

from edge.core import guidance
from edge.core.effects import Guide
from edge.core.state import LaneState, Phase
from simulators.prove import campaign
from simulators.prove.oracle import LaneOracle
from simulators.prove.world import Plan

_GUIDANCE = guidance.guidance


def promising(monkeypatch: pytest.MonkeyPatch, *phases: Phase) -> list[tuple[str, str]]:
    """The violations where the sign says that the vehicle is released in these phases too."""

    def seeded(state: LaneState) -> Guide:
        return Guide("released") if state.phase in phases else _GUIDANCE(state)

    monkeypatch.setattr(guidance, "guidance", seeded)
    return [one for number in range(6) for one in campaign.run(Plan(f"sign-{number}", 6, frozenset())).violations]


@pytest.mark.hazard("I7")
def test_i7_a_sign_that_promises_a_way_before_the_boom_is_up_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert promising(monkeypatch, Phase.CONSUMING)[0][0] == "I7"


@pytest.mark.hazard("I7")
def test_i7_a_sign_that_promises_too_much_is_seen_at_the_boom(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the judge at the wire, without the oracle of the steps."""
    monkeypatch.setattr(LaneOracle, "_light", lambda *_: None)
    found = promising(monkeypatch, Phase.STARTING, Phase.IDLE, Phase.IDENTIFYING, Phase.WAITING)
    assert {name for name, _ in found} == {"I7"}
    assert found[0][1].endswith("light or sign promise a way although the boom is not up")


def test_drivers_who_are_told_to_turn_back_or_where_to_go_leave() -> None:
    found = [campaign.run(Plan(f"sign-{number}", 12, frozenset())) for number in range(20)]
    assert [one.violations for one in found if one.violations] == []
    assert {"DENIED", "REFERRED"} <= {terminal for one in found for terminal in one.terminals}
