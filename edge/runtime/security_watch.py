"""What a person must hear of beside the lane's own alarms: refused grants, openings by hand, sessions, clocks.

Each alarm is retained at the broker while it stands, and its beginning and end are events in the journal's chain.
It only tells: nothing here opens, closes or holds a lane (I15).
"""

from collections import deque
from collections.abc import Callable, Mapping

from edge.clearance.claims import parse_utc
from edge.clearance.time_quality import MOST_SKEW_S
from edge.core.effects import Report
from edge.log import logger
from edge.mqtt import LinkCounters
from edge.ports import Clock
from edge.runtime.notes import Alarms

LOOK_EVERY_S = 5.0
# hazards.md 4.2: K failures a minute.
REFUSALS, REFUSALS_WITHIN_MS = 10, 60_000
# More openings by hand than a lane needs that works: somebody lets vehicles in, or its devices do not read (S23).
OPENINGS, OPENINGS_WITHIN_MS = 10, 3_600_000
# Two holders of one certificate end each other at every connect (C12); not every broker says so (0x8E).
CONNECTS, CONNECTS_WITHIN_MS = 5, 180_000
QUIET_MS = 3_600_000

GRANTS_REFUSED = "grants_refused"
OPENINGS_FREQUENT = "openings_frequent"
SESSION_TAKEN_OVER = "session_taken_over"
CONNECTION_FLAPPING = "connection_flapping"
CLOCK_SKEWED = "clock_skewed"
CLOCK_BEHIND = "clock_behind"


class SecurityWatch:
    """One lane's. `grant_refused` is told of each failure, `reported` of each report; `run` looks at the rest.

    `note` keeps a beginning or an end durably: code, whether it stands, detail. `links` are the counters of the lane's
    connections by name. `behind` says why the clock must be wrong, and what to do; empty where nothing tells.
    """

    def __init__(
        self,
        lane: str,
        *,
        clock: Clock,
        alarms: Alarms,
        note: Callable[[str, bool, str], object],
        links: Mapping[str, LinkCounters],
        behind: Callable[[], str] = lambda: "",
    ) -> None:
        self.standing: dict[str, str] = {}
        self._log = logger(lane=lane)
        self._clock, self._alarms, self._note = clock, alarms, note
        self._links = links
        self._behind = behind
        self._refused_at: deque[int] = deque(maxlen=REFUSALS)
        self._refused = 0
        self._opened_at: deque[int] = deque(maxlen=OPENINGS)
        self._takeovers = dict.fromkeys(links, 0)
        self._taken_over_at: int | None = None
        self._connects = dict.fromkeys(links, 0)
        self._connected_at: dict[str, deque[int]] = {name: deque(maxlen=CONNECTS) for name in links}
        self._skewed: set[str] = set()

    async def run(self) -> None:
        """Look every few seconds until cancelled."""
        while True:
            self.look()
            await self._clock.sleep(LOOK_EVERY_S)

    def grant_refused(self, authority: str, reason: str) -> None:
        """Count a failure; many within a minute are an alarm, once."""
        now_ms = self._clock.now_ms()
        self._refused += 1
        self._refused_at.append(now_ms)
        if len(self._refused_at) == REFUSALS and now_ms - self._refused_at[0] <= REFUSALS_WITHIN_MS:
            self._raise(GRANTS_REFUSED, f"{REFUSALS} answers of {authority} refused within a minute, last: {reason}")

    def reported(self, report: Report) -> None:
        """Count an opening by hand, whoever ordered it; many within an hour are an alarm, once."""
        if report.name != "opened_by_person":
            return
        now_ms = self._clock.now_ms()
        self._opened_at.append(now_ms)
        if len(self._opened_at) == OPENINGS and now_ms - self._opened_at[0] <= OPENINGS_WITHIN_MS:
            self._raise(OPENINGS_FREQUENT, f"{OPENINGS} openings by hand within an hour: see who gave them, and why")

    def answer_dated(self, authority: str, issued_at: str, asked_ms: int) -> None:
        """Compare the clocks: an answer is signed after its request was made (`asked_ms`) and before it arrives (C13).

        How long the answer took is therefore no skew. Freshness rests on nonce and monotonic time, never on this.
        """
        issued = parse_utc(issued_at)
        if issued is None:
            return
        ahead_s = (issued - self._clock.utc()).total_seconds()
        behind_s = -ahead_s - (self._clock.now_ms() - asked_ms) / 1000
        if max(ahead_s, behind_s) > MOST_SKEW_S:
            self._skewed.add(authority)
            skew_s = ahead_s if ahead_s > 0 else -behind_s
            self._raise(CLOCK_SKEWED, f"the clock of {authority} is {skew_s:+.0f} s from this one")
        elif authority in self._skewed:
            self._skewed.remove(authority)
            if not self._skewed:
                self._clear(CLOCK_SKEWED, "the clocks agree")

    def look(self) -> None:
        """Look at everything once."""
        now_ms = self._clock.now_ms()
        if GRANTS_REFUSED in self.standing and now_ms - self._refused_at[-1] > REFUSALS_WITHIN_MS:
            self._clear(GRANTS_REFUSED, f"{self._refused} refused since the start")
        if OPENINGS_FREQUENT in self.standing and now_ms - self._opened_at[0] > OPENINGS_WITHIN_MS:
            self._clear(OPENINGS_FREQUENT, f"fewer than {OPENINGS} within an hour")
        self._look_at_links(now_ms)
        if doubt := self._behind():
            self._raise(CLOCK_BEHIND, doubt)
        elif CLOCK_BEHIND in self.standing:
            self._clear(CLOCK_BEHIND, "the clock was set")

    def _look_at_links(self, now_ms: int) -> None:
        flapping = ""
        for name, counters in self._links.items():
            if counters.takeovers > self._takeovers[name]:
                self._takeovers[name], self._taken_over_at = counters.takeovers, now_ms
                self._raise(SESSION_TAKEN_OVER, f"another client has the identity of the {name} connection")
            new = min(counters.connects - self._connects[name], CONNECTS)
            self._connects[name] = counters.connects
            times = self._connected_at[name]
            times.extend([now_ms] * new)
            if len(times) == CONNECTS and now_ms - times[0] <= CONNECTS_WITHIN_MS:
                flapping = name
        if self._taken_over_at is not None and now_ms - self._taken_over_at > QUIET_MS:
            self._taken_over_at = None
            self._clear(SESSION_TAKEN_OVER, "an hour without another")
        if flapping:
            detail = f"the {flapping} connection came up {CONNECTS} times within {CONNECTS_WITHIN_MS // 60_000} minutes"
            self._raise(CONNECTION_FLAPPING, f"{detail}: the broker restarts, or another client has its identity")
        elif CONNECTION_FLAPPING in self.standing:
            self._clear(CONNECTION_FLAPPING, "the connections stand")

    def _raise(self, code: str, detail: str) -> None:
        if code not in self.standing:
            self._publish(code, detail)
            self._log.error("security_alarm", code=code, detail=detail)
            self._note(code, True, detail)

    def _publish(self, code: str, detail: str) -> None:
        if self.standing.get(code) != detail:
            self.standing[code] = detail
            self._alarms.publish_alarm(code, detail)

    def _clear(self, code: str, detail: str) -> None:
        del self.standing[code]
        self._alarms.publish_alarm(code, None)
        self._note(code, False, detail)
