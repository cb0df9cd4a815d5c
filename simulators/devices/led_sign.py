"""A board of two lines on its real wire, and what a driver who stands before it reads."""

from collections.abc import Callable
from dataclasses import dataclass

from drivers.led_serial.wire import BLANK, SHOW, Board, Colour, decode_show, encode_board
from simulators.devices.asked import AskedDevice
from simulators.devices.serial_wire import StreamFaults, switch, switches

BOARD = Board(cells=16, lines=2, charset="gb2312")
MOST_SCREENS = 1000


@dataclass(frozen=True, slots=True)
class Screen:
    """What is lit: lines as a driver reads them, and their colour; no lines where the board is dark."""

    lines: tuple[str, ...] = ()
    colour: Colour | None = None


DARK = Screen()


@dataclass(slots=True)
class SignFaults(StreamFaults):
    """The switches of every wire, and `frozen`: the board takes new words, but its panel goes on showing the old."""

    frozen: bool = switch(False, True)


FAULTS = switches(SignFaults)


class LedSign(AskedDevice):
    """The board without its plug. `screens` are the last that were lit, each with when it was (ms of `now_ms`)."""

    def __init__(self, now_ms: Callable[[], int], *, board: Board = BOARD, address: int = 1, seed: int = 0) -> None:
        self.faults = SignFaults()
        super().__init__(self.faults, address=address, seed=seed)
        self.board = board
        self.screens: list[tuple[int, Screen]] = []
        self._now_ms = now_ms
        self._lit = DARK
        self._until_ms = 0

    @property
    def screen(self) -> Screen:
        """What is lit now."""
        if self.faults.frozen or self._now_ms() < self._until_ms:
            return self._lit
        return DARK

    def render(self) -> str:
        """Draw the board as characters, full-width ones in two cells."""
        cells = self.board.cells
        lines = [*self.screen.lines, *[""] * self.board.lines][: self.board.lines]
        rows = [f"|{line}{' ' * (cells - _cells_of(line))}|" for line in lines]
        return "\n".join((edge := f"+{'-' * cells}+", *rows, edge))

    def hello(self) -> bytes:
        """Say how large it is and what it can show."""
        return encode_board(self.board)

    def obey(self, command: int, data: bytes) -> bytes | None:
        """Show, or go dark."""
        if command == BLANK:
            self._light(DARK, 0)
            return b""
        if command != SHOW:
            raise KeyError(command)
        shown = decode_show(data)
        if shown is None or len(shown.lines) > self.board.lines:
            return None
        self._light(Screen(shown.lines, shown.colour), shown.ttl_s)
        return b""

    def _light(self, screen: Screen, ttl_s: int) -> None:
        if self.faults.frozen:
            return
        before, now_ms = self.screen, self._now_ms()
        self._lit, self._until_ms = screen, now_ms + ttl_s * 1000
        if screen != before:
            self.screens = [*self.screens[-MOST_SCREENS + 1 :], (now_ms, screen)]


def _cells_of(line: str) -> int:
    return sum(1 if ord(one) < 0x80 else 2 for one in line)
