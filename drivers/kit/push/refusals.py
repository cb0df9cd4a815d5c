"""Pure: what was refused of a device since it last pushed something good."""

from drivers.kit.push.head import UNPROVED, PushRefusedError


class Refusals:
    """`note` each; `begin_anew` with what is good. `said` tells of them where a device has gone silent."""

    def __init__(self) -> None:
        self._count = 0
        self._last = ""
        # The last one did not prove who it is.
        self.unproved = False

    def begin_anew(self) -> None:
        """Forget them."""
        self._count = 0

    def note(self, refused: PushRefusedError) -> None:
        """Count one more."""
        self._count += 1
        self._last = str(refused)
        self.unproved = refused.status == UNPROVED

    @property
    def said(self) -> str | None:
        """How many, and the last; None for a single one: that was cut off as the device went, and is no sign."""
        return f"{self._count} that were refused, the last: {self._last}" if self._count > 1 else None
