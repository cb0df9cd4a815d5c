"""What one look at a box found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from edge.text import Language, catalogue, plain, say

Status = Literal["OK", "WARN", "FAIL"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `subject` is a path, an address or a name; `fields` fill the texts of `code`.

    The texts are `doctor_<code>` and, where something is to be done, `doctor_<code>_next`.
    """

    status: Status
    code: str
    subject: str
    fields: Mapping[str, object] = field(default_factory=dict)

    def message(self, language: Language | None = None) -> str:
        """Say what was found, on one line."""
        return plain(say(f"doctor_{self.code}", language, **self.fields))

    def next_step(self, language: Language | None = None) -> str:
        """Say what to do about it; empty where nothing is."""
        key = f"doctor_{self.code}_next"
        return plain(say(key, language, subject=self.subject, **self.fields)) if key in catalogue("en") else ""

    def lines(self) -> list[str]:
        """Return it as a person reads it, its next step below it."""
        step = self.next_step()
        said = f"{self.status:<4} {plain(self.subject)}: {self.message()} [{self.code}]"
        return [said, *([f"     -> {step}"] if step else [])]
