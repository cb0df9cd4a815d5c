"""How fast pictures are read, and how fast RapidOCR and PP-OCRv6 small read the same ones in the same run.

Times are of the processor, one thread, so that a busy machine tells what a quiet one would; frames a second are by the
clock. Pictures are rendered, or photographs from a folder laid out as `../shared/real-images`.
"""

import asyncio
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.core.container import check_digit
from edge.text import escaped, say
from models.identify import file_bytes
from models.memory import keep
from models.picture import open_picture
from models.pipeline import CONTAINER, PLATE, VEHICLE, PictureReader, line_reader, load_picture_reader
from models.pixels import Image, resized, use_one_thread
from models.recogniser import WorkerRecogniser
from models.registry import load_registry, registry_path
from models.worker import REST_S
from simulators.bench_process import BenchError
from simulators.bench_usage import peak_mib_of, usage_of
from simulators.scene import draw_plate, encode_jpeg, render_container, render_front

FOLDERS = {"crops": "plate_crops_gate", "scenes": "plates", "containers": "containers"}
SUFFIXES = (".jpg", ".jpeg", ".png")
WORKERS = 2
DEADLINE_S = 60.0
CROP_SIZE_PX = (136, 36)


@dataclass(frozen=True, slots=True)
class Pictures:
    """Encoded pictures of each kind."""

    crops: Sequence[bytes]
    scenes: Sequence[bytes]
    containers: Sequence[bytes]


def rendered(count: int) -> Pictures:
    """Return `count` rendered pictures of each kind."""
    crops, scenes, containers = [], [], []
    for seed in range(count):
        number = f"粤B{12345 + 4321 * seed % 87654:05d}"
        stem = f"MSKU{100_000 + 7919 * seed % 900_000:06d}"
        scenes.append(encode_jpeg(render_front(number, "blue", seed=seed), seed))
        code = f"{stem}{check_digit(stem)}"
        containers.append(encode_jpeg(render_container([code], ["45G1"], seed), seed))
        crops.append(encode_jpeg(resized(draw_plate(number, "blue"), *CROP_SIZE_PX), seed))
    return Pictures(crops, scenes, containers)


def photographs(folder: Path, count: int) -> Pictures:
    """Return `count` photographs of each kind, evenly out of `folder`.

    Raises BenchError where there are none, or one of them is no picture that is read.
    """
    found: dict[str, list[bytes]] = {}
    for kind, name in FOLDERS.items():
        files = sorted(file for file in (folder / name / "images").glob("*") if file.suffix.lower() in SUFFIXES)
        if not files:
            where = escaped(str(folder / name / "images"))
            raise BenchError(f"no_pictures: {where}: expected photographs, got none; next: name another folder")
        step = max(1, len(files) // count)
        found[kind] = [_photograph(file) for file in files[::step][:count]]
    return Pictures(**found)


def _photograph(file: Path) -> bytes:
    content, reason = file_bytes(file)
    reason = reason or open_picture(content).defect
    if reason is not None:
        raise BenchError(f"{reason}: {escaped(str(file))}: {say(f'unread_{reason}')}")
    return content


def figures(pictures: Pictures) -> dict[str, float]:
    """Measure and return the published figures. Raises ModelError, BenchError."""
    use_one_thread()
    keep()
    # The registry that is in force, as the workers take it.
    reader = load_picture_reader(registry_path())
    small = line_reader(load_registry(registry_path())["text_reader"])
    crop_ms = _p50_ms(pictures.crops, lambda one: _read(reader, one, PLATE))
    small_ms = _p50_ms([_image(one) for one in pictures.crops], small.read)
    scene_ms = _p50_ms(pictures.scenes, lambda one: _read(reader, one, PLATE))
    container_ms = _p50_ms(pictures.containers, lambda one: _read(reader, one, CONTAINER))
    peer_ms = _p50_ms([_image(one) for one in pictures.containers], _rapidocr())
    workers = asyncio.run(_workers(pictures))
    return {
        "plate_crop_ms_p50": round(crop_ms, 2),
        "plate_crop_ratio_to_small": round(crop_ms / small_ms, 3),
        "scene_ms_p50": round(scene_ms, 1),
        "container_photo_ms_p50": round(container_ms, 1),
        "container_ratio_to_rapidocr": round(container_ms / peer_ms, 3),
        "frames_per_s_2_cores": round(workers.frames_per_s, 2),
        "first_result_ms": round(workers.first_result_ms),
        "rss_mb": round(workers.rss_mib, 1),
        "rss_peak_mb": round(workers.peak_mib, 1),
        "rss_after_vehicles_mb": round(workers.rss_after_vehicles_mib, 1),
    }


def _read(reader: PictureReader, encoded: bytes, look_for: str) -> None:
    """Read one picture. Raises BenchError for a model that fails: how fast it does is no figure."""
    reasons = [
        one.reason for one in reader.read_encoded(encoded, frozenset({look_for})).unread if one.what == "picture"
    ]
    if "model_output" in reasons:
        raise BenchError(f"model_output: {say('unread_model_output')}")


def _image(encoded: bytes) -> Image:
    opened = open_picture(encoded)
    if opened.image is None:
        raise BenchError(f"{opened.defect}: {say(f'unread_{opened.defect}')}")
    return opened.image


def _p50_ms(inputs: Iterable[Any], read: Callable[[Any], object]) -> float:
    """Return the median processor time of `read`; the first input is read twice, its first time not counted."""
    spent_ms: list[float] = []
    for place, one in enumerate(inputs):
        if place == 0:
            read(one)
        start = time.thread_time()
        read(one)
        spent_ms.append((time.thread_time() - start) * 1000)
    return statistics.median(spent_ms)


def _rapidocr() -> Callable[[Image], object]:
    """Return RapidOCR as it is installed, on one thread."""
    import rapidocr

    peer: Any = rapidocr.RapidOCR(
        params={
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Global.log_level": "error",
        }
    )
    return lambda image: peer(np.ascontiguousarray(image))


@dataclass(frozen=True, slots=True)
class Workers:
    """What two workers did: scenes a second, the first result after their start; memory of the larger at rest.

    At rest before any look for vehicles and after one, and the most that it held before.
    """

    frames_per_s: float
    first_result_ms: float
    rss_mib: float
    peak_mib: float
    rss_after_vehicles_mib: float


async def _workers(pictures: Pictures) -> Workers:
    recogniser = WorkerRecogniser(workers=WORKERS)
    try:
        start = time.perf_counter()
        await recogniser.start()
        await recogniser.read(pictures.crops[0], frozenset({PLATE}), DEADLINE_S)
        first_result_ms = (time.perf_counter() - start) * 1000
        await recogniser.ready()
        await _read_all(recogniser, pictures.scenes[:WORKERS])
        start = time.perf_counter()
        await _read_all(recogniser, pictures.scenes)
        spent_s = time.perf_counter() - start
        await _read_all(recogniser, pictures.containers[:WORKERS])
        await asyncio.sleep(2 * REST_S)
        rss_mib = _rss_mib(recogniser)
        peak_mib = max(peak_mib_of(pid) for pid in recogniser.worker_pids)
        await _read_all(recogniser, pictures.scenes[:WORKERS], VEHICLE)
        await asyncio.sleep(2 * REST_S)
        rss_after_vehicles_mib = _rss_mib(recogniser)
    finally:
        await recogniser.close()
    return Workers(len(pictures.scenes) / spent_s, first_result_ms, rss_mib, peak_mib, rss_after_vehicles_mib)


def _rss_mib(recogniser: WorkerRecogniser) -> float:
    return max(usage_of(pid).rss_mib for pid in recogniser.worker_pids)


async def _read_all(recogniser: WorkerRecogniser, scenes: Sequence[bytes], look_for: str = PLATE) -> None:
    waiting = iter(scenes)

    async def work() -> None:
        for scene in waiting:
            await recogniser.read(scene, frozenset({look_for}), DEADLINE_S)

    await asyncio.gather(*(work() for _ in range(WORKERS)))


def measured(folder: Path | None, count: int) -> dict[str, float]:
    """Return the figures for photographs of `folder`, or for rendered pictures where it is None. Raises BenchError."""
    return figures(rendered(count) if folder is None else photographs(folder, count))
