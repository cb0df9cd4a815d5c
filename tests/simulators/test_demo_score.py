"""What the demo counts: wrongly opened, held for want of a reading, held for a wrong one."""

import pytest

from simulators.demo_score import STAGES, Passage, colours_of, plain_identity, score
from simulators.vehicle import Truck

TRUCK = Truck("truck-1", (("front", "粤B12345", "yellow", "ordinary", 1),), (("CSQU3054383", "22G1"),), "E280AA")
RIGHT = {"plates": ["粤B12345"], "containers": ["CSQU3054383"], "tag": "E280AA"}


def passage(decision="release", terminals=("PASSED",), colours=None, truck=TRUCK, **read):
    return Passage(
        truck,
        id="p",
        identity={**RIGHT, **read},
        decision=decision,
        terminals=list(terminals),
        colours={"粤B12345": "yellow"} if colours is None else colours,
    )


def held(**changes):
    return passage("hold", ("TURNED_BACK",), **changes)


@pytest.mark.parametrize(
    ("passages", "raises", "expected"),
    [
        pytest.param([passage()], 1, (0, 0, 0), id="released as it is"),
        pytest.param([passage(plates=["粤B12346"])], 1, (1, 0, 0), id="another plate"),
        pytest.param([passage(containers=[])], 1, (1, 0, 0), id="a container that was not read"),
        pytest.param([passage(tag="E280AB")], 1, (1, 0, 0), id="another tag"),
        pytest.param([passage(colours={"粤B12345": "blue"})], 1, (1, 0, 0), id="another colour"),
        pytest.param([passage(colours={})], 1, (0, 0, 0), id="colour not read"),
        pytest.param([passage(terminals=["OFFLINE_PASSED"], tag=None)], 1, (1, 0, 0), id="offline counts alike"),
        pytest.param([passage()], 2, (1, 0, 0), id="one raise too many"),
        pytest.param([held()], 1, (1, 0, 0), id="raised for a held truck"),
        pytest.param([passage(terminals=[])], 1, (0, 0, 0), id="raised, and its end was never heard of"),
        pytest.param([passage(terminals=["FAULT"])], 1, (0, 0, 0), id="raised, then a fault"),
        pytest.param([passage(terminals=["DENIED"])], 1, (1, 0, 0), id="raised for a denied truck"),
        pytest.param([passage(terminals=["MANUAL_PASSED"], tag=None)], 1, (0, 0, 0), id="a person opened"),
        pytest.param([held(plates=[])], 0, (0, 1, 0), id="plate not read"),
        pytest.param([held(tag=None)], 0, (0, 1, 0), id="tag not read"),
        pytest.param([held(colours={})], 0, (0, 1, 0), id="colour of the plate not read"),
        pytest.param([held(containers=["CSQU3054384"])], 0, (0, 0, 1), id="wrong container"),
        pytest.param([held(plates=[], tag="E280AB")], 0, (0, 0, 1), id="wrong and unread counts as wrong"),
        pytest.param([held(colours={"粤B12345": "blue"})], 0, (0, 0, 1), id="wrong colour"),
        pytest.param([held(plates=["CSQU3054383"])], 0, (0, 0, 1), id="a code read as a plate"),
        pytest.param([held()], 0, (0, 0, 0), id="held for another reason"),
        pytest.param([passage(), held(plates=[]), held(plates=["粤B1"])], 1, (0, 1, 1), id="each by itself"),
    ],
)
def test_counts(passages, raises, expected):
    result = score(passages, raises)
    assert (result["wrongly_opened"], result["held_unread"], result["held_wrong"]) == expected


def test_a_plate_of_unknown_colour_is_not_read_wrongly():
    truck = Truck("truck-1", (("front", "粤B12345", "", "ordinary", 1),), (("CSQU3054383", "22G1"),), "E280AA")
    result = score([held(truck=truck)], 0)
    assert (result["held_unread"], result["held_wrong"]) == (0, 0)


@pytest.mark.parametrize(
    ("terminals", "shown"), [([], None), (["PASSED"], "PASSED"), (["PASSED", "TIMEOUT"], ["PASSED", "TIMEOUT"])]
)
def test_a_passage_as_json(terminals, shown):
    one = passage(terminals=terminals).as_json()
    assert one["truth"] == one["identity"] == RIGHT
    assert one["terminal"] == shown
    assert tuple(one["stages_ms"]) == STAGES


def test_an_identity_is_what_was_read():
    message = {
        "plates": [
            {"place": "front", "status": "read", "text": "粤B12345", "colour": "yellow", "kind": "ordinary"},
            {"place": "rear", "status": "unread", "text": None, "colour": None, "kind": None},
        ],
        "containers": [{"code": "TCLU2", "size_type": None}, {"code": "CSQU1", "size_type": "22G1"}],
        "tag": None,
    }
    assert plain_identity(message) == {"plates": ["粤B12345"], "containers": ["CSQU1", "TCLU2"], "tag": None}
    assert colours_of(message) == {"粤B12345": "yellow"}
