"""The lane's side of its handheld terminals: shows challenges, and turns authentic answers into events of the lane.

Challenges leave over the clearance connection and lie ready for the control socket, so that a terminal can confirm
with no network. An answer is judged alike, whichever way it came.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial

from edge.clearance.authority_link import ClearanceLink, FloodLimit
from edge.clearance.confirmation import ConfirmError, SignedChallenge, build_challenge, open_confirmation
from edge.clearance.door import TOLD_BURST, TOLD_PER_S
from edge.clearance.grant import GrantRefusal
from edge.clearance.key_types import PrivateKey
from edge.clearance.keys import key_id_of
from edge.clearance.keyset import Keyset
from edge.core.confirmation import Confirmation
from edge.core.effects import PrepareChallenge
from edge.core.events import ConfirmationReceived, Event
from edge.core.state import LaneState
from edge.log import logger
from edge.mqtt import Message
from edge.ports import Clock

# How many different answers to one challenge each key may give before it is told like a stranger: a person signs one.
TRIES = 5


def challenge_topic(site: str, lane: str, authority: str, *, drill: bool = False) -> str:
    """Return the topic on which a lane challenges the handheld terminals of an authority."""
    return f"gate/v1/{site}/{lane}/{'drill' if drill else 'clearance'}/{authority}/confirm/request"


def answer_topic(site: str, lane: str, authority: str, *, drill: bool = False) -> str:
    """Return the topic on which handheld terminals of an authority answer."""
    return f"gate/v1/{site}/{lane}/{'drill' if drill else 'clearance'}/{authority}/confirm/answer"


class ConfirmDesk:
    """Implements `edge.runtime.lane_runner.Handheld` for one lane and the authority whose officers confirm.

    `attach` comes before the lane runs: the link needs other callbacks of the lane first.
    """

    def __init__(self, authority: str, *, key: PrivateKey, keyset: Callable[[], Keyset], clock: Clock) -> None:
        self._authority = authority
        self._key = key
        self._key_id = key_id_of(key.public_key())
        self._keyset = keyset
        self._clock = clock
        self._limit = FloodLimit()
        self._told = FloodLimit(TOLD_BURST, TOLD_PER_S)
        self._prepared: tuple[str, SignedChallenge, bool] | None = None
        self._shown: tuple[str, bytes] | None = None
        self._last = b""
        self._tried: Counter[str] = Counter()
        self._log = logger()
        self._link: ClearanceLink
        self._take: Callable[[Event], None]
        self._on_refused: Callable[[str, GrantRefusal], None]

    def attach(
        self,
        link: ClearanceLink,
        *,
        take: Callable[[Event], None],
        on_refused: Callable[[str, GrantRefusal], None],
    ) -> None:
        """Listen for answers; what is none goes to `on_refused`, its reason `confirm_...`."""
        self._link, self._take, self._on_refused = link, take, on_refused
        for drill in (False, True):
            link.link.subscribe(answer_topic(link.site, link.lane, self._authority, drill=drill), self.receive)

    def prepare(self, asked: PrepareChallenge, state: LaneState) -> str:
        """Sign the challenge, keep its bytes, return their SHA-256 (hex); only the newest is kept."""
        profile = state.profile
        drill = state.passage is not None and state.passage.drill
        signed = build_challenge(
            asked,
            site=profile.site,
            lane=profile.lane,
            boot=state.boot,
            key=self._key,
            key_id=self._key_id,
            simulated=profile.simulated,
            drill=drill,
        )
        self._prepared = (asked.nonce, signed, drill)
        return signed.challenge_hash

    def send(self, nonce: str) -> None:
        """Show the prepared challenge and send it once; without a network the control socket has it."""
        if self._prepared is None or self._prepared[0] != nonce:
            return  # a newer one was prepared while this one was written
        _, signed, drill = self._prepared
        self._shown = (nonce, signed.raw)
        self._tried.clear()
        self.publish(signed.raw, drill=drill).add_done_callback(partial(self._sent, nonce))

    def publish(self, raw: bytes, *, drill: bool) -> "asyncio.Future[None]":
        """Send a challenge over the clearance connection, never retained."""
        link = self._link
        return link.link.publish(challenge_topic(link.site, link.lane, self._authority, drill=drill), raw)

    def shown(self, state: LaneState) -> bytes | None:
        """Return the challenge that is in force, once it may be seen; None where there is none."""
        challenge = None if state.passage is None else state.passage.challenge
        if challenge is None or self._shown is None or self._shown[0] != challenge.nonce:
            return None
        return self._shown[1]

    def receive(self, message: Message) -> None:
        """Take in one message of an answer topic. A storm is not even verified (hazards.md C20)."""
        if self._limit.admit(self._clock.now_ms()):
            self.offer(message.payload, retained=message.retain)

    def offer(self, raw: bytes, *, retained: bool = False) -> Confirmation | GrantRefusal:
        """Judge the form of an answer, and tell the lane of it; return what came of it. Never raises.

        An answer to the challenge in force passes, once, and no more than TRIES of one officer's key; others are told a
        few times, then only counted.
        """
        link = self._link
        try:
            answer = open_confirmation(
                raw,
                retained=retained,
                keyset=self._keyset(),
                site=link.site,
                lane=link.lane,
                now_utc=self._clock.utc(),
            )
        except ConfirmError as error:
            self._log.warning("confirmation_refused", lane=link.lane, reason=error.reason, detail=error.detail)
            refusal = GrantRefusal(f"confirm_{error.reason}", error.detail)
            self._on_refused(self._authority, refusal)
            return refusal
        now_ms = self._clock.now_ms()
        fresh = self._shown is not None and answer.nonce == self._shown[0] and raw != self._last
        if fresh:
            self._tried[answer.key_id] += 1
            fresh = self._tried[answer.key_id] <= TRIES
        if fresh or self._told.admit(now_ms):
            self._last = raw
            self._take(ConfirmationReceived(now_ms, answer))
        return answer

    def _sent(self, nonce: str, sent: "asyncio.Future[None]") -> None:
        if not sent.cancelled() and (error := sent.exception()) is not None:
            self._log.warning("challenge_not_sent", nonce=nonce, cause=str(error))
