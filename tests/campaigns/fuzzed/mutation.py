"""Good bytes bent by chance, for the small tests; atheris knows better which way to bend them."""

import random
from collections.abc import Iterator, Sequence

# What parsers of anything have to bear: too deep, too long, numbers that are none.
HOSTILE = (
    b"", b"[" * 4_000, b'{"a":' * 800, b"9" * 4_090, b"NaN", b"-Infinity", b"1e999", b'{"a": Infinity}', b"\xff" * 300,
    b'"\\ud800"', b"<a>" * 1_000, b"--frame\r\n" * 300, b"a: &a [*a]", b"\r\n\r\n", b"\0" * 4_096,
)  # fmt: skip
WORDS = (
    b"Infinity", b"-Infinity", b"NaN", b"1e999", b"null", b"true", b"[]", b"{}", b"-1", b"1.5", b"\\ud800", b"\\u0000",
    b"9007199254740993", b"\r\n", b"\r\n\r\n", b"<!DOCTYPE a>", b"&#0;", b"<![CDATA[", b"]]>", b"\xef\xbb\xbf",
    b"rtsp://[",
)  # fmt: skip
_TELLING = b"\x00\xff{}[]\"'<>&;=:,.-+019eE\\u \r\n\x7f"


def mutated(draw: random.Random, seeds: Sequence[bytes], count: int, most_bytes: int) -> Iterator[bytes]:
    """Yield so many inputs."""
    for _ in range(count):
        data = bytearray(draw.choice(seeds))
        for _ in range(draw.choice((1, 1, 2, 3, 8))):
            _bend(draw, data, draw.choice(seeds))
        yield bytes(data[:most_bytes])


def _bend(draw: random.Random, data: bytearray, other: bytes) -> None:
    at = draw.randrange(len(data) + 1)
    match draw.randrange(7):
        case 0 if data:
            data[at % len(data)] ^= 1 << draw.randrange(8)
        case 1 if data:
            data[at % len(data)] = draw.choice(_TELLING)
        case 2:
            del data[at : at + draw.choice((1, 2, 8, 40))]
        case 3:
            data[at:at] = data[at : at + draw.choice((1, 4, 16, 200))]
        case 4:
            data[at:at] = draw.randbytes(draw.choice((1, 2, 5)))
        case 5:
            data[at : at + draw.choice((0, 1, 3))] = draw.choice(WORDS)
        case _:
            data[at:] = other[draw.randrange(len(other) + 1) :]
