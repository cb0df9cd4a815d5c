"""Faults of the barrier, its line, the disk and the process, struck around each truck; and their repair."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from edge.core.modes import MODES
from edge.runtime import failpoints
from simulators.devices.barrier_plant import PlantFaults
from simulators.devices.modbus_pdu import ReplyFaults
from simulators.prove.virtual_time import Killed

if TYPE_CHECKING:
    from simulators.prove.world import World

_EXCEPTIONS = (1, 2, 3, 4, 5, 6, 8, 10, 11)
# Each with what the module then does to some of its next replies.
_REPLIES: dict[str, tuple[dict[str, Any], ...]] = {
    "reply_lost": ({"drop_reply": True}, {"silent": True}),
    "wrong_unit": ({"wrong_unit": True},),
    "wrong_transaction": ({"wrong_transaction_id": True}, {"zero_transaction_id": True}),
    "wrong_echo": ({"wrong_echo_address": True}, {"wrong_echo_value": True}, {"wrong_function": True}),
    "twice_replied": ({"duplicate_reply": True},),
    "length_lie": ({"length_lie": 0}, {"length_lie": 65_535}, {"length_lie": 7}, {"trailing_garbage": b"\x00\x01"}),
}
_AROUND_MS = (0, 5_000)
# The simulated disk has no thread of its own that writes.
_POINTS = tuple(name for name in failpoints.NAMES if name not in failpoints.COMMIT_NAMES)


class _Killer(failpoints.Armed):
    """Kills this simulated process, where a real one would kill itself."""

    def hit(self, name: str) -> None:
        if name == self.name:
            self.hits -= 1
            if self.hits <= 0:
                vars(failpoints)["_armed"] = None
                raise Killed


class Trouble:
    """Strikes; `repair` is what the technician does."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.power_cut = False
        self._stroke_s = world.plant.stroke_s

    def around_a_truck(self) -> None:
        """Let what this seed has drawn strike some time during the passage that begins."""
        draw = self.world.swarm.draw
        for fault, strike in _STRIKES.items():
            if fault == "wrong_map" and self.world.map.registers.map_version is None:
                continue
            if self.world.swarm.strikes(fault, 0.12):
                self.world.time.after(draw.uniform(*_AROUND_MS), partial(strike, self))
        for fault, kinds in _REPLIES.items():
            if self.world.swarm.strikes(fault, 0.2):
                self.world.time.after(draw.uniform(*_AROUND_MS), partial(self._replies, kinds))

    def repair(self) -> None:
        """Set everything physical right again."""
        world = self.world
        world.plant.advance()
        world.plant.faults = PlantFaults()
        world.plant.stroke_s = self._stroke_s
        world.plant.map_version = 1
        world.line.cut, world.line.latency_ms = False, (0, 0)
        world.module.faults = ReplyFaults()
        world.scale.repair()
        world.readers.repair()
        world.signal(boom_broken=False, emergency_stop=False, fire_alarm=False, safety_beam=False)

    # --- the line -----------------------------------------------------------------------------------------------

    def _replies(self, kinds: tuple[dict[str, Any], ...]) -> None:
        draw = self.world.swarm.draw
        functions = draw.choice((None, frozenset({5}), frozenset({2})))
        self.world.module.faults = ReplyFaults(
            **draw.choice(kinds), functions=functions, skip=draw.randint(0, 3), times=draw.randint(1, 2)
        )

    def _exception(self) -> None:
        draw, code = self.world.swarm.draw, self.world.swarm.draw.choice(_EXCEPTIONS)
        kind = draw.choice(("exception_code", "exception_after"))
        self._replies(({kind: code},))

    def _light_refused(self) -> None:
        self.world.module.faults = ReplyFaults(exception_code=4, functions=frozenset({5}), times=4)

    def _slow(self) -> None:
        self.world.line.latency_ms = (50, 500)
        self.world.time.after(self.world.swarm.draw.uniform(200, 3_000), self._fast)

    def _fast(self) -> None:
        self.world.line.latency_ms = (0, 0)

    def _cut(self) -> None:
        self.world.line.cut = True
        self.world.time.after(self.world.swarm.draw.uniform(50, 4_000), self._mend)

    def _mend(self) -> None:
        self.world.line.cut = False

    def _restart(self) -> None:
        self.world.module.plant.restart()
        self.world.line.reset()

    def _wrong_map(self) -> None:
        self.world.plant.map_version = 2

    # --- the barrier --------------------------------------------------------------------------------------------

    def _set(self, **faults: Any) -> None:
        self.world.plant.advance()
        for name, value in faults.items():
            setattr(self.world.plant.faults, name, value)
        self.world.judge.physical()
        self.world.poke()

    def _stuck(self) -> None:
        self._set(boom_stuck=True)

    def _both(self) -> None:
        self._set(both_limits=True)

    def _loop_on(self) -> None:
        self._set(forced={"safety_loop": True})

    def _loop_off(self) -> None:
        self._set(forced={"safety_loop": False})

    def _lamp_dead(self) -> None:
        self._set(lamps_dead=frozenset({self.world.swarm.draw.choice(("red", "green"))}))

    def _lamp_stuck(self) -> None:
        self._set(lamps_stuck=frozenset({self.world.swarm.draw.choice(("red", "green"))}))

    def _arrival_unseen(self) -> None:
        """The arrival loop is open; the driver, whom nobody calls, creeps on until below the boom."""
        self._set(forced={"arrival_loop": False})
        self.world.traffic.creep(self.world.swarm.draw.uniform(500, 3_000))

    def _by_hand(self, direction: int) -> None:
        self.world.plant.advance()
        self.world.plant.move_by_hand(direction)
        self.world.time.after(60, self.world.poke)
        self.world.time.after(700, self.world.poke)

    def _lower_by_hand(self) -> None:
        self._by_hand(-1)

    def _raise_by_hand(self) -> None:
        self._by_hand(1)

    def _slow_boom(self) -> None:
        self.world.plant.advance()
        self.world.plant.stroke_s = self._stroke_s * self.world.swarm.draw.uniform(1, 5)

    def _signal(self, name: str) -> None:
        self.world.signal(**{name: True})

    def _chatter(self) -> None:
        for index in range(24):
            self.world.time.after(index * 25, partial(self.world.signal, arrival_loop=bool(index % 2)))
        self.world.time.after(650, self._arrival_as_it_is)

    def _arrival_as_it_is(self) -> None:
        # Asked when the chatter ends: the vehicle may have driven on meanwhile.
        truck = self.world.traffic.now
        self.world.signal(arrival_loop=truck is not None and truck.where == "waiting")

    def _wrong_way(self) -> None:
        self.world.signal(exit_loop=True)
        self.world.time.after(400, partial(self.world.signal, exit_loop=False))

    def _order_mode(self) -> None:
        draw, operator = self.world.swarm.draw, self.world.operator
        operator.order_mode(draw.choice(MODES))
        self.world.time.after(draw.uniform(1_000, 9_000), partial(operator.order_mode, "NORMAL"))

    # --- the controller -----------------------------------------------------------------------------------------

    def _fail_disk(self, code: str) -> None:
        disk = self.world.disk
        disk.fails = (disk.commits + self.world.swarm.draw.randint(0, 12), code)

    def _kill(self) -> None:
        """At a named point, or at any moment."""
        self.power_cut = False
        self._end()

    def kill_in_recovery(self) -> None:
        """The next start dies as well, while it recovers."""
        point = self.world.swarm.draw.choice(("recovery_read", "recovery_appended"))
        vars(failpoints)["_armed"] = _Killer(point, 1)

    def _cut_power(self) -> None:
        self.power_cut = True
        self._end()

    def _end(self) -> None:
        draw = self.world.swarm.draw
        if draw.random() < 0.7:
            name = draw.choice(_POINTS)
            vars(failpoints)["_armed"] = _Killer(name, draw.randint(1, 2))
        else:
            self.world.kill()

    def _pause(self) -> None:
        """The process stands still while the boom goes on; whatever comes meanwhile is late (a suspended machine)."""
        self.world.time.now_us += round(self.world.swarm.draw.uniform(150, 9_000) * 1000)


_STRIKES: dict[str, Callable[[Trouble], None]] = {
    "loop_stuck_on": Trouble._loop_on,
    "loop_stuck_off": Trouble._loop_off,
    "arrival_unseen": Trouble._arrival_unseen,
    "chatter": Trouble._chatter,
    "stuck_down": Trouble._stuck,
    "both_limits": Trouble._both,
    "broken_off": partial(Trouble._signal, name="boom_broken"),
    "lowered_by_hand": Trouble._lower_by_hand,
    "raised_uncommanded": Trouble._raise_by_hand,
    "module_dip": Trouble._restart,
    "detector_retuned": Trouble._restart,
    "fire": partial(Trouble._signal, name="fire_alarm"),
    "emergency_stop": partial(Trouble._signal, name="emergency_stop"),
    "light_refused": Trouble._light_refused,
    "lamp_dead": Trouble._lamp_dead,
    "lamp_stuck": Trouble._lamp_stuck,
    "slow_boom": Trouble._slow_boom,
    "wrong_way": Trouble._wrong_way,
    "modbus_exception": Trouble._exception,
    "late_reply": Trouble._slow,
    "module_restart": Trouble._restart,
    "wrong_map": Trouble._wrong_map,
    "line_cut": Trouble._cut,
    "paused": Trouble._pause,
    "killed": Trouble._kill,
    "power_cut": Trouble._cut_power,
    "controller_dip": Trouble._cut_power,
    "disk_full": partial(Trouble._fail_disk, code="journal_full"),
    "disk_error": partial(Trouble._fail_disk, code="journal_io_error"),
    "arrivals_flood": Trouble._chatter,
    "mode_ordered": Trouble._order_mode,
}
