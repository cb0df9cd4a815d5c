"""Devices on lines: what reads tags, cards and seals, what weighs, what shows and speaks."""

import asyncio

from config.devices import ContainerEngine as ConfiguredEngine
from config.devices import DriverIdentity as ConfiguredIdentity
from config.devices import SealReader as ConfiguredSeals
from config.devices import Sign as ConfiguredSign
from config.devices import TagReader as ConfiguredReader
from config.devices import Voice as ConfiguredVoice
from config.devices import Weighbridge as ConfiguredScale
from edge import registry
from edge.bringup.step import Step
from edge.bringup.trial import Trial
from edge.core.effects import Guide
from edge.core.readings import DriverCard, EngineResult, TagSighting
from edge.core.seal import SealsInField, unlocked
from edge.core.weight import Weighing
from edge.ports import Clock, ContainerEngine, IdentityReader, SealReader, Sign, TagReader, Voice, Weighbridge
from edge.runtime.signs import VALID_S, words_of

# What sign and voice are tried with: a word that asks nothing of anybody who stands there.
_WORD = Guide("not_ready")


class ReaderTrial(Trial[TagReader]):
    """Each antenna has to see a tag, and at the strength that the lane asks for."""

    def __init__(self, configured: ConfiguredReader, clock: Clock) -> None:
        least = configured.min_rssi_dbm
        fields = {"epc": "-", "rssi_dbm": "-", "needed": "-" if least is None else least}
        self._antennas = {one: Step("tag", str(one), dict(fields)) for one in configured.antennas}
        super().__init__(list(self._antennas.values()))
        self._least_dbm = least
        self.device = registry.build(registry.TAG_READER, configured, clock, self._take)

    async def act(self) -> None:
        """Read tags."""
        await self.device.start_inventory()
        await asyncio.get_running_loop().create_future()

    def _take(self, sighting: TagSighting) -> None:
        step = self._antennas.get(sighting.antenna)
        if step is None or step.status == "PASS":
            return
        rssi_dbm = sighting.rssi_dbm
        step.fields |= {"epc": sighting.tag.epc, "rssi_dbm": "-" if rssi_dbm is None else rssi_dbm}
        if self._least_dbm is None or (rssi_dbm is not None and rssi_dbm >= self._least_dbm):
            step.settle("PASS")
            self.look()
        else:
            step.wrong = True


class ScaleTrial(Trial[Weighbridge]):
    """It has to say that it is empty, and then what a vehicle on it weighs."""

    def __init__(self, configured: ConfiguredScale, clock: Clock) -> None:
        self._empty = Step("scale_empty", fields={"shown": "-", "least_kg": configured.min_kg})
        self._steady = Step("scale_steady", fields={"shown": "-", "kg": 0, "over_ms": configured.stable_ms})
        super().__init__([self._empty, self._steady])
        self.device = registry.build(registry.WEIGHBRIDGE, configured, clock, self._take)

    def _take(self, weighing: Weighing) -> None:
        for step in (self._empty, self._steady):
            step.fields["shown"] = weighing.status
            step.wrong |= weighing.status in ("overload", "tared")
        if weighing.status == "empty":
            self._empty.settle("PASS")
        elif weighing.kg is not None and self._steady.status == "WAIT":
            self._steady.settle("PASS", kg=weighing.kg)
        self.look()


class CardTrial(Trial[IdentityReader]):
    """A card or a code has to be read. Whose it is stands in no report."""

    def __init__(self, configured: ConfiguredIdentity, clock: Clock) -> None:
        self._card = Step("card", fields={"characters": 0, "medium": configured.medium})
        super().__init__([self._card])
        self.device = registry.build(registry.DRIVER_IDENTITY, configured, clock, self._take)

    def _take(self, card: DriverCard, _: int) -> None:
        self._card.settle("PASS", characters=len(card.text))
        self.look()


class SealTrial(Trial[SealReader]):
    """A locked seal has to be seen. Its number stands in no report."""

    def __init__(self, configured: ConfiguredSeals, clock: Clock) -> None:
        self._seal = Step("seal", fields={"count": 0, "locked": 0})
        super().__init__([self._seal])
        self.device = registry.build(registry.SEAL_READER, configured, clock, self._take)

    def _take(self, field: SealsInField) -> None:
        count = len(field.seals)
        locked = count - unlocked(field.seals)
        self._seal.fields |= {"count": count, "locked": locked}
        if locked and locked == count:
            self._seal.settle("PASS")
        self._seal.wrong |= locked < count
        self.look()


class EngineTrial(Trial[ContainerEngine]):
    """A code has to be told that our own check verifies, with the confidence that the lane asks for."""

    def __init__(self, configured: ConfiguredEngine, clock: Clock) -> None:
        self._code = Step("engine_code", fields={"checks": "-", "confidence": "-", "needed": configured.min_confidence})
        super().__init__([self._code])
        self._least = configured.min_confidence
        self.device = registry.build(registry.CONTAINER_ENGINE, configured, clock, self._take)

    def _take(self, result: EngineResult) -> None:
        checks = [box.container.check for box in result.boxes]
        confidence = min((box.confidence for box in result.boxes), default=0.0)
        self._code.fields |= {"checks": " ".join(checks) or "-", "confidence": confidence}
        if checks and set(checks) == {"verified"} and confidence >= self._least:
            self._code.settle("PASS")
        elif checks:
            self._code.wrong = True
        self.look()


class SignTrial(Trial[Sign]):
    """It has to take words; whether they can be read is for the person who stands before it."""

    def __init__(self, configured: ConfiguredSign, clock: Clock) -> None:
        self._words = words_of(_WORD)
        self._shown = Step("sign", fields={"words": " / ".join(self._words.lines)})
        super().__init__([self._shown])
        self.device = registry.build(registry.SIGN, configured, clock, None)

    async def act(self) -> None:
        """Show words."""
        await self.device.show(self._words, VALID_S)
        self._shown.settle("PASS")
        self.look()


class VoiceTrial(Trial[Voice]):
    """It has to take a phrase; whether it can be heard is for the person who stands there."""

    def __init__(self, configured: ConfiguredVoice, clock: Clock) -> None:
        self._words = words_of(_WORD)
        self._said = Step("voice", fields={"words": " / ".join(self._words.lines), "volume": configured.volume})
        super().__init__([self._said])
        self.device = registry.build(registry.VOICE, configured, clock, None)

    async def act(self) -> None:
        """Say words."""
        await self.device.say(self._words)
        self._said.settle("PASS")
        self.look()
