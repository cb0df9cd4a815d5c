"""The report of a bring-up: as JSON, and as a page that can be printed and signed."""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from edge.bringup.step import Step
from edge.bringup.target import Target
from edge.files import write_whole
from edge.text import Language, say

_COLOURS = {"PASS": "#1a7f37", "FAIL": "#b42318", "SKIP": "#6b6b6b"}
_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><title>{title}</title><style>
body{{font:15px sans-serif;max-width:60em;margin:2em auto}}td,th{{border:1px solid #bbb;padding:.4em;text-align:left}}
table{{border-collapse:collapse;width:100%}}td:first-child{{font-weight:bold}}
</style></head><body><h1>{title}</h1><p>{about}</p><table><tr>{heads}</tr>
{rows}
</table><p>{personal}</p></body></html>
"""


@dataclass(frozen=True, slots=True)
class Report:
    """What was tried of which device, when, and how each step ended."""

    target: Target
    address: str
    steps: Sequence[Step]
    begun: datetime
    seconds: float
    sent_bytes: int
    heard_bytes: int

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(step.status != "FAIL" for step in self.steps)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values, its texts in English; plates and tags may be in it."""
        return {
            "device": self.target.configured.id,
            "lane": self.target.lane.id,
            "kind": self.target.kind,
            "driver": self.target.configured.driver,
            "address": self.address,
            "simulated": self.target.lane.simulated,
            "begun": self.begun.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 1),
            "bytes": {"sent": self.sent_bytes, "heard": self.heard_bytes},
            "personal_data": True,
            "ok": self.ok,
            "steps": [
                {
                    "status": step.status,
                    "code": step.code,
                    "subject": step.subject,
                    "fields": step.fields,
                    "asked": step.text("ask", "en"),
                    "seen": step.text("seen", "en"),
                    "next": step.text("next", "en") if step.status == "FAIL" else "",
                }
                for step in self.steps
            ],
        }

    def as_html(self, language: Language) -> str:
        """Return it as one page."""
        device = f"{self.target.lane.id}/{self.target.configured.id}"
        about = say(
            "bringup_about",
            language,
            driver=self.target.configured.driver,
            address=self.address,
            begun=self.begun.isoformat(timespec="seconds"),
            seconds=round(self.seconds, 1),
            simulated=say("bringup_simulated" if self.target.lane.simulated else "bringup_real", language),
        )
        heads = ("bringup_head_result", "bringup_head_asked", "bringup_head_seen", "bringup_head_next")
        return _PAGE.format(
            language=language,
            title=html.escape(say("bringup_title", language, device=device)),
            about=html.escape(about),
            heads="".join(f"<th>{html.escape(say(head, language))}</th>" for head in heads),
            rows="\n".join(self._row(step, language) for step in self.steps),
            personal=html.escape(say("bringup_personal", language)),
        )

    def write(self, folder: Path, language: Language) -> tuple[Path, Path]:
        """Write both into `folder`, which is made where it is missing. Returns their paths. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"bringup-{self.target.configured.id}.json"
        page = path.with_suffix(".html")
        write_whole(path, json.dumps(self.as_json(), ensure_ascii=False, indent=1).encode())
        write_whole(page, self.as_html(language).encode())
        return path, page

    def _row(self, step: Step, language: Language) -> str:
        said = [step.text("ask", language), step.text("seen", language)]
        said.append(step.text("next", language) if step.status == "FAIL" else "")
        colour = _COLOURS[step.status]
        cells = "".join(f"<td>{html.escape(one)}</td>" for one in said)
        return f'<tr><td style="color:{colour}">{step.status}</td>{cells}</tr>'
