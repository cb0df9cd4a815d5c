"""What the lane asks of its barrier: each command is a task of its own, its outcome comes back as an event."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from edge.core.events import CommandName, CommandOutcome
from edge.log import logger
from edge.ports import Barrier, DeviceError
from edge.runtime import failpoints

# How soon a light that the module did not take is shown again.
LIGHT_AGAIN_S = 0.2

Light = Literal["red", "green"]


class BarrierCommands:
    """The commands of one barrier. `answered` hears how each motion ended, and its code where it did not."""

    def __init__(
        self,
        barrier: Barrier,
        lane: str,
        answered: Callable[[CommandName, CommandOutcome, str], None],
        wanted_light: Callable[[], Light | None],
    ) -> None:
        """`wanted_light` says what is to be shown now; None where nothing is, or nobody would take it."""
        self._barrier = barrier
        self._answered = answered
        self._wanted_light = wanted_light
        self._log = logger(lane=lane)
        self._running: set[asyncio.Task[None]] = set()
        self._light_again: asyncio.TimerHandle | None = None

    @property
    def at_rest(self) -> bool:
        """Nothing is on the wire, and no light waits to be shown again."""
        return not self._running and self._light_again is None

    def stop(self) -> None:
        """Withdraw every motion."""
        self._start("stop", self._barrier.stop_boom)

    def lift(self) -> None:
        """Ask the boom up."""
        self._start("raise", self._barrier.raise_boom)

    def lower(self) -> None:
        """Ask the boom down."""
        self._start("lower", self._barrier.lower_boom)

    def show(self, light: Light) -> None:
        """Show a light; one that is refused is shown again."""
        self._start(None, partial(self._barrier.set_light, light))

    async def close(self) -> None:
        """Wait for the commands that are on the wire."""
        if self._running:
            await asyncio.gather(*self._running, return_exceptions=True)
        if self._light_again is not None:
            self._light_again.cancel()

    def _start(self, name: CommandName | None, command: Callable[[], Any]) -> None:
        task = asyncio.get_running_loop().create_task(self._run(name, command))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, name: CommandName | None, command: Callable[[], Any]) -> None:
        try:
            failpoints.hit(f"{name or 'light'}_before")
            await command()
            failpoints.hit(f"{name or 'light'}_after")
        except DeviceError as error:
            self._log.warning("barrier_command_failed", command=name or "light", code=error.code, cause=str(error))
            if name is not None:
                self._answered(name, error.outcome, error.code)
            elif self._light_again is None:
                self._light_again = asyncio.get_running_loop().call_later(LIGHT_AGAIN_S, self._show_again)
            return
        except Exception:  # noqa: BLE001 - the lane's supervisor: a driver's defect leaves open what the barrier did
            self._log.exception("barrier_command_crashed", command=name or "light")
            if name is not None:
                self._answered(name, "unknown", "driver_crashed")
            return
        if name is not None:
            self._answered(name, "done", "")

    def _show_again(self) -> None:
        """A refused light would stay as it was, green perhaps (I7). A barrier that is lost gets it when it is back."""
        self._light_again = None
        light = self._wanted_light()
        if light is not None:
            self.show(light)
