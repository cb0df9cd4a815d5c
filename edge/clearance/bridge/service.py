"""The customs authority of a site: hears a lane's signed request, asks the platform, answers with one signed grant.

A release is what an explicit, matching and timely COMMAND_INFO says, recorded before it is sent, and said once. All
else holds, with a reason, as soon as it is known; a person at the lane decides (docs/decisions/0040).
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from edge.clearance.authority_link import FloodLimit, grant_topic, request_topic
from edge.clearance.bridge.book import BridgeBook, Question
from edge.clearance.bridge.connecting import WaySettings, way_to_platform
from edge.clearance.bridge.dialects import Dialect
from edge.clearance.bridge.judging import Ruling, gather_of, note_of, rule
from edge.clearance.bridge.link import PlatformDown
from edge.clearance.bridge.messages import (
    Channel,
    Gather,
    gather_frame,
    refused_order_frame,
    sequence_of,
)
from edge.clearance.bridge.picture_calls import PictureCalls
from edge.clearance.bridge.pictures import PictureFolder
from edge.clearance.bridge.wire import Frame, MessageType, encode
from edge.clearance.claims import is_identifier
from edge.clearance.envelope import canonical_json, seal
from edge.clearance.grant import GRANT_TYPE, grant_claims
from edge.clearance.key_types import PrivateKey
from edge.clearance.keys import key_id_of
from edge.clearance.keyset import Keyset
from edge.clearance.request import RequestError, open_request, request_hash
from edge.core.grant import Grant, Verdict
from edge.mqtt import Message, MqttLink, MqttSettings
from edge.runtime import failpoints
from edge.times import rfc3339

_log = logging.getLogger(__name__)

# Orders for the boom. The protocol signs nothing, so none of them moves anything here.
ORDERS = frozenset({MessageType.DEVICE_COMMAND, MessageType.MANUAL_HANDLING, MessageType.MANUAL_RELEASE})
_HEARTBEATS = frozenset({MessageType.HEARTBEAT_FRONT, MessageType.HEARTBEAT_PLATFORM})
_CHINA = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class BridgeSite:
    """Whose authority this is, for which lanes, and how long customs has.

    `answer_ms` runs from a request's arrival; `ttl_ms` is what its grant says. `simulated`: these lanes are.
    """

    authority: str
    site: str
    channels: Mapping[str, Channel]
    dialect: Dialect
    answer_ms: int
    ttl_ms: int
    simulated: bool


@dataclass(slots=True)
class _Open:
    """A question that customs has not answered. `unusable` is why its last message was no answer."""

    question: Question
    claims: dict[str, Any]
    gather: Gather
    due_s: float
    unusable: str = ""
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)


class CustomsBridge:
    """Serves as long as `run` runs. At most one question is open per lane; `counts` are of answers by reason.

    `monotonic_s` is the clock of every deadline, `utc` that of records alone.
    """

    def __init__(
        self,
        site: BridgeSite,
        settings: MqttSettings,
        platform: WaySettings,
        *,
        key: PrivateKey,
        keyset: Callable[[], Keyset],
        book: BridgeBook,
        utc: Callable[[], datetime],
        monotonic_s: Callable[[], float],
        pictures: PictureFolder | None = None,
    ) -> None:
        self.counts: dict[str, int] = {}
        self.link = MqttLink(settings, on_up=self._tell_of_restart)
        self.link.subscribe(request_topic(site.site, "+", site.authority), self._receive)
        self.platform = way_to_platform(
            platform,
            list(site.channels.values()),
            site.dialect,
            on_frame=self._hear,
            on_down=self._lost,
            on_unheard=self._unheard,
        )
        self._site = site
        self._key, self._key_id, self._keyset = key, key_id_of(key.public_key()), keyset
        self._book = book
        self._pictures = pictures
        self._calls = PictureCalls(
            pictures, self.platform, site.channels, site.dialect, monotonic_s=monotonic_s, record=self._keep
        )
        self._utc, self._monotonic_s = utc, monotonic_s
        direction = site.dialect.direction
        self._lanes = {(one.area, one.channel, direction(one.direction)): lane for lane, one in site.channels.items()}
        self._open: dict[str, _Open] = {}
        # What each lane was last released, for as long as customs may still take it back.
        self._released: dict[str, _Open] = {}
        self._limits = {lane: FloodLimit() for lane in (*site.channels, "")}
        self._record_limit = FloodLimit(burst=200, per_s=5)
        self._interrupted = book.unanswered()
        self._numbers = book.last_numbers()

    async def run(self) -> None:
        """Serve until cancelled."""
        works = [self.platform.run(), self.link.run(), self._calls.run()]
        works += [] if self._pictures is None else [self._pictures.run()]
        tasks = [asyncio.ensure_future(one) for one in works]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for one in self._open.values():
                if one.timer is not None:
                    one.timer.cancel()

    # What lanes ask

    def _receive(self, message: Message) -> None:
        lane = message.topic.split("/")[3]
        limit = self._limits.get(lane, self._limits[""])
        if not limit.admit(int(self._monotonic_s() * 1000)):
            return
        try:
            self._ask(lane, message)
        except RequestError as error:
            _log.warning("request_refused", extra={"lane": lane, "reason": error.reason})

    def _ask(self, lane: str, message: Message) -> None:
        claims = self._opened(lane, message)
        digest = request_hash(message.payload)
        names = {name: claims.get(name) for name in ("boot", "passage", "nonce")}
        if not all(map(is_identifier, names.values())):
            raise RequestError("request_form")
        try:
            if self._book.knows(digest):
                # Delivered twice, or sent again around a restart: it had its one answer, or gets none.
                raise RequestError("request_repeated")
            question = self._book.ask(digest, lane=lane, **{name: str(value) for name, value in names.items()})
        except sqlite3.Error as error:
            _log.error("bridge_cannot_record", extra={"lane": lane, "cause": str(error)})
            question = Question(digest, "", lane, **{name: str(value) for name, value in names.items()})
            self._send_grant(question, self._grant(question, "hold", "bridge_cannot_record"))
            return
        failpoints.hit("bridge_entered")
        self._supersede(lane)
        self._released.pop(lane, None)
        reason = self._put(question, claims)
        if reason:
            self._answer(question, Ruling("hold", reason))

    def _opened(self, lane: str, message: Message) -> dict[str, Any]:
        if message.retain:
            raise RequestError("retained")
        if not is_identifier(lane):
            raise RequestError("request_lane")
        claims = open_request(
            message.payload, keyset=self._keyset(), site=self._site.site, lane=lane, now_utc=self._utc()
        )
        if claims.get("authority") != self._site.authority:
            raise RequestError("request_authority")
        if claims.get("drill") is not False:
            raise RequestError("request_drill")
        return claims

    def _put(self, question: Question, claims: dict[str, Any]) -> str:
        """Ask customs; returns the reason why it cannot be asked, else ""."""
        channel = self._site.channels.get(question.lane)
        if channel is None:
            return "lane_not_bridged"
        if claims.get("simulated") is not self._site.simulated:
            return "simulated_lane" if claims.get("simulated") else "real_lane_of_simulation"
        try:
            gather = gather_of(claims, question.sequence, f"{self._utc() + _CHINA:%Y%m%d%H%M%S}")
            if isinstance(gather, str):
                return gather
            frame = gather_frame(gather, channel, self._site.dialect)
        except (KeyError, TypeError, ValueError):
            return "request_form"
        if not self.platform.send(frame):
            return "platform_unreachable"
        failpoints.hit("bridge_asked")
        if self._pictures is not None:
            self._pictures.want(claims)
        self._calls.remember(question.lane, question.sequence, claims)
        one = _Open(question, claims, gather, self._monotonic_s() + self._site.answer_ms / 1000)
        one.timer = asyncio.get_running_loop().call_later(self._site.answer_ms / 1000, self._due, question.lane, one)
        self._open[question.lane] = one
        _log.info("customs_asked", extra={"lane": question.lane, "passage": question.passage})
        return ""

    def _supersede(self, lane: str) -> None:
        """A lane that asks anew wants no answer to what it asked before."""
        one = self._close(lane)
        if one is not None:
            self._answer(one.question, Ruling("hold", "superseded"), send=False)

    # What customs says

    def _hear(self, frame: Frame) -> None:
        if frame.kind in _HEARTBEATS:
            return
        lane = self._lanes.get((frame.area, frame.channel, frame.direction))
        if frame.kind == MessageType.COMMAND:
            self._command(lane, frame)
        elif frame.kind == MessageType.PICTURE_CALL:
            self._calls.called(lane, frame)
        elif frame.kind in ORDERS:
            self._refuse_order(lane, frame)
        else:
            self._keep(frame, lane, "not_understood")

    def _command(self, lane: str | None, frame: Frame) -> None:
        one = None if lane is None else self._open.get(lane)
        if lane is None or one is None:
            withdrawn = lane is not None and self._withdrawn(lane, frame)
            self._keep(frame, lane, "other_channel" if lane is None else "withdrawn" if withdrawn else "nothing_asked")
            return
        ruling = rule(frame, one.gather, self._site.channels[lane], self._site.dialect)
        if ruling.verdict == "ignore":
            one.unusable = ruling.reason
            self._keep(frame, lane, ruling.reason)
            return
        if self._monotonic_s() >= one.due_s:
            ruling = Ruling("hold", "platform_late")
        self._close(lane)
        self._answer(one.question, ruling, one, raw=encode(frame))

    def _withdrawn(self, lane: str, frame: Frame) -> bool:
        """Deny what was released, where customs refuses the same question now: the lane takes a denial to the last."""
        one = self._released.get(lane)
        if one is None or rule(frame, one.gather, self._site.channels[lane], self._site.dialect).verdict != "hold":
            return False
        del self._released[lane]
        _log.warning("release_withdrawn", extra={"lane": lane, "passage": one.question.passage})
        grant = self._grant(one.question, "deny", "platform_withdrew")
        # What withdraws waits for no disk.
        self._send_grant(one.question, grant)
        try:
            self._book.number_used(lane, grant.sequence)
        except sqlite3.Error as error:
            _log.error("bridge_cannot_record", extra={"lane": lane, "cause": str(error)})
        return True

    def _refuse_order(self, lane: str | None, frame: Frame) -> None:
        """An order for the boom, or for a person's part: not ours to obey. It is kept, told, and the platform told."""
        told = self._keep(frame, lane, "order_refused")
        if lane is None:
            return
        if lane in self._open:
            self._open[lane].unusable = "order_not_taken"
        if told and frame.kind == MessageType.DEVICE_COMMAND:
            sequence = sequence_of(frame, self._site.dialect)
            self.platform.send(refused_order_frame(sequence, self._site.channels[lane], self._site.dialect))

    def _lost(self, down: PlatformDown) -> None:
        """An answer on the next connection could be to anything: what is open is decided now."""
        for lane in tuple(self._open):
            one = self._close(lane)
            assert one is not None
            _log.warning("question_held", extra={"lane": lane, "reason": down.code})
            self._answer(one.question, Ruling("hold", "platform_lost"))

    def _unheard(self, frame: Frame) -> None:
        """Nobody was there to hear this question: no answer is worth waiting for."""
        lane = self._lanes.get((frame.area, frame.channel, frame.direction))
        one = None if lane is None else self._open.get(lane)
        if lane is not None and one is not None and sequence_of(frame, self._site.dialect) == one.question.sequence:
            self._close(lane)
            self._answer(one.question, Ruling("hold", "platform_not_listening"))

    def _due(self, lane: str, one: _Open) -> None:
        if self._open.get(lane) is one:
            self._close(lane)
            reason = f"platform_{one.unusable}" if one.unusable else "platform_silent"
            self._answer(one.question, Ruling("hold", reason))

    # What lanes are told

    def _answer(
        self, question: Question, ruling: Ruling, one: _Open | None = None, *, raw: bytes = b"", send: bool = True
    ) -> None:
        """Record the one answer, then send it. Where it cannot be recorded, it is a hold."""
        try:
            if ruling.form and self._book.form_used(ruling.form, question):
                ruling = Ruling("hold", "platform_form_used", ruling.form)
            verdict: Verdict = "release" if ruling.verdict == "release" else "hold"
            grant = self._grant(question, verdict, ruling.reason, one, ruling.form)
            entered = self._book.answer(
                question,
                verdict,
                ruling.reason,
                number=grant.sequence,
                grant=self._sealed(grant),
                form=ruling.form,
                raw=raw,
            )
        except sqlite3.Error as error:
            _log.error("bridge_cannot_record", extra={"lane": question.lane, "cause": str(error)})
            grant, entered = self._grant(question, "hold", "bridge_cannot_record"), True
        failpoints.hit("bridge_recorded")
        if not entered:
            _log.error("answered_already", extra={"lane": question.lane, "passage": question.passage})
        elif send:
            self._send_grant(question, grant)
            if one is not None and grant.verdict == "release":
                self._released[question.lane] = one

    def _send_grant(self, question: Question, grant: Grant) -> None:
        reason = grant.reason or grant.verdict
        self.counts[reason] = self.counts.get(reason, 0) + 1
        said = {"lane": question.lane, "passage": question.passage, "verdict": grant.verdict, "reason": grant.reason}
        _log.info("customs_answered", extra=said)
        topic = grant_topic(self._site.site, question.lane, self._site.authority)
        self.link.publish(topic, self._sealed(grant)).add_done_callback(self._sent)
        failpoints.hit("bridge_granted")

    def _sent(self, done: "asyncio.Future[None]") -> None:
        if not done.cancelled() and done.exception() is not None:
            _log.warning("grant_not_sent", extra={"cause": str(done.exception())})

    def _grant(
        self,
        question: Question,
        verdict: Verdict,
        reason: str,
        one: _Open | None = None,
        form: str = "",
    ) -> Grant:
        # Counted up here too, so that a hold which no disk takes is still newer than what the lane has seen.
        number = self._numbers[question.lane] = self._numbers.get(question.lane, 0) + 1
        note = note_of(one.gather, one.claims, form) if verdict == "release" and one is not None else None
        return Grant(
            authority=self._site.authority,
            key_id=self._key_id,
            site=self._site.site,
            lane=question.lane,
            boot=question.boot,
            passage=question.passage,
            nonce=question.nonce,
            request_hash=question.request_hash,
            verdict=verdict,
            ttl_ms=self._site.ttl_ms,
            issued_at=rfc3339(self._utc()),
            sequence=number,
            reason=reason,
            note=note,
        )

    def _sealed(self, grant: Grant) -> bytes:
        return seal(canonical_json(grant_claims(grant)), typ=GRANT_TYPE, key_id=self._key_id, key=self._key)

    def _tell_of_restart(self) -> None:
        """What a bridge that was ended left open is held: whatever customs says to it now is too old to open."""
        interrupted, self._interrupted = self._interrupted, []
        for question in interrupted:
            self._answer(question, Ruling("hold", "bridge_restarted"))

    def _close(self, lane: str) -> _Open | None:
        one = self._open.pop(lane, None)
        if one is not None and one.timer is not None:
            one.timer.cancel()
        return one

    def _keep(self, frame: Frame, lane: str | None, disposition: str) -> bool:
        """Keep and tell of a message, as far as the limit goes: a flood fills neither disk nor log."""
        if not self._record_limit.admit(int(self._monotonic_s() * 1000)):
            return False
        _log.warning("platform_message_unused", extra={"lane": lane, "kind": int(frame.kind), "reason": disposition})
        try:
            self._book.heard(frame.kind, lane, disposition, encode(frame))
        except sqlite3.Error as error:
            _log.error("bridge_cannot_record", extra={"lane": lane, "cause": str(error)})
        return True
