"""`kakou bridge customs`: what it refuses to start with, and how a process of its own begins and ends."""

from pathlib import Path

import pytest

from edge.verbs import bridge, keys
from simulators.broker import DefaultBroker
from simulators.customs_platform import CustomsPlatform
from simulators.redis_server import RedisServer
from tests.support.bridge_bench import until
from tests.support.controller import Controller, spawn
from tests.support.mqtt import within
from tests.support.redis import PASSWORD

DEMO = Path(__file__).resolve().parents[3] / "config" / "examples" / "demo.yaml"


def written(folder: Path, old: str = "", new: str = "") -> Path:
    path = folder / "kakou.yaml"
    path.write_text(DEMO.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return path


def test_a_bad_configuration_and_one_without_a_platform_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bridge.main(["customs", str(tmp_path / "none.yaml")]) == 78
    path = written(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").split("customs_bridge:")[0], encoding="utf-8")
    assert bridge.main(["customs", str(path)]) == 78
    assert "customs_bridge" in capsys.readouterr().err


def test_without_keys_it_does_not_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bridge.main(["customs", str(written(tmp_path))]) == 75
    assert "key_file_missing" in capsys.readouterr().err


async def test_it_finds_platform_and_broker_and_ends_when_told(tmp_path: Path, default_broker: DefaultBroker) -> None:
    platform = CustomsPlatform()
    await platform.start()
    path = written(tmp_path, "port: 9005", f"port: {platform.port}")
    codes = 'release_codes: ["00000000000000000000"]'
    changed = path.read_text(encoding="utf-8").replace("port: 1883", f"port: {default_broker.port_v5}")
    path.write_text(changed.replace("customs_bridge:", f"customs_bridge:\n  {codes}"), encoding="utf-8")
    assert keys.main([str(path)]) == 0
    log = tmp_path / "bridge.log"
    with log.open("wb") as output:
        running = Controller(await spawn("bridge", "customs", str(path), output=output), log)
    try:
        await until(lambda: running.said("mqtt_up") and platform.connected == 1)
        # A second one for the same authority is refused while the first one holds the book.
        with (tmp_path / "second.log").open("wb") as output:
            second = await spawn("bridge", "customs", str(path), output=output)
        assert await within(second.wait()) == 75
        assert await running.stop() == 0
    finally:
        await running.kill()
        await platform.stop()
    assert (tmp_path / "state" / "bridge-customs" / "bridge.sqlite").stat().st_mode & 0o077 == 0


async def test_it_listens_where_a_platform_on_topics_is_and_says_who_it_is(
    tmp_path: Path, default_broker: DefaultBroker
) -> None:
    server = RedisServer(user="bridge", password=PASSWORD)
    await server.start()
    path = written(tmp_path, "port: 9005", f"port: {server.port}")
    (tmp_path / "redis.password").write_text(f"{PASSWORD}\n", encoding="utf-8")
    more = (
        "customs_bridge:\n  dialect: json_redis\n  silence_s: null\n"
        "  redis: {user: bridge, password_file: redis.password}\n"
        "  pass_records: {sender_id: SITE1, receiver_id: CUST1}"
    )
    changed = path.read_text(encoding="utf-8").replace("port: 1883", f"port: {default_broker.port_v5}")
    path.write_text(changed.replace("customs_bridge:", more), encoding="utf-8")
    assert keys.main([str(path)]) == 0
    log = tmp_path / "bridge.log"
    with log.open("wb") as output:
        running = Controller(await spawn("bridge", "customs", str(path), output=output), log)
    try:
        await until(lambda: running.said("mqtt_up") and running.said("platform_up"))
        (topic,) = server.topics
        assert topic.startswith(b"PLAT_FORM/")
        assert await running.stop() == 0
    finally:
        await running.kill()
        await server.stop()
    assert PASSWORD not in log.read_text(encoding="utf-8")
    assert (tmp_path / "state" / "bridge-customs" / "dxp").stat().st_mode & 0o077 == 0


def test_files_of_a_server_that_are_missing_keep_it_from_starting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for access in ("password_file: none.password", "ca_file: none.pem"):
        path = written(tmp_path, "customs_bridge:", f"customs_bridge:\n  dialect: json_redis\n  redis: {{{access}}}")
        keys.main([str(path)])
        assert bridge.main(["customs", str(path)]) == 75
        assert "none.p" in capsys.readouterr().err
