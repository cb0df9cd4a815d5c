"""A voice module on its real wire, and what a driver who stands before it hears."""

from collections.abc import Callable
from dataclasses import dataclass

from drivers.voice_serial.wire import PHRASES, SAY, decode_say, encode_module
from simulators.devices.asked import AskedDevice
from simulators.devices.serial_wire import StreamFaults, switch, switches

MOST_HEARD = 1000


@dataclass(slots=True)
class VoiceFaults(StreamFaults):
    """The switches of every wire, and `mute`: the module obeys, but its loudspeaker is torn off."""

    mute: bool = switch(False, True)


FAULTS = switches(VoiceFaults)


class VoiceModule(AskedDevice):
    """The module without its plug. `heard` are the keys of the last phrases, each with when (ms of `now_ms`)."""

    def __init__(
        self, now_ms: Callable[[], int], *, phrases: int = len(PHRASES), address: int = 2, seed: int = 0
    ) -> None:
        self.faults = VoiceFaults()
        super().__init__(self.faults, address=address, seed=seed)
        self.phrases = phrases
        self.heard: list[tuple[int, str]] = []
        self._now_ms = now_ms
        self._keys = {number: key for key, number in PHRASES.items()}

    def hello(self) -> bytes:
        """Say how many phrases were recorded."""
        return encode_module(self.phrases)

    def obey(self, command: int, data: bytes) -> bytes | None:
        """Say a phrase."""
        if command != SAY:
            raise KeyError(command)
        said = decode_say(data)
        if said is None or said.phrase > self.phrases:
            return None
        if not self.faults.mute and said.volume:
            self.heard = [*self.heard[-MOST_HEARD + 1 :], (self._now_ms(), self._keys[said.phrase])]
        return b""
