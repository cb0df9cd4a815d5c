"""The frames of a passage, camera by camera, and why they gave nothing."""

from collections.abc import Iterable

from edge.core.events import FrameRead
from edge.core.profile import CameraProfile
from edge.core.state import Passage


def frames_of(passage: Passage, camera: CameraProfile) -> list[FrameRead]:
    """Return what one camera gave for this passage, oldest first."""
    return [frame for frame in passage.frames if frame.camera == camera.id]


def why_unread(frames: Iterable[FrameRead], what: str, *, lost: bool) -> str:
    """Return the stable reason why `what` was not read: the last that recognition gave, or what is missing."""
    if lost:
        return "device_lost"
    reasons = [unread.reason for frame in frames for unread in frame.reading.unread if unread.what in (what, "picture")]
    return reasons[-1] if reasons else "no_agreement" if any(True for _ in frames) else "no_picture"
