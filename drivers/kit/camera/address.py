"""Pure: where a camera answers, and the request for what it gives there."""

from dataclasses import dataclass
from urllib.parse import urlsplit

PICTURES = "image/jpeg, image/png, multipart/x-mixed-replace"


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """Where a camera answers, taken apart: `target` is the path with its query, `secured` HTTPS."""

    host: str
    port: int
    target: str
    secured: bool = False


def parse_url(url: str) -> CameraAddress:
    """Take an `http://host[:port]/path?query` or `https://` address apart.

    Raises:
        ValueError: for another scheme, a missing host, credentials inside the address, or a character that
            has no place in a request line.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"expected http://host[:port]/path or https://, got {url!r}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("credentials belong in user and password_file, not in the address")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    written = target + parts.hostname
    # A quote would end the address within a digest's Authorization.
    if not written.isascii() or not written.isprintable() or " " in target or '"' in target:
        raise ValueError(f"the address may hold printable ASCII only, percent-encode the rest: {url!r}")
    secured = parts.scheme == "https"
    return CameraAddress(parts.hostname, parts.port or (443 if secured else 80), target, secured)


def encode_request(address: CameraAddress, authorization: bytes | None = None, accept: str = PICTURES) -> bytes:
    """A GET for one picture or one stream on a connection of its own (RFC 9112), with the Authorization if any."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    lines = [
        f"GET {address.target} HTTP/1.1",
        f"Host: {host}:{address.port}",
        f"Accept: {accept}",
        "Connection: close",
    ]
    head = [line.encode("ascii") for line in lines]
    if authorization is not None:
        head.append(b"Authorization: " + authorization)
    return b"\r\n".join(head) + b"\r\n\r\n"
