"""A secret as a value that shows itself to nobody: not in a log line, not in an exception, not in a dump."""

import errno
import hmac
import re
from pathlib import Path
from typing import NoReturn

# Ends of lines, and the mark that some editors put before a text.
_IN_NO_LINE = re.compile(r"[\r\n\0\ufeff]")


class Secret:
    """Text that only `reveal` gives. Equal secrets compare equal, in constant time; it cannot be pickled."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    def read(cls, path: Path) -> "Secret":
        """Return the one line of a file, such as a credential of systemd, without its end.

        Raises OSError, also for a file that holds nothing, more than a line, or no UTF-8.
        """
        try:
            text = path.read_bytes().decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            text = ""
        if not text or _IN_NO_LINE.search(text):
            # Not what it holds, which may be a secret and something else.
            raise OSError(errno.EINVAL, "expected one line of text in UTF-8", str(path))
        return cls(text)

    def reveal(self) -> str:
        """Return the text. Call it where it is used, and keep it nowhere."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere")
