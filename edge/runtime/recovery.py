"""What the journal says about a lane when the controller starts, and whether it can be replayed exactly."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from edge.core import confirmation
from edge.core import grant as grants
from edge.core.events import Event, Started
from edge.core.modes import MODES, Mode
from edge.core.offline import CLEARANCE, entry_of
from edge.core.offline_list import NOTHING_OFFLINE, OfflineMemory, OfflineUse
from edge.core.profile import LaneProfile
from edge.core.referral import Referral
from edge.core.state import LaneState
from edge.core.step import initial, step
from edge.runtime.codec import TAG, decode, encode
from edge.runtime.journal_file import JournalRecord
from edge.runtime.notes import NOTE

UNREADABLE = "unreadable"
# What reading and stepping through a record raises that no lane has written; CodecError is a ValueError.
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, AssertionError, RecursionError)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What the last run left: passages opened, the unfinished one, the mode, open referrals, uses of offline lists.

    `sequences`: the highest number that counted, by issuer, in the order of the issuers' names.
    """

    passages: int = 0
    unfinished: str | None = None
    unfinished_authority: bool = False
    unfinished_drill: bool = False
    mode: Mode = "NORMAL"
    referrals: tuple[Referral, ...] = ()
    offline: OfflineMemory = NOTHING_OFFLINE
    sequences: tuple[tuple[str, int], ...] = ()
    # The vehicle of the last passage is a person's, and nobody has seen to it yet.
    handed_over: bool = False


def recover(records: Iterable[JournalRecord]) -> Recovered:
    """Read the records since the last boot. Deterministic, changes nothing: a crash in it repeats it.

    It reads the effects that were recorded, not what today's code would make of the events, so that an
    update between two starts cannot change what is unfinished.
    """
    found = Recovered()
    referrals: dict[str, dict[str, Any]] = {}
    sequences: dict[str, int] = {}
    left = False
    for record in records:
        body = json.loads(record.body)
        sequences.update(_counted(body, sequences))
        if record.kind == "boot":
            # Journals of an earlier version know no modes.
            started = body["event"]
            mode = _mode(started.get("mode", "NORMAL"))
            left = started.get("handed_over", False)
            found = Recovered(started["passages"], mode=mode, offline=_carried(started), handed_over=left)
            # An older version's boot record has none.
            referrals = {one["id"]: one for one in started.get("referrals", ())}
        for effect in body["effects"]:
            match effect["type"]:
                case "Report" if effect["name"] == "passage_opened":
                    fields = dict(effect["fields"])
                    drill = fields.get("drill") is True
                    found = replace(_finished(found), passages=fields["number"], unfinished=effect["passage"])
                    found = replace(found, unfinished_drill=drill, handed_over=False)
                case "Report" if effect["name"] == "mode_changed":
                    found = replace(found, mode=_mode(dict(effect["fields"])["mode"]))
                case "ConsumeAuthority":
                    found = replace(found, unfinished_authority=True)
                    if effect["source"] == "offline":
                        found = replace(found, offline=_used(found.offline, effect["nonces"][0]))
                case "Report" if effect["name"] == "device_back" and ["device", CLEARANCE] in effect["fields"]:
                    # The outage is over: its passes no longer count, its uses always do.
                    found = replace(found, offline=replace(found.offline, passes=0))
                case "Report" if effect["name"] == "decided" and ["reasons", "handed_over"] in effect["fields"]:
                    found = replace(found, handed_over=True)
                case "EndPassage":
                    # A restart ends the passage by record; its vehicle stands there as before.
                    found = replace(_finished(found), handed_over=record.kind == "boot" and left)
                case "KeepReferral":
                    referral = effect["referral"]
                    if referral["ended"] is None:
                        referrals[referral["id"]] = referral
                    else:
                        referrals.pop(referral["id"], None)
    kept = tuple(decode(Referral, {**one, TAG: "Referral"}) for one in referrals.values())
    return replace(found, referrals=kept, sequences=tuple(sorted(sequences.items())))


def _counted(body: dict[str, Any], known: Mapping[str, int]) -> dict[str, int]:
    """Return the sequence numbers that a record adds: those a boot carried on, or that of an answer that counted."""
    # A note has no event.
    event = body.get("event", {})
    match event.get("type"):
        case "Started":
            # An older version's boot record has none.
            return dict(event.get("sequences", ()))
        case "GrantReceived" if not _ignored(body, "grant_ignored"):
            grant = event["grant"]
            issuer = grants.issuer_of(grant["authority"], drill=grant.get("drill", False))
            return {issuer: max(grant["sequence"], known.get(issuer, -1))}
        case "ConfirmationReceived" if not _ignored(body, "confirmation_ignored"):
            said = event["confirmation"]
            issuer = confirmation.issuer_of(said["officer"])
            return {issuer: max(said["sequence"], known.get(issuer, -1))}
        case _:
            return {}


def _ignored(body: dict[str, Any], name: str) -> bool:
    return any(one["type"] == "Report" and one["name"] == name for one in body["effects"])


def _finished(found: Recovered) -> Recovered:
    return replace(found, unfinished=None, unfinished_authority=False, unfinished_drill=False)


def _mode(name: str) -> Mode:
    """A mode that this version does not know is one that somebody ordered for a reason: nothing is decided."""
    return next((one for one in MODES if one == name), "EMERGENCY_HOLD")


def _carried(started: dict[str, Any]) -> OfflineMemory:
    """Return what the last boot had found; journals of an older version have none of it."""
    uses = tuple(OfflineUse(one["entry"], one["uses"]) for one in started.get("offline_uses", ()))
    return OfflineMemory(uses=uses, passes=started.get("offline_passes", 0))


def _used(memory: OfflineMemory, nonce: str) -> OfflineMemory:
    return replace(memory, uses=memory.used(entry_of(nonce)), passes=memory.passes + 1)


@dataclass(frozen=True, slots=True)
class Difference:
    """A record whose effects today's code does not reproduce."""

    seq: int
    event: str
    recorded: list[object]
    replayed: list[object]


def replay(records: Iterable[JournalRecord]) -> Iterator[Difference | None]:
    """Step through the records of one lane; yields None for each that is reproduced, else the difference.

    A record that a lane cannot have written, as after tampering, is a difference named `unreadable`; the replay
    goes on from the state before it.
    """
    state: LaneState | None = None
    for record in records:
        if record.kind == NOTE:
            continue
        try:
            state, difference = _replayed(state, record)
        except _UNREADABLE as error:
            yield Difference(record.seq, UNREADABLE, [], [f"{type(error).__name__}: {error}"[:200]])
        else:
            if state is not None:
                yield difference


def reproduced(recorded: object, replayed: object) -> bool:
    """Say whether all that was recorded comes out again. What an earlier version did not record is not compared."""
    if isinstance(recorded, dict) and isinstance(replayed, dict):
        return all(name in replayed and reproduced(one, replayed[name]) for name, one in recorded.items())
    if isinstance(recorded, list) and isinstance(replayed, list):
        return len(recorded) == len(replayed) and all(map(reproduced, recorded, replayed))
    return recorded == replayed


def _replayed(state: LaneState | None, record: JournalRecord) -> tuple[LaneState | None, Difference | None]:
    """Step through one record; the state stays None until the first boot."""
    body = json.loads(record.body)
    event: Event = decode(cast(Any, Event), body["event"])
    if isinstance(event, Started):
        state = initial(decode(LaneProfile, body["profile"]))
    elif state is None:
        return None, None
    else:
        state = replace(state, sampled_at_ms=body["sampled_at_ms"])
    state, effects = step(state, event)
    replayed = json.loads(json.dumps([encode(effect) for effect in effects]))
    if reproduced(body["effects"], replayed):
        return state, None
    return state, Difference(record.seq, type(event).__name__, body["effects"], replayed)
