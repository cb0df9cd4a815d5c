"""A simulated device that is asked in `drivers.kit.frames`: what its kinds share."""

from abc import abstractmethod
from collections.abc import Sequence

from drivers.kit.frames import ANSWER, BAD_DATA, DONE, HELLO, UNKNOWN_COMMAND, Frame, FrameDecoder, encode
from simulators.devices.serial_wire import StreamDevice, StreamFaults


class AskedDevice(StreamDevice[Frame]):
    """Answers questions that bear its address, each repeated one without doing it again."""

    def __init__(self, faults: StreamFaults, *, address: int, seed: int = 0) -> None:
        super().__init__(faults, seed=seed)
        self._address = address
        self._decoder = FrameDecoder()
        self._last: tuple[Frame, Frame] | None = None

    @abstractmethod
    def hello(self) -> bytes:
        """Return what it answers to hello."""

    @abstractmethod
    def obey(self, command: int, data: bytes) -> bytes | None:
        """Do it and return the data of the answer; None for data that it does not take.

        Raises KeyError for a command that it does not know.
        """

    def understand(self, data: bytes) -> Sequence[Frame]:
        """Return the questions that `data` completes, those for it alone."""
        frames = self._decoder.feed(data)
        return [one for one in frames if one.address == self._address and not one.command & ANSWER]

    async def answer(self, command: Frame) -> None:
        """Answer one question."""
        if self._last is None or self._last[0] != command:
            self._last = command, self._done(command)
        await self.send(encode(self._last[1]))

    def _done(self, question: Frame) -> Frame:
        if question.command == HELLO:
            return question.answered(DONE, self.hello())
        try:
            data = self.obey(question.command, question.data)
        except KeyError:
            return question.answered(UNKNOWN_COMMAND)
        return question.answered(BAD_DATA) if data is None else question.answered(DONE, data)
