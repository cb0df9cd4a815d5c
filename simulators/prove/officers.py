"""Officers with handheld terminals: they read what the lane shows and sign, or somebody forges it."""

import json
from dataclasses import replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from edge.clearance.confirmation import challenge_hash, seal_confirmation
from edge.clearance.envelope import decode_base64url
from edge.core.confirmation import Confirmation, ConfirmDecision
from edge.core.profile import HandheldRules
from simulators.handheld import Terminal
from simulators.prove.virtual_time import FIRST_DAY

if TYPE_CHECKING:
    from simulators.prove.world import World

OFFICERS = ("wu", "zheng")
# Shorter than a hold, so that challenges are renewed as well.
_ANSWER_MS = 3_000
_SHARE_OF_LANES = 0.3
# Claims that make an answer another's: each has to be ignored, whatever its signature.
_ALIEN: tuple[dict[str, Any], ...] = (
    {"nonce": "0" * 32}, {"passage": "f" * 32}, {"boot": "0" * 16}, {"lane": "lane-2"}, {"site": "elsewhere"},
    {"challenge_hash": "0" * 64}, {"sequence": 1}, {"ttl_ms": 1}, {"drill": True}, {"officer": "wu-2"},
)  # fmt: skip
# Keys that sign for no officer of this site.
_STRANGERS = ("stranger", "customs", "lane-1")
_GARBAGE = (b"", b"{}", b"a.b.c", b"\xff" * 40, b"x" * 16_385)


def drawn_rules(seed: str, faults: frozenset[str]) -> HandheldRules | None:
    """Some lanes have handheld terminals; one that is to be attacked through them has."""
    attacked = any(fault.startswith("confirm_") for fault in faults)
    has = Random(seed + "|handheld").random() < _SHARE_OF_LANES  # noqa: S311 - a repeatable simulation
    return HandheldRules("customs", _ANSWER_MS) if has or attacked else None


class Officers:
    """All officers of the lane. `opened` is the truth: which challenge one of them answered with open, for what."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.opened: dict[str, tuple[str, str]] = {}
        self._draw = Random(world.plan.seed + "|officers")  # noqa: S311 - a repeatable simulation
        self._sent: list[bytes] = []
        signers = world.signers
        self._terminals = [
            Terminal(
                name, key=signers.keys[name], keyset=signers.keyset, site=world.profile.site, utc=lambda: FIRST_DAY
            )
            for name in OFFICERS
        ]

    def challenged(self, raw: bytes) -> None:
        """A challenge left the lane."""
        claims: dict[str, Any] = json.loads(decode_base64url(raw.split(b".")[1]))
        self.world.judge.challenged(claims, raw)
        if self._draw.random() < 0.7:
            self.world.time.after(self._draw.uniform(60, 600), partial(self._answer, raw, claims))

    def _answer(self, raw: bytes, claims: dict[str, Any]) -> None:
        terminal = self._draw.choice(self._terminals)
        decision: ConfirmDecision = "open" if self._draw.random() < 0.6 else "refuse"
        answer = terminal.confirmation(raw, decision, "looked")
        self._hostile(answer)
        if decision == "open":
            self.opened[answer.nonce] = (claims["passage"], challenge_hash(raw))
        signed = terminal.sign(answer)
        self._sent.append(signed)
        self._deliver(signed)

    def _hostile(self, answer: Confirmation) -> None:
        """Before, with or after the answer that is about to leave: copies, alterations, forgeries, and noise."""
        swarm, world = self.world.swarm, self.world
        opens = replace(answer, decision="open")
        if swarm.strikes("confirm_replayed", 0.6) and self._sent:
            for _ in range(swarm.draw.randint(1, 4)):
                old = swarm.draw.choice(self._sent)
                world.time.after(swarm.draw.uniform(0, 9_000), partial(self._deliver, old))
        if swarm.strikes("confirm_altered", 0.6):
            altered = replace(opens, **swarm.draw.choice(_ALIEN))
            self._soon(seal_confirmation(altered, world.signers.keys[answer.officer]))
            stranger = swarm.draw.choice(_STRANGERS)
            as_stranger = replace(opens, key_id=swarm.draw.choice((answer.key_id, world.signers.key_ids[stranger])))
            self._soon(seal_confirmation(as_stranger, world.signers.keys[stranger]))
            self._soon(swarm.draw.choice(_GARBAGE))

    def _soon(self, payload: bytes) -> None:
        self.world.time.after(self.world.swarm.draw.uniform(0, 150), partial(self._deliver, payload))

    def _deliver(self, payload: bytes) -> None:
        """Hand in to the lane that is alive now, over the network or at its control socket: it makes no difference."""
        box = self.world.box
        if box is not None and not box.dead:
            box.confirm(payload)
