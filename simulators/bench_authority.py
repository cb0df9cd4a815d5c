"""`python -m simulators.bench_authority FILE`: the simulated authority in a process of its own, releasing by tag."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.clearance.keys import key_id_of, load_private_key, load_public_key
from edge.clearance.keyset import open_keyset
from edge.core.grant import ReleaseNote
from edge.mqtt import MqttSettings
from simulators.clearance import AnsweredRequest, ClearanceService
from simulators.release_notes import ReleaseNotes, Ruling


class TagNotes(ReleaseNotes):
    """Releases every passage whose tag was read, with a note that names just this tag."""

    def rule(self, readings: Mapping[str, Any], passage: str) -> Ruling:
        """Judge by the tag alone: the measured lane has no cameras."""
        value = readings["tag"]["value"]
        if value is None:
            return Ruling("hold", "unread_tag")
        return Ruling("release", "", ReleaseNote(f"note-{passage}", (), (), value["epc"]))


def _service(settings: dict[str, Any], on_answered: Callable[[AnsweredRequest], None]) -> ClearanceService:
    root = load_public_key(Path(settings["root"]))
    return ClearanceService(
        MqttSettings(settings["host"], settings["port"], "bench-authority", version="5"),
        authority=settings["authority"],
        site=settings["site"],
        key=load_private_key(Path(settings["key"])),
        keyset=open_keyset(
            Path(settings["keyset"]).read_bytes(),
            root_key_id=key_id_of(root),
            root=root,
            environment="simulated",
            now_utc=datetime.now(UTC),
        ),
        utc=lambda: datetime.now(UTC),
        notes=TagNotes(),
        on_up=lambda: _say("ready"),
        on_answered=on_answered,
    )


async def _serve(settings: dict[str, Any]) -> list[int]:
    answered_ns: list[int] = []
    service = _service(settings, lambda _: answered_ns.append(time.monotonic_ns()))
    serving = asyncio.create_task(service.run())
    await asyncio.to_thread(sys.stdin.buffer.read)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    return answered_ns


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Serve until standard input closes, then print when each request was answered (monotonic nanoseconds)."""
    settings = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    _say(json.dumps(asyncio.run(_serve(settings))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
