"""Pure: what the driver takes of what a session description offers. The rest is in `drivers.kit.camera.rtsp`.

Nothing here reads a socket, a clock or a file, and nothing here decodes a picture.
"""

from drivers.kit.camera.rtsp import H264, video_codec


def refusal(description: bytes) -> str | None:
    """In words why the stream cannot be taken; None where it can."""
    codec = video_codec(description)
    return None if codec == H264 else "no video" if codec is None else f"video in {codec}"
