"""One thing that has to be seen of a device before it goes into service."""

from dataclasses import dataclass, field
from typing import Any, Literal

from edge.text import Language, plain, say

# SKIP: nobody can say. WAIT: not seen yet; at the end of a bring-up nothing waits.
Status = Literal["WAIT", "PASS", "FAIL", "SKIP"]


@dataclass(slots=True)
class Step:
    """`subject` is a signal, an antenna or nothing; `fields` fill the texts of `code`.

    The texts are `bringup_<code>_ask` (what to do, and what should change), `_seen` and `_next` (where it fails);
    `remedy` is the key of a text that says better what to do next; `wrong`: something was seen that is not as it has to
    be. A step that failed without that failed because nobody saw enough.
    """

    code: str
    subject: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    status: Status = "WAIT"
    remedy: str = ""
    wrong: bool = False

    def settle(self, status: Status, **fields: Any) -> None:
        """Say how it went."""
        self.status = status
        self.wrong |= status == "FAIL"
        self.fields |= fields

    def text(self, part: Literal["ask", "seen", "next"], language: Language | None = None) -> str:
        """Return one of its texts, on one line."""
        subject = self.subject
        if self.code == "toggles":
            subject = say(f"bringup_signal_{self.subject}", language)
        key = self.remedy if part == "next" and self.remedy else f"bringup_{self.code}_{part}"
        return plain(say(key, language, subject=subject, **self.fields))
