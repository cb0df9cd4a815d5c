"""File descriptors kept for the moment in which there are no more: a person still gets through to the lane (X12).

What is open goes on without them, the barrier's connection above all. What needs a new one is whoever asks at the
control socket, to open by hand or to learn what is wrong.
"""

import asyncio
import errno
import os
from typing import Any

from edge.log import logger

# Lost devices and brokers dial again meanwhile, and may be faster than a person.
SPARE = 8
# How soon they are kept again.
AGAIN_S = 10.0
_NO_MORE = (errno.EMFILE, errno.ENFILE)


class SpareDescriptors:
    """Keeps them from `keep` to `close`, on the running loop, whose exception handler it is.

    The loop tells that handler of a connection that it could not accept for want of a descriptor, and tries again a
    second later: by then some are free.
    """

    def __init__(self, again_s: float = AGAIN_S) -> None:
        self._again_s = again_s
        self._kept: list[int] = []
        self._again: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def keep(self) -> None:
        """Keep them, and become the loop's exception handler."""
        self._keep()
        self._loop.set_exception_handler(self._told)

    def close(self) -> None:
        """Keep none, and be that no longer."""
        self._loop.set_exception_handler(None)
        if self._again is not None:
            self._again.cancel()
        self._free()

    @property
    def kept(self) -> int:
        """How many are kept now."""
        return len(self._kept)

    def _keep(self) -> None:
        self._again = None
        try:
            while len(self._kept) < SPARE:
                self._kept.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            self._again = self._loop.call_later(self._again_s, self._keep)

    def _free(self) -> None:
        while self._kept:
            os.close(self._kept.pop())

    def _told(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in _NO_MORE and self._kept:
            logger().error("descriptors_exhausted", freed=len(self._kept), cause=str(error))
            self._free()
            if self._again is None:
                self._again = self._loop.call_later(self._again_s, self._keep)
            return
        loop.default_exception_handler(context)
