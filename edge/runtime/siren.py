"""The siren of a lane: sounds while an alarm of a chosen class stands, and never longer than the site bears.

It listens where all alarms of the lane go out to central operations, whoever raised them. The module is told the
truth again and again, so that a siren that a lost connection left on, or off, comes back to it.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping
from typing import Literal

from edge.log import logger
from edge.ports import Clock, DeviceError, Siren

SirenClass = Literal["intrusion", "fault", "attention"]

# How often the siren is told what it should do while nothing changes.
AGAIN_S = 2.0
# What is not named here is a fault: a lost device, and whatever is added elsewhere and forgotten here.
_CLASSES: Mapping[SirenClass, frozenset[str]] = {
    "intrusion": frozenset(
        {
            "tailgate",
            "vehicle_swapped",
            "wrong_way",
            "uncommanded_open",
            "boom_broken",
            "loops_disagree",
            "cloned_plate",
            "referral_swapped",
            "offline_pass_denied",
            "grants_refused",
            "session_taken_over",
            "ack_refused",
        }
    ),
    "attention": frozenset(
        {
            "vehicle_stopped",
            "lane_blocked",
            "boom_up_unproved",
            "boom_slow_raising",
            "boom_slow_lowering",
            "referral_overdue",
            "referrals_full",
            "sampling_without_plan",
            "clock_not_believed",
            "tag_in_two_lanes",
            "ack_ahead",
            "certificate_expires",
            "clock_behind",
            "clock_skewed",
            "clock_stepped",
            "configuration_refused",
            "configuration_waits",
            "openings_frequent",
            "connection_flapping",
            "key_expires",
            "keyset_expires",
            "offline_list_expires",
            "pictures_not_served",
            "sampling_plan_expires",
            "state_disk_filling",
            "state_disk_nearly_full",
        }
    ),
}


def class_of(code: str) -> SirenClass:
    """`intrusion`: somebody passes who may not, or tries to be let in; `attention`: a person is needed soon."""
    return next((name for name, codes in _CLASSES.items() if code in codes), "fault")


class LaneSiren:
    """Told of every alarm of the lane by `hear`. `run` beside the lane's other tasks.

    Sounds for alarms of `sounds_for`, each for at most `longest_s` from when it was raised; one that is told again
    while it stands was raised before.
    """

    def __init__(
        self,
        siren: Siren,
        clock: Clock,
        *,
        lane: str,
        sounds_for: Collection[SirenClass],
        longest_s: float,
        again_s: float = AGAIN_S,
    ) -> None:
        self._siren = siren
        self._clock = clock
        self._log = logger(lane=lane)
        self._sounds_for = sounds_for
        self._longest_s = longest_s
        self._again_s = again_s
        self._standing: set[str] = set()
        self._until_ms: dict[str, int] = {}
        self._sounded: tuple[str, ...] = ()
        # Told which alarms sound it, as soon as the module has taken it.
        self.show: Callable[[tuple[str, ...]], None] = lambda _codes: None
        self._news = asyncio.Event()

    def hear(self, code: str, detail: str | None) -> None:
        """An alarm is raised, or taken back with None."""
        if detail is None:
            self._standing.discard(code)
            self._until_ms.pop(code, None)
        elif code not in self._standing:
            self._standing.add(code)
            if class_of(code) in self._sounds_for:
                self._until_ms[code] = self._clock.now_ms() + round(self._longest_s * 1000)
        self._news.set()

    async def run(self) -> None:
        """Keep the siren as it should be, until cancelled."""
        while True:
            self._news.clear()
            now_ms = self._clock.now_ms()
            self._until_ms = {code: until_ms for code, until_ms in self._until_ms.items() if until_ms > now_ms}
            await self._tell(tuple(sorted(self._until_ms)))
            ends_s = [(until_ms - now_ms) / 1000 for until_ms in self._until_ms.values()]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(self._again_s, *ends_s, self._again_s)):
                    await self._news.wait()

    async def _tell(self, codes: tuple[str, ...]) -> None:
        # A module that is lost is named by its supervisor, and is told again soon.
        with contextlib.suppress(DeviceError):
            await self._siren.set_siren(bool(codes))
            if codes != self._sounded:
                self._sounded = codes
                self._log.info("siren_on" if codes else "siren_off", alarms=codes)
                self.show(codes)
