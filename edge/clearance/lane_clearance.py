"""The lane's side of its authorities: builds, keeps and sends requests, and turns what comes back into events."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from edge.clearance.authority_link import ClearanceLink
from edge.clearance.grant import GrantRefusal
from edge.clearance.key_types import PrivateKey
from edge.clearance.keys import key_id_of
from edge.clearance.picture_access import PictureAccess
from edge.clearance.request import RequestHead, SignedRequest, build_request
from edge.clearance.views import ViewedPicture, views_of
from edge.core.events import Event, GrantReceived, GrantRefused, RequestPrepared
from edge.core.grant import Grant
from edge.core.profile import LaneProfile
from edge.core.readings import Identity
from edge.core.state import LaneState
from edge.field_policy import FieldPolicy
from edge.log import logger
from edge.ports import Clock


class LaneClearance:
    """Implements `edge.runtime.lane_runner.Clearance` over a `ClearanceLink`.

    `link` and `take` are set by the composition root: the link needs this object's callbacks first.
    """

    def __init__(
        self,
        *,
        key: PrivateKey,
        policies: Mapping[str, FieldPolicy],
        epoch: int,
        config_hash: str,
        model_hash: str,
        clock: Clock,
        pictures: PictureAccess | None = None,
    ) -> None:
        self._pictures = pictures
        self._key = key
        self._key_id = key_id_of(key.public_key())
        self._policies = policies
        self._epoch = epoch
        self._config_hash = config_hash
        self._model_hash = model_hash
        self._clock = clock
        self._sequence = 0
        self._prepared: dict[str, tuple[SignedRequest, bool]] = {}
        # The nonce of the newest request to each authority, and when it was made.
        self._newest: dict[str, tuple[str, int]] = {}
        self._log = logger()
        self.link: ClearanceLink | None = None
        self.take: Callable[[Event], None] | None = None
        # Told the issuing time of each authentic answer to the newest request, which is fresh.
        self.vouch: Callable[[str], None] | None = None
        # Told the same, with the authority and when its request was made (monotonic milliseconds).
        self.dated: Callable[[str, str, int], None] | None = None

    def prepare(
        self, passage: str, authority: str, nonce: str, identity: Identity, state: LaneState
    ) -> RequestPrepared:
        """Sign the request for `authority`; only the newest per authority is kept."""
        self._sequence += 1
        profile = state.profile
        # A drill's request says that it is one, and goes to no authority.
        drill = state.passage is not None and state.passage.drill
        head = RequestHead(
            authority, profile.site, profile.lane, state.boot, self._epoch, passage, nonce, self._sequence
        )
        signed = build_request(
            head,
            identity,
            key=self._key,
            key_id=self._key_id,
            policy=self._policies[authority],
            config_hash=self._config_hash,
            model_hash=self._model_hash,
            simulated=profile.simulated,
            drill=drill,
            recheck=state.passage.recheck if state.passage else None,
            pictures=None if drill else self._access(authority, passage, profile),
            views=self._views(authority, identity, state),
            supplement=state.passage.supplement if state.passage else None,
        )
        now_ms = self._clock.now_ms()
        self._prepared[authority], self._newest[authority] = (signed, drill), (nonce, now_ms)
        return RequestPrepared(now_ms, passage, authority, signed.request_hash, signed.shown)

    def _access(self, authority: str, passage: str, profile: LaneProfile) -> dict[str, Any] | None:
        """How the authority may fetch pictures: where some are served, and it may see all that they show."""
        if self._pictures is None or not self._policies[authority].shows_pictures:
            return None
        now_s = self._clock.utc().timestamp()
        return self._pictures.claims(profile.site, profile.lane, authority, passage, now_s)

    def _views(self, authority: str, identity: Identity, state: LaneState) -> tuple[ViewedPicture, ...]:
        """What each picture shows, for an authority that may see all that is in them; fetching is another matter."""
        if state.passage is None or not self._policies[authority].shows_pictures:
            return ()
        return views_of(state.profile, state.passage, identity)

    def send(self, passage: str, authority: str, nonce: str) -> None:
        """Send the prepared bytes once; what the link cannot carry now is lost, the authority's deadline decides."""
        assert self.link is not None
        signed, drill = self._prepared.pop(authority)
        sent = self.link.send(authority, signed, drill=drill)
        sent.add_done_callback(partial(self._sent, passage, authority, nonce))

    def newest_nonce(self, authority: str) -> str | None:
        """Return the nonce of the last request to the authority; None where none was made in this run."""
        return self._newest[authority][0] if authority in self._newest else None

    def on_grant(self, grant: Grant) -> None:
        """An authentic grant: whether it counts is the core's to say."""
        assert self.take is not None
        nonce, asked_ms = self._newest.get(grant.authority, ("", 0))
        # The vehicle first: what the answer says of the clocks opens nothing.
        self.take(GrantReceived(self._clock.now_ms(), grant))
        if grant.nonce == nonce:
            if self.vouch is not None:
                self.vouch(grant.issued_at)
            if self.dated is not None:
                self.dated(grant.authority, grant.issued_at, asked_ms)

    def on_refused(self, authority: str, refusal: GrantRefusal) -> None:
        """Something that is no authentic grant."""
        assert self.take is not None
        self.take(GrantRefused(self._clock.now_ms(), authority, refusal.reason))

    def _sent(self, passage: str, authority: str, nonce: str, sent: "asyncio.Future[None]") -> None:
        if not sent.cancelled() and (error := sent.exception()) is not None:
            self._log.warning("request_not_sent", passage=passage, authority=authority, nonce=nonce, cause=str(error))
