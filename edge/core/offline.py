"""Whether a vehicle may pass while no authority can be asked (hazards.md 4.5): any doubt holds it.

Never against an answer, never on one lost reply: only in a proved outage, under a live signed list, with two
identifiers that agree, within the bounds of the profile. Without `profile.offline` the lane fails closed.
"""

from dataclasses import replace

from edge.core.doubts import doubts
from edge.core.draft import Draft
from edge.core.effects import ConsumeAuthority
from edge.core.events import DeviceBack, DeviceLost, Event, OfflineListAccepted, Started, TimeJudged
from edge.core.offline_list import MOST_USES_KEPT, OfflineEntry, OfflineList, OfflineUse, hash_identifier
from edge.core.profile import LaneProfile, OfflineRules
from edge.core.readings import Identity
from edge.core.state import LaneState, OpenAuthority, Phase
from edge.core.vehicle import of_two_vehicles
from edge.core.weight import HEAVIER_THAN_EMPTY

# The clearance connection is named like a device, so that the lane says when it cannot ask.
CLEARANCE = "clearance"
TIME_GOOD_FOR_MS = 24 * 3_600_000
_NEEDED_IDENTIFIERS = 2


def observe_offline(draft: Draft, event: Event) -> None:
    """Take in what an event says about the outage, the list and the time."""
    match event:
        case Started(offline_uses=uses, offline_passes=passes) if not draft.state.boot:
            _remember(draft, uses=uses, passes=passes)
        case DeviceLost(device=device) if device == CLEARANCE and CLEARANCE not in draft.state.lost_devices:
            _remember(draft, outage_since_ms=event.at_ms)
        case DeviceBack(device=device) if device == CLEARANCE:
            _remember(draft, outage_since_ms=None, passes=0)
        case TimeJudged(good=good):
            _remember(draft, time_good_at_ms=event.at_ms if good else None)
        case OfflineListAccepted(list=found):
            _take_list(draft, found)
        case _:
            pass


def _remember(draft: Draft, **changes: object) -> None:
    draft.change(offline=replace(draft.state.offline, **changes))  # type: ignore[arg-type]


def _take_list(draft: Draft, found: OfflineList) -> None:
    """Replace the list as a whole; an older one than that in force is not taken. Tell a person what was denied."""
    memory = draft.state.offline
    if memory.list is not None and found.version <= memory.list.version:
        if found.version == memory.list.version:
            _remember(draft, list=_shortened(memory.list, found))
        return
    named = {entry.id for entry in found.entries}
    _remember(draft, list=found, uses=_kept(memory.uses, named))
    draft.report("offline_list_accepted", ("version", found.version), ("entries", len(found.entries)))
    for entry in found.denied:
        if memory.uses_of(entry):
            draft.report("offline_pass_denied", ("entry", entry), ("version", found.version))
            draft.alarm("offline_pass_denied", entry)


def _shortened(known: OfflineList, again: OfflineList) -> OfflineList:
    """The list in force, whose times were told anew by a wall clock that had stepped: they give nothing, and take."""
    anew = {one.id: one for one in again.entries}
    both = [(one, anew.get(one.id, one)) for one in known.entries]
    entries = tuple(
        replace(one, from_ms=max(one.from_ms, told.from_ms), until_ms=min(one.until_ms, told.until_ms))
        for one, told in both
    )
    return replace(known, until_ms=min(known.until_ms, again.until_ms), entries=entries)


def _kept(uses: tuple[OfflineUse, ...], named: set[str]) -> tuple[OfflineUse, ...]:
    surplus = max(0, len(uses) - MOST_USES_KEPT)
    return tuple(one for index, one in enumerate(uses) if index >= surplus or one.entry in named)


def judge(state: LaneState, at_ms: int) -> OfflineEntry | str:
    """Return the one entry under which the waiting vehicle may pass, or the stable reason why it is held.

    Reasons: fail_closed, an alarm of `doubts`, mode, supplemented, answered, outage_not_proved, time_quality, no_list,
    list_expired, cap_reached, conflict, unread, seals_not_listed, too_few_identifiers, no_entry, entry_not_now,
    risk_class, entry_denied, entry_used, several_entries.
    """
    rules, memory, passage = state.profile.offline, state.offline, state.passage
    if rules is None:
        return "fail_closed"
    assert passage is not None
    if in_doubt := doubts(state):
        return in_doubt[0]
    if not mode_allows(state):
        return "mode"
    if passage.supplement is not None:
        # The list is for what was read: nobody is there to be told a word.
        return "supplemented"
    if not passage.requests or not all(one.silent and one.answer is None for one in passage.requests):
        return "answered"
    if (reason := _bounds(state, rules, at_ms)) is not None:
        return reason
    assert memory.list is not None
    identity = passage.identity or Identity()
    if (reason := _unclear(state.profile, identity)) is not None:
        return reason
    return _entry(state, memory.list, identity, at_ms)


def mode_allows(state: LaneState) -> bool:
    """Say whether mode and hours let vehicles pass unasked: none but NORMAL, and not by appointment."""
    return state.mode == "NORMAL" and state.hours == "open"


def _bounds(state: LaneState, rules: OfflineRules, at_ms: int) -> str | None:
    memory = state.offline
    if memory.outage_since_ms is None or at_ms - memory.outage_since_ms < rules.outage_ms:
        return "outage_not_proved"
    if memory.time_good_at_ms is None or at_ms - memory.time_good_at_ms > TIME_GOOD_FOR_MS:
        return "time_quality"
    if memory.list is None or memory.list.authority != rules.authority:
        return "no_list"
    if at_ms >= memory.list.until_ms:
        return "list_expired"
    return "cap_reached" if memory.passes >= rules.most_passes else None


def _unclear(profile: LaneProfile, identity: Identity) -> str | None:
    """What must be read to be released by an authority must be read here too, and nothing may be in conflict."""
    plates = dict(identity.plates)
    statuses = {f"{place}_plate": reading.status for place, reading in plates.items()}
    statuses |= {"containers": identity.containers.status, "tag": identity.tag.status}
    statuses |= {"weight": identity.weight.status, "driver": identity.driver.status, "seals": identity.seals.status}
    contradicted = identity.containers.reason == HEAVIER_THAN_EMPTY
    if "conflict" in statuses.values() or contradicted or of_two_vehicles(identity):
        return "conflict"
    # A tag is demanded where the entry names one: it has no other way to agree.
    demanded = [name for name in profile.must_match if name != "tag"]
    if not all(statuses.get(name) == "read" for name in demanded):
        return "unread"
    # No list names a seal: any that is locked would do, where a release note has to name the one.
    return "seals_not_listed" if "seals" in demanded else None


def _hashes(found: OfflineList, identity: Identity) -> dict[str, str]:
    """Return the keyed hashes of what was read: the front plate, all containers, the tag where its TID is known."""
    hashes: dict[str, str] = {}
    plate = dict(identity.plates).get("front")
    if plate is not None and plate.value is not None:
        hashes["plate"] = hash_identifier(found.hash_key, "plate", plate.value.text)
    if containers := identity.containers.value:
        codes = ",".join(sorted(one.code for one in containers))
        hashes["container"] = hash_identifier(found.hash_key, "container", codes)
    if identity.tag.value is not None and identity.tag.value.tid is not None:
        hashes["tag"] = hash_identifier(found.hash_key, "tag", identity.tag.value.tid)
    return hashes


def _entry(state: LaneState, found: OfflineList, identity: Identity, at_ms: int) -> OfflineEntry | str:
    hashes = _hashes(found, identity)
    if len(hashes) < _NEEDED_IDENTIFIERS:
        return "too_few_identifiers"
    tag_demanded = "tag" in state.profile.must_match
    # Who was seen without a box is none of those that the list expects with one.
    entries = [entry for entry in found.entries if entry.container is None or identity.containers.value != ()]
    agreeing = [entry for entry in entries if _agrees(entry, hashes, tag_demanded=tag_demanded)]
    if not agreeing:
        return "no_entry"
    reasons = [_objection(state, found, entry, at_ms) for entry in agreeing]
    usable = [entry for entry, reason in zip(agreeing, reasons, strict=True) if reason is None]
    if not usable:
        return next(reason for reason in reasons if reason is not None)
    return usable[0] if len(usable) == 1 else "several_entries"


def _agrees(entry: OfflineEntry, hashes: dict[str, str], *, tag_demanded: bool) -> bool:
    """At least two identifiers agree, and none contradicts. A container that the entry does not name contradicts."""
    if tag_demanded and entry.tag is not None and "tag" not in hashes:
        return False
    named = {"plate": entry.plate, "container": entry.container, "tag": entry.tag}
    if "container" in hashes and entry.container is None:
        return False
    both = [(named[kind], read) for kind, read in hashes.items() if named[kind] is not None]
    return len(both) >= _NEEDED_IDENTIFIERS and all(noted == read for noted, read in both)


def _objection(state: LaneState, found: OfflineList, entry: OfflineEntry, at_ms: int) -> str | None:
    if not entry.from_ms <= at_ms < entry.until_ms:
        return "entry_not_now"
    if entry.risk != "low":
        return "risk_class"
    if entry.id in found.denied:
        return "entry_denied"
    return "entry_used" if state.offline.uses_of(entry.id) >= entry.max_uses else None


def consume_entry(draft: Draft, entry: OfflineEntry) -> None:
    """Spend one use of the entry; it is durable before anything opens."""
    memory, passage = draft.state.offline, draft.passage
    assert memory.list is not None
    longest_ms = draft.at_ms + draft.state.profile.timing.grant_max_ms
    deadline_ms = min(longest_ms, entry.until_ms - 1, memory.list.until_ms - 1)
    nonces = (offline_nonce(entry.id, memory.uses_of(entry.id) + 1),)
    _remember(draft, uses=memory.used(entry.id), passes=memory.passes + 1)
    draft.change_passage(authority=OpenAuthority("offline", nonces, deadline_ms))
    draft.report("offline_released", ("entry", entry.id), ("version", memory.list.version))
    draft.emit(ConsumeAuthority(passage.id, "offline", nonces, deadline_ms))
    draft.enter(Phase.CONSUMING)


def offline_nonce(entry: str, use: int) -> str:
    """Return the nonce of one use of an entry: no other use, in no other boot, has the same."""
    return f"{entry}|{use}"


def entry_of(nonce: str) -> str:
    """Return the entry that a nonce spent a use of."""
    return nonce.partition("|")[0]
