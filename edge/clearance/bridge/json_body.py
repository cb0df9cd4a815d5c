"""The JSON variant of the customs front-end protocol: a message as JSON in a string of JSON, and its topics. Pure.

    FRONT_GRATH/<AREA>/<CHNL>/<I|E>/33
    {"tType": "GATHER_INFO", "tData": "a string of JSON: Cmd 33, Cmd_desc 0x21, Event GATHER_INFO, C_Type Front, ..."}

33 and 34 are the message types 0x21 and 0x22 in decimal: who gathers publishes on /33, who commands on /34. A message
becomes the same tree of elements as its XML, so that both are judged by the same rules.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from edge.clearance.bridge.strict_xml import MAX_ELEMENTS, MAX_TEXT, BodyError, Element, is_name
from edge.clearance.bridge.wire import MessageType, Sender
from edge.clearance.strict_json import StrictJsonError, parse_object

_HEAD = ("AREA_ID", "CHNL_NO", "I_E_TYPE", "SEQ_NO")


class JsonBodyError(BodyError):
    """The body is not acceptable. `reason` is stable.

    Reasons: json_ and those of StrictJsonError; json_not_escaped, json_kind, json_sender, json_event, json_no_data,
    json_value, json_name, json_too_many, json_text_too_long.
    """


@dataclass(frozen=True, slots=True)
class PubSub:
    """Who publishes where, and how each side calls itself in `C_Type`.

    The notes that these topics are from are a platform's: it subscribes to what front ends gather (33) and publishes
    commands (34). Where a site has it the other way round, its dialect says so.
    """

    front_role: str = "FRONT_GRATH"
    platform_role: str = "PLAT_FORM"
    front_name: str = "Front"
    platform_name: str = "PLATFORM"
    asks: int = MessageType.GATHER
    answers: int = MessageType.COMMAND

    def asking_topic(self, area: str, channel: str, direction: str) -> str:
        """Return where the front end publishes what it gathered."""
        return f"{self.front_role}/{area}/{channel}/{direction}/{self.asks:d}"

    def answering_topic(self, area: str, channel: str, direction: str) -> str:
        """Return where the platform publishes what it decided."""
        return f"{self.platform_role}/{area}/{channel}/{direction}/{self.answers:d}"

    def name_of(self, sender: Sender) -> str:
        """Return what this side calls itself."""
        return self.front_name if sender == "front" else self.platform_name


def write(root: Element, kind: int, sender: Sender, words: PubSub) -> bytes:
    """Return the payload. Raises ValueError for names that JSON cannot tell apart, or text that cannot be printed."""
    inner = {
        "Cmd": int(kind),
        "Cmd_desc": f"{kind:#04x}",
        "Event": root.name,
        "TimeSpan": root.attributes.get("TimeSpan", ""),
        "C_Type": words.name_of(sender),
        **{name: root.attributes[name] for name in _HEAD if name in root.attributes},
        "Data": _values(root),
    }
    return _dumped({"tType": root.name, "tData": _dumped(inner)}).encode()


def read(body: bytes, kind: int, sender: Sender, words: PubSub) -> Element:
    """Return the message of this type and sender as the tree that its XML would be. Raises JsonBodyError.

    Numbers that are whole become their digits, null becomes empty text; nothing else but text and objects is taken.
    """
    inner = _inner(body)
    if _said(inner, "Cmd") != str(int(kind)) or _said(inner, "Cmd_desc").lower() != f"{kind:#04x}":
        _refuse("json_kind")
    if _said(inner, "C_Type") != words.name_of(sender):
        _refuse("json_sender")
    event, data = _said(inner, "Event"), inner.get("Data")
    if not is_name(event):
        _refuse("json_event")
    if not isinstance(data, dict):
        _refuse("json_no_data")
    root = Element(event, {name: _said(inner, name) for name in (*_HEAD, "TimeSpan") if name in inner})
    _grown(root, data, 0)
    return root


def heading(body: bytes, words: PubSub) -> tuple[int, Sender]:
    """Return type and sender as the message says; of what cannot be read, the platform's answer.

    Whoever reads the whole of it then learns why it is none.
    """
    try:
        inner = _inner(body)
        kind, sender = inner.get("Cmd"), _said(inner, "C_Type")
    except JsonBodyError:
        return words.answers, "platform"
    return (
        kind if type(kind) is int and 0 <= kind <= 0xFF else words.answers,
        "front" if sender == words.front_name else "platform",
    )


def _inner(body: bytes) -> dict[str, Any]:
    data = _parsed(body).get("tData")
    if not isinstance(data, str):
        _refuse("json_not_escaped")
    return _parsed(data.encode())


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        return parse_object(raw)
    except StrictJsonError as error:
        raise JsonBodyError(f"json_{error.reason}") from error


def _grown(parent: Element, values: Mapping[str, Any], count: int) -> int:
    """Hang the values under the element; returns how many elements there are then."""
    for name, value in values.items():
        count += 1
        if count > MAX_ELEMENTS:
            _refuse("json_too_many")
        if not is_name(name):
            _refuse("json_name")
        child = Element(name)
        parent.children.append(child)
        if isinstance(value, dict):
            count = _grown(child, value, count)
        else:
            child.text = _text(value)
    return count


def _said(values: Mapping[str, Any], name: str) -> str:
    return _text(values.get(name))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if type(value) is int:
        return str(value)
    if not isinstance(value, str):
        _refuse("json_value")
    if len(value) > MAX_TEXT:
        _refuse("json_text_too_long")
    return value


def _values(element: Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for child in element.children:
        if child.name in found:
            raise ValueError(f"twice: {child.name!r}")
        found[child.name] = _values(child) if child.children else _printable(child.text)
    return found


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("text with characters that cannot be printed")
    return text


def _dumped(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def _refuse(reason: str) -> NoReturn:
    raise JsonBodyError(reason)
