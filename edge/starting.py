"""What makes a start short: a controller that was killed shall know its lane again within seconds."""

import contextlib
import gc
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import cast


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Import without the garbage collector: nearly all that is made stays, and it would look at all of it again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextlib.contextmanager
def hidden(name: str) -> Iterator[None]:
    """Let what is imported here do without a package that it would only like to have; later it is there again."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = cast(ModuleType, None)
    try:
        yield
    finally:
        del sys.modules[name]
