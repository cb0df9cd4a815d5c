"""The judge of one history: the invariants at the wire and on the disk, beside the oracle that judges each step.

It knows the truth of the world (where trucks stand, what authorities signed, which bytes left), and asks nothing of the
lane.
"""

import hashlib
import json
import traceback
from collections import Counter
from typing import TYPE_CHECKING, Any

from edge.core.effects import ConsumeAuthority, Effect, Guide, Report
from edge.core.events import Event, GrantRefused, JournalLost, Started
from edge.core.profile import LaneTiming
from edge.core.state import LaneState, Phase
from edge.runtime.journal_file import LANE_SPAN
from simulators.prove.cards import CARD_TEXT
from simulators.prove.oracle import LaneOracle
from simulators.prove.seal_field import SEAL_ID
from simulators.prove.share_forms import KINDS, forms

if TYPE_CHECKING:
    from simulators.prove.world import World

_WRITE_COIL, _READ_INPUTS = 5, 2
# One scan, and what a line that is slow may add to it.
_SCAN_MS = 250
_CLEAR_MS = 1_000
_NOT_UP_MS = 700
_PATIENCE = 60
_LATE_MS = 1_500
# An OPEN that was asked for waits on the line for one request of the scan at most, and may not be recalled there.
_TURN_MS = 320
# What no event may hold that leaves the lane.
_PERSONAL = ("粤", "KAK", "E2000", "E280", SEAL_ID, CARD_TEXT)
# Parts of a record that the judge reads; the others are steps that neither open nor end anything.
_LOOKED_AT = (
    '"ConsumeAuthority"',
    '"EndPassage"',
    '"passage_opened"',
    '"SendRequest"',
    '"SendChallenge"',
    '"KeepReferral"',
    '"sampling_',
    '"referral_overdue"',
    '"mode_changed"',
    '"referral_report_ignored"',
    '"rechecked"',
)
# How more than half of all records end: their steps asked for nothing.
_NOTHING_ASKED = '"effects":[]}'


class Judge:
    """Collects violations: invariant and what was seen."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.violations: list[tuple[str, str]] = []
        self.trace = hashlib.sha256()
        self.rows: set[str] = set()
        self.phases: set[str] = set()
        self.terminals: Counter[str] = Counter()
        self.gave_up = False
        self.steps: list[str] = []
        self._oracle = LaneOracle()
        self._waited = 0
        self._opened: dict[str, int] = {}
        self._ended: Counter[str] = Counter()
        self._unspent: list[dict[str, Any]] = []
        self._consumed: set[str] = set()
        self._nonces: set[str] = set()
        # What the steps of this life asked to be spent.
        self._asked_for: set[str] = set()
        self._entered_ms = 0
        self._requests: dict[str, tuple[str, str]] = {}
        self._challenges: dict[str, str] = {}
        self._shown: dict[str, dict[str, str]] = {}
        self._opens_asked = 0
        self._occupied = False
        self._changed_ms = self._clear_from_ms = -(10**6)
        self._not_up_since_ms: int | None = None
        self._promised = False
        coil = world.map.command_coil
        self._raise_coil, self._lower_coil = coil("raise"), coil("lower")

    def blame(self, invariant: str, what: str) -> None:
        """Note a violation."""
        if len(self.violations) < 20:
            self.violations.append((invariant, f"{self.world.time.now_ms} ms: {what}"))

    # --- steps --------------------------------------------------------------------------------------------------

    def stepped(self, before: LaneState, event: Event, after: LaneState, effects: tuple[Effect, ...]) -> None:
        """One step of the core."""
        if isinstance(event, Started):
            self._oracle = LaneOracle()
        try:
            self._oracle.judge(before, event, after, effects)
        except AssertionError as error:
            said = str(error) or traceback.extract_tb(error.__traceback__)[-1].line
            self.blame(_named(error), f"{type(event).__name__} in {before.phase}: {said}")
            self._oracle = LaneOracle(self._oracle.joins)
        if self.world.plan.told:
            asked = " ".join(type(one).__name__ for one in effects)
            moved = f"{before.phase} -> {after.phase}" if after.phase is not before.phase else str(after.phase)
            self.steps.append(f"{event.at_ms} ms {type(event).__name__} [{moved}] {asked}".rstrip())
        if isinstance(event, JournalLost):
            self.crashed(event.code)
        if isinstance(event, GrantRefused):
            self.world.reached.add(f"refused {event.reason}")
        for effect in effects:
            if isinstance(effect, ConsumeAuthority):
                self._asked_for.update(effect.nonces)
                self.world.opening.consumes(effect)
                if effect.source == "offline":
                    self.world.outages.consumes(effect)
            elif isinstance(effect, Report) and effect.name == "grant_ignored":
                self.world.reached.add(f"refused {dict(effect.fields)['reason']}")
        if after.phase is not before.phase:
            self._left(before.phase, after.profile.timing)
            self.phases.add(after.phase.value)

    def _left(self, phase: Phase, timing: LaneTiming) -> None:
        """No phase that waits for a machine lasts longer than its deadline (I11); a stopped clock may."""
        now_ms = self.world.time.now_ms
        lasted_ms, self._entered_ms = now_ms - self._entered_ms, now_ms
        longest_ms = {
            Phase.IDENTIFYING: timing.identify_ms,
            Phase.WAITING: timing.grant_max_ms,
            Phase.CONSUMING: timing.grant_max_ms,
            Phase.OPENING: timing.open_ms,
            Phase.CLOSING: timing.close_ms,
            Phase.HELD: timing.hold_ms,
        }.get(phase)
        if longest_ms is not None and lasted_ms > longest_ms + _LATE_MS and "paused" not in self.world.plan.faults:
            self.blame("I11", f"{phase} lasted {lasted_ms} ms, its deadline is {longest_ms} ms")

    def crashed(self, lost: str) -> None:
        """The lane says why its journal is lost."""
        if lost == "lane_crashed":
            self.blame("I18", "an event crashed the lane")

    def recovered(self, same: bool) -> None:
        """Recovery was run twice."""
        if not same:
            self.blame("I9", "recovery found something else the second time")

    # --- the wire -----------------------------------------------------------------------------------------------

    def requested(self, frame: bytes) -> None:
        """A Modbus request leaves the controller."""
        function = frame[7]
        if function == _READ_INPUTS:
            self._watch_light()
        elif function == _WRITE_COIL and frame[10]:
            address = frame[8] << 8 | frame[9]
            if address == self._raise_coil:
                self._open_leaves()
            elif address == self._lower_coil:
                self._close_leaves()

    def _open_leaves(self) -> None:
        world = self.world
        self.trace.update(b"open%d" % world.time.now_us)
        self._opens_asked += 1
        if world.box is None or not world.box.has_scanned:
            self.blame("I9", "OPEN leaves before any input was seen in this life")
            return
        if not self._unspent:
            if self._asked_for - self._consumed:
                self.blame("I2", "OPEN leaves before the authority that it spends is on the disk")
            else:
                self.blame("I3", f"OPEN leaves {self._opens_asked} times for fewer authorities")
            return
        authority = self._unspent.pop()
        if world.time.now_ms > authority["deadline_ms"]:
            self.blame("I1", f"OPEN leaves {world.time.now_ms - authority['deadline_ms']} ms after its authority ended")
        if authority["source"] == "grant":
            world.sampling.opens(authority["passage"])
            world.inspections.opens(authority["passage"])
            world.keysets.opens(authority["nonces"])
            world.joins.opens(authority["passage"], authority["nonces"])
            world.loads.opens(authority["passage"])
            for nonce in authority["nonces"]:
                world.scale.opens(nonce)
                world.readers.opens(authority["passage"], nonce)
                denied_ms = world.authorities.denied.get(nonce, world.time.now_ms)
                if world.time.now_ms - denied_ms > _TURN_MS:
                    self.blame("I1", f"a denial came {world.time.now_ms - denied_ms} ms before OPEN leaves")
                released = world.authorities.released.get(nonce)
                if released is None:
                    self.blame(*world.authorities.why_not(nonce))
                elif released != (authority["passage"], self._requests.get(nonce, ("", ""))[1]):
                    self.blame("I16", "the release was for another passage or other bytes")

        elif authority["key_id"] is not None:
            opened = world.officers.opened.get(authority["nonces"][0])
            if opened is None:
                self.blame("I1", "no officer opened this passage with the key that is named")
            elif opened != (authority["passage"], self._challenges.get(authority["nonces"][0])):
                self.blame("I16", "the officer's answer was for another passage or other pictures")

    def _close_leaves(self) -> None:
        world = self.world
        self.trace.update(b"close%d" % world.time.now_us)
        since_ms = world.time.now_ms - self._changed_ms
        if self._occupied and since_ms > _SCAN_MS:
            self.blame("I4", f"CLOSE leaves with something below the boom for {since_ms} ms")
        elif not self._occupied and since_ms < _CLEAR_MS:
            self.blame("I4", f"CLOSE leaves {since_ms} ms after the space below became clear")
        if world.box is None or not world.box.has_scanned:
            self.blame("I9", "CLOSE leaves before any input was seen in this life")

    def output(self, name: str, value: bool) -> None:
        """The barrier's module executed a write."""
        if value and name == "raise" and self.world.plant.raise_count > self._opens_asked:
            self.blame("I3", "the barrier executed more OPENs than were asked for")

    def physical(self) -> None:
        """Signals changed: remember since when something is below the boom, as the detectors report it."""
        signals = self.world.plant.signals()
        occupied = signals["safety_loop"] or signals["safety_beam"]
        if occupied is self._occupied:
            return
        now_ms = self.world.time.now_ms
        if occupied:
            self._clear_from_ms = self._changed_ms
        # A presence that is shorter than the time between two scans cannot be seen by any of them.
        unseen = not occupied and now_ms - self._changed_ms < _SCAN_MS
        self._occupied, self._changed_ms = occupied, self._clear_from_ms if unseen else now_ms

    def told_drivers(self, guide: Guide) -> None:
        """The sign shows another word."""
        self._promised = guide.phrase in ("released", "leave")

    def _watch_light(self) -> None:
        plant, now_ms = self.world.plant, self.world.time.now_ms
        if not (plant.outputs["green"] or self._promised) or plant.boom_is_up:
            self._not_up_since_ms = None
            return
        plant.advance()
        if plant.boom_is_up:
            return
        if self._not_up_since_ms is None:
            self._not_up_since_ms = now_ms
        elif now_ms - self._not_up_since_ms > _NOT_UP_MS:
            self.blame("I7", "light or sign promise a way although the boom is not up")

    def asked(self, authority: str, claims: dict[str, Any], raw: bytes) -> None:
        """A request reached the authority."""
        nonce = claims["nonce"]
        if nonce in self._requests:
            self.blame("I14", "a nonce was sent twice")
        if nonce not in self._nonces:
            self.blame("I14", "a request left before its nonce was on the disk")
        digest = hashlib.sha256(raw).hexdigest()
        self._requests[nonce] = (claims["passage"], digest)
        if self._shown.get(digest) != forms(claims):
            self.blame("I13", "what the authority is shown is not in the share log")
        if not claims["simulated"]:
            self.blame("I20", "a simulated lane asked an authority as if it were real")
        self.world.scale.asked(claims)
        self.world.readers.asked(claims)
        self.world.loads.asked(claims)
        for digest in claims["evidence"]:
            if self.world.cameras.taken.get(digest) != claims["passage"]:
                self.blame("I16", "the request names a picture that was not taken for this passage")

    def challenged(self, claims: dict[str, Any], raw: bytes) -> None:
        """A challenge left the lane."""
        nonce = claims["nonce"]
        if nonce in self._challenges:
            self.blame("I14", "a challenge was sent twice")
        if nonce not in self._nonces:
            self.blame("I14", "a challenge left before its nonce was on the disk")
        self._challenges[nonce] = hashlib.sha256(raw).hexdigest()
        if not claims["simulated"]:
            self.blame("I20", "a simulated lane asked an officer as if it were real")
        for digest in claims["pictures"]:
            if self.world.cameras.taken.get(digest) != claims["passage"]:
                self.blame("I16", "the challenge shows a picture that was not taken for this passage")

    # --- the disk -----------------------------------------------------------------------------------------------

    def durable(self, kind: str, body: str) -> None:
        """A record is on the disk."""
        self.trace.update(body.encode())
        if kind == "boot":
            # What was spent before the restart opens nothing any more (I3, I9).
            self._unspent.clear()
            self.world.inspections.booted()
        elif body.endswith(_NOTHING_ASKED) or not any(part in body for part in _LOOKED_AT):
            return
        for effect in json.loads(body)["effects"]:
            self._durable_effect(effect)

    def _durable_effect(self, effect: dict[str, Any]) -> None:
        match effect["type"]:
            case "ConsumeAuthority":
                if self._consumed & set(effect["nonces"]):
                    self.blame("I14", "a nonce was consumed twice")
                self._consumed.update(effect["nonces"])
                self._unspent = [effect]
                if effect["source"] == "offline":
                    self.world.outages.spent(effect)
                self.world.operator.spent(effect)
            case "SendRequest" | "SendChallenge":
                self._nonces.add(effect["nonce"])
            case "Report" if effect["name"] == "requested":
                fields = dict(effect["fields"])
                self._shown[fields["request_hash"]] = {kind: fields[kind] for kind in KINDS if kind in fields}
            case "Report" if effect["name"] == "sampling_drawn":
                self.world.sampling.drawn(effect["passage"], dict(effect["fields"]))
            case "Report" if effect["name"] == "sampling_skipped":
                self.world.sampling.skipped(effect["passage"], dict(effect["fields"])["reason"])
            case "KeepReferral":
                self._referred(effect["referral"])
                self.world.inspections.kept(effect["referral"])
            case "Report" if effect["name"] == "referral_report_ignored":
                self.world.inspections.ignored(dict(effect["fields"])["reason"])
            case "Report" if effect["name"] == "mode_changed":
                self.world.reached.add(f"mode {dict(effect['fields'])['mode']}")
            case "Report" if effect["name"] == "referral_overdue":
                self.world.inspections.overdue(dict(effect["fields"])["referral"])
            case "Report" if effect["name"] == "rechecked":
                self.world.inspections.rechecked(dict(effect["fields"])["swapped"])
            case "EndPassage":
                self._ended[effect["passage"]] += 1
                self.terminals[effect["terminal"]] += 1
                self.world.scale.ended(effect["reasons"])
                self.world.readers.ended(effect)
                self.world.outages.ended(effect)
                self.world.opening.ended(effect)
                self.world.loads.ended(effect)
                if not effect["simulated"]:
                    self.blame("I20", "a terminal record does not say that it was simulated")
                if effect["decision"] == "hold" and not effect["reasons"]:
                    self.blame("I11", "a truck was held without a named reason")
            case "Report" if effect["name"] == "passage_opened":
                self._opened[effect["passage"]] = self.world.time.now_ms

    def _referred(self, referral: dict[str, Any]) -> None:
        """A referral is kept: every part of it is an authority's own wish."""
        for one in referral["inspections"]:
            if (referral["passage"], one["authority"], one["target"]) not in self.world.authorities.wanted:
                self.blame("I16", f"nobody wanted that {one['authority']} looks at it in {one['target']}")

    def told(self, data: dict[str, Any]) -> None:
        """Central operations was told this: nothing in it names a vehicle (I19)."""
        if data.get("simulated") is not True:
            self.blame("I20", "an event does not say that it was simulated")
        text = str(data)
        if any(one in text for one in _PERSONAL):
            self.blame("I19", "an event carries a plate, a code, a tag, a seal or a driver")
        self.world.outages.told(data)

    # --- the end ------------------------------------------------------------------------------------------------

    def waited(self, *, at_rest: bool) -> None:
        """Everybody waits for the lane to come to rest."""
        self._waited += 1
        if not at_rest and self._waited > _PATIENCE:
            self.blame("I11", f"the lane is still {self.world.phase} {_PATIENCE} s after everything was repaired")
            self.gave_up = True

    def close(self) -> None:
        """Judge the whole history, once it is over."""
        disk, lane = self.world.disk, self.world.profile.lane
        if (broken := disk.first_broken(lane)) is not None:
            self.blame("I13", f"the hash chain breaks at {broken}")
        for passage, count in self._ended.items():
            if count != 1:
                self.blame("I8", f"passage {passage} has {count} terminal records")
        if open_still := set(self._opened) - set(self._ended):
            self.blame("I8", f"{len(open_still)} passages have no terminal record")
        base = disk.lanes[lane] * LANE_SPAN
        first = disk.acknowledged[disk.lanes[lane]][0] + 1
        if [row_id - base for row_id in disk.outbox] != list(range(first, first + len(disk.outbox))):
            self.blame("I12", "the outbox has a gap")
        self.world.outages.close()
        self.rows |= self.world.swarm.struck


def _named(error: AssertionError) -> str:
    text = str(error)
    name = text.partition(":")[0].partition(",")[0]
    return name if name.startswith("I") and name[1:].isdigit() else "I10"


def at_rest(phase: Phase) -> bool:
    """Whether nothing is going on."""
    return phase is Phase.IDLE
