"""Authorities in parallel: how many a lane asks, by which policy, what each makes of a vehicle, and what that allows.

`allowed` is the rule of the judge: it counts words, and knows nothing of the lane's own join.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

from edge.core.profile import AuthorityProfile, JoinPolicy, LaneProfile

if TYPE_CHECKING:
    from simulators.prove.traffic import Truck
    from simulators.prove.world import World

# The first is asked in every lane: it issues the sampling plans.
AUTHORITIES = ("customs", "port", "border", "maritime")
SILENT = "silent"
_LANES_ASKING = (80, 13, 4, 3)
_DEADLINES_MS = (1_000, 1_500, 2_000)
_POLICIES: tuple[JoinPolicy, ...] = ("all_of", "veto", "quorum")
# How often authorities that are asked together think differently, and what then.
_APART = 0.35
_OPINIONS = {"release": 6, "not_applicable": 3, SILENT: 2, "hold": 1, "refer": 1, "deny": 1}


def drawn_authorities(profile: LaneProfile, seed: str) -> LaneProfile:
    """Most lanes ask one authority, some up to four, each with its own time, joined by any policy."""
    draw = Random(seed + "|authorities")  # noqa: S311 - a repeatable simulation
    count = draw.choices(range(1, 5), _LANES_ASKING)[0]
    asked = tuple(AuthorityProfile(name, draw.choice(_DEADLINES_MS)) for name in AUTHORITIES[:count])
    return replace(profile, authorities=asked, join=draw.choice(_POLICIES), quorum=draw.randint(1, count))


def allowed(policy: JoinPolicy, quorum: int, words: Sequence[str]) -> bool:
    """Whether what each authority said, or its silence, lets a vehicle pass by itself."""
    count = Counter(words)
    if count["deny"] or count["refer"]:
        return False
    if policy == "quorum":
        return count["release"] >= max(1, quorum)
    if count["hold"] or (policy == "all_of" and count[SILENT]):
        return False
    return count["release"] > 0


class Joins:
    """What every authority of this lane makes of the vehicle that stands there, and what they really said."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self._draw = Random(world.plan.seed + "|opinions")  # noqa: S311 - the same
        self._opinions: dict[str, str] = {}
        # The newest nonce of each passage for each authority, and what was answered to each nonce.
        self._nonces: dict[str, dict[str, str]] = {}
        self._said: dict[str, str] = {}

    def comes(self, one: "Truck", *, known: bool) -> bool:
        """A vehicle comes, and every authority has made up its mind; say whether it may pass by itself.

        About one that is known, because it was looked at, all are of one mind.
        """
        draw, profile = self._draw, self.world.profile
        names = [authority.id for authority in profile.authorities]
        self._opinions = dict.fromkeys(names, one.verdict)
        if len(names) > 1 and not known and draw.random() < _APART:
            words, weights = tuple(_OPINIONS), tuple(_OPINIONS.values())
            self._opinions.update((name, draw.choices(words, weights)[0]) for name in names)
            # The plain case too: all but one have nothing to say.
            self._opinions[draw.choice(names)] = one.verdict
        return allowed(profile.join, profile.quorum, list(self._opinions.values()))

    def of(self, authority: str) -> str:
        """Return what the authority makes of the vehicle that stands there."""
        return self._opinions[authority]

    def asked(self, authority: str, claims: dict[str, Any]) -> None:
        """A request reached the authority."""
        self._nonces.setdefault(claims["passage"], {})[authority] = claims["nonce"]

    def said(self, nonce: str, verdict: str) -> None:
        """An authority signed its answer."""
        self._said[nonce] = verdict

    def opens(self, passage: str, spent: Sequence[str]) -> None:
        """The boom is asked up for grants: what was really signed has to allow it, whatever arrived."""
        profile, nonces = self.world.profile, self._nonces.get(passage, {})
        said = {one.id: self._said.get(nonces.get(one.id, ""), SILENT) for one in profile.authorities}
        # A hold, or a wish to look, may have been lost or late; a release cannot have been made up.
        words = [SILENT if word in ("hold", "refer", "deny") else word for word in said.values()]
        if not allowed(profile.join, profile.quorum, words):
            self.world.judge.blame("I1", f"{profile.join} of {said} does not let a vehicle pass")
        if not set(spent) <= set(nonces.values()):
            self.world.judge.blame("I1", "opened by a grant of an earlier attempt")
