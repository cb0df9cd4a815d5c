"""A person's answer from a handheld terminal, and the challenge that it answers, as plain values.

Form and signature of an answer were checked by `edge.clearance.confirmation`; whether it counts is judged in
`edge.core.confirming`.
"""

from dataclasses import dataclass
from typing import Literal, get_args

ConfirmDecision = Literal["open", "refuse"]
CONFIRM_DECISIONS: tuple[ConfirmDecision, ...] = get_args(ConfirmDecision)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One question to whoever holds a terminal: why this passage is held, and the pictures of it (SHA-256, hex).

    It takes one answer, within a time that runs from `issued_at_ms`, on the lane's monotonic clock.
    """

    nonce: str
    reasons: tuple[str, ...]
    pictures: tuple[str, ...]
    issued_at_ms: int
    challenge_hash: str | None = None
    answered: bool = False


def issuer_of(officer: str) -> str:
    """Return under which name the sequence numbers of an officer are kept."""
    return f"officer:{officer}"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One officer's signed answer to one challenge.

    `sequence` grows by at least one per officer and lane. `ttl_ms` runs from the issuing of the challenge on the
    lane's monotonic clock. `issued_at` is the terminal's wall clock (RFC 3339), for records alone.
    """

    officer: str
    key_id: str
    site: str
    lane: str
    boot: str
    passage: str
    nonce: str
    challenge_hash: str
    decision: ConfirmDecision
    reason: str
    ttl_ms: int
    issued_at: str
    sequence: int
    drill: bool = False

    @property
    def issuer(self) -> str:
        """Whose sequence numbers these are: officers count apart from authorities."""
        return issuer_of(self.officer)
