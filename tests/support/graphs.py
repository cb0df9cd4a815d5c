"""Models small enough to be spelt out: the fields of onnx.proto as bytes, right ones and hostile ones."""

import struct

MATMUL_SIDE = 2
FLOAT, INTEGER = 1, 7


def number(value: int) -> bytes:
    """Return `value` as protobuf spells numbers."""
    spelt = bytearray()
    while value > 0x7F:
        spelt.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*spelt, value))


def field(place: int, value: bytes | int) -> bytes:
    """Return one field: a message or text, or a number."""
    if isinstance(value, int):
        return number(place << 3) + number(value)
    return number(place << 3 | 2) + number(len(value)) + value


def kept(name: bytes = b"w", raw: bytes = b"\0" * 16) -> bytes:
    """Return a tensor of 2 x 2 with its numbers."""
    return field(1, 2) + field(1, 2) + field(2, 1) + field(8, name) + field(9, raw)


def elsewhere(name: bytes = b"w", file: bytes = b"w.bin") -> bytes:
    """Return a tensor of 2 x 2 whose numbers lie in another file."""
    said = field(1, b"location") + field(2, file)
    return field(1, 2) + field(1, 2) + field(2, 1) + field(8, name) + field(13, said) + field(14, 1)


def node(operator: bytes = b"MatMul", *, domain: bytes | None = None, attribute: bytes = b"") -> bytes:
    """Return an operator that takes x and w and gives y."""
    said = field(1, b"x") + field(1, b"w") + field(2, b"y") + field(4, operator)
    said += field(5, attribute) if attribute else b""
    return said + (b"" if domain is None else field(7, domain))


def value(name: bytes, sides: tuple[int | str, ...] = (MATMUL_SIDE,) * 2, kind: int = FLOAT) -> bytes:
    """Return what a graph takes or gives: its name and its shape, a text for each side that is left open."""
    shape = b"".join(field(1, field(1, one) if isinstance(one, int) else field(2, one.encode())) for one in sides)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, shape)))


def graph(weights: bytes, operator: bytes | None = None, more: bytes = b"") -> bytes:
    """Return a graph that multiplies x by `weights`."""
    given = field(1, operator or node()) + field(2, b"g") + field(5, weights)
    return given + field(11, value(b"x")) + field(12, value(b"y")) + more


def model(content: bytes, more: bytes = b"") -> bytes:
    """Return the file of a graph."""
    return field(1, 8) + field(7, content) + field(8, field(1, b"") + field(2, 13)) + more


GOOD = model(graph(kept()))


def integers(name: bytes, *values: int) -> bytes:
    """Return a tensor of whole numbers in one row."""
    return (
        field(1, len(values)) + field(2, INTEGER) + field(8, name) + field(9, struct.pack(f"<{len(values)}q", *values))
    )


def declaring(takes: bytes, gives: bytes, more: bytes = b"") -> bytes:
    """Return a model that declares what it takes and gives, whatever it does: it answers with its input."""
    given = field(1, field(1, b"x") + field(2, b"y") + field(4, b"Identity")) + field(2, b"g")
    return model(given + field(11, takes) + field(12, gives), more)


def named(**metadata: bytes) -> bytes:
    """Return what a file says of itself, to stand behind a model."""
    return b"".join(field(14, field(1, key.encode()) + field(2, said)) for key, said in metadata.items())


def hungry(numbers: int, takes: bytes = value(b"x"), gives: bytes = value(b"y")) -> bytes:
    """Return a model that makes so many numbers of nothing before it answers with what it is given."""
    operators = (
        field(1, b"n") + field(2, b"many") + field(4, b"ConstantOfShape"),
        field(1, b"many") + field(2, b"none") + field(4, b"ReduceSum"),
        field(1, b"x") + field(1, b"none") + field(2, b"y") + field(4, b"Add"),
    )
    given = b"".join(field(1, one) for one in operators) + field(2, b"g") + field(5, integers(b"n", numbers))
    return model(given + field(11, takes) + field(12, gives))
