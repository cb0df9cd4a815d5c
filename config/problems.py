"""What is wrong with a configuration, where, and what was expected: in Chinese and English."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

Language = Literal["zh", "en"]
# A value that is shown must not push the rest of the message off the screen.
_MAX_SHOWN = 60


class Bilingual(NamedTuple):
    """One text in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A contradiction: the path to blame, its value, what was expected."""

    path: tuple[str | int, ...]
    code: str
    value: object
    expected: Bilingual
    hint: Bilingual | None = None


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One error. `line` and `column` count from 1; `code` is stable; `key_path` as `lanes[0].barrier.host`."""

    file: str
    line: int
    column: int
    code: str
    key_path: str
    value: str
    expected: Bilingual
    hint: Bilingual | None = None

    def render(self, language: Language) -> str:
        """One line: `file:line:column: key: value, what was expected, hint [code]`."""
        chinese = language == "zh"
        where = f"{self.file}:{self.line}:{self.column}: "
        key = f"{self.key_path}: " if self.key_path else ""
        got = f"得到 {self.value}," if chinese else f"got {self.value}, "
        expected = f"应为 {self.expected.zh}" if chinese else f"expected {self.expected.en}"
        hint = "" if self.hint is None else f";{self.hint.zh}" if chinese else f"; {self.hint.en}"
        return f"{where}{key}{got}{expected}{hint} [{self.code}]"

    def __str__(self) -> str:
        return f"{self.render('zh')}\n{self.render('en')}"


def shown(value: object) -> str:
    """`value` as it may stand in a message: one line, short."""
    text = repr(value) if isinstance(value, str) else _yaml_word(value)
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 3]}..."


def _yaml_word(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case dict():
            return "a mapping / 映射"
        case tuple() | list():
            return "a list / 列表"
        case _:
            return str(value)


def nearest(word: str, known: Iterable[str]) -> Bilingual | None:
    """Ask whether the most similar of `known` was meant; None where nothing is similar."""
    found = difflib.get_close_matches(word[:64], list(known), n=1, cutoff=0.6)
    return Bilingual(f"是否想写 {found[0]!r}?", f"did you mean {found[0]!r}?") if found else None


def path_text(path: Iterable[str | int]) -> str:
    """`("lanes", 0, "id")` as `lanes[0].id`, on one line whatever a key is."""
    text = ""
    for key in path:
        part = repr(key)[1:-1] if isinstance(key, str) and not key.isprintable() else key
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
