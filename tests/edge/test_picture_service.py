"""Pictures that nobody can fetch are an alarm of every lane, until somebody can."""

import asyncio
import contextlib
import socket
from pathlib import Path

from config.loader import load
from config.schema import Configuration
from edge.connections import PICTURES_NOT_SERVED, picture_service
from edge.runtime.evidence import EvidenceLimits, EvidenceStore
from tests.support.barrier_lane import RealClock, eventually
from tests.support.certificates import CertificateAuthority
from tests.support.needs import REPOSITORY

LIMIT_S = 60.0


class Told:
    """What one lane tells, newest last."""

    def __init__(self) -> None:
        self.alarms: list[str | None] = []

    def publish_alarm(self, code: str, detail: str | None) -> None:
        assert code == PICTURES_NOT_SERVED
        self.alarms.append(detail)


class Impatient(RealClock):
    """Pauses are short."""

    pauses = 0

    async def sleep(self, _seconds: float) -> None:
        self.pauses += 1
        await asyncio.sleep(0.01)


def configured(folder: Path, port: int) -> Configuration:
    certificate, key = CertificateAuthority(folder).issue("127.0.0.1")
    config = folder / "kakou.yaml"
    served = f"{{host: 127.0.0.1, port: {port}, url: 'https://127.0.0.1', cert_file: {certificate}, key_file: {key}}}"
    text = (REPOSITORY / "config/examples/demo.yaml").read_text(encoding="utf-8")
    config.write_text(f"evidence: {{serve: {served}}}\n{text}", encoding="utf-8")
    loaded = load(config)
    assert isinstance(loaded, Configuration), loaded
    return loaded


async def test_a_taken_port_is_an_alarm_of_each_lane_once_and_ends_with_it(tmp_path: Path) -> None:
    clock, lanes = Impatient(), (Told(), Told())
    store = EvidenceStore(tmp_path / "evidence", EvidenceLimits(1 << 20, 0, 0), utc=clock.utc)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (service,) = picture_service(configured(tmp_path, port), store, b"s" * 32, clock, lanes)
        serving = asyncio.ensure_future(service)
        async with asyncio.timeout(LIMIT_S):
            await eventually(lambda: clock.pauses > 2)
        for lane in lanes:
            (detail,) = lane.alarms
            assert detail is not None
            assert f"127.0.0.1:{port}: " in detail
    async with asyncio.timeout(LIMIT_S):
        await eventually(lambda: all(lane.alarms[-1] is None for lane in lanes))
    assert [len(lane.alarms) for lane in lanes] == [2, 2]
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
