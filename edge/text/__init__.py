"""Every text that a person reads, in Chinese and English, by a stable key: one catalogue file per language."""

import json
import locale
import os
import pkgutil
from functools import cache
from typing import Literal

Language = Literal["en", "zh"]


@cache
def catalogue(language: Language) -> dict[str, str]:
    """Return the texts of one language by key. Both languages have the same keys and placeholders."""
    # By the package's loader: an installation reads it from inside its bundle.
    content = pkgutil.get_data(__name__, f"{language}.json")
    assert content is not None
    texts: dict[str, str] = json.loads(content)
    return texts


def default_language() -> Language:
    """Return what `KAKOU_LANG` (`zh` or `en`) says, else `zh` where the locale is Chinese, else `en`."""
    for name in ("KAKOU_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    # Windows sets none of these variables.
    return "zh" if (locale.getlocale()[0] or "").lower().startswith(("zh", "chinese")) else "en"


def say(key: str, language: Language | None = None, **fields: object) -> str:
    """Return the text of `key` with its fields filled in, in `language` or `default_language()`.

    Raises:
        KeyError: the catalogue has no such key, or the text names a field that was not given.
    """
    return catalogue(language or default_language())[key].format(**fields)


def plain(text: str) -> str:
    """Return text, some of it another's words, without anything that a terminal would obey: on one line, replaced."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def escaped(text: str) -> str:
    """Return a name that another gave, on one line and without anything that a terminal would obey: as escapes."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)
