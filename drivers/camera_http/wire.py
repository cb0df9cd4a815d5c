"""Pure bytes <-> values of cameras over HTTP: the pictures of a multipart stream. The rest is in `drivers.kit.camera`.

Nothing here reads a socket, a clock or a file, and nothing here decodes a picture.
"""

from drivers.kit.camera import multipart
from drivers.kit.camera.multipart import Part


class MultipartParser(multipart.MultipartParser):
    """A `multipart/x-mixed-replace` stream (MJPEG): parts that say they are no picture are left out."""

    def feed(self, data: bytes) -> list[Part]:
        """Take the next bytes and return the pictures that they completed, oldest first."""
        return [Part(one.data, one.oversized) for one in super().feed(data) if one.may_be_picture]
