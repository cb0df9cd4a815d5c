"""The stream's pictures, by OpenCV's FFmpeg: the only module of the driver with OpenCV. Runs in the worker alone."""

import cv2

from drivers.kit.camera.dial import SourceError

_JPEG_QUALITY = 92


class Decoder:
    """One open stream."""

    def __init__(self, url: str, wait_s: float) -> None:
        """`url` with user and password; `wait_s` bounds opening, and the wait for each frame.

        Raises SourceError (`camera_bad_answer`).
        """
        wait_ms = round(wait_s * 1000)
        self._wait_s = wait_s
        self._capture = cv2.VideoCapture(
            url,
            cv2.CAP_FFMPEG,
            [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
                wait_ms,
                cv2.CAP_PROP_READ_TIMEOUT_MSEC,
                wait_ms,
                cv2.CAP_PROP_N_THREADS,
                1,
            ],
        )
        if not self._capture.isOpened():
            raise SourceError(
                "camera_bad_answer",
                "a stream over TCP that can be decoded",
                "the decoder cannot open it",
                "check at the camera that RTSP over TCP is on and how many viewers it admits",
            )

    def next_frame(self) -> float | None:
        """Wait for the next frame and return its time in the stream in ms; None where the stream is over."""
        return float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) if self._capture.grab() else None

    def picture(self, max_bytes: int, max_pixels: int) -> bytes | None:
        """The newest frame as a JPEG, empty where it is too large; None where it cannot be had."""
        whole, picture = self._capture.retrieve()
        return encode(picture, max_bytes, max_pixels) if whole else None

    def close(self) -> None:
        """End the stream."""
        self._capture.release()


def encode(picture: cv2.typing.MatLike, max_bytes: int, max_pixels: int) -> bytes:
    """A JPEG of a picture, the same bytes for the same pixels; empty where it has more pixels, or would more bytes."""
    height, width = picture.shape[:2]
    if height * width > max_pixels:
        return b""
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return data.tobytes() if data.size <= max_bytes else b""
