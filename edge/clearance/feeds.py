"""What the centre sends a lane unasked: its list for an outage. Signed, newer each time, retained or from a file."""

from collections.abc import Callable
from pathlib import Path

from edge.clearance.authority_link import FloodLimit
from edge.clearance.keyset import Keyset
from edge.clearance.offline_list import ListContext, ListRefusal, check_list
from edge.clearance.seen import SeenVersions, SeenVersionsError
from edge.core.events import Event, OfflineListAccepted
from edge.core.offline_list import OfflineList
from edge.log import logger
from edge.mqtt import Message, MqttLink
from edge.ports import Clock


def list_topic(site: str, lane: str, authority: str) -> str:
    """Return the topic of a lane's offline list; retained, its freshness is in the list."""
    return f"gate/v1/{site}/{lane}/clearance/{authority}/list"


class OfflineFeed:
    """One lane's offline lists: from the topic of the one authority that may issue them, and from `file`.

    A technician puts the file there (`kakou list`); it is judged like any other. `take` gets what is accepted.
    """

    def __init__(
        self,
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
        self._accepted = 0
        self._log = logger(lane=lane)

    def attach(self, link: MqttLink) -> None:
        """Listen on the lane's list topic."""
        link.subscribe(list_topic(self._site, self._lane, self._authority), self._receive)

    def look(self) -> None:
        """Take the file where it changed since the last look."""
        try:
            found = self._file.stat()
            stamp = (found.st_mtime_ns, found.st_size)
            if stamp != self._stamp:
                self._stamp = stamp
                self.offer(self._file.read_bytes())
        except FileNotFoundError:
            return
        except OSError as error:
            self._log.error("offline_list_unreadable", path=str(self._file), cause=str(error))

    def offer(self, raw: bytes) -> OfflineList | ListRefusal:
        """Judge bytes; an accepted list that is newer than the one in force is kept as seen, then told to the lane."""
        try:
            outcome = check_list(raw, self._context())
            if isinstance(outcome, OfflineList) and outcome.version > self._accepted:
                self._seen.keep(self._lane, outcome.version)
                self._accepted = outcome.version
                self._take(OfflineListAccepted(self._clock.now_ms(), outcome))
        except (SeenVersionsError, OSError) as error:
            # Without the highest version on the disk an old list could come back: none is taken.
            outcome = ListRefusal("seen_versions", str(error))
        if isinstance(outcome, ListRefusal):
            self._log.warning("offline_list_refused", reason=outcome.reason, detail=outcome.detail)
        return outcome

    def _receive(self, message: Message) -> None:
        if self._limit.admit(self._clock.now_ms()):
            self.offer(message.payload)

    def _context(self) -> ListContext:
        return ListContext(
            self._authority,
            self._site,
            self._lane,
            self._secret,
            self._keyset(),
            self._seen.highest(self._lane),
            self._clock.utc(),
            self._clock.now_ms(),
        )
