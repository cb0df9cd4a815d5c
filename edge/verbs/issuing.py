"""What the verbs share by which the centre signs a plan or a list for one lane."""

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config.schema import Configuration
from edge.clearance.feeds import Kind, issued_topic
from edge.clearance.keys import KeyFileError, key_id_of, load_private_key, load_shared_secret
from edge.files import write_whole
from edge.text import say
from edge.text.arguments import Parser

EXIT_NO_KEY = 66

# Of the version, the moment, the lane's secret: the bytes that are signed, given the key's id and the key.
Make = Callable[[int, datetime, bytes], Callable[..., bytes]]


def add_issuing(parser: Parser) -> None:
    """Add the options of each of these verbs."""
    parser.add_argument("config", type=Path, help=say("option_config"))
    parser.add_argument("lane", help=say("open_lane"))
    parser.add_argument("--keys", type=Path, metavar="FOLDER", help=say("issue_keys"))
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=say("issue_out"))


def issue(given: argparse.Namespace, loaded: Configuration, kind: Kind[Any], issuer: str, make: Make) -> int:
    """Write what is signed, and say how it comes to the lane; its version is the second of the signature. 0, or 66."""
    folder, now = given.keys or loaded.keys_dir, datetime.now(UTC)
    try:
        key = load_private_key(folder / f"{kind.word}-{issuer}.key.pem")
        secret = load_shared_secret(kind.secret_file(folder, given.lane))
    except KeyFileError as error:
        print(error, file=sys.stderr)
        return EXIT_NO_KEY
    version = int(now.timestamp())
    raw = make(version, now, secret)(key_id=key_id_of(key.public_key()), key=key)
    write_whole(given.out, raw, mode=0o644)
    topic, place = issued_topic(loaded.site, given.lane, issuer, kind.word), kind.file(loaded.state_dir, given.lane)
    print(say("issue_made", file=given.out, version=version, topic=topic, place=place))
    return 0
