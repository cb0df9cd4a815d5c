"""The clearance service of one authority: verifies a lane's signed request, answers with signed grants over MQTT."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from edge.clearance.authority_link import grant_topic, request_topic
from edge.clearance.claims import is_identifier
from edge.clearance.desk import result_topic
from edge.clearance.envelope import canonical_json, seal
from edge.clearance.feeds import issued_topic
from edge.clearance.key_types import PrivateKey
from edge.clearance.keys import key_id_of
from edge.clearance.keyset import Keyset
from edge.clearance.referral_report import REPORT_TYPE, report_claims
from edge.clearance.request import RequestError, open_request, request_hash
from edge.core.grant import Grant
from edge.core.referral import ReferralReport, Saying
from edge.mqtt import Message, MqttDown, MqttLink, MqttSettings
from edge.times import rfc3339
from simulators.clearance_faults import ATTACKS, Answer, Behaviour, answers, sign_grant
from simulators.release_notes import ReleaseNotes, Ruling

_log = logging.getLogger(__name__)

_FORCED = {"refer": "referred", "deny": "denied", "hold": "held"}


class Sequences:
    """Grant sequence numbers by lane, growing; kept in a file where one is given, written before use."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._last: dict[str, int] = {}
        if path is not None and path.exists():
            self._last = json.loads(path.read_text(encoding="utf-8"))

    def following(self, lane: str) -> int:
        """Return the lane's next number. Raises OSError where it cannot be kept."""
        self._last[lane] = self._last.get(lane, 0) + 1
        if self._path is not None:
            partial = self._path.with_suffix(".partial")
            partial.write_text(json.dumps(self._last), encoding="utf-8")
            partial.replace(self._path)
        return self._last[lane]


@dataclass(frozen=True, slots=True)
class AnsweredRequest:
    """A request that was understood, and the grant that was its right answer or its attack."""

    claims: dict[str, Any]
    grant: Grant
    behaviour: Behaviour


class ClearanceService:
    """One authority for the lanes of a site, as long as `run` runs.

    `default` says how requests are answered unless `behave` named their passage or front plate. `answered` and
    `refused` (reasons) list what came; `on_answered` is called for each. With `drill` it is the clerk who plays the
    authority in a drill: it hears no other requests, and its key has the role `drill`. `result_key` signs what it says
    of vehicles that it wanted to look at.
    """

    def __init__(
        self,
        settings: MqttSettings,
        *,
        authority: str,
        site: str,
        key: PrivateKey,
        keyset: Keyset,
        utc: Callable[[], datetime],
        notes: ReleaseNotes | None = None,
        default: Behaviour | None = None,
        ttl_ms: int = 30_000,
        sequence_file: Path | None = None,
        on_up: Callable[[], None] | None = None,
        on_down: Callable[[MqttDown], None] | None = None,
        on_answered: Callable[[AnsweredRequest], None] | None = None,
        drill: bool = False,
        result_key: PrivateKey | None = None,
    ) -> None:
        self.authority = authority
        self.site = site
        self.notes = notes if notes is not None else ReleaseNotes()
        self.default = default if default is not None else Behaviour()
        self.answered: list[AnsweredRequest] = []
        self.refused: list[str] = []
        self.link = MqttLink(settings, on_up=on_up, on_down=on_down)
        self.drill = drill
        self.link.subscribe(request_topic(site, "+", authority, drill=drill), self._receive)
        self._key = key
        self._key_id = key_id_of(key.public_key())
        self._keyset = keyset
        self._utc = utc
        self._ttl_ms = ttl_ms
        self._sequences = Sequences(sequence_file)
        self._on_answered = on_answered
        self._result_key = result_key
        self._said: Counter[str] = Counter()
        self._by_passage: dict[str, Behaviour] = {}
        self._by_plate: dict[str, Behaviour] = {}
        self._already: dict[str, list[Answer]] = {}
        self._timers: set[asyncio.TimerHandle] = set()

    def behave(self, behaviour: Behaviour, *, passage: str | None = None, plate: str | None = None) -> None:
        """Answer so from now: one passage, one front plate, or all where neither is named."""
        if passage is not None:
            self._by_passage[passage] = behaviour
        elif plate is not None:
            self._by_plate[plate] = behaviour
        else:
            self.default = behaviour

    def report(self, lane: str, referral: str, says: Saying, reason: str = "") -> "asyncio.Future[None]":
        """Say that a referred vehicle arrived, or what was found. Done at PUBACK; needs `result_key`."""
        assert self._result_key is not None, "made without a key for results"
        self._said[referral] += 1
        key_id = key_id_of(self._result_key.public_key())
        report = ReferralReport(
            self.authority, key_id, self.site, lane, referral, says, self._said[referral], rfc3339(self._utc()), reason
        )
        raw = seal(canonical_json(report_claims(report)), typ=REPORT_TYPE, key_id=key_id, key=self._result_key)
        return self.link.publish(result_topic(self.site, lane, self.authority), raw)

    def issue(self, lane: str, word: str, raw: bytes) -> "asyncio.Future[None]":
        """Leave what this authority issues to a lane (`list`, `sampling`) in the broker's store. Done at PUBACK."""
        return self.link.publish(issued_topic(self.site, lane, self.authority, word), raw, retain=True)

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            await self.link.run()
        finally:
            for timer in self._timers:
                timer.cancel()

    def _receive(self, message: Message) -> None:
        lane = message.topic.split("/")[3]
        try:
            if message.retain:
                raise RequestError("retained")
            if not is_identifier(lane):
                raise RequestError("request_lane")
            claims = open_request(message.payload, keyset=self._keyset, site=self.site, lane=lane, now_utc=self._utc())
            if claims["authority"] != self.authority:
                raise RequestError("request_authority")
            if claims.get("drill", False) is not self.drill:
                raise RequestError("request_drill")
            self._answer(lane, claims, request_hash(message.payload))
        except RequestError as error:
            self._refuse(error.reason)
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            # Signed by the lane, but not in the form of this version.
            self._refuse(f"request_form_{type(error).__name__.lower()}")

    def _refuse(self, reason: str) -> None:
        told = reason in self.refused
        self.refused.append(reason)
        if told:
            # Once each: whoever floods the authority must not flood the terminal as well.
            return
        _log.warning("request_refused", extra={"authority": self.authority, "reason": reason})

    def _answer(self, lane: str, claims: dict[str, Any], digest: str) -> None:
        if digest in self._already:  # delivered twice by the broker: the same answer, not a second one
            self._send(lane, self._already[digest])
            return
        behaviour = self._behaviour(claims)
        grant = self._grant(lane, claims, digest, self._ruling(behaviour, claims), behaviour)
        to_send = answers(behaviour, grant, self._key, self._earlier_release)
        self._already[digest] = to_send
        self.answered.append(answered := AnsweredRequest(claims, grant, behaviour))
        self._send(lane, to_send)
        if self._on_answered is not None:
            self._on_answered(answered)

    def _behaviour(self, claims: dict[str, Any]) -> Behaviour:
        if claims["passage"] in self._by_passage:
            return self._by_passage[claims["passage"]]
        for plate in claims["readings"]["plates"]:
            if plate["place"] == "front" and plate["value"] is not None:
                return self._by_plate.get(plate["value"]["text"], self.default)
        return self.default

    def _ruling(self, behaviour: Behaviour, claims: dict[str, Any]) -> Ruling:
        if behaviour.kind in ATTACKS:
            return Ruling("release")
        match behaviour.kind:
            case "refer" | "deny" | "hold":
                return Ruling(behaviour.kind, _FORCED[behaviour.kind])
            case _:
                return self.notes.rule(claims["readings"], claims["passage"])

    def _grant(self, lane: str, claims: dict[str, Any], digest: str, ruling: Ruling, behaviour: Behaviour) -> Grant:
        return Grant(
            authority=self.authority,
            key_id=self._key_id,
            site=self.site,
            lane=lane,
            boot=claims["boot"],
            passage=claims["passage"],
            nonce=claims["nonce"],
            request_hash=digest,
            verdict=ruling.verdict,
            ttl_ms=self._ttl_ms,
            issued_at=rfc3339(self._utc()),
            sequence=self._sequences.following(lane),
            reason=ruling.reason,
            target=behaviour.target if ruling.verdict == "refer" else None,
            note=ruling.note,
        )

    def _earlier_release(self) -> bytes | None:
        for answered in reversed(self.answered):
            if answered.grant.verdict == "release" and answered.behaviour.kind not in ATTACKS:
                return sign_grant(answered.grant, self._key)
        return None

    def _send(self, lane: str, to_send: list[Answer]) -> None:
        topic = grant_topic(self.site, lane, self.authority, drill=self.drill)
        for answer in to_send:
            if answer.delay_ms:
                self._send_later(topic, answer)
            else:
                self.link.publish(topic, answer.raw, retain=answer.retain)

    def _send_later(self, topic: str, answer: Answer) -> None:
        def due() -> None:
            self._timers.discard(timer)
            self.link.publish(topic, answer.raw, retain=answer.retain)

        timer = asyncio.get_running_loop().call_later(answer.delay_ms / 1000, due)
        self._timers.add(timer)
