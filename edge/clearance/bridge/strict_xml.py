"""XML of the customs platform, read strictly and within bounds, and written. Pure.

No document type, so no entity of its own, external or nested; no processing instruction; bounded depth, elements,
attributes and text. The encoding is the dialect's: expat knows no GB2312, and what a document declares is compared,
never obeyed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NoReturn
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

MAX_DEPTH = 8
MAX_ELEMENTS = 400
MAX_ATTRIBUTES = 24
MAX_TEXT = 4096

Encoding = Literal["gb18030", "utf-8"]
# Names under which the field declares an encoding. GB18030 reads all that GB2312 and GBK write.
_FAMILIES: dict[str, Encoding] = {"gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "utf-8": "utf-8"}
_DECLARED = re.compile(r"""\s*<\?xml\s[^>]{0,200}?\bencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_DECLARATION = re.compile(r"\s*<\?xml\b[^>]{0,300}\?>\s*")
# White space as XML knows it: any other is a character of the text.
_WHITE = " \t\r\n"
# What a name of the protocol may be: the schemas seen use no prefixes.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}\Z", re.ASCII)


class BodyError(ValueError):
    """The body of a message is not acceptable. `reason` is stable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class XmlError(BodyError):
    """The XML is not acceptable.

    Reasons: xml_encoding, xml_declares_other_encoding, xml_syntax, xml_doctype, xml_instruction, xml_too_deep,
    xml_too_many, xml_text_too_long, xml_name, xml_twice, xml_not_text.
    """


@dataclass(slots=True)
class Element:
    """One element: `text` is its own characters without the white space around them."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Element"] = field(default_factory=list)
    text: str = ""

    def child(self, name: str) -> "Element | None":
        """The only child of this name, or None; raises XmlError (xml_twice) for two: they could contradict."""
        found = [one for one in self.children if one.name == name]
        if len(found) > 1:
            raise XmlError("xml_twice")
        return found[0] if found else None

    def at(self, path: str) -> str | None:
        """The text at `A/B`, or None where there is no such element.

        Raises XmlError: xml_twice, or xml_not_text for one with elements of its own, which may say something else.
        """
        here: Element | None = self
        for name in path.split("/"):
            here = None if here is None else here.child(name)
        if here is not None and here.children:
            raise XmlError("xml_not_text")
        return None if here is None else here.text

    def says(self) -> str:
        """The first thing that is said anywhere in it, under whatever name; "" where it is empty throughout."""
        own = (self.text, *self.attributes.values(), *(one.says() for one in self.children))
        return next(filter(None, own), "")


def read(body: bytes, encoding: Encoding, declares: str) -> Element:
    """Return the root of a document in `encoding`, which may declare `declares` or nothing. Raises XmlError."""
    try:
        text = body.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise XmlError("xml_encoding") from error
    declared = _DECLARED.match(text)
    if declared is not None and family(declared[1]) != family(declares):
        raise XmlError("xml_declares_other_encoding")
    return _Reader().read(_DECLARATION.sub("", text, count=1))


def family(declared: str) -> str:
    """Return the encoding that reads what a document of this declaration holds, or its own name where none does."""
    return _FAMILIES.get(declared.lower(), declared.lower())


def write(root: Element, encoding: Encoding, declares: str) -> bytes:
    """Return the document. Raises ValueError for a name or text that XML cannot hold."""
    text = f'<?xml version="1.0" encoding="{declares}"?>' + "".join(_written(root))
    return text.encode(encoding)


def is_name(name: str) -> bool:
    """Say whether the protocol may have an element or attribute of this name."""
    return _NAME.match(name) is not None


def _written(element: Element) -> Iterator[str]:
    if not is_name(element.name):
        raise ValueError(f"not a name: {element.name!r}")
    yield f"<{element.name}{_attributes(element.attributes)}"
    if not element.text and not element.children:
        yield "/>"
        return
    yield f">{escape(_clean(element.text))}"
    for child in element.children:
        yield from _written(child)
    yield f"</{element.name}>"


def _attributes(attributes: Mapping[str, str]) -> str:
    return "".join(f" {name}={quoteattr(_clean(value))}" for name, value in attributes.items())


def _clean(text: str) -> str:
    if any(not one.isprintable() for one in text):
        raise ValueError("text with characters that cannot be printed")
    return text


class _Reader:
    def __init__(self) -> None:
        # The bytes given are always UTF-8: expat is told so, whatever they say.
        self._parser = expat.ParserCreate("utf-8")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = lambda *_: _refuse("xml_doctype")
        self._parser.EntityDeclHandler = lambda *_: _refuse("xml_doctype")
        self._parser.ProcessingInstructionHandler = lambda *_: _refuse("xml_instruction")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._open: list[Element] = []
        self._root: Element | None = None
        self._count = 0

    def read(self, text: str) -> Element:
        try:
            self._parser.Parse(text.encode("utf-8"), True)
        except (expat.ExpatError, UnicodeEncodeError) as error:
            raise XmlError("xml_syntax") from error
        assert self._root is not None  # expat refuses a document without a root
        return self._root

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= MAX_DEPTH:
            _refuse("xml_too_deep")
        if self._count > MAX_ELEMENTS or len(attributes) > MAX_ATTRIBUTES:
            _refuse("xml_too_many")
        if not all(map(is_name, (name, *attributes))):
            _refuse("xml_name")
        if any(len(value) > MAX_TEXT for value in attributes.values()):
            _refuse("xml_text_too_long")
        element = Element(name, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, _name: str) -> None:
        element = self._open.pop()
        element.text = element.text.strip(_WHITE)

    def _characters(self, text: str) -> None:
        element = self._open[-1]
        if len(element.text) + len(text) > MAX_TEXT:
            _refuse("xml_text_too_long")
        element.text += text


def _refuse(reason: str) -> NoReturn:
    raise XmlError(reason)
