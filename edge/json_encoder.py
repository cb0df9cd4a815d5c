"""JSON encoders that are made once.

The library's own asks for a new C encoder at each value, which costs more than most of our values do.
"""

import json
from collections.abc import Callable
from typing import Any

# A text as JSON, its letters as they stand: `json.dumps(text, ensure_ascii=False)` for nothing but text.
quoted: Callable[[str], str] = json.encoder.encode_basestring
_make = getattr(json.encoder, "c_make_encoder", None)


def encoder(
    *, separators: tuple[str, str] = (", ", ": "), sort_keys: bool = False, allow_nan: bool = True
) -> Callable[[Any], str]:
    """Return what `json.JSONEncoder.encode` is with these options, text as it stands, for values without cycles.

    A cycle raises RecursionError, whatever else is no JSON TypeError or ValueError.
    """
    made = json.JSONEncoder(
        ensure_ascii=False, check_circular=False, separators=separators, sort_keys=sort_keys, allow_nan=allow_nan
    )
    if _make is None:
        return made.encode
    item, key = separators
    chunks = _make(None, made.default, json.encoder.encode_basestring, None, key, item, sort_keys, False, allow_nan)
    join = "".join

    def encode(value: Any) -> str:
        return join(chunks(value, 0))

    return encode
