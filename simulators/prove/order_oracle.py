"""An independent judge of orders that two persons have to give: who gave which, told from the events alone."""

from edge.core.events import ConfirmationReceived, Event, ModeOrdered, PersonDecided
from edge.core.state import LaneState, Phase

Order = PersonDecided | ModeOrdered | ConfirmationReceived
_BY_TWO = "I1: two persons order it"


class OrderOracle:
    """Keeps its own memory of every order, and never asks the lane's guards."""

    def __init__(self) -> None:
        self._orders: list[tuple[int, tuple[str, str], str | None, str]] = []

    def given(self, before: LaneState, event: Order) -> None:
        """Remember an order, once it was judged."""
        about = None if isinstance(event, ModeOrdered) or before.passage is None else before.passage.id
        self._orders.append((event.at_ms, ordered(event), about, _who(event)))

    def opens(self, before: LaneState, event: Event, first_operator: str | None) -> None:
        """Assert that two different people gave the order that opens, wherever the profile asks for two."""
        assert isinstance(event, Order)
        if ordered(event)[0] in before.profile.two_persons:
            assert first_operator is not None, _BY_TWO
            assert first_operator.strip().casefold() in self._earlier(before, event), _BY_TWO

    def carried_out(self, before: LaneState, event: Event, after: LaneState) -> None:
        """Assert the same of a boom that is lowered, of a fault that is reset, and of a mode that turns."""
        if isinstance(event, ModeOrdered):
            done, action = after.mode != before.mode, "mode"
        elif isinstance(event, PersonDecided):
            lowered = after.phase is Phase.CLOSING and before.phase is not Phase.CLOSING
            reset = before.phase is Phase.FAULT and after.phase is not Phase.FAULT
            done, action = (event.action == "lower" and lowered) or (event.action == "reset" and reset), event.action
        else:
            return
        if done and action in before.profile.two_persons:
            assert self._earlier(before, event), _BY_TWO

    def _earlier(self, before: LaneState, event: Order) -> list[str]:
        """Who else gave the same order, about the same, a short time ago."""
        passage = before.passage.id if before.passage else None
        return [
            name
            for at_ms, order, about, name in self._orders
            if order == ordered(event)
            and (isinstance(event, ModeOrdered) or about == passage)
            and name != _who(event)
            and event.at_ms - at_ms <= before.profile.second_person_ms
        ]


def ordered(event: Order) -> tuple[str, str]:
    """What is ordered."""
    if isinstance(event, ConfirmationReceived):
        return event.confirmation.decision, ""
    return ("mode", event.mode) if isinstance(event, ModeOrdered) else (event.action, "")


def _who(event: Order) -> str:
    """One person has one name, however it is written."""
    name = event.confirmation.officer if isinstance(event, ConfirmationReceived) else event.operator
    return name.strip().casefold()
