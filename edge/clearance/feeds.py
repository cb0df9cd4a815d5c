"""What the centre sends a lane unasked: signed, newer each time, retained or from a file.

Its list for an outage, and its sampling plan.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar

from edge.clearance.authority_link import ClearanceLink, FloodLimit
from edge.clearance.issued import IssuedContext, IssuedRefusal, life_of
from edge.clearance.keys import load_shared_secret
from edge.clearance.keyset import Keyset
from edge.clearance.offline_list import check_list
from edge.clearance.sampling_plan import check_plan
from edge.clearance.seen import SeenVersions, SeenVersionsError
from edge.clearance.time_quality import MOST_STEP_S, offset_s
from edge.core.events import Event, OfflineListAccepted, SamplingPlanAccepted
from edge.core.offline_list import OfflineList
from edge.core.sampling_plan import SamplingPlan
from edge.files import write_whole
from edge.log import logger
from edge.mqtt import Message, MqttLink
from edge.ports import Clock

Issued = TypeVar("Issued", bound=OfflineList | SamplingPlan)

LOOK_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Kind(Generic[Issued]):
    """One kind of what is issued: its last word in the topic, how it is judged, and the event that it becomes.

    `keeps`: what came over the topic is put into the file, to be there after a restart whatever the broker forgot.
    """

    word: str
    name: str
    check: Callable[[bytes, IssuedContext], Issued | IssuedRefusal]
    event: Callable[[int, Issued], Event]
    keeps: bool

    def file(self, state_dir: Path, lane: str) -> Path:
        """Return where the newest one of a lane lies, and where a technician puts one."""
        return state_dir / f"{self._dashed}-{lane}.jws"

    def seen_file(self, state_dir: Path, lane: str) -> Path:
        """Return where a lane keeps which versions it has seen."""
        return state_dir / f"{self._dashed}-seen-{lane}.json"

    def secret_file(self, keys_dir: Path, lane: str) -> Path:
        """Return the secret that lane and issuer share for it."""
        return keys_dir / f"lane-{lane}.{self.word}.key"

    @property
    def _dashed(self) -> str:
        return self.name.replace("_", "-")


OFFLINE_LISTS = Kind("list", "offline_list", check_list, OfflineListAccepted, keeps=False)
SAMPLING_PLANS = Kind("sampling", "sampling_plan", check_plan, SamplingPlanAccepted, keeps=True)


def issued_topic(site: str, lane: str, authority: str, word: str) -> str:
    """Return the topic of what an authority issues to a lane; retained, its freshness is in itself."""
    return f"gate/v1/{site}/{lane}/clearance/{authority}/{word}"


class IssuedFeed(Generic[Issued]):
    """One lane's lists or plans: from the topic of the one authority that may issue them, and from `file`.

    A technician may put the file there; it is judged like any other. `take` gets what is accepted.
    """

    def __init__(
        self,
        kind: Kind[Issued],
        *,
        site: str,
        lane: str,
        authority: str,
        secret: bytes,
        keyset: Callable[[], Keyset],
        seen: SeenVersions,
        file: Path,
        clock: Clock,
        take: Callable[[Event], None],
    ) -> None:
        self.name = kind.name
        self._kind = kind
        self._site = site
        self._lane = lane
        self._authority = authority
        self._secret = secret
        self._keyset = keyset
        self._seen = seen
        self._file = file
        self._clock = clock
        self._take = take
        self._limit = FloodLimit()
        self._stamp = (0, 0)
        # The newest list that was told to the lane, by root and lane: another root counts anew (S14).
        self._accepted = ("", 0)
        self._newest: tuple[bytes, Issued] | None = None
        # By how much the wall clock was ahead of the monotonic one when the times of the newest were told.
        self._told_offset_s = 0.0
        self._log = logger(lane=lane)

    async def run(self) -> None:
        """Look at the file every `LOOK_EVERY_S` until cancelled."""
        while True:
            self.look()
            await self._clock.sleep(LOOK_EVERY_S)

    def life(self) -> tuple[datetime, datetime] | None:
        """Return from when until when the newest one counts; None where there is none."""
        return None if self._newest is None else life_of(self._newest[0])

    def attach(self, link: MqttLink) -> None:
        """Listen on the lane's topic."""
        link.subscribe(issued_topic(self._site, self._lane, self._authority, self._kind.word), self._receive)

    def look(self) -> None:
        """Take the file where it changed since the last look; after a step of the wall clock tell the times anew."""
        self.tell_again()
        try:
            found = self._file.stat()
            stamp = (found.st_mtime_ns, found.st_size)
            if stamp != self._stamp:
                self._stamp = stamp
                self.offer(self._file.read_bytes())
        except FileNotFoundError:
            return
        except OSError as error:
            self._log.error(f"{self._kind.name}_unreadable", path=str(self._file), cause=str(error))

    def offer(self, raw: bytes) -> Issued | IssuedRefusal:
        """Judge bytes; what is newer than all before is kept as seen, then told to the lane."""
        try:
            context = self._context()
            outcome = self._kind.check(raw, context)
            name = self._counted(context.keyset)
            if not isinstance(outcome, IssuedRefusal) and self._is_newer(name, outcome.version):
                self._seen.keep(name, outcome.version)
                self._accepted, self._newest = (name, outcome.version), (raw, outcome)
                self._told_offset_s = self._offset_s()
                self._take(self._kind.event(self._clock.now_ms(), outcome))
        except (SeenVersionsError, OSError) as error:
            # Without the highest version on the disk an old one could come back: none is taken.
            outcome = IssuedRefusal("seen_versions", str(error))
        if isinstance(outcome, IssuedRefusal):
            self._log.warning(f"{self._kind.name}_refused", reason=outcome.reason, detail=outcome.detail)
        return outcome

    def tell_again(self) -> None:
        """A wall clock that stepped was wrong before, when the newest was taken, or is now: by either it ends."""
        if self._newest is None or abs(self._offset_s() - self._told_offset_s) <= MOST_STEP_S:
            return
        raw, known = self._newest
        self._told_offset_s = self._offset_s()
        try:
            outcome = self._kind.check(raw, self._context())
        except (SeenVersionsError, OSError) as error:
            outcome = IssuedRefusal("seen_versions", str(error))
        now_ms = self._clock.now_ms()
        if isinstance(outcome, IssuedRefusal):
            self._log.warning(f"{self._kind.name}_over", reason=outcome.reason, detail=outcome.detail)
            outcome = replace(known, until_ms=now_ms)
        self._take(self._kind.event(now_ms, outcome))

    def _offset_s(self) -> float:
        return offset_s(self._clock.utc(), self._clock.now_ms())

    def _receive(self, message: Message) -> None:
        if not self._limit.admit(self._clock.now_ms()):
            return
        before = self._accepted
        self.offer(message.payload)
        if self._kind.keeps and self._accepted != before:
            self._keep(message.payload)

    def _keep(self, raw: bytes) -> None:
        try:
            write_whole(self._file, raw)
        except OSError as error:
            self._log.error(f"{self._kind.name}_not_kept", path=str(self._file), cause=str(error))

    def _is_newer(self, name: str, version: int) -> bool:
        return self._accepted[0] != name or version > self._accepted[1]

    def _counted(self, keyset: Keyset) -> str:
        return f"{keyset.root_key_id}/{self._lane}"

    def _context(self) -> IssuedContext:
        keyset = self._keyset()
        return IssuedContext(
            self._authority,
            self._site,
            self._lane,
            self._secret,
            keyset,
            self._seen.highest(self._counted(keyset)),
            self._clock.utc(),
            self._clock.now_ms(),
        )


def lane_feed(
    kind: Kind[Issued],
    link: ClearanceLink,
    *,
    issuer: str,
    keyset: Callable[[], Keyset],
    keys_dir: Path,
    state_dir: Path,
    clock: Clock,
    take: Callable[[Event], None],
) -> IssuedFeed[Issued]:
    """Return what brings a lane one kind, listening on its link. Raises KeyFileError where the secret is unreadable."""
    feed = IssuedFeed(
        kind,
        site=link.site,
        lane=link.lane,
        authority=issuer,
        secret=load_shared_secret(kind.secret_file(keys_dir, link.lane)),
        keyset=keyset,
        seen=SeenVersions(kind.seen_file(state_dir, link.lane)),
        file=kind.file(state_dir, link.lane),
        clock=clock,
        take=take,
    )
    feed.attach(link.link)
    return feed
