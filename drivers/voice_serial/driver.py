"""A voice module with numbered phrases as a `Voice`."""

from drivers.kit.asker import Asker, AskerPace
from drivers.kit.frames import HELLO
from drivers.voice_serial.wire import PHRASES, SAY, decode_module, encode_say
from edge.ports import Tap, Words

NEXT_STEPS = {
    "not_a_voice": "check the port: another device, or another version of the protocol, answers there",
    "phrases_missing": "record every phrase of the driver's README, in its order",
}


class SerialVoice:
    """Implements `edge.ports.Voice`."""

    def __init__(
        self,
        name: str,
        port: str,
        *,
        baud: int = 9_600,
        address: int = 2,
        volume: int = 80,
        pace: AskerPace | None = None,
    ) -> None:
        self.name = name
        self.address = port
        self._volume = volume
        self._asker = Asker("voice", name, port, baud=baud, address=address, pace=pace, next_steps=NEXT_STEPS)

    @property
    def tap(self) -> Tap | None:
        """Who hears what crosses the wire."""
        return self._asker.tap

    @tap.setter
    def tap(self, tap: Tap | None) -> None:
        self._asker.tap = tap

    async def connect(self) -> None:
        """Open the port and prove that a module answers which has every phrase. Raises DeviceError."""
        await self._asker.open()
        await self._hello()

    async def run(self) -> None:
        """Probe while nothing is said. Ends by DeviceError or cancellation."""
        await self._asker.run(self._hello)

    async def close(self) -> None:
        """Release the port."""
        await self._asker.close()

    async def say(self, words: Words) -> None:
        """Say the phrase of these words, once. Raises DeviceError."""
        data = encode_say(PHRASES[words.key], self._volume)
        await self._asker.ask(SAY, data, expected=f"{words.key} to be said")

    async def _hello(self) -> None:
        answer = await self._asker.ask(HELLO, expected="a voice module's answer to hello")
        phrases = decode_module(answer)
        if phrases is None:
            got = answer.hex(" ") or "nothing in it"
            raise self._asker.error("not_a_voice", "a voice module's answer to hello", got)
        if phrases < len(PHRASES):
            raise self._asker.error("phrases_missing", f"{len(PHRASES)} phrases", f"{phrases}")
