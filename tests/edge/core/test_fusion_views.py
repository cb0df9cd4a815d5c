import pytest

from edge.core.container import parse_container
from edge.core.events import FrameRead
from edge.core.fusion import fuse
from edge.core.profile import CameraProfile, LaneProfile
from edge.core.readings import ContainerSighting, PictureReading
from edge.core.state import Passage

CAMERAS = tuple(CameraProfile(name, name, ("container",), frames_needed=1) for name in ("left", "right"))
PROFILE = LaneProfile("site", "lane", "in", authorities=(), cameras=CAMERAS)


def containers_of(**codes: str):
    frames = []
    for camera, code in codes.items():
        container = parse_container(code)
        assert container is not None
        reading = PictureReading(containers=(ContainerSighting(container, 0.9, (0, 0, 9, 9)),))
        frames.append(FrameRead(1, "p", camera, camera, 1, reading))
    return fuse(PROFILE, Passage("p", 0, frames=tuple(frames)), ()).containers


def test_d8_two_views_of_one_box_that_disagree_are_a_conflict() -> None:
    reading = containers_of(left="CSQU3054383", right="CSGU3054383")
    assert (reading.status, reading.reason) == ("conflict", "views_disagree")


@pytest.mark.parametrize(("other", "status"), [("CSQU0004389", "conflict"), ("CSQU0104388", "read")])
def test_codes_that_differ_in_three_characters_may_be_one_box_and_in_four_are_two(other: str, status: str) -> None:
    assert containers_of(left="CSQU3054383", right=other).status == status


def test_d9_two_boxes_are_two_codes() -> None:
    reading = containers_of(left="CSQU3054383", right="TCLU4254260")
    assert reading.status == "read"
    assert [one.code for one in reading.value or ()] == ["CSQU3054383", "TCLU4254260"]
