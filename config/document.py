"""YAML text to plain data with the place of every key and value. The only module that names ruamel.yaml.

Nodes are composed but never constructed: no tag can run anything, and duplicate keys are all seen.
"""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLWarning
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

PathKey = tuple[str | int, ...]
# No configuration is deeper or larger; aliases could otherwise multiply a small file into a huge one.
MAX_DEPTH = 20
MAX_NODES = 20_000
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)
_FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][-+]?[0-9]{1,3})?", re.ASCII)
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(_TAG + name for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp"))
# What the parser is known to raise for some broken texts beside its own errors; to a technician all are syntax.
_PARSER_ERRORS = (YAMLError, ValueError, LookupError, TypeError, AttributeError, AssertionError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong in the text itself: code, place (from 1), what stands there."""

    code: str
    line: int
    column: int
    value: str
    path: PathKey = ()


@dataclass(slots=True)
class Document:
    """The data (mappings as dict, sequences as tuple) and where its keys and values stand (line, column from 1)."""

    data: object = None
    keys: dict[PathKey, tuple[int, int]] = field(default_factory=dict)
    values: dict[PathKey, tuple[int, int]] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)
    nodes: int = 0


def parse(text: str) -> Document:
    """Read one YAML 1.2 document. Never raises for any text: what is wrong is in `flaws`.

    Codes: `yaml_syntax`, `empty`, `duplicate_key`, `key_not_text`, `yaml_tag`, `too_complex`.
    """
    document = Document()
    with warnings.catch_warnings():
        # An anchor used twice is only warned of; what matters of it is caught as a value or not at all.
        warnings.simplefilter("ignore", YAMLWarning)
        _parse(text, document)
    return document


def _parse(text: str, document: Document) -> None:
    try:
        if place := _too_complex(text):
            document.flaws.append(Flaw("too_complex", *place, "nesting"))
            return
        node = YAML(typ="rt", pure=True).compose(text)
        if node is None:
            document.flaws.append(Flaw("empty", 1, 1, ""))
        else:
            document.data = _build(node, (), document)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        document.flaws.append(Flaw("yaml_syntax", line, column, error.problem or error.context or "?"))
    except _PARSER_ERRORS as error:
        document.flaws.append(Flaw("yaml_syntax", *_line_of(text, error), str(error).split("\n")[0]))


def _too_complex(text: str) -> tuple[int, int] | None:
    """Where the text goes too deep or too far, seen before the composer, which recurses, gets it."""
    depth = 0
    for count, event in enumerate(YAML(typ="rt", pure=True).parse(text)):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > MAX_DEPTH or count > MAX_NODES:
            return event.start_mark.line + 1, event.start_mark.column + 1
    return None


def _line_of(text: str, error: Exception) -> tuple[int, int]:
    offset = getattr(error, "position", None)
    if not isinstance(offset, int):
        return 1, 1
    before = text[:offset]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _place(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _build(node: Node, path: PathKey, document: Document) -> object:
    document.nodes += 1
    place = _place(node)
    if document.nodes > MAX_NODES or len(path) > MAX_DEPTH:
        if all(flaw.code != "too_complex" for flaw in document.flaws):
            document.flaws.append(Flaw("too_complex", *place, "aliases or nesting", path))
        return None
    document.values[path] = place
    tag = str(node.tag or "")
    if tag and tag not in _PLAIN_TAGS and tag != "!":
        document.flaws.append(Flaw("yaml_tag", *place, tag, path))
        return None
    if isinstance(node, MappingNode):
        return _mapping(node, path, document)
    if isinstance(node, SequenceNode):
        return tuple(_build(child, (*path, index), document) for index, child in enumerate(node.value))
    assert isinstance(node, ScalarNode)
    return _scalar(node, tag)


def _mapping(node: MappingNode, path: PathKey, document: Document) -> Mapping[str, object]:
    found: dict[str, object] = {}
    for key_node, value_node in node.value:
        place = _place(key_node)
        key = key_node.value if isinstance(key_node, ScalarNode) else None
        if not isinstance(key, str) or key_node.tag == _TAG + "null":
            document.flaws.append(Flaw("key_not_text", *place, "", path))
            continue
        if key in found:
            first, _ = document.keys[(*path, key)]
            document.flaws.append(Flaw("duplicate_key", *place, f"{key} ({first})", (*path, key)))
            continue
        document.keys[(*path, key)] = place
        found[key] = _build(value_node, (*path, key), document)
    return found


def _scalar(node: ScalarNode, tag: str) -> object:
    text = str(node.value)
    if node.style is not None:
        return text  # quoted or a block: a text, whatever it looks like
    match tag.removeprefix(_TAG):
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int" if _INTEGER.fullmatch(text):
            return int(text)
        case "float" if _FLOAT.fullmatch(text):
            return float(text)
        case _:
            return text
