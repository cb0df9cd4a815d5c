"""`kakou doctor`: everything on this box that would keep its lanes from working, and the step that mends it."""

import asyncio
import json
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from config.loader import load
from edge.doctor.finding import Finding
from edge.text import default_language, say
from edge.text.arguments import Parser
from edge.verbs.person import DEFAULT_CONFIG, EXIT_CONFIG

EXIT_FAILED = 1


def main(arguments: Sequence[str]) -> int:
    """Look at the box; 0 where nothing fails (warnings may stand), 1 where something does, 78 for a configuration."""
    parser = Parser("kakou doctor", say("verb_doctor"))
    parser.add_argument("config", type=Path, nargs="?", default=DEFAULT_CONFIG, help=say("option_config"))
    parser.add_argument("--json", action="store_true", help=say("option_json"))
    given = parser.parse_args(arguments)
    # Imported late: it brings the whole controller with it.
    from edge.bringup.standing import standings
    from edge.doctor.box import look_at_box
    from edge.doctor.bridge import look_at_bridge
    from edge.doctor.credentials import look_at_credentials
    from edge.doctor.recognition import look_at_models
    from edge.doctor.wires import look_at_wires

    loaded = load(given.config)
    if isinstance(loaded, list):
        spoken = "en" if given.json else default_language()
        found = [
            Finding("FAIL", "config_bad", f"{one.file}:{one.line}", {"problem": one.render(spoken)}) for one in loaded
        ]
        # They are the same whatever the configuration says.
        found += look_at_models()
        _tell(found, as_json=given.json)
        return EXIT_CONFIG
    found = [Finding("OK", "config_good", str(given.config))]
    found += look_at_box(loaded)
    found += look_at_credentials(loaded, given.config, datetime.now(UTC))
    found += look_at_models(loaded.lanes)
    found += [one for lane in loaded.lanes for one in standings(loaded, lane)]
    found += asyncio.run(look_at_wires(loaded))
    with tempfile.TemporaryDirectory() as seen:
        found += asyncio.run(look_at_bridge(loaded, Path(seen), datetime.now(UTC)))
    _tell(found, as_json=given.json)
    return EXIT_FAILED if any(one.status == "FAIL" for one in found) else 0


def _tell(found: Iterable[Finding], *, as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "status": one.status, "code": one.code, "subject": one.subject, "message": one.message("en"),
                "next": one.next_step("en"),
            }
            for one in found
        ]  # fmt: skip
        print(json.dumps({"ok": all(row["status"] != "FAIL" for row in rows), "findings": rows}, ensure_ascii=False))
        return
    for one in found:
        print("\n".join(one.lines()))
