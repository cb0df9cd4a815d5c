"""A person's words go to customs as a supplement (0x23): where nothing was read, and its answer binds to that alone."""

from dataclasses import replace
from typing import Any

import pytest

from edge.clearance.bridge.judging import gather_of, note_of
from edge.clearance.bridge.messages import Gather
from edge.clearance.bridge.said import Said, said_of
from edge.core.grant import NotedPlate, ReleaseNote
from edge.core.readings import Reading
from edge.core.supplement import Supplement
from simulators.customs_book import Document
from tests.support.bridge_bench import BOX as READ_BOX
from tests.support.bridge_bench import FORM, BridgeBench
from tests.support.bridge_bench import PLATE as READ_PLATE
from tests.support.clearance import IDENTITY
from tests.support.customs import BOX, EPC, OTHER_BOX, PLATE, SEQUENCE, TRAILER, TRUCK, claims, plate, reading

UNREAD = reading(None, "unread", "no_agreement")
NO_PLATES = [plate("", status="unread"), plate("", "rear", status="unread")]


def words(*codes: Any, policy: str = "allow", **plates: Any) -> dict[str, Any]:
    return {
        "operator": "chen", "first_operator": None,
        "plates": [{"place": place, "policy": policy, "text": text} for place, text in plates.items()],
        "containers": {"policy": policy, "codes": list(codes)},
    }  # fmt: skip


def asked(said: dict[str, Any] | None, **changes: Any) -> Gather | str:
    given = claims(**changes) | ({} if said is None else {"supplement": said})
    return gather_of(given, SEQUENCE, TRUCK.file_time)


def test_words_fill_what_was_not_read_and_the_note_says_the_same() -> None:
    unread = {"plates": NO_PLATES, "containers": UNREAD}
    said = words(BOX, OTHER_BOX, front=PLATE, rear=TRAILER)
    found = asked(said, **unread)
    assert found == replace(TRUCK, models=(), supplemented=True)
    assert isinstance(found, Gather)
    assert note_of(found, claims(**unread), "HF1") == ReleaseNote(
        "HF1", (NotedPlate("front", PLATE, None), NotedPlate("rear", TRAILER, None)), (BOX, OTHER_BOX), EPC
    )


def test_what_was_read_stays_beside_words() -> None:
    assert asked(words(BOX, OTHER_BOX), containers=UNREAD) == replace(TRUCK, models=(), supplemented=True)
    said = asked(words(front=PLATE), plates=NO_PLATES[:1])
    assert said == replace(TRUCK, trailer_plate="", supplemented=True)


@pytest.mark.parametrize(
    ("said", "changes", "reason"),
    [
        (words(), {"containers": UNREAD}, "supplement_of_nothing"),
        (words(BOX), {}, "supplement_of_reading"),
        (words(front=PLATE), {}, "supplement_of_reading"),
        (words(inside=PLATE), {}, "supplement_of_reading"),
        (words(BOX), {"containers": reading(None, "conflict")}, "supplement_of_reading"),
        (words(BOX, policy="mask"), {"containers": UNREAD}, "withheld_containers"),
        (words(front="***88", policy="mask"), {"plates": NO_PLATES}, "withheld_plates"),
        (words("CSQU3054384"), {"containers": UNREAD}, "supplement_malformed"),
        (words("CSQU305438"), {"containers": UNREAD}, "supplement_malformed"),
        (words(7), {"containers": UNREAD}, "supplement_malformed"),
        (words(BOX, BOX), {"containers": UNREAD}, "supplement_malformed"),
        (words(BOX, OTHER_BOX, "HLXU4074106"), {"containers": UNREAD}, "supplement_malformed"),
        (words(front="?"), {"plates": NO_PLATES}, "supplement_malformed"),
        (words(front=None), {"plates": NO_PLATES}, "supplement_malformed"),
        # What the words leave open stays open.
        (words(front=PLATE), {"plates": NO_PLATES, "containers": UNREAD}, "unread_containers"),
        (words(BOX), {"containers": UNREAD, "plates": [plate(PLATE, status="conflict")]}, "conflict_front_plate"),
    ],
)
def test_words_that_customs_cannot_be_asked_with_hold_by_name(
    said: dict[str, Any], changes: dict[str, Any], reason: str
) -> None:
    assert asked(said, **changes) == reason


@pytest.mark.parametrize("form", [7, {}, {"plates": []}, {"plates": [{}], "containers": {"codes": [], "policy": ""}}])
def test_words_of_another_form_are_refused(form: Any) -> None:
    with pytest.raises((KeyError, TypeError)):
        said_of(form, {}, UNREAD)
    assert said_of(None, {}, UNREAD) == Said()


def twice(place: str) -> dict[str, Any]:
    said = words(front=PLATE)
    return said | {"plates": said["plates"] * 2}


def test_a_plate_is_said_once() -> None:
    assert asked(twice("front"), plates=NO_PLATES) == "supplement_malformed"


MUDDY = replace(IDENTITY, plates=(("front", Reading("unread", reason="no_agreement")),))
NO_BOX = replace(IDENTITY, containers=Reading("unread", reason="not_found"))


async def test_customs_releases_what_a_person_completed_and_the_grant_is_for_that_request(bench: BridgeBench) -> None:
    async with bench.bridge():
        await bench.ask(NO_BOX, passage="passage1")
        first = await bench.grant()
        assert (first.verdict, first.reason) == ("hold", "unread_containers")
        assert bench.platform.asked == []
        said = Supplement("chen", "dirty", (), (READ_BOX,))
        request = await bench.ask(NO_BOX, passage="passage1", supplement=said)
        grant = await bench.grant()
    assert (grant.verdict, grant.request_hash, grant.nonce) == ("release", request.request_hash, "nonce2")
    assert grant.note is not None
    assert (grant.note.number, grant.note.containers) == (FORM, (READ_BOX,))
    (asked_of,) = bench.platform.asked
    assert asked_of.supplemented
    assert asked_of.fields["container_front"] == READ_BOX


async def test_the_answer_to_the_gathering_before_releases_no_supplement(bench: BridgeBench) -> None:
    bench.platform.fault = "silent"
    async with bench.bridge(answer_ms=800):
        await bench.ask(MUDDY, passage="passage1")
        await bench.asked(1)
        await bench.ask(MUDDY, passage="passage1", supplement=Supplement("chen", "mud", (("front", READ_PLATE),)))
        await bench.asked(2)
        before, after = bench.platform.asked
        # A number of its own: what customs says of the one is nothing said of the other.
        assert before.fields["sequence"] != after.fields["sequence"]
        assert (before.supplemented, after.supplemented) == (False, True)
        bench.platform.answer(before)
        grant = await bench.grant()
    assert (grant.verdict, grant.reason, grant.nonce) == ("hold", "platform_other_passage", "nonce2")


async def test_a_platform_that_takes_no_supplements_releases_nobody(bench: BridgeBench) -> None:
    bench.platform.fault = "no_supplements"
    async with bench.bridge(answer_ms=500):
        await bench.ask(NO_BOX, supplement=Supplement("chen", "dirty", (), (READ_BOX,)))
        assert (await bench.grant()).reason == "platform_silent"
        await bench.ask()
        assert (await bench.grant()).verdict == "release"


async def test_a_box_that_the_document_does_not_have_is_refused(bench: BridgeBench) -> None:
    bench.platform.book.add(Document(FORM, READ_PLATE, (OTHER_BOX,)))
    async with bench.bridge():
        await bench.ask(NO_BOX, supplement=Supplement("chen", "dirty", (), (READ_BOX,)))
        assert (await bench.grant()).reason == "platform_refused"
