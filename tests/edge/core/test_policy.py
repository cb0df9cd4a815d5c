"""What has to match for an automatic release, and how several authorities become one decision."""

from dataclasses import replace
from itertools import product

import pytest

from edge.core.container import parse_container
from edge.core.grant import VERDICTS, NotedPlate, ReleaseNote
from edge.core.inspection import Inspection, in_words, targets_of
from edge.core.plate import parse_plate
from edge.core.policy import Joined, join, mismatches
from edge.core.profile import AuthorityProfile, LaneProfile
from edge.core.readings import Identity, Reading
from edge.core.state import Phase, Request
from edge.core.tag import Tag
from tests.support.lane_bench import CODE, EPC, NOTE, PLATE, PROFILE, LaneBench

THREE = tuple(AuthorityProfile(name, 5_000) for name in ("customs", "port", "quarantine"))


def answered(*verdicts: str, note: ReleaseNote | None = NOTE) -> tuple[Request, ...]:
    """Requests with these answers: a verdict, `silent`, or `open`."""
    bench = LaneBench()
    requests = []
    for number, verdict in enumerate(verdicts):
        name = THREE[number].id
        if verdict in ("silent", "open"):
            requests.append(Request(name, "n", "h", 0, None, verdict == "silent"))
        else:
            grant = bench.grant(verdict, authority=name, target="nii" if verdict == "refer" else None, note=note)
            requests.append(Request(name, "n", "h", 0, grant))
    return tuple(requests)


def profile(policy: str, quorum: int = 2) -> LaneProfile:
    return replace(PROFILE, authorities=THREE, join=policy, quorum=quorum)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "verdicts", "decision"),
    [
        ("all_of", ("release", "release", "release"), "release"),
        ("all_of", ("release", "not_applicable", "not_applicable"), "release"),
        ("all_of", ("release", "release", "open"), None),
        ("all_of", ("release", "release", "silent"), "hold"),
        ("all_of", ("release", "release", "hold"), "hold"),
        ("all_of", ("not_applicable",) * 3, "hold"),
        ("all_of", ("silent",) * 3, "hold"),
        ("all_of", ("release", "refer", "hold"), "refer"),
        ("veto", ("release", "silent", "silent"), "release"),
        ("veto", ("release", "silent", "hold"), "hold"),
        ("veto", ("silent",) * 3, "hold"),
        ("veto", ("release", "open", "silent"), None),
        ("quorum", ("release", "release", "hold"), "release"),
        ("quorum", ("release", "release", "silent"), "release"),
        ("quorum", ("release", "hold", "silent"), "hold"),
        ("quorum", ("release", "release", "refer"), "refer"),
        ("quorum", ("release", "release", "open"), None),
    ],
)
@pytest.mark.hazard("D8")
def test_answers_become_one_decision(policy: str, verdicts: tuple[str, ...], decision: str | None) -> None:
    joined = join(profile(policy), answered(*verdicts))
    assert (joined.decision if joined else None) == decision


@pytest.mark.parametrize("policy", ["all_of", "veto", "quorum"])
@pytest.mark.parametrize("others", [("open", "open"), ("release", "release"), ("silent", "refer")])
def test_a_denial_decides_at_once_and_is_never_outvoted(policy: str, others: tuple[str, str]) -> None:
    assert join(profile(policy), answered("deny", *others)) == Joined("deny", ("deny:customs",))


@pytest.mark.parametrize("policy", ["all_of", "veto", "quorum"])
def test_a_release_needs_somebody_who_released(policy: str) -> None:
    for verdicts in product([*VERDICTS, "silent"], repeat=3):
        joined = join(profile(policy, quorum=0), answered(*verdicts))
        assert joined is not None
        if joined.decision == "release":
            assert "release" in verdicts
            assert not {"deny", "refer"} & set(verdicts)
        else:
            assert joined.reasons


@pytest.mark.parametrize("policy", ["all_of", "veto", "quorum"])
def test_all_who_want_to_look_get_one_inspection_and_nobody_else_has_a_part_in_it(policy: str) -> None:
    customs, port, quarantine = answered("refer", "release", "refer")
    assert quarantine.answer is not None
    elsewhere = replace(quarantine, answer=replace(quarantine.answer, target="quarantine"))
    joined = join(profile(policy), (customs, port, elsewhere))
    task = (Inspection("customs", "nii"), Inspection("quarantine", "quarantine"))
    assert joined == Joined("refer", ("refer:customs", "refer:quarantine"), task)


def test_an_inspection_is_not_ordered_while_somebody_may_still_want_to_join_it() -> None:
    assert join(profile("all_of"), answered("refer", "release", "open")) is None
    joined = join(profile("all_of"), answered("refer", "release", "silent"))
    assert joined == Joined("refer", ("refer:customs",), (Inspection("customs", "nii"),))


def test_a_place_where_two_look_is_named_once() -> None:
    task = (Inspection("customs", "nii"), Inspection("port", None), Inspection("quarantine", "nii"))
    assert targets_of(task) == ("nii",)
    assert in_words(task) == "customs:nii,port:None,quarantine:nii"


def read(**changes: object) -> Identity:
    plate, container = parse_plate(PLATE, "blue"), parse_container(CODE)
    assert plate is not None
    assert container is not None
    found = Identity(
        (("front", Reading("read", plate, 0.9)),), Reading("read", (container,), 0.9), Reading("read", Tag(EPC), 1.0)
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def plates(*readings: tuple[str, Reading]) -> dict[str, object]:  # type: ignore[type-arg]
    return {"plates": readings}


UNREAD: Reading = Reading("unread", reason="dark")  # type: ignore[type-arg]
CONFLICT: Reading = Reading("conflict", reason="several")  # type: ignore[type-arg]
ORDINARY = Reading("read", parse_plate(PLATE, "blue"), 0.9)
OTHER = Reading("read", parse_plate("京A12345", "blue"), 0.9)
TRAILER = Reading("read", parse_plate("冀B1A2C挂", "yellow"), 0.9)


@pytest.mark.parametrize(
    ("identity", "note", "reasons"),
    [
        (read(), NOTE, ()),
        (read(**plates(("front", OTHER))), NOTE, ("mismatch_front_plate",)),
        (read(**plates(("front", UNREAD))), NOTE, ("unread_front_plate",)),
        (read(**plates(("front", CONFLICT))), NOTE, ("conflict_front_plate",)),
        (read(**plates()), NOTE, ("unread_front_plate",)),
        (read(), replace(NOTE, plates=()), ("not_noted_front_plate",)),
        (read(), replace(NOTE, plates=(NotedPlate("front", PLATE, "yellow"),)), ("mismatch_front_plate_colour",)),
        (read(), replace(NOTE, plates=(NotedPlate("front", PLATE),)), ()),
        (read(containers=UNREAD), NOTE, ("unread_containers",)),
        (read(containers=CONFLICT), NOTE, ("conflict_containers",)),
        (read(), replace(NOTE, containers=("HLXU4074106",)), ("mismatch_containers",)),
        (read(), replace(NOTE, containers=(CODE, "HLXU4074106")), ("mismatch_containers",)),
        (read(), replace(NOTE, containers=()), ("mismatch_containers",)),
        (read(tag=UNREAD), NOTE, ("unread_tag",)),
        (read(tag=CONFLICT), NOTE, ("conflict_tag",)),
        (read(tag=Reading("read", Tag("E2FF"), 1.0)), NOTE, ("mismatch_tag",)),
        (read(tag=UNREAD), replace(NOTE, tag=None), ()),
        (read(), replace(NOTE, tag=None), ()),
        (
            read(**plates(("front", ORDINARY), ("rear", TRAILER))),
            replace(NOTE, plates=(*NOTE.plates, NotedPlate("rear", "冀B9999挂"))),
            ("mismatch_rear_plate",),
        ),
    ],
)
def test_d8_a_release_covers_what_was_read_and_contradicts_none_of_it(
    identity: Identity, note: ReleaseNote, reasons: tuple[str, ...]
) -> None:
    assert mismatches(PROFILE, identity, answered("release", note=note)) == reasons


def test_d8_every_pattern_of_agreement_of_plate_code_and_tag() -> None:
    container = parse_container("HLXU4074106")
    for plate_ok, code_ok, tag_ok in product((True, False), repeat=3):
        found = read()
        if not plate_ok:
            found = replace(found, plates=(("front", OTHER),))
        if not code_ok:
            found = replace(found, containers=Reading("read", (container,), 0.9))  # type: ignore[arg-type]
        if not tag_ok:
            found = replace(found, tag=Reading("read", Tag("E2FF"), 1.0))
        assert (mismatches(PROFILE, found, answered("release")) == ()) is (plate_ok and code_ok and tag_ok)


def test_a_release_without_a_note_releases_nobody() -> None:
    assert mismatches(PROFILE, read(), answered("release", note=None)) == ("no_release_note",)


def test_a_note_of_somebody_who_did_not_release_covers_nothing_but_may_contradict() -> None:
    requests = answered("release", "not_applicable", note=None)
    assert requests[1].answer is not None
    covered = (requests[0], replace(requests[1], answer=replace(requests[1].answer, note=NOTE)))
    assert mismatches(PROFILE, read(), covered) == ("no_release_note",)
    released = (*answered("release"), replace(covered[1], answer=replace(requests[1].answer, note=ReleaseNote("n"))))
    assert mismatches(PROFILE, read(), released) == ("mismatch_containers",)


def test_one_of_several_notes_covers_all_or_the_shortest_gap_is_named() -> None:
    demanding = replace(PROFILE, must_match=("front_plate", "rear_plate", "containers", "tag"))
    requests = (*answered("release"), *answered("release", note=replace(NOTE, plates=())))
    assert mismatches(PROFILE, read(), requests) == ()
    assert mismatches(demanding, read(), requests) == ("unread_rear_plate",)


@pytest.mark.hazard("D6", "D8")
def test_a_mismatch_is_held_for_a_person_with_its_reason() -> None:
    lane = LaneBench()
    lane.arrive()
    lane.read_plate("京A12345")
    lane.read_container()
    lane.read_tag()
    lane.prepare()
    lane.answer("release")
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("mismatch_front_plate",))


def test_several_authorities_are_asked_at_once_and_the_first_to_end_ends_the_release() -> None:
    lane = LaneBench(replace(PROFILE, authorities=THREE))
    lane.identify()
    asked_ms = lane.at_ms
    lane.answer("release", authority="port", ttl_ms=900)
    lane.answer("not_applicable", authority="quarantine", at_ms=asked_ms + 100)
    assert lane.phase is Phase.WAITING
    lane.answer("release", authority="customs")
    from edge.core.effects import ConsumeAuthority

    consumed = lane.last(ConsumeAuthority)
    assert (len(consumed.nonces), consumed.deadline_ms) == (2, asked_ms + 900)


def test_one_denial_of_three_turns_the_vehicle_back_without_waiting() -> None:
    lane = LaneBench(replace(PROFILE, authorities=THREE))
    lane.identify()
    lane.answer("release", authority="port")
    lane.answer("deny", authority="customs")
    assert lane.phase is Phase.TURNING_BACK


@pytest.mark.parametrize("policy", ["veto", "quorum"])
@pytest.mark.parametrize("port_ms", [4_000, 5_000, 6_000])
def test_a_release_is_still_good_once_a_silence_that_is_tolerated_was_waited_for(policy: str, port_ms: int) -> None:
    asked = (AuthorityProfile("customs", 5_000), AuthorityProfile("port", port_ms))
    lane = LaneBench(replace(PROFILE, authorities=asked, join=policy, quorum=1))  # type: ignore[arg-type]
    lane.identify()
    lane.answer("release")
    lane.wait()
    assert lane.phase is Phase.CONSUMING
    lane.durable()
    assert lane.phase is Phase.OPENING


def test_an_answer_in_its_own_time_does_not_end_before_the_slowest_authority_had_its_time() -> None:
    asked = (AuthorityProfile("customs", 1_000), AuthorityProfile("port", 4_000))
    lane = LaneBench(replace(PROFILE, authorities=asked))
    lane.identify()
    lane.answer("release")
    lane.watch_until(lane.at_ms + 3_000)
    lane.answer("release", authority="port")
    lane.durable()
    assert lane.phase is Phase.OPENING
