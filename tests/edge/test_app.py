"""The composition root: what the configuration says reaches the parts, and a box serves until it is told to stop."""

import asyncio
import hashlib
import json
import os
import shutil
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs
from structlog.typing import EventDict

from config.loader import load
from config.schema import Configuration
from edge import app
from edge.barrier_wiring import barrier_map
from edge.broker_settings import mqtt_settings
from edge.clearance.keys import KeyFileError, create_keys, write_private_key
from edge.clearance.keyset import Environment, KeysetError
from edge.runtime.clock import LoopClock
from edge.runtime.control import ControlError, ask
from edge.runtime.evidence import EvidenceError
from edge.runtime.failpoints import FailpointError
from edge.runtime.journal import Journal, JournalError, JournalReader
from edge.runtime.notify import ServiceManager
from edge.runtime.starts import back_off_s
from edge.secret import Secret
from models.registry import REGISTRY_PATH
from tests.support.bare_lane import bare_lane
from tests.support.graphs import elsewhere, graph, model
from tests.support.journals import utc

EXAMPLE = Path(app.__file__).resolve().parents[1] / "config" / "examples" / "lane.yaml"
LIMIT_S = 60.0


@pytest.fixture
def example() -> Configuration:
    loaded = load(EXAMPLE)
    assert isinstance(loaded, Configuration)
    return loaded


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return bare_lane(tmp_path)[1]


def test_the_lane_knows_its_devices(example: Configuration):
    profile = app.lane_profile(example, example.lanes[0])
    assert (profile.site, profile.lane, profile.direction) == ("north-gate", "in-1", "in")
    assert [(one.id, one.deadline_ms) for one in profile.authorities] == [("customs", 10_000), ("port", 5_000)]
    assert profile.cameras[0].id == "plate-front"
    assert profile.exit_loop
    assert not profile.simulated
    assert app.environment_of(example.lanes[0]) == "production"


def test_a_lane_without_a_reader_asks_for_no_tag(example: Configuration):
    lane = example.lanes[0].model_copy(update={"tag_reader": None, "simulated": True})
    profile = app.lane_profile(example, lane)
    assert (profile.tag_reader, profile.tag_min_reads) == (None, 1)
    assert app.environment_of(lane) == "simulated"


def test_the_barriers_addresses_arrive(example: Configuration):
    mapped = barrier_map(example.lanes[0].barrier.map)
    points = {point.signal: (point.address, point.normally_closed) for point in mapped.inputs}
    assert points["safety_beam"] == (4, True)
    assert points["arrival_loop"] == (0, False)
    assert (mapped.coils.raise_boom, mapped.coils.green, mapped.coils.siren) == (0, 4, None)
    assert mapped.registers.heartbeat is None
    assert mapped.hardware_pulse
    assert mapped.pulse_coils.lower_boom == 17


def test_an_authority_sees_what_its_policy_allows(example: Configuration):
    policy = app.field_policy(example.authorities[1], b"s" * 32)
    assert policy.tag == "hash"
    assert policy.plates == "allow"


def test_the_brokers_password_and_certificates_arrive(example: Configuration, tmp_path: Path):
    secret = tmp_path / "password"
    secret.write_text("geheim\n", encoding="utf-8")
    broker = example.broker.model_copy(update={"username": "lane-{client}", "password_file": secret})
    settings = mqtt_settings(example.model_copy(update={"broker": broker}), "client")
    assert (settings.host, settings.port, settings.version) == ("broker.example.internal", 8883, "5")
    assert (settings.username, settings.password) == ("lane-client", Secret("geheim"))
    assert settings.tls is not None
    assert settings.tls.certificate_file == Path("/etc/kakou/tls/client.pem")
    plain = example.broker.model_copy(update={"password_file": None, "tls": None})
    settings = mqtt_settings(example.model_copy(update={"broker": plain}), "client")
    assert (settings.password, settings.tls) == (None, None)


def test_the_hash_is_of_the_files_bytes(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"abc")
    assert app.hash_of(tmp_path / "file").startswith("ba7816bf")


class Told(ServiceManager):
    """A service manager that keeps what it was told, and asks for a sign of life very often."""

    def __init__(self) -> None:
        super().__init__("")
        self.lines: list[str] = []
        self.news = asyncio.Event()

    @property
    def watchdog_s(self) -> float:
        return 0.01

    def say(self, *assignments: str) -> None:
        self.lines += assignments
        self.news.set()

    async def hears(self, line: str) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not any(one.startswith(line) for one in self.lines):
                self.news.clear()
                await self.news.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_box_without_any_device_serves_and_stops(configuration: Configuration, number: int):
    manager = Told()
    serving = asyncio.create_task(app.serve(configuration, config_hash="0" * 64, manager=manager))
    await manager.hears("STATUS=lane-1 starting")
    assert manager.lines[0] == "READY=1"
    lane = (await ask(configuration.control_socket_path, {"verb": "status"}))["lanes"][0]
    assert (lane["lane"], lane["phase"]) == ("lane-1", "starting")
    os.kill(os.getpid(), number)
    async with asyncio.timeout(LIMIT_S):
        await serving
    assert "STOPPING=1" in manager.lines
    # Which rules are in force for whom is in the chain, before anything is shown to anybody.
    reader = JournalReader(configuration.state_dir / "journal.sqlite")
    first = json.loads(next(iter(reader.records("lane-1"))).body)
    reader.close_reader()
    allowed = {
        "plates": "allow",
        "containers": "allow",
        "tag": "allow",
        "weight": "allow",
        "driver": "deny",
        "seals": "allow",
    }
    assert (first["note"], first["data"]) == ("field_policies", {"customs": allowed})
    with pytest.raises(ControlError):
        await ask(configuration.control_socket_path, {"verb": "status"})


def _registry_of_a_site(folder: Path, code: str) -> str:
    """A registry whose first model is refused with `code`."""
    # A detector of text that is registered as it should be, and keeps its weights in another file.
    own = folder / "own.onnx"
    own.write_bytes(model(graph(elsewhere())))
    whole = {"file": str(own), "sha256": hashlib.sha256(own.read_bytes()).hexdigest()}
    wrong = {"model_tampered": {"sha256": "0" * 64}, "model_registry_malformed": {"file": []}}
    told = json.loads(REGISTRY_PATH.read_text())
    told["models"][0] |= wrong.get(code, whole)
    return json.dumps(told)


@pytest.mark.hazard("X13", "S11")
@pytest.mark.parametrize("code", ["model_tampered", "model_registry_malformed", "model_external_data"])
async def test_a_lane_starts_without_a_model_that_it_may_not_use_and_says_which(
    example: Configuration,
    configuration: Configuration,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
):
    """It looks for one as soon as a camera does: every picture is unread until the model is there again."""
    spoilt = tmp_path / "registry.json"
    spoilt.write_text(_registry_of_a_site(tmp_path, code))
    monkeypatch.setenv("KAKOU_MODEL_REGISTRY", str(spoilt))
    lane = configuration.lanes[0].model_copy(update={"cameras": example.lanes[0].cameras[:1]})
    manager, heard = Told(), asyncio.Event()
    with capture_logs(processors=[lambda _logger, _name, event: _heard(event, heard)]) as logged:
        serving = asyncio.create_task(
            app.serve(configuration.model_copy(update={"lanes": [lane]}), config_hash="0" * 64, manager=manager)
        )
        await manager.hears("READY=1")
        async with asyncio.timeout(LIMIT_S):
            await heard.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(LIMIT_S):
            await serving
    (refused,) = [one for one in logged if one["event"] == "model_refused"]
    assert refused["code"] == code
    assert "text_detector" in refused["cause"]


def _heard(event: EventDict, heard: asyncio.Event) -> EventDict:
    if event["event"] == "model_refused":
        heard.set()
    return event


@pytest.mark.hazard("X15")
async def test_nothing_starts_beside_another_controller(configuration: Configuration):
    configuration.state_dir.mkdir()
    journal = await Journal.open(configuration.state_dir / "journal.sqlite", utc=utc)
    with pytest.raises(JournalError) as refused:
        await app.serve(configuration, config_hash="0" * 64)
    assert refused.value.code == "journal_locked"
    assert not configuration.control_socket_path.exists()
    await journal.close()


async def test_nothing_starts_without_a_key_and_the_journal_is_free_again(configuration: Configuration):
    (configuration.keys_dir / "lane-lane-1.key.pem").unlink()
    with pytest.raises(KeyFileError):
        await app.serve(configuration, config_hash="0" * 64)
    journal = await Journal.open(configuration.state_dir / "journal.sqlite", utc=utc)
    await journal.close()


@pytest.mark.hazard("S19")
async def test_a_failpoint_is_refused_beside_real_devices(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KAKOU_FAILPOINT", "raise_before")
    real = configuration.lanes[0].model_copy(update={"simulated": False})
    with pytest.raises(FailpointError):
        await app.serve(configuration.model_copy(update={"lanes": (real,)}), config_hash="0" * 64)
    assert not configuration.state_dir.exists()


@pytest.mark.hazard("I20", "S20")
@pytest.mark.parametrize("simulated", [True, False])
@pytest.mark.parametrize("environment", ["production", "simulated", "test"])
async def test_simulated_devices_and_production_keys_never_meet(
    configuration: Configuration, environment: Environment, simulated: bool
):
    shutil.rmtree(configuration.keys_dir)
    ids = {"site": configuration.site, "lanes": ["lane-1"], "authorities": ["customs"]}
    create_keys(configuration.keys_dir, environment=environment, now_utc=datetime.now(UTC), **ids)  # type: ignore[arg-type]
    lane = configuration.lanes[0].model_copy(update={"simulated": simulated})
    changed = configuration.model_copy(update={"lanes": (lane,)})
    if environment == ("simulated" if simulated else "production"):
        manager = Told()
        serving = asyncio.create_task(app.serve(changed, config_hash="0" * 64, manager=manager))
        await manager.hears("STATUS=")
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(LIMIT_S):
            await serving
        return
    with pytest.raises(KeysetError) as refused:
        await app.serve(changed, config_hash="0" * 64)
    assert refused.value.reason == "environment"
    assert not (configuration.state_dir / "journal.sqlite").exists()


@pytest.mark.hazard("I20")
async def test_a_simulated_lane_does_not_sign_with_a_key_of_another_keyset(configuration: Configuration):
    write_private_key(configuration.keys_dir / "lane-lane-1.key.pem", Ed25519PrivateKey.generate())
    with pytest.raises(KeyFileError) as refused:
        await app.serve(configuration, config_hash="0" * 64)
    assert refused.value.code == "key_file_foreign"


async def test_a_journal_that_is_lost_is_told_to_every_lane(configuration: Configuration):
    manager = Told()
    opened: list[Journal] = []
    original = Journal.open.__func__  # type: ignore[attr-defined]

    async def keep(path: Path, **options: object) -> Journal:
        opened.append(await original(Journal, path, **options))
        return opened[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "open", keep)
        serving = asyncio.create_task(app.serve(configuration, config_hash="0" * 64, manager=manager))
        await manager.hears("STATUS=")
    # The callback that the journal's writer calls where the disk takes nothing more.
    assert opened[0].on_failure is not None
    opened[0].on_failure(JournalError("journal_full", Path("j"), "full", "make room"))
    await manager.hears("STATUS=lane-1 fault")
    lane = (await ask(configuration.control_socket_path, {"verb": "status"}))["lanes"][0]
    assert "journal_lost" in lane["alarms"]
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(LIMIT_S):
        await serving


@pytest.mark.hazard("X16")
async def test_a_controller_that_keeps_crashing_leaves_its_lanes_to_a_person(configuration: Configuration):
    configuration.state_dir.mkdir()
    file = configuration.state_dir / "starts.json"
    file.write_text('{"failed": 8}')
    waited_s: list[float] = []

    class Patient(LoopClock):
        async def sleep(self, seconds: float) -> None:
            if seconds == back_off_s(8) and not waited_s:
                waited_s.append(seconds)
                return
            await super().sleep(seconds)

    manager = Told()
    serving = asyncio.create_task(app.serve(configuration, config_hash="0" * 64, manager=manager, clock=Patient))
    await manager.hears("STATUS=lane-1 fault")
    assert waited_s == [30], "and it was in no hurry"
    lane = (await ask(configuration.control_socket_path, {"verb": "status"}))["lanes"][0]
    assert "crash_loop" in lane["alarms"]
    assert file.read_text() == '{"failed": 9}'
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(LIMIT_S):
        await serving
    assert file.read_text() == '{"failed": 0}'


@pytest.mark.hazard("X16")
async def test_who_is_told_to_stop_before_its_turn_opens_nothing_and_did_not_fail(configuration: Configuration):
    configuration.state_dir.mkdir()
    file = configuration.state_dir / "starts.json"
    file.write_text('{"failed": 6}')

    class Stopped(LoopClock):
        async def sleep(self, seconds: float) -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.get_running_loop().create_future()

    async with asyncio.timeout(LIMIT_S):
        assert not await app.serve(configuration, config_hash="0" * 64, clock=Stopped)
    assert file.read_text() == '{"failed": 0}'
    assert not configuration.control_socket_path.exists()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_evidence_that_cannot_be_swept_stops_nothing(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
):
    swept = asyncio.Event()

    async def fail(self: object) -> int:
        swept.set()
        raise EvidenceError("evidence_io_error", Path("e"), "no answer", "check the disk")

    monkeypatch.setattr(app.EvidenceStore, "sweep", fail)
    manager = Told()
    serving = asyncio.create_task(app.serve(configuration, config_hash="0" * 64, manager=manager))
    async with asyncio.timeout(LIMIT_S):
        await swept.wait()
    await manager.hears("STATUS=")
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(LIMIT_S):
        await serving


async def test_a_damaged_journal_is_told_with_what_was_found_and_where_it_is_now(configuration: Configuration):
    configuration.state_dir.mkdir()
    path = configuration.state_dir / "journal.sqlite"
    path.write_bytes(b"no journal" * 1000)
    manager = Told()
    serving = asyncio.create_task(app.serve(configuration, config_hash="0" * 64, manager=manager))
    await manager.hears("STATUS=lane-1 fault")
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(LIMIT_S):
        await serving
    (aside,) = configuration.state_dir.glob("journal.sqlite.corrupt-*")
    reader = JournalReader(path)
    details = [
        effect["detail"]
        for record in reader.records("lane-1")
        for effect in json.loads(record.body)["effects"]
        if effect["type"] == "RaiseAlarm" and effect["code"] == "journal_damaged"
    ]
    reader.close_reader()
    found = "file is not a database; put aside as"
    assert details == [f"{path}: {found} {aside}, a new one was begun; look at the lane, then reset it"]


async def test_a_journal_that_nobody_understands_keeps_the_lane_closed(configuration: Configuration):
    configuration.state_dir.mkdir()
    journal = await Journal.open(configuration.state_dir / "journal.sqlite", utc=utc)
    await journal.append("lane-1", "boot", '{"event":{},"effects":[{"type":"Report"}]}').durable
    await journal.close()
    manager = Told()
    serving = asyncio.create_task(app.serve(configuration, config_hash="0" * 64, manager=manager))
    await manager.hears("STATUS=lane-1 fault")
    lane = (await ask(configuration.control_socket_path, {"verb": "status"}))["lanes"][0]
    assert "journal_damaged" in lane["alarms"]
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(LIMIT_S):
        await serving
