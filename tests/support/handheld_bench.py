"""A lane without devices that handheld terminals may confirm, and its officers."""

from dataclasses import replace
from typing import Any

from edge.core.confirmation import Challenge, Confirmation
from edge.core.effects import Effect, PrepareChallenge, Report, SendChallenge
from edge.core.events import ChallengePrepared, ConfirmationReceived
from edge.core.profile import HandheldRules, LaneProfile
from edge.core.state import Phase
from tests.support.lane_bench import PROFILE, LaneBench

ANSWER_MS = 20_000
HANDHELD = replace(PROFILE, handheld=HandheldRules("customs", ANSWER_MS))


class HandheldBench(LaneBench):
    def __init__(self, profile: LaneProfile = HANDHELD) -> None:
        super().__init__(profile)
        self.officers: dict[str, int] = {}

    @property
    def challenge(self) -> Challenge:
        assert self.passage.challenge is not None
        return self.passage.challenge

    @property
    def asked(self) -> list[PrepareChallenge]:
        return self.all(PrepareChallenge)

    @property
    def confirm_ignored(self) -> list[object]:
        return [dict(effect.fields)["reason"] for effect in self.all(Report) if effect.name == "confirmation_ignored"]

    def show(self) -> tuple[Effect, ...]:
        """The shell signed the newest challenge."""
        nonce = self.asked[-1].nonce
        return self.take(ChallengePrepared(self.at_ms, nonce, f"hash-{nonce}"))

    def held(self) -> "HandheldBench":
        """From idle to a held passage whose challenge is out."""
        self.hold()
        self.show()
        assert self.last(SendChallenge).nonce == self.challenge.nonce
        return self

    def hold_in_drill(self) -> None:
        """From an idle lane in a drill to a held passage whose challenge is out: nobody answers a drill."""
        self.identify()
        self.tick()
        self.show()
        assert self.phase is Phase.HELD

    def answer_of(self, officer: str = "chen", **changes: Any) -> Confirmation:
        """What the officer signs for the newest challenge, except for what `changes` says."""
        self.officers[officer] = self.officers.get(officer, 0) + 1
        asked = self.asked[-1]
        good = Confirmation(
            officer, f"key-{officer}", "site", "lane-1", "boot-1", asked.passage, asked.nonce, f"hash-{asked.nonce}",
            "open", "looked", asked.ttl_ms, "2026-01-01T00:00:00Z", self.officers[officer],
            drill=self.state.passage is not None and self.state.passage.drill,
        )  # fmt: skip
        return replace(good, **changes)

    def hand_in(self, answer: Confirmation) -> tuple[Effect, ...]:
        return self.take(ConfirmationReceived(self.at_ms, answer))

    def confirm(self, officer: str = "chen", **changes: Any) -> tuple[Effect, ...]:
        return self.hand_in(self.answer_of(officer, **changes))
