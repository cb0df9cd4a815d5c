"""Takes a registry of models apart: entries, or what is wrong with them, all of it at once.

A site writes one by hand. So a key that is given twice, a word that is no key and a value of another kind are told, not
guessed at.
"""

import difflib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from models.roles import REQUIRED, ROLES

# The one that is shipped has 9 KB.
MAX_REGISTRY_BYTES: Final = 1 << 20
MOST_TEXT: Final = 1_000
MOST_MODELS: Final = 100
MOST_MEASURED: Final = 100
# Of the keys that are none so many are told: a list of all would be as long as the file.
MOST_STRANGE_KEYS: Final = 3
_SHOWN: Final = 60
_SHA256 = re.compile("[0-9a-f]{64}")
# A package within another would be imported to be found; nothing of a package is run here.
_PACKAGE = re.compile("[A-Za-z_][A-Za-z0-9_]{0,99}")
# Each key, and whether an entry has to have it.
_KEYS: Final = {
    **dict.fromkeys(("name", "version", "licence", "package", "file", "sha256", "input", "source"), True),
    **dict.fromkeys(("labels", "measured", "training_commit"), False),
}
# What a model cannot be without, though `labels` or `source` may be empty.
_NEVER_EMPTY: Final = frozenset({"name", "version", "licence", "package", "file"})


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One registered model: which file of which installed package, its digest, licence and origin.

    `labels` says what its columns mean, `measured` what was counted on which set, `training_commit` with which code it
    was trained ('' for models that others trained).
    """

    name: str
    version: str
    licence: str
    package: str
    file: str
    sha256: str
    input: str
    source: str
    labels: str = ""
    measured: dict[str, str] = field(default_factory=dict)
    training_commit: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `place` is where (`models[2].sha256`), `name` which model's it is, where it says so.

    `missing` where no entry is named so.
    """

    place: str
    expected: str
    got: str
    name: str = ""
    missing: bool = False


def entries_of(content: bytes, required: tuple[str, ...] = REQUIRED) -> tuple[list[ModelEntry], list[Problem]]:
    """Return the entries of a registry that are right, in order, and what is wrong with it. Never raises."""
    try:
        told = json.loads(content.decode("utf-8"), object_pairs_hook=_object)
    except _TwiceError as error:
        return [], [Problem("file", "each key once in an object", f"{_shown(str(error))} twice")]
    except RecursionError:
        return [], [Problem("file", "objects in a list", "lists or objects that are nested too deep")]
    except ValueError as error:
        return [], [Problem("file", "JSON in UTF-8", str(error)[:MOST_TEXT])]
    if not isinstance(told, dict):
        return [], [Problem("file", "an object with the key models", _shown(told))]
    listed = told.pop("models", None)
    problems = [Problem("file", "no key but models", _shown(key)) for key in _few(told)]
    if not isinstance(listed, list) or len(listed) > MOST_MODELS:
        return [], [*problems, Problem("models", f"a list of at most {MOST_MODELS} models", _shown(listed))]
    entries: list[ModelEntry] = []
    named: set[str] = set()
    for place, one in enumerate(listed):
        wrong = list(_problems(f"models[{place}]", one, named))
        problems += wrong
        if not wrong:
            entries.append(ModelEntry(**{**one, "sha256": one["sha256"].lower()}))
    lacking = (name for name in required if name not in named)
    problems += [Problem("models", f"an entry named {name}", "none", name, missing=True) for name in lacking]
    return entries, problems


class _TwiceError(Exception):
    """A key is given twice in one object."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(key)
        found[key] = value
    return found


def _problems(place: str, entry: Any, named: set[str]) -> Iterator[Problem]:
    """Yield what is wrong with one entry; its name is noted in `named`."""
    if not isinstance(entry, dict):
        yield Problem(place, "an object", _shown(entry))
        return
    said = entry.get("name")
    name = said if isinstance(said, str) and said in ROLES else ""
    for key in _few(entry.keys() - _KEYS.keys()):
        yield Problem(place, f"no key but {', '.join(_KEYS)}", _near(key, tuple(_KEYS)), name)
    for key, needed in _KEYS.items():
        if key not in entry:
            if needed:
                yield Problem(f"{place}.{key}", "text", "none", name)
        elif (expected := _wrong(key, entry[key])) is not None:
            got = _near(entry[key], tuple(ROLES)) if key == "name" else _shown(entry[key])
            yield Problem(f"{place}.{key}", expected, got, name)
    if name in named:
        yield Problem(f"{place}.name", "each name once", f"{_shown(name)} twice", name)
    named.update({name} - {""})


def _wrong(key: str, value: Any) -> str | None:
    """Return what was expected where `value` is not what `key` may be."""
    if key == "measured":
        return None if _is_measured(value) else f"an object of at most {MOST_MEASURED} texts"
    if not isinstance(value, str) or not _is_text(value):
        return f"text on one line, of at most {MOST_TEXT} characters"
    if key in _NEVER_EMPTY and not value:
        return "a text that is not empty"
    if key == "name" and value not in ROLES:
        return f"one of {', '.join(ROLES)}"
    if key == "sha256" and not _SHA256.fullmatch(value.lower()):
        return "64 hexadecimal digits"
    if key == "package" and not _PACKAGE.fullmatch(value):
        return "the name of an installed package, without a dot"
    return None


def _is_text(value: str) -> bool:
    # Half of a surrogate pair is valid JSON and no text; NUL ends a path for the system and not for Python.
    return len(value) <= MOST_TEXT and value.isprintable()


def _is_measured(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= MOST_MEASURED
        and all(isinstance(one, str) and _is_text(one) and _is_text(key) for key, one in value.items())
    )


def _few(keys: Iterable[str]) -> list[str]:
    return sorted(keys)[:MOST_STRANGE_KEYS]


def _near(word: Any, known: tuple[str, ...]) -> str:
    nearest = difflib.get_close_matches(word[:_SHOWN], known, 1) if isinstance(word, str) else []
    return f"{_shown(word)}, which is nearly {nearest[0]}" if nearest else _shown(word)


def _shown(value: Any) -> str:
    """Return a value as a message quotes it: on one line, and short."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return json.dumps(value[:_SHOWN])
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object of {len(value)}"
    return json.dumps(value)[:_SHOWN]
