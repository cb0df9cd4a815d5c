"""A reader of electronic seals over HTTP as a `SealReader`: asked again and again, told where the answer changes."""

from drivers.kit.http import HttpError, get
from drivers.kit.seals import SealWatch
from drivers.seal_http.wire import decode_seals
from edge.core.readings import Seal
from edge.ports import Clock, DeliverSeals, DeviceError

NEXT_STEPS = {
    "unreachable": "check the reader's power, network and address",
    "silent": "check the reader: it takes the connection and does not answer",
    "garbled": "check the url: what answers there is no HTTP, or is cut off",
    "refused": "check the path of the url, and the reader's own log",
    "nonsense": "check the reader: what it tells of its seals has not the form of the driver's README",
}
_OK = 200


class HttpSealReader:
    """Implements `edge.ports.SealReader`. An answer may take `timeout_s`; the next question is `poll_s` later."""

    def __init__(
        self,
        name: str,
        url: str,
        *,
        clock: Clock,
        on_seals: DeliverSeals,
        poll_s: float = 1.0,
        timeout_s: float = 3.0,
    ) -> None:
        self.name = name
        # Every log line and error shows it, and a query may hold a password.
        self.address = url.partition("?")[0]
        self._url = url
        self._clock = clock
        self._on_seals = on_seals
        self._poll_s = poll_s
        self._timeout_s = timeout_s
        self._watch = SealWatch()

    async def connect(self) -> None:
        """Ask once: an answer of the right form proves the reader. Raises DeviceError."""
        self._watch.reset()
        await self._ask()

    async def run(self) -> None:
        """Ask for the seals again and again. Ends by DeviceError or cancellation."""
        while True:
            news = self._watch.feed(await self._ask(), self._clock.now_ms())
            if news is not None:
                self._on_seals(news)
            await self._clock.sleep(self._poll_s)

    async def close(self) -> None:
        """Release nothing: each question has its own connection."""

    async def _ask(self) -> tuple[Seal, ...]:
        try:
            answer = await get(self._url, self._timeout_s)
        except HttpError as error:
            raise self._error(error.code, "an answer", error.detail) from error
        if answer.status != _OK:
            raise self._error("refused", f"status {_OK}", f"status {answer.status}")
        seals = decode_seals(answer.body)
        if seals is None:
            raise self._error("nonsense", "seals as the README has them", f"{len(answer.body)} bytes that are none")
        return seals

    def _error(self, code: str, expected: str, got: str) -> DeviceError:
        return DeviceError(
            f"seal_{code}",
            device=self.name,
            address=self.address,
            expected=expected,
            got=got,
            next_step=NEXT_STEPS[code],
        )
