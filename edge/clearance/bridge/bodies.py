"""The body of a message in the form of its dialect: XML, or JSON where the dialect is spoken on topics. Pure."""

from edge.clearance.bridge import json_body, strict_xml
from edge.clearance.bridge.dialects import Dialect
from edge.clearance.bridge.strict_xml import Element
from edge.clearance.bridge.wire import Frame, Sender


def read_body(frame: Frame, dialect: Dialect) -> Element:
    """Return the root of a message. Raises BodyError."""
    if dialect.pubsub is None:
        return strict_xml.read(frame.body, dialect.encoding, dialect.declares)
    return json_body.read(frame.body, frame.kind, frame.sender, dialect.pubsub)


def write_body(root: Element, kind: int, sender: Sender, dialect: Dialect) -> bytes:
    """Return the bytes of a message. Raises ValueError for what it cannot hold."""
    if dialect.pubsub is None:
        return strict_xml.write(root, dialect.encoding, dialect.declares)
    return json_body.write(root, kind, sender, dialect.pubsub)
