"""`kakou replay JOURNAL`: step through a journal with today's code and compare every effect with the recorded one."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.clearance.keys import KeyFileError, load_public_key
from edge.runtime.checkpoints import contradictions
from edge.runtime.journal import JournalReader
from edge.runtime.journal_errors import JournalError
from edge.runtime.recovery import Difference, replay
from edge.text import plain, say
from edge.text.arguments import Parser

EXIT_DIFFERENT = 1
EXIT_UNREADABLE = 66


def main(arguments: Sequence[str]) -> int:
    """Run the verb; 0 where effects and chains hold, 1 where not, 66 where there is no such journal or lane."""
    parser = Parser("kakou replay", say("verb_replay"))
    parser.add_argument("journal", type=Path, help=say("replay_journal"))
    parser.add_argument("--lane", help=say("replay_lane"))
    parser.add_argument("--lane-key", type=Path, metavar="FILE", help=say("replay_lane_key"))
    parser.add_argument("--json", action="store_true", help=say("option_json"))
    given = parser.parse_args(arguments)
    if not given.journal.is_file():
        # SQLite would wait for ever for a pipe that nobody writes.
        found = "replay_found_other" if given.journal.exists() else "replay_found_nothing"
        print(say("replay_no_file", journal=plain(str(given.journal)), found=say(found)), file=sys.stderr)
        return EXIT_UNREADABLE
    try:
        with _reading(given.journal) as reader:
            lanes = list(reader.lanes())
            if given.lane is not None and given.lane not in lanes:
                print(say("replay_no_lane", lane=plain(given.lane), lanes=plain(", ".join(lanes))), file=sys.stderr)
                return EXIT_UNREADABLE
            lanes = [given.lane] if given.lane else lanes
            results = [_replay_lane(reader, lane, given.lane_key) for lane in lanes]
    except KeyFileError as error:
        print(error, file=sys.stderr)
        return EXIT_UNREADABLE
    except JournalError as error:
        # Its own next step is for the controller that writes it; here it is a copy, or another's.
        journal, detail = plain(str(error.path)), plain(error.detail)
        print(say("replay_unreadable", code=error.code, journal=journal, detail=detail), file=sys.stderr)
        return EXIT_UNREADABLE
    same = all(
        not result["differences"] and not result["contradictions"] and result["chain_broken_at"] is None
        for result in results
    )
    if given.json:
        print(json.dumps({"lanes": results, "same": same}))
    else:
        for result in results:
            _show(result)
    return 0 if same else EXIT_DIFFERENT


@contextmanager
def _reading(path: Path) -> Iterator[JournalReader]:
    reader = JournalReader(path)
    try:
        yield reader
    finally:
        reader.close_reader()


def _replay_lane(reader: JournalReader, lane: str, key_file: Path | None) -> dict[str, object]:
    outcomes = list(replay(reader.records(lane)))
    differences = [outcome for outcome in outcomes if isinstance(outcome, Difference)]
    return {
        "lane": lane,
        "records": len(outcomes),
        "chain_broken_at": reader.verify_chain(lane),
        "differences": [
            {"seq": one.seq, "event": one.event, "recorded": one.recorded, "replayed": one.replayed}
            for one in differences
        ],
        "contradictions": [
            {"seq": one.seq, "code": one.code}
            for one in (() if key_file is None else contradictions(reader.records(lane), load_public_key(key_file)))
        ],
    }


def _plain(value: object) -> str:
    return plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _rows(value: object) -> list[Any]:
    assert isinstance(value, list)
    return value


def _show(result: dict[str, object]) -> None:
    differences = _rows(result["differences"])
    chain = result["chain_broken_at"]
    print(
        f"{_plain(result['lane'])}: {result['records']} records, {len(differences)} differences, "
        + ("hash chain holds" if chain is None else f"HASH CHAIN BROKEN at record {chain}")
    )
    for one in differences[:5]:
        print(f"  record {one['seq']} ({one['event']})")
        print(f"    recorded: {_plain(one['recorded'])}")
        print(f"    replayed: {_plain(one['replayed'])}")
    for one in _rows(result["contradictions"]):
        print("  " + say("replay_checkpoint", lane=_plain(result["lane"]), seq=one["seq"], code=one["code"]))
