# ruff: noqa: ASYNC221 - these tests damage files and run processes, and nothing else waits
import hashlib
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.runtime.evidence import EvidenceError, EvidenceLimits, EvidenceStore


class Wall:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def picture(number: int, size: int = 1000) -> tuple[bytes, str]:
    jpeg = bytes([number]) * size
    return jpeg, hashlib.sha256(jpeg).hexdigest()


LIMITS = EvidenceLimits(quota_bytes=3000, minimum_s=100, retention_s=1000)


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def store(tmp_path: Path, wall: Wall) -> AsyncIterator[EvidenceStore]:
    opened = EvidenceStore(tmp_path / "evidence", LIMITS, utc=wall)
    await opened.open()
    yield opened
    await opened.close()


async def keep(store: EvidenceStore, number: int, passage: str) -> str:
    jpeg, digest = picture(number)
    await store.keep(jpeg, digest, passage)
    return digest


async def test_a_picture_reads_back_also_after_a_restart(store: EvidenceStore, tmp_path: Path, wall: Wall) -> None:
    digest = await keep(store, 1, "p")
    assert await store.read(digest) == picture(1)[0]
    again = EvidenceStore(tmp_path / "evidence", LIMITS, utc=wall)
    await again.open()
    assert again.used_bytes == 1000
    assert await again.read(digest) == picture(1)[0]
    await again.close()


async def test_room_is_made_by_the_oldest_past_their_minimum(store: EvidenceStore, wall: Wall) -> None:
    digests = []
    for number in (1, 2, 3):
        digests.append(await keep(store, number, f"p{number}"))
        store.release(f"p{number}")
        wall.advance(10)
    wall.advance(200)
    await keep(store, 4, "p4")
    with pytest.raises(EvidenceError, match="evidence_missing"):
        await store.read(digests[0])
    assert await store.read(digests[1])


async def test_nothing_goes_before_its_minimum_or_while_its_passage_is_open(store: EvidenceStore, wall: Wall) -> None:
    for number in (1, 2, 3):
        await keep(store, number, "open" if number == 1 else "ended")
    store.release("ended")
    wall.advance(99)
    with pytest.raises(EvidenceError, match="evidence_quota_reached"):
        await keep(store, 4, "new")
    wall.advance(2)
    await keep(store, 4, "new")
    await keep(store, 5, "new")
    with pytest.raises(EvidenceError, match="evidence_quota_reached"):
        await keep(store, 6, "new")
    assert await store.read(picture(1)[1])


async def test_a_picture_kept_again_is_kept_longer(store: EvidenceStore, wall: Wall, tmp_path: Path) -> None:
    digest = await keep(store, 1, "p")
    wall.advance(50)
    await keep(store, 1, "q")
    assert store.used_bytes == 1000
    (path,) = (tmp_path / "evidence").rglob(f"{digest}.jpg")
    assert path.stat().st_mtime == pytest.approx(wall.now.timestamp() + 100)
    wall.now = datetime(2020, 1, 1, tzinfo=UTC)
    await keep(store, 1, "q")
    assert path.stat().st_mtime > wall.now.timestamp() + 200


async def test_retention_ends(store: EvidenceStore, wall: Wall) -> None:
    await keep(store, 1, "p")
    await keep(store, 2, "open")
    store.release("p")
    wall.advance(999)
    assert await store.sweep() == 0
    wall.advance(2)
    assert await store.sweep() == 1
    assert store.used_bytes == 1000


@pytest.mark.hazard("I16")
async def test_bytes_that_are_not_of_the_digest_are_refused(store: EvidenceStore, tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="evidence_wrong_digest"):
        await store.keep(b"x", "ab" * 32, "p")
    digest = await keep(store, 1, "p")
    (path,) = (tmp_path / "evidence").rglob("*.jpg")
    path.write_bytes(b"damaged")
    with pytest.raises(EvidenceError, match="evidence_wrong_digest"):
        await store.read(digest)
    with pytest.raises(EvidenceError, match="evidence_missing"):
        await store.read("../../etc/passwd")


async def test_a_half_written_picture_is_removed_and_strangers_are_left(tmp_path: Path, wall: Wall) -> None:
    folder = tmp_path / "evidence" / "ab"
    folder.mkdir(parents=True)
    (folder / "abc.part").write_bytes(b"half")
    (folder / "note.txt").write_text("mine")
    (folder / "short.jpg").write_bytes(b"x")
    (tmp_path / "evidence" / "file").write_text("x")
    store = EvidenceStore(tmp_path / "evidence", LIMITS, utc=wall)
    await store.open()
    assert store.used_bytes == 0
    assert sorted(path.name for path in folder.iterdir()) == ["note.txt", "short.jpg"]
    await store.close()


async def test_a_place_that_is_no_folder_is_named(tmp_path: Path, wall: Wall) -> None:
    (tmp_path / "file").write_text("x")
    store = EvidenceStore(tmp_path / "file" / "evidence", LIMITS, utc=wall)
    with pytest.raises(EvidenceError) as refused:
        await store.open()
    assert refused.value.code == "evidence_io_error"
    await store.close()


FULL = """
import asyncio, hashlib, resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from edge.runtime.evidence import EvidenceError, EvidenceLimits, EvidenceStore

async def main():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    store = EvidenceStore(Path(sys.argv[1]), EvidenceLimits(10**9, 1, 2), utc=lambda: datetime.now(UTC))
    await store.open()
    for jpeg in (b"a" * 20_000, b"b" * 5_000):
        try:
            await store.keep(jpeg, hashlib.sha256(jpeg).hexdigest(), "p")
            print("kept")
        except EvidenceError as error:
            print(error.code)
    await store.close()

asyncio.run(main())
"""


async def test_a_full_disk_is_one_named_error_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path / "e")], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["evidence_disk_full", "kept"], done.stderr
    assert len([path for path in (tmp_path / "e").rglob("*") if path.is_file()]) == 1


@pytest.mark.parametrize("limits", [(0, 1, 2), (1, 3, 2), (1, -1, 2)])
def test_limits_that_contradict_each_other_are_refused(limits: tuple[int, float, float]) -> None:
    with pytest.raises(ValueError, match="quota"):
        EvidenceLimits(*limits)
