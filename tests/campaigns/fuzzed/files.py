"""What the box reads from its disk: journal, recordings, configurations, scenarios, bundles, what it remembers."""

import asyncio
import base64
import json
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from config import loader as config_loader
from config.schema import Configuration
from drivers.scale_yaohua.wire import encode_binary
from edge.bringup.kept import MOST_BYTES, KeptError, KeptReport, keep, read_kept
from edge.clearance.keys import (
    KeyFileError,
    load_private_key,
    load_public_key,
    load_root,
    load_shared_secret,
    write_private_key,
    write_public_key,
    write_shared_secret,
)
from edge.clearance.keyset import KeysetError, seal_keyset
from edge.clearance.seen import SeenVersions, SeenVersionsError
from edge.clearance.strict_json import StrictJsonError
from edge.clearance.trust import KEYSET_FILE, ROOT_FILE, ROTATION_FILE, Trust
from edge.core.effects import Effect
from edge.core.events import Event, InputsSampled
from edge.core.inputs import LaneInputs
from edge.core.masks import Mask
from edge.core.state import LaneState
from edge.core.step import initial
from edge.hardware import BOUND_FILE, HardwareError, bound_to
from edge.mqtt.certificates import lifetime
from edge.playback import PlaybackError, play
from edge.portable.endpoint import NotLetInError, PortEndpoint, read_card
from edge.profiles import lane_profile
from edge.release import archive
from edge.runtime import journal_head
from edge.runtime.checkpoints import contradictions
from edge.runtime.clock_memory import CLOCK_FILE, ClockMemory
from edge.runtime.codec import CodecError, decode, encode, from_bytes, to_bytes
from edge.runtime.control import ControlServer
from edge.runtime.journal import Journal, JournalReader
from edge.runtime.journal_errors import JournalError
from edge.runtime.journal_file import JournalRecord
from edge.runtime.notes import NOTE
from edge.runtime.starts import Starts
from edge.verbs.offline import VehicleError, read_vehicles
from ops.audit import keys_in
from ops.envelope import Lane
from ops.signing import Acknowledger, SigningError
from simulators.scenario import loading as scenario_loader
from simulators.scenario.verb import FOLDER as SCENARIOS
from tests.campaigns.fuzzed.clearance import KEYSET, private_key
from tests.campaigns.fuzzed.target import Fed, Take, Target, of_file, refusing, target
from tests.edge.test_playback import CONFIG, PICTURE, Reads
from tests.support.clearance import NOW
from tests.support.journals import later, utc
from tests.support.sources import ROOT

JOURNAL_BYTES = 128 * 1024
# A public key whose curve nobody knows: no fault of its form.
_UNKNOWN_CURVE = b"""-----BEGIN PUBLIC KEY-----
MBUwEAYHKoZIzj0CAQYFK4EEAGMDAQAA
-----END PUBLIC KEY-----
"""
_VEHICLES = (
    b'{"vehicles": [{"id": "v1", "plate": "\xe6\xb2\xaaA12345", "containers": ["CSQU3054383"], "max_uses": 2}],'
    b' "denied": ["v2"]}'
)
_SCENARIO_SEEDS = ("released", "told_what_to_do", "seal_open", "every_device_and_the_platform")


def _in_file(
    name: str, modules: str, file: str, seeds: list[bytes], parse: Callable[[Path], object], *errors: type[Exception]
) -> Target:
    return Target(name, tuple(modules.split()), lambda folder: Fed(seeds, of_file(file, parse, *errors)(folder)))


def _values(data: bytes) -> None:
    """Whatever decodes into a value of the core spells the same again."""
    with suppress(CodecError):
        found = from_bytes(data)
        for cls in (Event, Effect, LaneState):
            with suppress(CodecError):
                value = decode(cast(Any, cls), found)
                assert decode(cast(Any, cls), from_bytes(to_bytes(encode(value)))) == value


def _checkpoints(data: bytes) -> None:
    with suppress(UnicodeDecodeError):
        record = JournalRecord(7, NOTE, data.decode(), "0" * 64, "2026-03-01T08:00:00Z")
        list(contradictions([record], private_key("request").public_key()))


def _journal(folder: Path) -> Fed:
    """A journal whose file somebody, or the disk, has bent: read as it is, then opened to go on."""
    good, path = folder / "good.sqlite", folder / "box" / "journal.sqlite"

    async def fill() -> None:
        journal = await Journal.open(good, utc=utc)
        tickets = [journal.append("L1", "step", f'{{"n": {number}}}', []) for number in range(3)]
        await tickets[-1].durable
        await journal.close()

    async def go_on() -> None:
        with suppress(JournalError):
            journal = await Journal.open(path, utc=later)
            try:
                await journal.append("L1", "step", "{}", []).durable
            finally:
                await journal.close()

    asyncio.run(fill())

    def read() -> None:
        with suppress(JournalError):
            reader = JournalReader(path)
            try:
                for lane in reader.lanes()[:4]:
                    reader.verify_chain(lane)
                    list(reader.records(lane, "boot"))
                reader.head()
            finally:
                reader.close_reader()

    def take(data: bytes) -> None:
        shutil.rmtree(path.parent, ignore_errors=True)
        path.parent.mkdir()
        path.write_bytes(data)
        read()
        asyncio.run(go_on())

    return Fed([good.read_bytes()], take)


def _recording() -> tuple[list[bytes], Take]:
    configuration = config_loader.load_text(CONFIG)
    assert isinstance(configuration, Configuration)
    state = encode(initial(lane_profile(configuration, configuration.lanes[0])))
    about = {"kakou_recording": 1, "lane": "lane-1", "state": state}
    said = b"".join(encode_binary(12_450) for _ in range(3))
    sampled = InputsSampled(3, LaneInputs(*(False for _ in LaneInputs.__dataclass_fields__)))
    lines: list[dict[str, Any]] = [
        {"at_ms": 1, "device": "front", "sent": False, "picture": base64.b64encode(PICTURE).decode()},
        {"at_ms": 2, "device": "scale", "sent": False, "hex": said.hex()},
        {"event": encode(sampled), "effects": []},
    ]

    class _Reader(Reads):
        async def read(
            self, jpeg: bytes, look_for: frozenset[str], deadline_s: float, masks: tuple[Mask, ...] = ()
        ) -> Any:
            return self._reading

    def take(path: Path) -> None:
        with suppress(PlaybackError):
            asyncio.run(play(path, configuration, _Reader()))

    whole = "\n".join(json.dumps(one) for one in (about, *lines)).encode() + b"\n"
    return [whole], cast(Take, take)


def _control() -> Take:
    server = ControlServer(Path("/nowhere"), {})

    def take(data: bytes) -> None:
        for line in data.split(b"\n")[:4]:
            json.dumps(asyncio.run(server._answer(line)))

    return take


class _Unheard:
    """The end of a connection at which nobody listens."""

    def write(self, _: bytes) -> None:
        return


def _endpoint(folder: Path) -> Fed:
    """A card, and what a stranger says to the controller: he is not let in, whatever it is."""
    card = folder / "card.json"
    endpoint = PortEndpoint(card)

    async def admitted(data: bytes) -> bool:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await endpoint.admit(reader, cast(Any, _Unheard()))

    def take(data: bytes) -> None:
        card.write_bytes(data)
        with suppress(NotLetInError):
            port, secret = read_card(card)
            assert 0 < port < 65536
            assert len(secret) == 32
        assert not asyncio.run(admitted(data))

    return Fed([json.dumps({"port": 4711, "secret": "0f" * 32}).encode(), b"0" * 64 + b" " + b"1" * 64 + b"\n"], take)


def _keys(folder: Path) -> Fed:
    private, public, secret = (folder / name for name in ("a.key.pem", "a.pub.pem", "a.key"))
    write_private_key(private, private_key("request"))
    write_public_key(public, private_key("request").public_key())
    write_shared_secret(secret)
    seeds = [one.read_bytes() for one in (private, public, secret)]
    path = folder / "lane-given.pub.pem"
    path.write_bytes(b"")
    path.chmod(0o600)

    def take(data: bytes) -> None:
        path.write_bytes(data)
        for load in (load_private_key, load_public_key, load_root, load_shared_secret, Acknowledger):
            with suppress(KeyFileError, SigningError):
                load(path)
        keys_in(folder)(Lane("yard", "given"))
        with suppress(OSError, ValueError):
            lifetime(path)

    return Fed([*seeds, _certificate(), _UNKNOWN_CURVE], take)


def _certificate() -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
    builder = x509.CertificateBuilder(name, name, private_key("broker").public_key(), 7, utc(), later())
    return builder.sign(private_key("broker"), None).public_bytes(Encoding.PEM)


def _bundle(folder: Path) -> Fed:
    members = {name: archive.member_of(content) for name, content in (("files/a.py", b"a"), ("wheels/b.whl", b"bb"))}
    manifest = archive.Manifest("1.0", "abc", "linux", "3.11", 7, members)
    path = folder / "good.zip"
    archive.write_bundle(path, manifest, {"files/a.py": b"a", "wheels/b.whl": b"bb"})
    given = folder / "given.zip"

    def take(data: bytes) -> None:
        with suppress(archive.BundleError):
            archive.decoded(data, "given")
        for raw in (data, _zipped(folder, data)):
            given.write_bytes(raw)
            with suppress(archive.BundleError):
                archive.read_manifest(given)
                archive.unpack(given, None)

    return Fed([manifest.encoded(), path.read_bytes()], take)


def _zipped(folder: Path, manifest: bytes) -> bytes:
    path = folder / "zipped.zip"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr(archive.MANIFEST, manifest)
    return path.read_bytes()


def _bringup_report(folder: Path) -> Fed:
    """What is kept of a bring-up: whatever is taken for one is small and whole, and read the same again."""
    steps = (("connected", "", "PASS"), ("tag", "0", "FAIL"), ("kept", "", "SKIP"))
    path = keep(
        folder, KeptReport("yard", "in-1", "r", "tag_reader", "/dev/x", "0" * 64, "2026-03-01T08:00:00Z", steps)
    )
    good = path.read_bytes()

    def take(data: bytes) -> None:
        path.write_bytes(data)
        with suppress(KeptError):
            found = read_kept(folder, "r")
            assert len(data) <= MOST_BYTES
            assert all(len(step) == 3 for step in found.steps)
            assert read_kept(folder, "r") == found

    return Fed([good], take)


def _trust(folder: Path) -> Fed:
    """What stands beside the keys: a keyset, a rotation of the root, and what was seen of both."""
    keys, state = folder / "keys", folder / "state"
    for one in (keys, state):
        one.mkdir()
    write_public_key(keys / ROOT_FILE, private_key("root").public_key())
    good = seal_keyset(KEYSET, private_key("root"))
    (keys / KEYSET_FILE).write_bytes(good)
    seen = b'{"%b": 1}' % KEYSET.root_key_id.encode()
    given = [keys / ROTATION_FILE, state / "keyset-seen-test.json", state / "roots-retired-test.json"]

    def take(data: bytes) -> None:
        for path in given:
            path.write_bytes(data)
            with suppress(KeysetError):
                Trust(keys, state, environment="test", utc=lambda: NOW)
            for one in given:
                one.unlink(missing_ok=True)

    return Fed([seen, good], take)


def _remembered() -> list[Target]:
    """Small files in which the box remembers: damaged ones are told, or taken for none."""
    journal = Path("journal.sqlite")

    def head(path: Path) -> object:
        return journal_head.kept_head(path.with_name(journal.name))

    return [
        _in_file("journal_head", "edge.runtime.journal_head", journal_head.head_file(journal).name,
                 [b'{"epoch": 3, "lanes": {"L1": [7, "%b"]}}' % (b"0" * 64)], head),
        _in_file("starts", "edge.runtime.starts", "starts.json", [b'{"failed": 2}'], lambda path: Starts(path).begin()),
        _in_file("clock_memory", "edge.runtime.clock_memory edge.clearance.claims", CLOCK_FILE,
                 [b'{"latest": "2026-03-01T08:00:00Z"}'], lambda path: ClockMemory(path.parent, utc)),
        _in_file("seen_versions", "edge.clearance.seen", "seen.json", [b'{"customs": 7}'],
                 lambda path: SeenVersions(path).highest("customs"), SeenVersionsError),
        _in_file("hardware_bound", "edge.hardware", BOUND_FILE, [b'["a1", "b2"]'],
                 lambda path: bound_to(path.parent), HardwareError),
    ]  # fmt: skip


def targets() -> list[Target]:
    """Return all of them."""
    recordings, playing = _recording()
    sampled = encode(InputsSampled(3, LaneInputs(*(False for _ in LaneInputs.__dataclass_fields__))))
    note = {"note": "checkpoint", "data": {"signature": "00" * 64, "record_seq": 6, "record_hash": "0" * 64}}
    examples = [(ROOT / "config" / "examples" / name).read_bytes() for name in ("lane.yaml", "demo.yaml")]
    scenarios = [(SCENARIOS / f"{name}.yaml").read_bytes() for name in _SCENARIO_SEEDS]
    asked = [
        b'{"verb": "order", "lane": "a", "action": "open", "operator": "b", "reason": "c"}',
        b'{"verb": "status"}',
        b'{"verb": "supplement", "lane": "a", "operator": "b", "reason": "c", "plates": {"front": "x"},'
        b' "containers": ["CSQU 305438-3"]}',
    ]
    return [
        target("core_values", "edge.runtime.codec",
               [to_bytes(sampled), to_bytes(from_bytes(recordings[0].split(b"\n")[0])["state"])],
               _values, 16_384),
        target("checkpoints", "edge.runtime.checkpoints", [json.dumps(note).encode()], _checkpoints),
        Target("journal_file", ("edge.runtime.journal_file", "edge.runtime.journal"), _journal, JOURNAL_BYTES,
               trials=30),
        Target("recording", ("edge.playback", "edge.runtime.codec", "edge.runtime.recovery"),
               lambda folder: Fed(recordings, of_file("recording.jsonl", cast(Any, playing))(folder)), 16_384),
        _in_file("configuration", "config.document config.loader config.explain config.crosschecks config.problems",
                 "kakou.yaml", [*examples, CONFIG.encode()], config_loader.load),
        _in_file("scenario", "simulators.scenario.loading config.document", "given.yaml", scenarios,
                 scenario_loader.load),
        target("control", "edge.runtime.control edge.runtime.words", asked, _control()),
        Target("control_endpoint", ("edge.portable.endpoint",), _endpoint),
        Target("key_files", ("edge.clearance.keys", "edge.mqtt.certificates", "ops.signing", "ops.audit"), _keys),
        Target("trust", ("edge.clearance.trust", "edge.clearance.seen", "edge.clearance.root_rotation"), _trust),
        target("listed_vehicles", "edge.verbs.offline", [_VEHICLES],
               refusing(read_vehicles, StrictJsonError, VehicleError)),
        Target("bundle", ("edge.release.archive",), _bundle),
        Target("bringup_report", ("edge.bringup.kept", "edge.clearance.claims"), _bringup_report),
        *_remembered(),
    ]  # fmt: skip
