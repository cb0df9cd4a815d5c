"""The sampling plans of the centre, and the truth about each draw: computed here from the plan's bytes alone."""

import hmac
import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from edge.clearance.envelope import canonical_json, decode_base64url, seal
from edge.clearance.feeds import SAMPLING_PLANS, IssuedFeed
from edge.clearance.sampling_plan import PLAN_TYPE, plan_claims, plan_seed
from edge.clearance.seen import SeenVersions
from edge.core.sampling_plan import SampledClass, SamplingPlan
from edge.ports import Clock
from simulators.prove.disk import KeptVersions

if TYPE_CHECKING:
    from simulators.prove.box import Box
    from simulators.prove.world import World

# What release notes name; the plan knows two of them.
CREDIT_CLASSES = ("aeo", "general", "unheard_of", None)
_SECRET = b"s" * 32
_LIFE = timedelta(hours=2)


class Sampling:
    """One lane's plans, and what was drawn: for each passage whether it was selected, None where it was not drawn."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.outcomes: dict[str, bool | None] = {}
        self._plans: dict[int, dict[str, Any]] = {}
        self._classes: dict[int, tuple[SampledClass, ...]] = {}
        self._seen = KeptVersions()

    def begin(self, box: "Box", clock: Clock) -> None:
        """A process of the controller starts: the broker brings what it retained, in troubled times somewhat later."""
        world, rules = self.world, self.world.profile.sampling
        if rules is None:
            return
        troubled = bool(world.plan.faults)
        life = timedelta(seconds=world.draw.choice((15, 7_200))) if troubled else _LIFE
        version = max(self._plans, default=0) + world.draw.randint(0, 1) or 1
        feed: IssuedFeed[SamplingPlan] = IssuedFeed(
            SAMPLING_PLANS,
            site=world.profile.site,
            lane=world.profile.lane,
            authority=rules.authority,
            secret=_SECRET,
            keyset=world.keyset,
            seen=cast(SeenVersions, self._seen),
            file=Path("no-such-file"),
            clock=clock,
            take=box.take,
        )
        late_ms = world.draw.choice((0, 0, 3_000)) if troubled else 0

        def bring() -> None:
            feed.offer(self._issue(version, rules.authority, life, clock))

        world.time.after(late_ms, bring)

    def _issue(self, version: int, authority: str, life: timedelta, clock: Clock) -> bytes:
        """Sign a plan by the lane's own wall clock: what is proved here is that nothing depends on it."""
        profile, draw = self.world.profile, self.world.draw
        fresh = (
            SampledClass("aeo", draw.choice((0, 50)), "weigh"),
            SampledClass("general", draw.choice((100, 300)), draw.choice(("nii", "bay"))),
        )
        # A version has one content, whenever it is sent again.
        classes = self._classes.setdefault(version, fresh)
        now = clock.utc()
        claims = plan_claims(
            authority, profile.site, profile.lane, version, classes, secret=_SECRET, issued=now, not_after=now + life
        )
        signers = self.world.signers
        name = f"sampling-{authority}"
        raw = seal(canonical_json(claims), typ=PLAN_TYPE, key_id=signers.key_ids[name], key=signers.keys[name])
        self._plans.setdefault(version, json.loads(decode_base64url(raw.split(b".")[1])))
        return raw

    def drawn(self, passage: str, said: dict[str, Any]) -> None:
        """The lane's record of a draw is on the disk: it has to be the true one."""
        world, claims = self.world, self._plans.get(said["plan"])
        if claims is None:
            world.judge.blame("I1", f"drawn under a plan {said['plan']} that nobody issued")
            return
        shares = {one["class"]: one for one in claims["classes"]}
        highest = max(claims["classes"], key=lambda one: int(one["per_mille"]))
        share = shares.get(world.authorities.credit.get(passage), highest)
        seed = plan_seed(_SECRET, world.profile.site, world.profile.lane, said["plan"])
        digest = hmac.digest(bytes.fromhex(seed), passage.encode(), "sha256")
        selected = int.from_bytes(digest, "big") / 2**256 < share["per_mille"] / 1_000
        if (said["per_mille"], said["digest"], said["selected"]) != (share["per_mille"], digest.hex(), selected):
            world.judge.blame("I1", f"the draw for {passage} is not the plan's")
        if selected:
            world.authorities.wanted.add((passage, claims["iss"], share["target"]))
            # Whoever was drawn may not pass by itself.
            there = world.inspections.stood(passage)
            world.traffic.entitled -= passage not in self.outcomes and there is not None and there.entitled
        self.outcomes[passage] = selected

    def skipped(self, passage: str, reason: str) -> None:
        """The lane released without a draw: there is no plan, or the vehicle was looked at."""
        rules = self.world.profile.sampling
        if reason == "rechecked" and self.world.inspections.cleared(passage):
            self.outcomes[passage] = None
            return
        if rules is None or rules.without_plan != "release" or reason not in ("no_plan", "plan_expired"):
            self.world.judge.blame("I1", f"not drawn: {reason}")
        self.outcomes[passage] = None

    def opens(self, passage: str) -> None:
        """The boom is asked up for a release: chance has let this vehicle through."""
        if self.world.profile.sampling is None:
            return
        if passage not in self.outcomes:
            self.world.judge.blame("I1", "released without a draw")
        elif self.outcomes[passage]:
            self.world.judge.blame("I1", "opened for a vehicle that was drawn to be looked at")
