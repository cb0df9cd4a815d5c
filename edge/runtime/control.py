"""The lane's local control socket: status and the orders of a named person. Works with no network at all.

A Unix socket of mode 0600 in the state directory: who may reach it is the system's own access control
(`edge.portable.endpoint` says what stands for it where there is none). One JSON object a line, one answer a line.
Orders are judged by the core like every other event and journaled with the operator's name and reason.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeGuard, get_args

from edge.clearance.claims import is_identifier
from edge.clearance.confirm_desk import ConfirmDesk
from edge.clearance.grant import GrantRefusal
from edge.core.confirming import confirm_refusal
from edge.core.events import ModeOrdered, PersonAction, PersonDecided, Supplemented
from edge.core.modes import MODES
from edge.core.state import Phase
from edge.core.supplementing import supplement_refusal
from edge.portable.endpoint import connect, endpoint_at
from edge.release.layout import this_release
from edge.runtime.draining import drained
from edge.runtime.end_watch import EndWatch
from edge.runtime.lane_runner import LaneRunner
from edge.runtime.loop_lag import LoopLag
from edge.runtime.recorder import MOST_MIB, MOST_SECONDS, LaneRecorder, RecorderError
from edge.runtime.words import typed_words

MOST_BYTES = 4096
# The status of 64 lanes with their devices is one line.
MOST_ANSWER_BYTES = 1 << 20
# Nobody at a lane needs more, and a client that forgets to hang up must not cost the box its descriptors.
MOST_CONNECTIONS = 32
IDLE_TIMEOUT_S = 60.0
MOST_OPERATOR = 64
MOST_REASON = 500
_ACTIONS: tuple[str, ...] = get_args(PersonAction)
# Phases in which an ordered opening is still on its way; everything else is its outcome.
_ON_THE_WAY = frozenset({Phase.CONSUMING, Phase.OPENING})
_ASKED = frozenset({Phase.WAITING, *_ON_THE_WAY})
_OUTCOME_TIMEOUT_S = 10.0


class ControlError(Exception):
    """The control socket cannot be reached or answered nonsense; the text says what to do."""


class ControlServer:
    """Serves the lanes of one box on one socket."""

    def __init__(
        self,
        path: Path,
        lanes: Mapping[str, LaneRunner],
        desks: Mapping[str, ConfirmDesk] | None = None,
        reload: Callable[[], Awaitable[dict[str, Any]]] | None = None,
        ends: Mapping[str, EndWatch] | None = None,
        alarms: Mapping[str, Mapping[str, str]] | None = None,
        recorders: Mapping[str, LaneRecorder] | None = None,
    ) -> None:
        """`reload` looks at the configuration file and says what it found; None where there is no file.

        `ends`: what each lane trusts for a time only; `alarms`: all that stand for each, with their details.
        """
        self._endpoint = endpoint_at(path)
        self._reload = reload
        self._lanes = lanes
        # Of the lanes that handheld terminals may confirm.
        self._desks = desks or {}
        self._ends = ends or {}
        self._alarms = alarms or {}
        self._recorders = recorders or {}
        self._serving: set[asyncio.Task[None]] = set()
        # Those that wait for a line, the one that is silent longest first.
        self._silent: dict[asyncio.Task[None], None] = {}
        self._lag = LoopLag()

    async def start(self) -> None:
        """Listen; a socket file that a dead controller left behind is replaced."""
        await self._endpoint.start(self._serve, MOST_BYTES)
        self._lag.start()

    async def close(self) -> None:
        """Stop listening, and hang up on whoever is connected."""
        self._lag.close()
        await self._endpoint.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            if not self._has_place():
                writer.write(json.dumps({"error": "busy"}).encode() + b"\n")
            elif await self._admitted(task, reader, writer):
                await self._converse(task, reader, writer)
        except (ConnectionError, TimeoutError, ValueError):
            pass  # ValueError: a line over the limit; whoever sends that gets no answer
        except asyncio.CancelledError:
            pass  # by `close`, which waits for this end, or silent for too long while another wanted the place
        finally:
            self._serving.discard(task)
            writer.close()

    def _has_place(self) -> bool:
        """Say whether one more may be served; whoever is silent longest goes for it."""
        if len(self._serving) <= MOST_CONNECTIONS:
            return True
        for task in self._silent:
            del self._silent[task]
            task.cancel()
            return True
        return False

    async def _admitted(
        self, task: "asyncio.Task[None]", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        self._silent[task] = None
        try:
            return await self._endpoint.admit(reader, writer)
        finally:
            self._silent.pop(task, None)

    async def _converse(
        self, task: "asyncio.Task[None]", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            self._silent[task] = None
            try:
                async with asyncio.timeout(IDLE_TIMEOUT_S):
                    line = await reader.readline()
            finally:
                self._silent.pop(task, None)
            if not line:
                return
            writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
            try:
                async with asyncio.timeout(IDLE_TIMEOUT_S):
                    await writer.drain()
            except TimeoutError:
                # Closed in order it would hold what waits for it for as long as it stays there, and no place for it.
                writer.transport.abort()
                raise
            # Lines that came all at once are no reason to let a lane wait for all of their answers.
            await asyncio.sleep(0)

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            asked = json.loads(line)
        except (ValueError, RecursionError):
            return {"error": "not_json"}
        match asked:
            case {"verb": "status"}:
                lanes = [self._described(lane) for lane in self._lanes]
                lag = self._lag.figures()
                return {"release": this_release(), "pid": os.getpid(), "loop_lag": lag, "lanes": lanes}
            case {"verb": "drain", "wait_s": int() | float() as wait_s} if wait_s >= 0:
                return await drained(self._lanes.values(), wait_s)
            case {"verb": "reload"} if self._reload is not None:
                return await self._reload()
            case {"verb": "order", "lane": str(lane), "action": str(action), "operator": str(who), "reason": str(why)}:
                return await self._order(lane, action, who, why, asked.get("passage"))
            case {"verb": "mode", "lane": str(lane), "mode": str(mode), "operator": str(who), "reason": str(why)}:
                return self._mode(lane, mode, who, why)
            case {
                "verb": "supplement", "lane": str(lane), "operator": str(who), "reason": str(why),
                "plates": dict(plates), "containers": list(codes),
            }:  # fmt: skip
                return await self._supplement(lane, who, why, plates, codes, asked.get("passage"))
            case {
                "verb": "record", "lane": str(lane), "operator": str(who), "reason": str(why),
                "seconds": int() as seconds, "most_mib": int() as most_mib,
            }:  # fmt: skip
                return self._record(lane, who, why, seconds, most_mib)
            case {"verb": "challenge", "lane": str(lane)}:
                return self._challenge(lane)
            case {"verb": "confirm", "lane": str(lane), "answer": str(answer)}:
                return await self._confirm(lane, answer)
        return {"error": "unknown_request"}

    def _described(self, lane: str) -> dict[str, Any]:
        """Return what `describe` does, and what stands beside the lane's core."""
        runner, ends = self._lanes[lane], self._ends.get(lane)
        own = runner.state.alarms
        beside = {code: detail for code, detail in self._alarms.get(lane, {}).items() if code not in own}
        return {**describe(runner), "alarms_beside": beside, "ends": [] if ends is None else ends.shown()}

    async def _order(self, lane: str, action: str, operator: str, reason: str, passage: object) -> dict[str, Any]:
        if action not in _ACTIONS:
            return {"error": "unknown_action", "actions": list(_ACTIONS)}
        if not _names_passage(passage):
            return {"error": "passage_malformed"}
        operator, reason = _in_one_line(operator), _in_one_line(reason)
        if error := self._unacceptable(lane, operator, reason):
            return error
        runner = self._lanes[lane]
        before = runner.state
        runner.take(PersonDecided(runner.now_ms(), operator, action, reason, passage))  # type: ignore[arg-type]
        accepted = runner.state.phase is not before.phase or runner.state.phase_since_ms != before.phase_since_ms
        if accepted and action == "open":
            await self._outcome(runner)
        return {"accepted": accepted, "phase": runner.state.phase.value, "lane": describe(runner)}

    def _mode(self, lane: str, ordered: str, operator: str, reason: str) -> dict[str, Any]:
        mode = next((one for one in MODES if one == ordered), None)
        if mode is None:
            return {"error": "unknown_mode", "modes": list(MODES)}
        operator, reason = _in_one_line(operator), _in_one_line(reason)
        if error := self._unacceptable(lane, operator, reason):
            return error
        runner = self._lanes[lane]
        runner.take(ModeOrdered(runner.now_ms(), mode, operator, reason))
        return {"accepted": runner.state.mode == mode, "phase": runner.state.phase.value, "lane": describe(runner)}

    async def _supplement(
        self, lane: str, operator: str, reason: str, plates: dict[str, Any], codes: list[Any], passage: object
    ) -> dict[str, Any]:
        """Hand on what a person says of a held vehicle where nothing was read; answered once it is decided again."""
        operator, reason = _in_one_line(operator), _in_one_line(reason)
        if error := self._unacceptable(lane, operator, reason):
            return error
        if not _names_passage(passage):
            return {"error": "passage_malformed"}
        words = typed_words(plates, codes)
        if words is None:
            return {"error": "words_malformed"}
        runner = self._lanes[lane]
        event = Supplemented(runner.now_ms(), operator, reason, *words, passage)
        before, why_not = runner.state, supplement_refusal(runner.state, event)
        runner.take(event)
        accepted = runner.state.phase is not before.phase or runner.state.phase_since_ms != before.phase_since_ms
        if accepted:
            await self._outcome(runner, _ASKED)
        shown = describe(runner)
        return {"accepted": accepted, "reason": why_not, "phase": runner.state.phase.value, "lane": shown}

    def _record(self, lane: str, operator: str, reason: str, seconds: int, most_mib: int) -> dict[str, Any]:
        """Begin a recording, or end the one that runs (`seconds` 0)."""
        operator, reason = _in_one_line(operator), _in_one_line(reason)
        if error := self._unacceptable(lane, operator, reason):
            return error
        recorder = self._recorders[lane]
        if seconds == 0:
            path = recorder.path
            recorder.end()
            return {"error": "not_recording"} if path is None else {"file": str(path)}
        if not (0 < seconds <= MOST_SECONDS and 0 < most_mib <= MOST_MIB):
            return {"error": "record_out_of_range"}
        try:
            return {"file": str(recorder.begin(operator, reason, seconds=seconds, most_mib=most_mib))}
        except RecorderError as error:
            return {"error": str(error)}

    def _challenge(self, lane: str) -> dict[str, Any]:
        """Return the challenge of a held passage, for a terminal that has no network to scan."""
        if error := self._no_desk(lane):
            return error
        runner = self._lanes[lane]
        shown = self._desks[lane].shown(runner.state)
        return {"challenge": None if shown is None else shown.decode(), "lane": describe(runner)}

    async def _confirm(self, lane: str, answer: str) -> dict[str, Any]:
        """Hand an officer's signed answer to the lane; the signature says who decides, not who brings it."""
        if error := self._no_desk(lane):
            return error
        runner = self._lanes[lane]
        before = runner.state
        offered = self._desks[lane].offer(answer.strip().encode())
        if isinstance(offered, GrantRefusal):
            return {"accepted": False, "reason": offered.reason, "lane": describe(runner)}
        reason = confirm_refusal(before, offered, runner.now_ms())
        if reason is None and offered.decision == "open":
            await self._outcome(runner)
        accepted = runner.state.phase is not before.phase or runner.state.phase_since_ms != before.phase_since_ms
        return {"accepted": accepted, "reason": reason, "phase": runner.state.phase.value, "lane": describe(runner)}

    def _no_desk(self, lane: str) -> dict[str, Any] | None:
        if lane not in self._lanes:
            return {"error": "unknown_lane", "lanes": sorted(self._lanes)}
        return None if lane in self._desks else {"error": "no_handheld", "lane": lane}

    def _unacceptable(self, lane: str, operator: str, reason: str) -> dict[str, Any] | None:
        if lane not in self._lanes:
            return {"error": "unknown_lane", "lanes": sorted(self._lanes)}
        if not (operator and reason):
            return {"error": "operator_and_reason_needed"}
        if len(operator) > MOST_OPERATOR or len(reason) > MOST_REASON:
            return {"error": "too_long", "operator": MOST_OPERATOR, "reason": MOST_REASON}
        return None

    async def _outcome(self, runner: LaneRunner, on_the_way: frozenset[Phase] = _ON_THE_WAY) -> None:
        """Wait until what was ordered has an outcome, or for as long as a barrier may take."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_OUTCOME_TIMEOUT_S):
                await runner.reached(lambda state: state.phase not in on_the_way)


def _names_passage(passage: object) -> TypeGuard[str | None]:
    """Say whether it is none or may name one: what is journalled has to be text that any file can hold."""
    return passage is None or is_identifier(passage)


def _in_one_line(text: str) -> str:
    """Return what is said, on one line; empty where nothing is, or where it holds what no person writes.

    Control characters and those that turn the direction of writing could forge a line wherever it is shown, and a
    lone surrogate (from undecodable bytes) fits into no journal.
    """
    line = " ".join(text.split())
    return line if line.isprintable() else ""


def describe(runner: LaneRunner) -> dict[str, Any]:
    """Return what a person at the lane wants to know, without personal data."""
    state = runner.state
    passage = state.passage
    return {
        "lane": state.profile.lane,
        "phase": state.phase.value,
        "since_s": round((runner.now_ms() - state.phase_since_ms) / 1000, 1),
        "passage": passage.id if passage else None,
        "reasons": list(passage.reasons) if passage else [],
        "boom": state.inputs.boom,
        "light": state.light,
        "alarms": list(state.alarms),
        "siren": list(runner.siren),
        "lost_devices": list(state.lost_devices),
        "devices": runner.devices,
        "simulated": state.profile.simulated,
        "mode": state.mode,
        "hours": state.hours,
        "awaits_second": _awaited(runner),
        # The nonce of the challenge that handheld terminals may answer now.
        "challenge": passage.challenge.nonce if passage and passage.challenge else None,
    }


def _awaited(runner: LaneRunner) -> dict[str, Any] | None:
    """Return the order that waits for a second person, while one may still give it."""
    first, profile = runner.state.first_order, runner.state.profile
    left_ms = 0 if first is None else first.at_ms + profile.second_person_ms - runner.now_ms()
    if first is None or left_ms < 0:
        return None
    ordered = first.subject if first.action == "mode" else None
    return {"action": first.action, "mode": ordered, "operator": first.operator, "for_s": round(left_ms / 1000, 1)}


async def ask(path: Path, request: Mapping[str, Any], timeout_s: float = _OUTCOME_TIMEOUT_S + 5) -> dict[str, Any]:
    """Send one request to the control socket at `path` and return its answer. Raises ControlError."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await connect(path, MOST_ANSWER_BYTES)
            try:
                writer.write(json.dumps(dict(request)).encode() + b"\n")
                line = await reader.readline()
            finally:
                writer.close()
    except PermissionError as error:
        raise ControlError(
            f"control_socket_forbidden: {path}: expected to be let in, got {error.strerror}; "
            "next: ask as the user that `kakou run` runs as, or as root (sudo)"
        ) from error
    except (OSError, TimeoutError) as error:
        raise ControlError(f"control_socket_unreachable: {path}: {error!r}; is `kakou run` running here?") from error
    except ValueError as error:
        raise ControlError(f"control_socket_nonsense: {path}: more than {MOST_ANSWER_BYTES} bytes") from error
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ControlError(f"control_socket_nonsense: {path}: {line[:200]!r}") from error
    if answer == {"error": "busy"}:
        raise ControlError(f"control_socket_busy: {path}: {MOST_CONNECTIONS} others ask it; ask again in a moment")
    if not isinstance(answer, dict):
        raise ControlError(f"control_socket_nonsense: {path}: {line[:200]!r}")
    return answer
