"""What a request tells of its pictures: which view each shows, to an authority that may see pictures at all."""

from dataclasses import replace
from typing import Any

import pytest

from edge.clearance.envelope import MAX_ENVELOPE_BYTES
from edge.clearance.lane_clearance import LaneClearance
from edge.clearance.request import open_request
from edge.clearance.views import MOST_VIEWS, ViewedPicture, views_of
from edge.core.events import FrameRead
from edge.core.plate import Plate
from edge.core.profile import CameraProfile, LaneProfile
from edge.core.readings import Identity, PictureReading, Reading
from edge.core.state import LaneState, Passage
from edge.core.tag import Tag
from edge.core.tags import MOST_TAGS
from edge.field_policy import FieldPolicy, FieldRule
from tests.support.bridge_bench import LaneClock
from tests.support.clearance import AUTHORITY, LANE, NOW, SITE, World

PROFILE = LaneProfile(
    SITE,
    LANE,
    "in",
    (),
    (CameraProfile("plate", "front", ("plate",)), CameraProfile("ocr-left", "left", ("container",))),
)


def frame(camera: str, digest: str, captured_ms: int) -> FrameRead:
    return FrameRead(captured_ms + 50, "passage1", camera, digest * 64, captured_ms, PictureReading())


# Out of order, as workers are through with them.
FRAMES = (
    frame("ocr-left", "3", 300), frame("plate", "a", 110), frame("ocr-left", "1", 100), frame("ocr-left", "2", 200),
    frame("plate", "b", 120), frame("plate", "c", 130), frame("gone", "e", 1),
)  # fmt: skip
PASSAGE = Passage("passage1", 0, frames=FRAMES)
IDENTITY = Identity(
    plates=(("front", Reading("read", Plate("沪A12345", "yellow", "ordinary"), 0.9, evidence=("b" * 64,))),)
)


def test_the_pictures_behind_a_reading_are_told_and_else_the_first_and_last_of_a_view() -> None:
    assert views_of(PROFILE, PASSAGE, IDENTITY) == (
        ViewedPicture("front", ("plate",), "b" * 64),
        ViewedPicture("left", ("container",), "1" * 64),
        ViewedPicture("left", ("container",), "3" * 64),
    )
    assert views_of(PROFILE, Passage("passage1", 0), IDENTITY) == ()


def test_the_largest_lane_makes_a_request_that_is_read(world: World) -> None:
    cameras = tuple(CameraProfile(f"c{number}", "left", ("plate", "container")) for number in range(16))
    frames = tuple(
        FrameRead(at_ms, "passage1", f"c{at_ms % 16}", f"{at_ms:064x}", at_ms, PictureReading()) for at_ms in range(64)
    )
    profile, passage = replace(PROFILE, cameras=cameras), Passage("passage1", 0, frames=frames)
    evidence = tuple(one.sha256 for one in frames)
    whole = Identity(plates=(("left", Reading("unread", reason="no_agreement", evidence=evidence)),))
    assert len(views_of(profile, passage, whole)) == MOST_VIEWS
    assert len(asked(world, profile, passage, whole)) < MAX_ENVELOPE_BYTES * 0.8


def asked(world: World, profile: LaneProfile, passage: Passage, identity: Identity) -> bytes:
    request = LaneClearance(
        key=world.lane_key, policies={AUTHORITY: FieldPolicy()}, epoch=1, config_hash="0" * 64, model_hash="1" * 64,
        clock=LaneClock(),
    )  # fmt: skip
    request.prepare("passage1", AUTHORITY, "nonce1", identity, LaneState(profile, passage=passage))
    return request._prepared[AUTHORITY][0].raw


@pytest.mark.hazard("D13")
def test_a_pallet_of_tags_in_the_largest_lane_costs_the_views_and_not_the_lane(world: World) -> None:
    cameras = tuple(CameraProfile(f"c{number}", "left", ("plate", "container")) for number in range(16))
    frames = tuple(
        FrameRead(at_ms, "passage1", f"c{at_ms % 16}", f"{at_ms:064x}", at_ms, PictureReading()) for at_ms in range(64)
    )
    evidence = tuple(one.sha256 for one in frames)
    flood = Identity(
        plates=(("left", Reading("unread", reason="no_agreement", evidence=evidence)),),
        tag=Reading("conflict", candidates=tuple(Tag(f"{number:04X}" * 31, "E" * 124) for number in range(MOST_TAGS))),
    )
    raw = asked(world, replace(PROFILE, cameras=cameras), Passage("passage1", 0, frames=frames), flood)
    found = open_request(raw, keyset=world.keyset, site=SITE, lane=LANE, now_utc=NOW)
    assert "views" not in found
    assert found["evidence"] == sorted(evidence)


def claims(world: World, policy: FieldPolicy, passage: Passage | None = PASSAGE) -> dict[str, Any]:
    asking = LaneClearance(
        key=world.lane_key, policies={AUTHORITY: policy}, epoch=1, config_hash="0" * 64, model_hash="1" * 64,
        clock=LaneClock(),
    )  # fmt: skip
    asking.prepare("passage1", AUTHORITY, "nonce1", IDENTITY, LaneState(PROFILE, passage=passage))
    raw = asking._prepared[AUTHORITY][0].raw
    return open_request(raw, keyset=world.keyset, site=SITE, lane=LANE, now_utc=NOW)


def test_a_request_names_each_view_and_its_picture_as_evidence(world: World) -> None:
    found = claims(world, FieldPolicy())
    assert found["views"] == [
        {"view": "front", "reads": ["plate"], "sha256": "b" * 64},
        {"view": "left", "reads": ["container"], "sha256": "1" * 64},
        {"view": "left", "reads": ["container"], "sha256": "3" * 64},
    ]
    assert found["evidence"] == ["1" * 64, "3" * 64, "b" * 64]
    # What a receiver of the version before knows of a request is all there, under the same version and signature.
    assert (found["v"], found["typ"]) == (1, "gate-request+jws")


@pytest.mark.parametrize("rule", ["mask", "deny", "hash"])
@pytest.mark.parametrize("kind", ["plates", "containers", "tag", "seals"])
def test_who_may_not_see_everything_is_told_of_no_view(world: World, kind: str, rule: FieldRule) -> None:
    found = claims(world, FieldPolicy(hash_key=b"k" * 16, **{kind: rule}))  # type: ignore[arg-type]
    assert "views" not in found
    # Nor of pictures that stand behind no reading.
    assert found["evidence"] == ["b" * 64]


def test_a_card_is_in_no_picture(world: World) -> None:
    assert len(claims(world, FieldPolicy(driver="deny"))["views"]) == 3
    assert "views" not in claims(world, FieldPolicy(), None)
