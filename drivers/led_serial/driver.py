"""A board of two lines as a `Sign`. What it cannot show leaves it dark, never with the words of before."""

from drivers.kit.asker import Asker, AskerPace
from drivers.kit.frames import HELLO
from drivers.led_serial.wire import BLANK, SHOW, Board, UnshowableError, decode_board, encode_show
from edge.ports import Tap, Words

# What drivers are told takes two lines of eight full-width characters (`edge.ports.Words`).
NEEDED_LINES, NEEDED_CELLS = 2, 16
NEXT_STEPS = {
    "not_a_board": "check the port: another device, or another version of the protocol, answers there",
    "too_small": "use a board of two lines of eight full-width characters",
    "unshowable": "load the board's GB18030 character set, or set another language",
}


class SerialBoard:
    """Implements `edge.ports.Sign`."""

    def __init__(
        self, name: str, port: str, *, baud: int = 9_600, address: int = 1, pace: AskerPace | None = None
    ) -> None:
        self.name = name
        self.address = port
        self._asker = Asker("sign", name, port, baud=baud, address=address, pace=pace, next_steps=NEXT_STEPS)
        self._board: Board | None = None

    @property
    def tap(self) -> Tap | None:
        """Who hears what crosses the wire."""
        return self._asker.tap

    @tap.setter
    def tap(self, tap: Tap | None) -> None:
        self._asker.tap = tap

    async def connect(self) -> None:
        """Open the port and prove that a board answers which is large enough. Raises DeviceError.

        It is left dark: what it still shows is of a controller that is no more, or of another state of the lane.
        """
        await self._asker.open()
        self._board = await self._hello()
        await self._asker.ask(BLANK, expected="a dark board")

    async def run(self) -> None:
        """Probe while nothing is told. Ends by DeviceError or cancellation."""
        await self._asker.run(self._hello)

    async def close(self) -> None:
        """Release the port."""
        await self._asker.close()

    async def show(self, words: Words, valid_s: float) -> None:
        """Show these words in place of all others. Raises DeviceError; then the board goes dark."""
        if self._board is None:
            raise self._asker.error("not_connected", "an open port", "none")
        try:
            data = encode_show(words, valid_s, self._board)
        except UnshowableError as error:
            await self._asker.ask(BLANK, expected="a dark board")
            lost = self._asker.error("unshowable", f"a board that can show {words.key}", error.got)
            self._asker.lose(lost)
            raise lost from error
        await self._asker.ask(SHOW, data, expected=f"{words.key} to be shown")

    async def _hello(self) -> Board:
        answer = await self._asker.ask(HELLO, expected="a board's answer to hello")
        board = decode_board(answer)
        if board is None:
            raise self._asker.error("not_a_board", "a board's answer to hello", answer.hex(" ") or "nothing in it")
        if board.lines < NEEDED_LINES or board.cells < NEEDED_CELLS:
            needed = f"{NEEDED_LINES} lines of {NEEDED_CELLS} cells"
            raise self._asker.error("too_small", needed, f"{board.lines} lines of {board.cells} cells")
        return board
