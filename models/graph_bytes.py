"""What an ONNX file would take from outside itself, read from its bytes before anything is built from them.

The digest of a file covers neither weights that lie in another file nor operators that another library brings.
onnxruntime resolves both of itself, the file from the working directory too where it is given bytes.
"""

from typing import Final

# The operators of ONNX itself, by either of their names. No model that is shipped needs others.
DOMAINS: Final = (b"", b"ai.onnx")
# As deep as protobuf itself follows messages.
MOST_DEPTH: Final = 100
# The largest model that is shipped has some ten thousand; a second of one core's work for a file made of nothing else.
MOST_FIELDS: Final = 1_000_000

_VARINT, _EIGHT_BYTES, _MESSAGE, _FOUR_BYTES = 0, 1, 2, 5
_FIXED = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}
_MOST_VARINT_BYTES = 10
_MOST_TAG = (1 << 32) - 1
# Which fields of onnx.proto are messages that may hold a tensor or an operator, by the message that they stand in.
_WITHIN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_DOMAIN_OF = {"node": 7, "function": 10}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14


class GraphError(Exception):
    """A file is not to be loaded. `code` is `model_external_data`, `model_foreign_operator` or `model_unloadable`."""

    def __init__(self, code: str, expected: str, got: str) -> None:
        super().__init__(f"{code}: expected {expected}, got {got}")
        self.code = code
        self.expected = expected
        self.got = got


def refuse_foreign(content: bytes) -> None:
    """Return where `content` is an ONNX file that needs nothing but itself. Raises GraphError, and nothing else."""
    waiting = [("model", 0, len(content), 1)]
    fields = 0
    while waiting:
        message, at, end, depth = waiting.pop()
        within = _WITHIN[message]
        while at < end:
            fields += 1
            if fields > MOST_FIELDS:
                raise _malformed(f"more than {MOST_FIELDS} fields")
            tag, at = _varint(content, at, end)
            number, kind = tag >> 3, tag & 7
            if not number or tag > _MOST_TAG:
                raise _malformed(f"a field that is none, before byte {at}")
            if kind == _VARINT:
                value, at = _varint(content, at, end)
                if message == "tensor" and number == _DATA_LOCATION and value:
                    raise _external()
                continue
            size = _FIXED.get(kind)
            if kind == _MESSAGE:
                size, at = _varint(content, at, end)
            if size is None or size > end - at:
                raise _malformed(f"a field that does not end, at byte {at}")
            if kind == _MESSAGE:
                _judge(message, number, content, at, size)
                if number in within:
                    if depth == MOST_DEPTH:
                        raise _malformed(f"messages deeper than {MOST_DEPTH}")
                    waiting.append((within[number], at, at + size, depth + 1))
            at += size


def _judge(message: str, number: int, content: bytes, at: int, size: int) -> None:
    if message == "tensor" and number == _EXTERNAL_DATA:
        raise _external()
    if _DOMAIN_OF.get(message) == number and content[at : at + size] not in DOMAINS:
        said = content[at : at + min(size, 60)].decode("utf-8", "replace")
        raise GraphError("model_foreign_operator", "operators of ONNX alone", f"one of {said!r}")


def _varint(content: bytes, at: int, end: int) -> tuple[int, int]:
    """Return the number that begins at `at`, and where it ends."""
    value = shift = 0
    for place in range(at, min(end, at + _MOST_VARINT_BYTES)):
        byte = content[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place + 1
        shift += 7
    raise _malformed(f"a number that does not end, at byte {at}")


def _external() -> GraphError:
    return GraphError("model_external_data", "all weights in the file itself", "weights in another file")


def _malformed(got: str) -> GraphError:
    return GraphError("model_unloadable", "an ONNX graph", got)
