"""The recogniser with real worker processes, killed, starved and lied to."""

import asyncio
import dataclasses
import hashlib
import json
import os
import signal
import sys

import pytest

from edge.core.readings import PictureReading
from edge.ports import Recogniser
from models import process
from models.messages import encode_reading
from models.process import WorkerProcess
from models.recogniser import WorkerRecogniser
from models.registry import ModelError, load_registry, verified_bytes
from tests.support.drawn import door, ground, jpeg
from tests.support.graphs import elsewhere, field, graph, hungry, kept, node, value

BOTH = frozenset({"plate", "container"})
DOOR = jpeg(door([("CSQU 305438 3", (80, 120))]))
ENOUGH_S = 40.0
# What the finder of vehicles takes and gives, as a model declares it.
CELLS = (value(b"x", ("n", 3, "h", "w")), value(b"y", ("n", 48, "c")))


def reasons(reading):
    return [unread.reason for unread in reading.unread]


def lying_worker(code: str) -> tuple[str, ...]:
    """A worker that is ready at once and then runs `code`, with `send` and `receive` at hand."""
    script = (
        "import sys, struct, json, os, signal\n"
        "def send(p): sys.stdout.buffer.write(struct.pack('>I', len(p)) + p); sys.stdout.buffer.flush()\n"
        "def receive():\n"
        "    p = sys.stdin.buffer.read(4)\n"
        "    if len(p) < 4: sys.exit(0)\n"
        "    return sys.stdin.buffer.read(struct.unpack('>I', p)[0])\n"
    )
    return (sys.executable, "-c", script + code)


READY = "send(b'{\"ready\": true}')\n"


@pytest.fixture
async def started():
    """Return a maker of recognisers that are closed in the end."""
    made = []

    def make(**options):
        made.append(WorkerRecogniser(**options))
        return made[-1]

    yield make
    for recogniser in made:
        await recogniser.close()


async def test_one_worker_through_its_life(started):
    recogniser: Recogniser = started()
    await recogniser.start()
    await recogniser.ready()
    (pid,) = recogniser.worker_pids
    reading = await recogniser.read(DOOR, frozenset({"container"}), ENOUGH_S)
    assert [s.container.code for s in reading.containers] == ["CSQU3054383"]
    assert reading.elapsed_ms > 0
    # What is no picture does not disturb the worker.
    for garbage, reason in ((b"garbage", "not_a_picture"), (DOOR[:-900], "truncated"), (b"", "empty")):
        assert reasons(await recogniser.read(garbage, BOTH, ENOUGH_S)) == [reason]
    assert recogniser.worker_pids == (pid,)
    # Past the deadline it is killed and another reads the next picture.
    assert reasons(await recogniser.read(DOOR, BOTH, 0.01)) == ["deadline"]
    (second,) = recogniser.worker_pids
    assert second != pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    await recogniser.ready()
    # Killed from outside in between.
    os.kill(second, signal.SIGKILL)
    assert reasons(await recogniser.read(DOOR, BOTH, ENOUGH_S)) == ["worker_died"]
    again = await recogniser.read(DOOR, frozenset({"container"}), ENOUGH_S)
    assert [s.container.code for s in again.containers] == ["CSQU3054383"]


async def test_a_worker_ends_with_its_parent():
    """The parent is killed: nothing is left that reads."""
    script = (
        "import asyncio, sys\n"
        "from models.recogniser import WorkerRecogniser\n"
        "async def main():\n"
        "    r = WorkerRecogniser()\n"
        "    await r.start()\n"
        "    await r.ready()\n"
        "    print(r.worker_pids[0], flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    async with asyncio.timeout(ENOUGH_S):
        worker = int(await parent.stdout.readline())
        handle = os.pidfd_open(worker)
        parent.kill()
        await parent.wait()
        gone = asyncio.Event()
        asyncio.get_running_loop().add_reader(handle, gone.set)
        await gone.wait()
    asyncio.get_running_loop().remove_reader(handle)
    os.close(handle)
    # Its transports are tidied before the loop goes.
    parent.stdout.feed_eof()


async def test_an_interrupt_at_the_terminal_is_the_controllers_to_handle():
    """Ctrl-C reaches the whole foreground group: a picture that a draining lane still asks for is read."""
    script = (
        "import asyncio, signal, sys\n"
        "from models.recogniser import WorkerRecogniser\n"
        "async def main():\n"
        "    interrupted = asyncio.Event()\n"
        "    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupted.set)\n"
        "    r = WorkerRecogniser()\n"
        "    await r.start()\n"
        "    await r.ready()\n"
        "    print('ready', flush=True)\n"
        "    await interrupted.wait()\n"
        "    reading = await r.read(b'no picture', frozenset({'plate'}), 30.0)\n"
        "    print([unread.reason for unread in reading.unread], flush=True)\n"
        "    await r.close()\n"
        "asyncio.run(main())\n"
    )
    pipe = asyncio.subprocess.PIPE
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=pipe, stderr=pipe, start_new_session=True
    )
    assert parent.stdout is not None
    async with asyncio.timeout(ENOUGH_S):
        assert await parent.stdout.readline() == b"ready\n"
        os.killpg(parent.pid, signal.SIGINT)
        said, complaints = await parent.communicate()
    assert (said, complaints, parent.returncode) == (b"['not_a_picture']\n", b"", 0)


def spoilt_registry(folder, name, spoil, *, registered=False):
    """A registry whose model `name` is a file of its own, which `spoil` changes or takes away; perhaps entered so."""
    known = load_registry()
    file = folder / "model.onnx"
    file.write_bytes(verified_bytes(known[name]))
    spoil(file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest() if registered else known[name].sha256
    known[name] = dataclasses.replace(known[name], file=str(file), sha256=digest)
    registry = folder / "registry.json"
    registry.write_text(json.dumps({"models": [dataclasses.asdict(entry) for entry in known.values()]}))
    return registry


@pytest.mark.hazard("X13", "S11")
@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:-1] + b"\0"), "model_tampered"),
        (lambda file: file.write_bytes(file.read_bytes()[:5000]), "model_tampered"),
        (lambda file: file.write_bytes(b""), "model_tampered"),
        (lambda file: file.unlink(), "model_missing"),
    ],
    ids=["tampered", "truncated", "empty", "missing"],
)
@pytest.mark.parametrize("name", ["text_detector", "column_reader"])
async def test_a_model_that_cannot_be_used_is_named_and_the_lane_goes_on(started, tmp_path, name, spoil, code):
    await is_named(started, spoilt_registry(tmp_path, name, spoil), name, code)


@pytest.mark.hazard("X13", "S11")
@pytest.mark.parametrize(
    ("more", "code"),
    [
        (graph(elsewhere()), "model_external_data"),
        (graph(kept(), node(b"Gelu", domain=b"com.microsoft")), "model_foreign_operator"),
    ],
    ids=["weights", "operator"],
)
# The second is loaded with the first picture that it has to look at, and verified at once.
@pytest.mark.parametrize("name", ["text_detector", "vehicle_detector"])
async def test_a_model_that_is_not_whole_is_named_although_it_is_registered(started, tmp_path, name, more, code):
    def spoil(file):
        file.write_bytes(file.read_bytes() + field(7, more))

    await is_named(started, spoilt_registry(tmp_path, name, spoil, registered=True), name, code)


async def is_named(started, registry, name, code):
    """The lane starts, every picture is unread, and who asks hears which model it is and why."""
    told = asyncio.Queue()
    recogniser = started(registry=registry, told=told.put_nowait)
    await recogniser.start()
    # Without a picture, and once, whoever asks afterwards.
    error = await told.get()
    assert (error.code, name in error.got, "model.onnx" in error.got) == (code, True, True)
    with pytest.raises(ModelError, match=rf"{code}.*{name}") as caught:
        await recogniser.ready()
    assert caught.value.code == code
    assert told.empty()
    assert reasons(await recogniser.read(DOOR, BOTH, ENOUGH_S)) == ["model_unavailable"]
    # No process is started for every picture while the model stays missing.
    assert reasons(await recogniser.read(DOOR, BOTH, ENOUGH_S)) == ["model_unavailable"]
    assert recogniser.worker_pids == ()


@pytest.mark.hazard("X13", "X8")
@pytest.mark.parametrize(
    ("name", "content", "reason", "code"),
    [
        # It is loaded when a picture asks for it: then it does not fit, or takes all memory that there is.
        ("vehicle_detector", verified_bytes(load_registry()["plate_detector"]), "model_unavailable", "model_unfit"),
        ("vehicle_detector", hungry(500_000_000, *CELLS), "model_output", "model_output"),
    ],
    ids=["another", "hungry"],
)
async def test_a_model_that_fails_with_a_picture_is_named_once_and_the_lane_goes_on(
    started, tmp_path, name, content, reason, code
):
    told = asyncio.Queue()
    registry = spoilt_registry(tmp_path, name, lambda file: file.write_bytes(content), registered=True)
    recogniser = started(registry=registry, told=told.put_nowait)
    for _ in range(2):
        assert reasons(await recogniser.read(DOOR, frozenset({"vehicle"}), ENOUGH_S)) == [reason]
    error = await told.get()
    assert (error.code, name in error.got) == (code, True)
    assert told.empty()
    # Nobody else's pictures are lost to it.
    reading = await recogniser.read(DOOR, frozenset({"container"}), ENOUGH_S)
    assert [s.container.code for s in reading.containers] == ["CSQU3054383"]


LOADING = 'send(b\'{"loading": "plate_reader"}\')\n'


@pytest.mark.hazard("X14")
async def test_a_model_that_ends_the_worker_while_it_is_loaded_is_named(started):
    told = asyncio.Queue()
    recogniser = started(command=lying_worker(LOADING), told=told.put_nowait)
    assert reasons(await recogniser.read(b"x", BOTH, ENOUGH_S)) == ["worker_died"]
    error = await told.get()
    assert (error.code, error.got) == ("model_unloadable", "it ended while it loaded plate_reader")


@pytest.mark.hazard("X14")
async def test_a_model_that_is_never_loaded_is_named_and_its_worker_ended(started, monkeypatch, tmp_path):
    said = tmp_path / "said"
    os.mkfifo(said)
    load = WorkerProcess._load

    async def load_once_it_said_so(worker):
        """Count the short limit only from the worker's word on: a busy machine takes longer to start Python."""
        await asyncio.to_thread(said.read_bytes)
        await load(worker)

    monkeypatch.setattr(WorkerProcess, "_load", load_once_it_said_so)
    monkeypatch.setattr(process, "LOADING_LIMIT_S", 0.5)
    told = asyncio.Queue()
    code = LOADING + f"open({str(said)!r}, 'w').close()\nsignal.pause()\n"
    recogniser = started(command=lying_worker(code), told=told.put_nowait)
    await recogniser.start()
    with pytest.raises(ModelError, match=r"model_unloadable.*plate_reader was not loaded in 0\.5 s"):
        await recogniser.ready()
    assert recogniser.worker_pids == ()
    assert reasons(await recogniser.read(b"x", BOTH, ENOUGH_S)) == ["model_unavailable"]
    assert (await told.get()).got == "plate_reader was not loaded in 0.5 s"
    assert told.empty()


@pytest.mark.hazard("D34")
async def test_pictures_beyond_the_queue_are_busy(started):
    recogniser = started(queue_limit=1, command=lying_worker(READY + "receive()\nreceive()\nsignal.pause()\n"))
    await recogniser.start()
    await recogniser.ready()
    readings = await asyncio.gather(*(recogniser.read(b"x", BOTH, 0.3) for _ in range(3)))
    assert sorted(reasons(reading)[0] for reading in readings) == ["busy", "deadline", "deadline"]


@pytest.mark.hazard("I17", "S24")
async def test_a_flooded_lane_fills_its_own_queue_and_no_other(started):
    answer = encode_reading(PictureReading())
    recogniser = started(
        queue_limit=2,
        command=lying_worker(READY + f"while True:\n    receive()\n    receive()\n    send({answer!r})\n"),
    )
    await recogniser.start()
    await recogniser.ready()
    flooded, calm = recogniser.for_lane("lane-1"), recogniser.for_lane("lane-2")
    flood = [asyncio.create_task(flooded.read(b"x", BOTH, ENOUGH_S)) for _ in range(5)]
    mine = asyncio.create_task(calm.read(b"x", BOTH, ENOUGH_S))
    assert reasons(await mine) == []
    assert sorted([reasons(await one) for one in flood]) == [[], [], [], ["busy"], ["busy"]]


@pytest.mark.hazard("I17")
async def test_who_yields_to_a_lane_costs_it_no_worker(started):
    """It waited for the lane's picture: killed for that, the worker would have to load its models anew."""
    answer = encode_reading(PictureReading())
    code = READY + "import select\nwhile True:\n    receive()\n    receive()\n    select.select([], [], [], 1)\n"
    recogniser = started(command=lying_worker(code + f"    send({answer!r})\n"))
    await recogniser.start()
    await recogniser.ready()
    pids = recogniser.worker_pids
    mine = asyncio.create_task(recogniser.for_lane("lane-1").read(b"x", BOTH, ENOUGH_S))
    shadow = asyncio.create_task(recogniser.for_lane("lane-1/shadow", yields=True).read(b"x", BOTH, 1.8))
    assert (reasons(await mine), reasons(await shadow)) == ([], [])
    assert recogniser.worker_pids == pids


@pytest.mark.parametrize(
    "code",
    [
        "",
        READY + "receive()\nreceive()\nsys.exit(1)\n",
        READY + "receive()\nreceive()\nsend(b'no json')\n",
        READY + "receive()\nreceive()\nsend(b'{}')\n",
        READY + "receive()\nreceive()\nsys.stdout.buffer.write(b'\\xff' * 8)\n",
        READY + "sys.stdin.close()\n",
    ],
)
async def test_a_worker_that_lies_is_replaced(started, code):
    recogniser = started(command=lying_worker(code))
    reading = await recogniser.read(b"x" * 3_000_000, BOTH, ENOUGH_S)
    assert reasons(reading) == ["worker_died"]
    assert len(recogniser.worker_pids) == 1


@pytest.mark.hazard("X8")
@pytest.mark.parametrize(
    "end",
    ["os.kill(os.getpid(), signal.SIGKILL)", "raise MemoryError", "bytearray(1 << 62)"],
    ids=["killed", "raised", "asked"],
)
async def test_x8_a_worker_without_memory_dies_alone(started, end):
    """As the kernel ends it, or as Python does: the picture is unread, and the next one has a worker again."""
    recogniser = started(command=lying_worker(READY + f"receive()\nreceive()\n{end}\n"))
    for _ in range(2):
        assert reasons(await recogniser.read(b"x", BOTH, ENOUGH_S)) == ["worker_died"]
    assert len(recogniser.worker_pids) == 1


@pytest.mark.hazard("D34", "D32")
async def test_d34_a_worker_ten_times_too_slow_reads_nothing_and_its_answer_is_nobodys(started):
    """What it says at last about the first picture is never taken for the second."""
    answer = encode_reading(PictureReading())
    code = READY + f"receive()\nreceive()\nimport select\nselect.select([], [], [], 3)\nsend({answer!r})\n"
    code += f"while True:\n    receive()\n    receive()\n    send({answer!r})\n"
    recogniser = started(command=lying_worker(code))
    await recogniser.start()
    await recogniser.ready()
    slow = recogniser.worker_pids
    assert reasons(await recogniser.read(b"first", BOTH, 0.3)) == ["deadline"]
    assert recogniser.worker_pids != slow


@pytest.mark.hazard("X14")
async def test_a_worker_that_never_loads_is_unloadable(started):
    recogniser = started(command=lying_worker(""))
    await recogniser.start()
    with pytest.raises(ModelError, match=r"model_unloadable"):
        await recogniser.ready()


@pytest.mark.hazard("D32", "X14")
async def test_a_deadline_while_loading_leaves_the_loading_worker(started):
    recogniser = started(command=lying_worker("receive()\n"))
    await recogniser.start()
    before = recogniser.worker_pids
    assert reasons(await recogniser.read(b"x", BOTH, 0.05)) == ["deadline"]
    assert recogniser.worker_pids == before


async def test_cancelling_does_not_leave_an_answer_for_the_next_picture(started):
    recogniser = started(command=lying_worker(READY + "receive()\nreceive()\nsignal.pause()\n"))
    await recogniser.start()
    await recogniser.ready()
    before = recogniser.worker_pids
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await recogniser.read(b"x", BOTH, ENOUGH_S)
    assert recogniser.worker_pids != before


async def test_after_closing_nothing_is_read():
    recogniser = WorkerRecogniser(command=lying_worker("receive()\n"))
    await recogniser.start()
    await recogniser.start()
    await recogniser.close()
    await recogniser.close()
    assert reasons(await recogniser.read(jpeg(ground(64, 64)), BOTH, 1.0)) == ["closed"]
