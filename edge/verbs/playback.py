"""`kakou playback FILE [CONFIG]`: play a recording against today's code and configuration, and show what differs."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from config.schema import Configuration
from edge.text import plain, say
from edge.text.arguments import Parser
from edge.verbs.configured import configured
from edge.verbs.person import DEFAULT_CONFIG, EXIT_CONFIG

if TYPE_CHECKING:
    from edge.playback import Difference, Played

EXIT_DIFFERENT = 1
EXIT_UNREADABLE = 66
_MOST_SHOWN = 10


def main(arguments: Sequence[str]) -> int:
    """Play one file.

    0 where all comes out as recorded, 1 where not, 66 for no recording, 78 for the configuration or a driver's package.
    """
    parser = Parser("kakou playback", say("verb_playback"))
    parser.add_argument("recording", type=Path, help=say("playback_file"))
    parser.add_argument("config", type=Path, nargs="?", default=DEFAULT_CONFIG, help=say("option_config"))
    parser.add_argument("--json", action="store_true", help=say("option_json"))
    given = parser.parse_args(arguments)
    loaded = configured(given.config)
    if loaded is None:
        return EXIT_CONFIG
    from edge.packages import PackageError
    from edge.playback import PlaybackError

    if not given.recording.is_file():
        print(say("playback_unreadable", file=plain(str(given.recording)), cause="-"), file=sys.stderr)
        return EXIT_UNREADABLE
    try:
        played = asyncio.run(_play(given.recording, loaded))
    except (PlaybackError, OSError) as error:
        print(say("playback_unreadable", file=plain(str(given.recording)), cause=plain(str(error))), file=sys.stderr)
        return EXIT_UNREADABLE
    except PackageError as error:
        print(plain(str(error)), file=sys.stderr)
        return EXIT_CONFIG
    if given.json:
        print(json.dumps(_values(played), ensure_ascii=False))
    else:
        _show(played)
    return 0 if played.same else EXIT_DIFFERENT


async def _play(path: Path, configuration: Configuration) -> "Played":
    from edge.playback import play
    from models.recogniser import WorkerRecogniser

    recogniser = WorkerRecogniser()
    try:
        return await play(path, configuration, recogniser)
    finally:
        await recogniser.close()


def _values(played: "Played") -> dict[str, object]:
    def rows(differences: "list[Difference]") -> list[dict[str, object]]:
        return [
            {"at_ms": one.at_ms, "what": one.what, "recorded": one.recorded, "played": one.played}
            for one in differences
        ]

    return {
        "lane": played.lane,
        "same": played.same,
        "steps": played.steps,
        "readings": played.readings,
        "not_anew": played.not_anew,
        "differing_readings": rows(played.differing_readings),
        "differing_steps": rows(played.differing_steps),
        "decisions": {"recorded": played.recorded_decisions, "played": played.played_decisions},
    }


def _show(played: "Played") -> None:
    print(
        say(
            "playback_summary",
            lane=plain(played.lane),
            steps=played.steps,
            readings=played.readings,
            not_anew=played.not_anew,
            reading_differences=len(played.differing_readings),
            step_differences=len(played.differing_steps),
        )
    )
    for one in [*played.differing_readings[:_MOST_SHOWN], *played.differing_steps[:_MOST_SHOWN]]:
        print(f"  {one.at_ms} {one.what}")
        print("    " + say("playback_recorded", said=plain(json.dumps(one.recorded, ensure_ascii=False))))
        print("    " + say("playback_played", said=plain(json.dumps(one.played, ensure_ascii=False))))
    print(say("playback_decisions"))
    for number in range(max(len(played.recorded_decisions), len(played.played_decisions))):
        pair = [
            one[number] if number < len(one) else "-" for one in (played.recorded_decisions, played.played_decisions)
        ]
        print(f"  {'=' if pair[0] == pair[1] else '!'} {plain(pair[0])} | {plain(pair[1])}")
