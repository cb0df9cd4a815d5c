"""What the reader of pictures and central operations are told: a worker's messages, models, lanes' events, counts."""

import io
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from edge.clearance.envelope import encode_base64url
from edge.core.container import Container
from edge.core.events import FrameRead
from edge.core.masks import MOST_MASKS, Mask, boxes_of, mask_of
from edge.core.plate import Plate
from edge.core.readings import ContainerSighting, PictureReading, PlateSighting, Unread, VehicleSighting
from edge.mqtt.values import Message
from edge.runtime.codec import canonical
from models import messages
from models.graph_bytes import GraphError, refuse_foreign
from models.registry import REGISTRY_PATH, ModelError, locate
from models.registry_file import entries_of
from models.roles import REQUIRED
from models.worker import EXIT_MESSAGE, serve
from ops import exchange
from ops.audit import _is_signed
from ops.draws import PlanError, plans_in
from ops.envelope import Lane, RefusedError, parse_event, parse_object, shown
from ops.ingest import Ingest
from ops.passages import cell_of, stage_times
from ops.store import EventStore
from ops.tally import ALWAYS
from tests.campaigns.fuzzed.clearance import private_key
from tests.campaigns.fuzzed.target import Fed, Target, of_file, refusing, target
from tests.support.clearance import NOW
from tests.support.graphs import GOOD, elsewhere, field, graph, kept, model, node

TOPIC = "gate/v1/yard/lane1/event/passage_ended"
_CORNERS = ((0, 0), (140, 2), (139, 42), (-1, 40))
_READING = PictureReading(
    (PlateSighting(Plate("苏A88888", "blue", "ordinary"), 0.9, (0, 0, 140, 40), (0.9,) * 7, _CORNERS),),
    (
        ContainerSighting(
            Container("CSQU3054383", "verified", "45G1"), 0.8, (1, 2, 3, 4), (0.8,) * 11, _CORNERS, "rows"
        ),
    ),
    (VehicleSighting("truck", 0.7, (0, 0, 9, 9)),),
    (Unread("plate", "blurred", (1, 1, 2, 2)), Unread("picture", "dark")),
    12.5,
)


_FAULT = messages.Fault("model_output", "plate_reader", "model_output: plate_reader answered (1, 2)")


def _reading(data: bytes) -> None:
    message = messages.decode_message(data)
    reading, fault = messages.decode_reading(message), messages.decode_fault(message)
    canonical(FrameRead(1, "p", "front", "0" * 64, 1, reading))
    again = messages.decode_message(messages.encode_reading(reading, fault))
    assert (messages.decode_reading(again), messages.decode_fault(again)) == (reading, fault)


class _Reader:
    """A reader that reads nothing."""

    fault = None

    def read_encoded(self, _encoded: bytes, look_for: frozenset[str], masks: tuple[Mask, ...]) -> PictureReading:
        assert all(isinstance(one, str) for one in look_for)
        assert len(masks) <= MOST_MASKS
        assert all(mask_of(one.left, one.top, one.right, one.bottom) == one for one in masks)
        assert all(wide > 0 and high > 0 for _, _, wide, high in boxes_of(masks, 640, 480))
        return PictureReading((), ())


def _questions(data: bytes) -> None:
    reader: Any = _Reader()
    for stream in (data, messages.packed(data) + messages.packed(b"picture")):
        assert serve(reader, io.BytesIO(stream), io.BytesIO()) in (0, EXIT_MESSAGE)


def _refused(data: bytes) -> str:
    try:
        refuse_foreign(data)
    except GraphError as error:
        return error.code
    return ""


def _graph(data: bytes) -> None:
    """What is let through is refused once weights in another file stand behind it."""
    assert _refused(data) or _refused(data + field(7, graph(elsewhere()))) == "model_external_data"


def _registry(data: bytes) -> None:
    """Each entry that is taken can be located or is refused by name; what is not taken is told on one line."""
    entries, problems = entries_of(data)
    for one in problems:
        assert f"{one.place} {one.expected} {one.got}".isprintable()
    for entry in entries:
        with suppress(ModelError):
            locate(entry)
    named = {entry.name for entry in entries} | {one.name for one in problems}
    assert problems or named.issuperset(REQUIRED)


def _event(data: bytes) -> None:
    with suppress(RefusedError):
        event = parse_event(TOPIC, data)
        cell_of(event.lane, event.time, event.data)
        stage_times(event.data)
    with suppress(RefusedError):
        found = parse_object(data)
        json.dumps(found, ensure_ascii=False).encode()
        cell_of(Lane("yard", "lane1"), shown(found.get("time")), found)
        stage_times(found)


class _Link:
    """The broker of central operations: what its handlers are for, and nothing sent."""

    def __init__(self) -> None:
        self.handlers: dict[str, Callable[[Message], None]] = {}

    def subscribe(self, topic_filter: str, handler: Callable[[Message], None]) -> None:
        self.handlers[topic_filter.rpartition("+/")[2]] = handler

    def publish(self, *_: object, **__: object) -> Any:
        raise AssertionError("nothing is sent")


def _ingest() -> Callable[[bytes], None]:
    link, store = _Link(), cast(EventStore, None)
    ingest = Ingest(link, store, utc=lambda: NOW)

    def take(data: bytes) -> None:
        for rest, what in (("event/#", "event/passage_ended"), ("availability",) * 2, ("state",) * 2):
            link.handlers[rest](Message(f"gate/v1/yard/lane1/{what}", data))
        ingest._waiting.clear()
        with suppress(RefusedError):
            _is_signed(parse_object(data), private_key("request").public_key())

    return take


def _exchanged() -> bytes:
    cell = {
        "hour": "2026-03-01T12", "site": "yard", "lane": "lane1", "direction": "in", "cargo_class": "unknown",
        "how": "clean", "simulated": False, "drill": False, "passages": 2, "stages_ms": {"arrived": {"12": 2}},
    }  # fmt: skip
    gap = {"site": "yard", "lane": "lane1", "epoch": 1, "first_seq": 2, "last_seq": 3, "lost": False}
    told = {"format": exchange.FORMAT, "events": 3, "conflicts": 0, "late_releases": 0, "gaps": [gap], "cells": [cell]}
    return json.dumps(told).encode()


def _plans(folder: Path) -> Fed:
    (folder / "lane-lane1.sampling.key").write_text("00" * 32)
    claims = {"site": "yard", "lane": "lane1", "version": 7, "seed_hash": "0" * 64, "classes": []}
    payload = json.dumps(claims).encode()
    write = of_file("plan.jws", lambda path: plans_in(path.parent), PlanError)(folder)

    def take(data: bytes) -> None:
        write(data)
        write(b"e30." + encode_base64url(data) + b".e30")

    return Fed([payload], take)


def targets() -> list[Target]:
    """Return all of them."""
    ended = {
        "specversion": "1.0", "source": "gate/v1/yard/lane1", "type": "passage_ended", "time": "2026-03-01T08:00:00Z",
        "epoch": 1, "seq": 3, "oldestseq": 1, "hash": "0" * 64,
        "data": {"passage": "p", "terminal": "left", "direction": "in", "reasons": ["ok"], "stages_ms": {"arrived": 3}},
    }  # fmt: skip
    question = json.dumps({"look_for": ["plate", "container"], "masks": [[0, 0, 0.5, 0.1], [0, 0.9, 1, 1]]}).encode()
    shipped = REGISTRY_PATH.read_bytes()
    few = [one | {"measured": {}} for one in json.loads(shipped)["models"][1:3]]
    return [
        target("worker_readings", "models.messages",
               [messages.encode_reading(_READING), messages.encode_reading(PictureReading(), _FAULT)],
               refusing(_reading, messages.MessageError)),
        target("worker_questions", "models.worker models.messages",
               [question, messages.request(frozenset({"plate"}), b"picture", [Mask(0.0, 0.9, 1.0, 1.0)])], _questions),
        target("model_files", "models.graph_bytes",
               [GOOD, model(graph(elsewhere())), model(graph(kept(), node(domain=b"own", attribute=field(5, kept()))))],
               _graph),
        target("model_registry", "models.registry_file", [shipped, json.dumps({"models": few}).encode()], _registry,
               most_bytes=2 * len(shipped)),
        target("central_events", "ops.envelope ops.passages", [json.dumps(ended).encode()], _event),
        target("central_messages", "ops.ingest ops.envelope ops.audit",
               [json.dumps(ended).encode(), b'{"status": "online", "session": 3, "phase": "IDLE", "signature": "00"}'],
               _ingest()),
        Target("central_exchange", ("ops.exchange", "ops.histogram"), lambda folder: Fed([_exchanged()], of_file(
            "counts.json", lambda path: exchange.read(path, ALWAYS), exchange.ExchangeError)(folder))),
        Target("central_plans", ("ops.draws",), _plans),
    ]  # fmt: skip
