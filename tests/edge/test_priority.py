"""Workers give way to the control process: asked of real worker processes."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from drivers.camera_http.driver import HttpCamera, HttpCameraSettings
from models.process import WORKER_COMMAND, WorkerProcess
from simulators.devices.camera import CameraSimulator
from tests.support.camera_http import MonotonicClock

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 60.0


def assert_behind_this_process(pid: int) -> None:
    assert os.sched_getscheduler(pid) == os.SCHED_BATCH
    # Its share of a busy core is what it was: a reading that comes too late is a truck that waits for a person.
    assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0)


def threads_of(pid: int) -> set[int]:
    return {os.sched_getscheduler(int(one.name)) for one in Path(f"/proc/{pid}/task").iterdir()}


async def test_a_recognition_worker_stands_back() -> None:
    worker = await WorkerProcess.start(WORKER_COMMAND)
    try:
        async with asyncio.timeout(LIMIT_S):
            await worker.ready()
        assert_behind_this_process(worker.pid)
        assert threads_of(worker.pid) == {os.SCHED_BATCH}
    finally:
        await worker.kill()


async def test_a_capture_worker_stands_back() -> None:
    simulator = CameraSimulator(lambda: None)
    await simulator.start()
    camera = HttpCamera(HttpCameraSettings("front", simulator.snapshot_url), MonotonicClock())
    try:
        async with asyncio.timeout(LIMIT_S):
            await camera.connect()
        assert camera.worker_pid is not None
        assert_behind_this_process(camera.worker_pid)
    finally:
        await camera.close()
        await simulator.stop()


def test_a_system_that_knows_no_priorities_is_no_error() -> None:
    code = (
        "import os\n"
        "del os.SCHED_BATCH\n"
        "from edge.priority import stand_back\n"
        "stand_back()\n"
        "print(os.sched_getscheduler(0) == os.SCHED_OTHER)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "True"
