"""The standard streams of a verb: there even where whoever started it closed them, and readable by who reads them."""

import codecs
import io
import os
import sys
from contextlib import suppress
from typing import TextIO

# What a character that the reader's encoding lacks becomes: in JSON it means the same.
JSON_ESCAPES = "kakou_json_escapes"
_BEYOND_ONE_ESCAPE = 0x10000


def _json_escapes(error: UnicodeError) -> tuple[str, int]:
    """Return what could not be encoded as JSON escapes it: by four digits, or by twice four (RFC 8259, 7)."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_escape(ord(one)) for one in error.object[error.start : error.end]), error.end


def _escape(code: int) -> str:
    if code < _BEYOND_ONE_ESCAPE:
        return f"\\u{code:04x}"
    high, low = divmod(code - _BEYOND_ONE_ESCAPE, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


codecs.register_error(JSON_ESCAPES, _json_escapes)


def prepare(*, as_json: bool) -> None:
    """Make the streams fit for a verb. Where its output is JSON, that is UTF-8 whatever the locale (RFC 8259, 8.1)."""
    # A descriptor that is closed would go to the next file that is opened: a journal, into which a library then prints.
    # One of stdout refuses every byte, so that what is lost is an error; what is said on stderr to nobody is none.
    for number, name, mode in ((0, "stdin", os.O_RDONLY), (1, "stdout", os.O_RDONLY), (2, "stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            _stand_in(number, name, mode)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal without Chinese, or a file name that is no text, must not end a verb.
            stream.reconfigure(errors=JSON_ESCAPES)
    if as_json and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors=JSON_ESCAPES)


def _stand_in(number: int, name: str, mode: int) -> None:
    opened = os.open(os.devnull, mode)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)
    setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))  # noqa: SIM115


def give_up(stream: TextIO) -> None:
    """Let what `stream` still holds go nowhere: the interpreter flushes once more at its end, and would fail of it."""
    # Not a file: nothing is flushed into it.
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def tell(text: str) -> None:
    """Write `text` to stderr, and what was to be written there before; where nobody can read it, it is not told."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        give_up(sys.stderr)
