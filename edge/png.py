"""Pure: what a PNG says of itself before anything decodes it. Drivers and models both ask (PNG 5.2, 5.3, 11.2.2)."""

MAGIC = b"\x89PNG\r\n\x1a\n"
# The first chunk of every PNG: 13 bytes of header.
_FIRST_CHUNK = b"\0\0\0\x0dIHDR"
# Length, type and check of a chunk without its data.
_CHUNK_BYTES = 12


def png_size(data: bytes) -> tuple[int, int] | None:
    """Return (width, height) as the header claims them, or None where these bytes do not begin as a PNG does."""
    if len(data) < 24 or not data.startswith(MAGIC + _FIRST_CHUNK):
        return None
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def is_whole_png(data: bytes) -> bool:
    """Say whether each chunk lies within the bytes, up to the last one; a trailer behind it is borne.

    OpenCV takes as much memory as a chunk claims, up to 4 GiB, before it sees that the bytes are not there.
    """
    at = len(MAGIC)
    while at + _CHUNK_BYTES <= len(data):
        end = at + _CHUNK_BYTES + int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"IEND":
            return end <= len(data)
        at = end
    return False
