"""The loop of a system whose own has neither signal handlers nor processes."""

import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator

import pytest

from edge.portable import loop as module
from edge.portable.loop import PortableLoop, use_portable_loop

LIMIT_S = 60.0
PIPE = asyncio.subprocess.PIPE
ECHO = "import sys; data = sys.stdin.buffer.read(); sys.stdout.buffer.write(data); sys.stderr.write('end')"
FLOOD = "import sys\nfor _ in range(400): sys.stdout.buffer.write(bytes(100_000))"
DEAF = "import os, sys; os.close(0); print('deaf', flush=True); os.close(1); __import__('threading').Event().wait()"
WAITS = "import sys; sys.stdin.read()"


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=PortableLoop) as made:
        yield made
    gc.collect()


async def started(script: str, **pipes: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-c", script, **pipes, start_new_session=True)


@pytest.mark.parametrize("size", [0, 5, 3_000_000])
def test_a_process_hears_all_that_is_said_and_all_that_it_says_is_heard(runner: asyncio.Runner, size: int) -> None:
    async def talks() -> None:
        process = await started(ECHO, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        data = os.urandom(size)
        async with asyncio.timeout(LIMIT_S):
            assert await process.communicate(data) == (data, b"end")
        assert process.returncode == await process.wait() == 0
        assert process.pid > 0

    runner.run(talks())


def test_a_process_that_says_more_than_is_read_waits(runner: asyncio.Runner) -> None:
    async def reads_late() -> None:
        process = await started(FLOOD, stdin=PIPE, stdout=PIPE)
        assert process.stdout is not None
        async with asyncio.timeout(LIMIT_S):
            heard = len(await process.stdout.readexactly(1))
            # The reader holds at most twice its limit, and one piece is on its way.
            held: bytearray = process.stdout._buffer  # type: ignore[attr-defined]
            assert len(held) <= 4 * 65536
            while data := await process.stdout.read(1 << 20):
                heard += len(data)
            assert await process.wait() == 0
        assert heard == 40_000_000

    runner.run(reads_late())


async def floods(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(bytes(100_000))
        await writer.drain()


def test_a_writer_waits_for_who_reads_slowly_and_is_told_where_nobody_does(runner: asyncio.Runner) -> None:
    async def writes() -> None:
        process = await started(DEAF, stdin=PIPE, stdout=PIPE)
        assert process.stdin is not None
        assert process.stdout is not None
        async with asyncio.timeout(LIMIT_S):
            assert await process.stdout.read() == b"deaf\n"
            with pytest.raises(ConnectionError):
                await floods(process.stdin)
        assert process.stdin.is_closing()
        process.stdin.write(b"lost")
        process.stdin.close()
        process.kill()
        assert await process.wait() == -signal.SIGKILL
        with pytest.raises(ProcessLookupError):
            process.kill()

    runner.run(writes())


@pytest.mark.parametrize("end", ["kill", "terminate", "close"])
def test_a_process_is_ended(runner: asyncio.Runner, end: str) -> None:
    async def ends() -> int:
        process = await started(WAITS, stdin=PIPE, stdout=PIPE)
        if end == "close":
            assert process.stdin is not None
            process.stdin.close()
        else:
            getattr(process, end)()
        async with asyncio.timeout(LIMIT_S):
            status = await process.wait()
        for late in (process.kill, process.terminate, lambda: process.send_signal(signal.SIGTERM)):
            with pytest.raises(ProcessLookupError):
                late()
        return status

    assert runner.run(ends()) == {"kill": -signal.SIGKILL, "terminate": -signal.SIGTERM, "close": 0}[end]


def test_a_signal_goes_to_it(runner: asyncio.Runner) -> None:
    async def tells() -> int:
        process = await started(WAITS, stdin=PIPE)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(LIMIT_S):
            return await process.wait()

    assert runner.run(tells()) == -signal.SIGTERM


def test_without_pipes_there_are_none(runner: asyncio.Runner) -> None:
    async def runs() -> None:
        process = await started("")
        assert (process.stdin, process.stdout, process.stderr) == (None, None, None)
        async with asyncio.timeout(LIMIT_S):
            assert await process.wait() == 0

    runner.run(runs())


def test_one_that_cannot_be_started_is_told(runner: asyncio.Runner) -> None:
    with pytest.raises(FileNotFoundError):
        runner.run(asyncio.create_subprocess_exec("/no/such/program"))


def test_closed_with_its_transport_it_is_ended(runner: asyncio.Runner) -> None:
    async def closes() -> None:
        process = await started(WAITS, stdin=PIPE, stdout=PIPE)
        transport = process._transport  # type: ignore[attr-defined]
        assert not transport.is_closing()
        transport.get_pipe_transport(0).abort()
        transport.close()
        async with asyncio.timeout(LIMIT_S):
            await process.wait()
        assert transport.is_closing()
        transport.close()

    runner.run(closes())


def test_a_loop_that_closes_first_hears_no_more(runner: asyncio.Runner) -> None:
    processes = []

    async def leaves() -> None:
        processes.append(await started(ECHO, stdin=PIPE, stdout=PIPE))

    runner.run(leaves())
    runner.close()
    transport = processes[0]._transport
    transport.close()
    assert transport._process.wait(LIMIT_S) is not None


def test_a_signal_is_heard_in_the_loop_and_wakes_it(runner: asyncio.Runner) -> None:
    before = signal.getsignal(signal.SIGTERM)

    async def waits() -> list[str]:
        loop, heard, told = asyncio.get_running_loop(), [], asyncio.Event()

        def hear(word: str) -> None:
            heard.append(word)
            told.set()

        loop.add_signal_handler(signal.SIGTERM, hear, "first")
        loop.add_signal_handler(signal.SIGTERM, hear, "second")
        # From another thread: what waits for sockets is not interrupted by it on Windows.
        threading.Timer(0.05, signal.raise_signal, [signal.SIGTERM]).start()
        async with asyncio.timeout(LIMIT_S):
            await told.wait()
        assert loop.remove_signal_handler(signal.SIGTERM)
        assert not loop.remove_signal_handler(signal.SIGTERM)
        return heard

    assert runner.run(waits()) == ["second"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_handlers_end_with_the_loop(runner: asyncio.Runner) -> None:
    before = signal.getsignal(signal.SIGTERM)

    async def leaves() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, print)

    runner.run(leaves())
    late = signal.getsignal(signal.SIGTERM)
    runner.close()
    assert signal.getsignal(signal.SIGTERM) is before
    assert callable(late)
    late(signal.SIGTERM, None)


def test_a_signal_that_the_system_has_not_is_refused(runner: asyncio.Runner) -> None:
    async def asks() -> None:
        with pytest.raises(RuntimeError, match="cannot be handled"):
            asyncio.get_running_loop().add_signal_handler(999, print)

    runner.run(asks())


def test_in_another_thread_it_runs_without_signals() -> None:
    done: list[bool] = []

    async def asks() -> None:
        with pytest.raises(RuntimeError, match="cannot be handled"):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, print)
        done.append(True)

    def run() -> None:
        with asyncio.Runner(loop_factory=PortableLoop) as made:
            made.run(asks())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(LIMIT_S)
    assert done == [True]


def test_where_the_systems_own_loop_can_do_it_all_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.SelectorLoop is asyncio.SelectorEventLoop
    taken: list[asyncio.AbstractEventLoopPolicy] = []
    monkeypatch.setattr(asyncio, "set_event_loop_policy", taken.append)
    use_portable_loop()
    assert taken == []
    monkeypatch.setattr(module, "_WHOLE", False)
    monkeypatch.setattr(module, "SelectorLoop", PortableLoop)
    use_portable_loop()
    made = taken[0].new_event_loop()
    assert isinstance(made, PortableLoop)
    made.close()
