"""Which requests say how their pictures may be fetched: of boxes that serve them, to who may see what they show."""

from typing import Any

import pytest

from edge.clearance.lane_clearance import LaneClearance
from edge.clearance.picture_access import PictureAccess, address_of, digest_of
from edge.clearance.request import open_request
from edge.core.profile import LaneProfile
from edge.core.state import LaneState, Passage
from edge.field_policy import FieldPolicy
from tests.support.bridge_bench import LaneClock
from tests.support.clearance import AUTHORITY, IDENTITY, LANE, NOW, SITE, World

SECRET, URL = b"s" * 32, "https://192.168.10.2:8443"


def claims(world: World, pictures: PictureAccess | None, policy: FieldPolicy, mode: Any = "NORMAL") -> dict[str, Any]:
    asking = LaneClearance(
        key=world.lane_key, policies={AUTHORITY: policy}, epoch=1, config_hash="0" * 64, model_hash="1" * 64,
        clock=LaneClock(), pictures=pictures,
    )  # fmt: skip
    state = LaneState(LaneProfile(SITE, LANE, "in", ()), passage=Passage("passage1", 0, mode=mode))
    asking.prepare("passage1", AUTHORITY, "nonce1", IDENTITY, state)
    raw = asking._prepared[AUTHORITY][0].raw
    return open_request(raw, keyset=world.keyset, site=SITE, lane=LANE, now_utc=NOW)


def test_a_request_signs_the_addresses_of_its_own_pictures(world: World) -> None:
    found = claims(world, PictureAccess(SECRET, URL), FieldPolicy())
    digest = found["evidence"][0]
    path = address_of(found, digest).removeprefix(URL)
    assert digest_of(path, SECRET, SITE, NOW.timestamp()) == digest


@pytest.mark.parametrize(
    ("pictures", "policy", "mode"),
    [
        (None, FieldPolicy(), "NORMAL"),
        (PictureAccess(SECRET, URL), FieldPolicy(plates="mask"), "NORMAL"),
        (PictureAccess(SECRET, URL), FieldPolicy(tag="deny"), "NORMAL"),
        (PictureAccess(SECRET, URL), FieldPolicy(), "DRILL"),
    ],
)
def test_who_may_not_see_everything_gets_no_picture(
    world: World, pictures: PictureAccess | None, policy: FieldPolicy, mode: str
) -> None:
    assert "pictures" not in claims(world, pictures, policy, mode)
