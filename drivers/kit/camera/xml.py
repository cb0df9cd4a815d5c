"""Pure: XML as cameras send it, read without ever doing what it says: no DTD, no entities, every size bounded."""

import re
from typing import Protocol
from xml.parsers.expat import ExpatError, ParserCreate

MAX_DEPTH = 32
_ENCODING = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_GB = frozenset({"gb2312", "gbk", "gb18030", "hz-gb-2312", "cp936"})


class RefusedError(Exception):
    """The document is not for us; `args[0]` says why in a word."""


class Reader(Protocol):
    """Hears a document. `path` is where it is: names in lower case without prefixes, the root first.

    Both may raise RefusedError. A path is good until the next call.
    """

    def start(self, path: list[str], attributes: dict[str, str]) -> None:
        """An element begins; names of attributes in lower case without prefixes."""

    def end(self, path: list[str], text: str) -> None:
        """An element ends; `text` is what stood before its end, behind its last child."""


class _Walk:
    def __init__(self, reader: Reader, max_elements: int) -> None:
        self._reader = reader
        self._left = max_elements
        self._path: list[str] = []
        self._text: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._left -= 1
        self._path.append(_plain(name))
        if len(self._path) > MAX_DEPTH or self._left < 0:
            raise RefusedError("too many elements")
        self._text.clear()
        self._reader.start(self._path, {_plain(key): value for key, value in attributes.items()})

    def data(self, text: str) -> None:
        self._text.append(text)

    def end(self, _: str) -> None:
        self._reader.end(self._path, "".join(self._text).strip())
        self._path.pop()
        self._text.clear()


def _plain(name: str) -> str:
    return name.rpartition(":")[2].lower()


def _refuse_dtd(*_: object) -> None:
    raise RefusedError("a DTD")


def decoded(data: bytes) -> str:
    """The document as text: in the encoding that it names, else UTF-8, else GB18030 as many cameras have it.

    Raises RefusedError where it is no text.
    """
    found = _ENCODING.match(data[:300].removeprefix(b"\xef\xbb\xbf").lstrip())
    named = found[1].decode("ascii").lower() if found is not None else "utf-8"
    encodings = ["gb18030"] if named in _GB else ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise RefusedError("no text")


def read_xml(data: bytes, reader: Reader, *, max_bytes: int, max_elements: int) -> str | None:
    """Tell a document to `reader`; return in words why it was refused, None where it was told to its end.

    Never raises. What was told before a refusal is not to be used. A document with a DTD is refused before it
    declares anything.
    """
    if len(data) > max_bytes:
        return "too large"
    walk = _Walk(reader, max_elements)
    parser = ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_dtd
    parser.StartElementHandler, parser.EndElementHandler = walk.start, walk.end
    parser.CharacterDataHandler = walk.data
    try:
        # The declaration names an encoding that the text no longer has.
        parser.Parse(_DECLARATION.sub("", decoded(data)).strip(" \t\r\n\0"), True)
    except RefusedError as refused:
        return str(refused)
    except (ExpatError, ValueError) as error:
        return f"no XML: {error}"[:100]
    return None
