"""`kakou ops`: receive the events of all lanes; `kakou ops report`: release times and outcomes."""

import argparse
import asyncio
import json
import re
import secrets
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from edge import log
from edge.lifeline import stop_when_stdin_closes
from edge.mqtt import MqttLink, MqttSettings, TlsSettings
from edge.text import say
from edge.text.arguments import Parser
from ops import report_verb
from ops.audit import audit, keys_in
from ops.draws import PlanError, plans_in
from ops.envelope import Lane
from ops.ingest import Ingest
from ops.release_watch import Limits
from ops.signing import Acknowledger, SigningError, unsigned
from ops.store import EventStore, StoreError
from ops.table import show

EXIT_OK = 0
EXIT_DATA = 65  # EX_DATAERR: something is not as the lanes wrote it
EXIT_TEMPORARY = 75  # EX_TEMPFAIL of sysexits.h
DEFAULT_DATABASE = Path("ops.sqlite")
_LIMIT = re.compile(r"(?:([A-Za-z0-9_-]{1,64})/([A-Za-z0-9_-]{1,64})=)?([1-9][0-9]{0,5})", re.ASCII)


def parser() -> Parser:
    """Return the parser of `kakou ops`."""
    top = Parser("kakou ops", say("verb_ops"))
    _add_database(top, DEFAULT_DATABASE)
    top.add_argument(
        "--broker", type=_address, default=("127.0.0.1", 1883), metavar="HOST:PORT", help=say("ops_broker")
    )
    top.add_argument("--mqtt-version", choices=("3.1.1", "5"), default="3.1.1", help=say("option_mqtt_version"))
    top.add_argument("--ca-file", type=Path, metavar="FILE", help=say("ops_ca_file"))
    top.add_argument("--cert-file", type=Path, metavar="FILE", help=say("ops_cert_file"))
    top.add_argument("--key-file", type=Path, metavar="FILE", help=say("ops_key_file"))
    top.add_argument("--ack-key", type=Path, metavar="FILE", help=say("ops_ack_key"))
    top.add_argument(
        "--release-limit",
        type=_limit,
        action="append",
        default=[],
        metavar="[SITE/LANE=]S",
        help=say("ops_release_limit"),
    )
    top.add_argument("--quiet", action="store_true", help=say("ops_quiet"))
    top.add_argument("--until-stdin-closes", action="store_true", help=say("option_until_stdin"))
    verbs = top.add_subparsers(dest="verb")
    summary = verbs.add_parser("report", help=say("ops_report"), description=say("ops_report"))
    # The default is the one of the parser above: given before or after the verb, both are heard.
    _add_database(summary, argparse.SUPPRESS)
    report_verb.add_options(summary)
    proof = verbs.add_parser("audit", help=say("ops_audit"), description=say("ops_audit"))
    _add_database(proof, argparse.SUPPRESS)
    proof.add_argument("--lane-keys", type=Path, required=True, metavar="FOLDER", help=say("ops_lane_keys"))
    proof.add_argument("--sampling-plans", type=Path, metavar="FOLDER", help=say("ops_sampling_plans"))
    proof.add_argument("--json", action="store_true", help=say("option_json"))
    return top


def _add_database(to: Parser, default: object) -> None:
    to.add_argument("--database", type=Path, default=default, metavar="FILE", help=say("ops_database"))


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(say("demo_address_bad", text=text))
    return host, int(port)


def _limit(text: str) -> tuple[Lane | None, int]:
    """Return lane and seconds of `S1/in-1=120`, or seconds for every lane."""
    found = _LIMIT.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(say("ops_limit_bad", text=text))
    return None if found[1] is None else Lane(found[1], found[2]), int(found[3])


def _limits(given: Sequence[tuple[Lane | None, int]]) -> Limits:
    lanes_s = {lane: limit_s for lane, limit_s in given if lane is not None}
    return Limits(next((limit_s for lane, limit_s in reversed(given) if lane is None), None), lanes_s)


def main(argv: Sequence[str]) -> int:
    """Run `kakou ops` with its arguments; returns the exit code (75: the database or the plans cannot be used)."""
    arguments = parser().parse_args(argv)
    try:
        if arguments.verb == "report":
            return report_verb.run(arguments, ours=arguments.database != DEFAULT_DATABASE)
        if arguments.verb == "audit":
            return _audit(arguments)
        if arguments.until_stdin_closes:
            stop_when_stdin_closes()
        log.configure("warning", readable=sys.stderr.isatty())
        with suppress(KeyboardInterrupt):
            asyncio.run(_receive(arguments))
    except (StoreError, PlanError, SigningError) as error:
        print(f"kakou ops: {error}", file=sys.stderr)  # noqa: T201 - a command's own output
        return EXIT_TEMPORARY
    return EXIT_OK


def _audit(arguments: argparse.Namespace) -> int:
    plans = None if arguments.sampling_plans is None else plans_in(arguments.sampling_plans)
    store = EventStore(arguments.database, read_only=True)
    try:
        found = audit(store, keys_in(arguments.lane_keys), plans)
    finally:
        store.close()
    data = found.as_data()
    if arguments.json:
        print(json.dumps(data, ensure_ascii=False))  # noqa: T201 - a command's own output
    else:
        for row in data["findings"]:
            print("{site}/{lane} {epoch}-{seq}: {code}".format(**row))  # noqa: T201 - a command's own output
        counts = {name: data[name] for name in ("events", "checkpoints", "unsigned", "draws")}
        print(say("ops_audited", **counts))  # noqa: T201
    return EXIT_OK if data["ok"] else EXIT_DATA


async def _receive(arguments: argparse.Namespace) -> None:
    host, port = arguments.broker
    store = EventStore(arguments.database)
    try:
        link = MqttLink(
            MqttSettings(host, port, f"ops-{secrets.token_hex(4)}", version=arguments.mqtt_version, tls=_tls(arguments))
        )
        acknowledgement = unsigned if arguments.ack_key is None else Acknowledger(arguments.ack_key)
        ingest = Ingest(
            link,
            store,
            utc=lambda: datetime.now(UTC),
            limits=_limits(arguments.release_limit),
            acknowledgement=acknowledgement,
        )
        await _until_told(link, ingest, quiet=arguments.quiet)
    finally:
        store.close()


def _tls(arguments: argparse.Namespace) -> TlsSettings | None:
    if arguments.ca_file is None:
        return None
    return TlsSettings(arguments.ca_file, arguments.cert_file, arguments.key_file)


async def _until_told(link: MqttLink, ingest: Ingest, *, quiet: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # The loops that Windows makes itself have no signal handlers: there Ctrl-C arrives as KeyboardInterrupt.
        with suppress(NotImplementedError, RuntimeError):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    works = [asyncio.ensure_future(link.run()), asyncio.ensure_future(ingest.run())]
    if not quiet:
        works.append(asyncio.ensure_future(show(ingest, Console())))
    told = asyncio.ensure_future(stop.wait())
    try:
        done, _ = await asyncio.wait([told, *works], return_when=asyncio.FIRST_COMPLETED)
        for work in done:
            work.result()
    finally:
        for work in (told, *works):
            work.cancel()
        await asyncio.gather(told, *works, return_exceptions=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
