"""A barrier's module that a technician starts by hand: as mbpoll sees it, and what its input changes."""

import asyncio
import re
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from config.barrier_modules import MODULES
from simulators.barrier_module import EXIT_NO_PORT, build, greeting, main, obey
from tests.simulators.test_barrier_module import mbpoll
from tests.support.needs import REPOSITORY


class StandIn:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._input, self._output = process.stdin, process.stdout

    async def said(self) -> str:
        async with asyncio.timeout(60):
            return (await self._output.readline()).decode().strip()

    async def tell(self, line: str) -> str:
        self._input.write(f"{line}\n".encode())
        return await self.said()


@asynccontextmanager
async def stand_in(*arguments: str) -> AsyncIterator[StandIn]:
    command = [sys.executable, "-m", "simulators.barrier_module", *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdin=-1, stdout=-1, cwd=REPOSITORY)
    try:
        yield StandIn(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        assert await process.wait() == 0


@pytest.mark.mbpoll
async def test_the_line_to_copy_reads_the_inputs_over_a_serial_line(tmp_path: Path) -> None:
    link = tmp_path / "barrier"
    async with stand_in("--module", "s7_200_smart", "--transport", "rtu", "--link", str(link)) as it:
        where, _, command = (await it.said()).partition(": ")
        assert where == f"Siemens S7-200 SMART (MBUS_SLAVE) on {link}"
        name, *arguments = shlex.split(command)
        assert name == "mbpoll"
        assert re.findall(r"\[(\d+)\]:\s+1", await mbpoll(*arguments)) == ["8"]
        assert await it.tell("arrival_loop 1") == "arrival_loop 1"
        assert re.findall(r"\[(\d+)\]:\s+1", await mbpoll(*arguments)) == ["0", "8"]
    assert not link.exists()


@pytest.mark.mbpoll
async def test_a_plain_module_over_tcp_refuses_what_it_does_not_have() -> None:
    async with stand_in("--module", "moxa_iologik_e1214") as it:
        _, _, command = (await it.said()).partition(": ")
        _, *arguments = shlex.split(command)
        assert arguments[-2:] == ["6", "127.0.0.1"]
        assert re.findall(r"\[(\d+)\]:\s+1", await mbpoll(*arguments)) == ["3", "5"]
        arguments[-2] = "7"
        with pytest.raises(AssertionError, match="Illegal data address"):
            await mbpoll(*arguments)


def test_its_input_switches_signals_and_faults() -> None:
    simulator = build("generic_plc", "tcp")
    assert obey(simulator, "safety_loop 1") == "safety_loop 1"
    assert simulator.plant.signals()["safety_loop"]
    assert obey(simulator, "fault crc_error true\n") == "fault crc_error true"
    assert obey(simulator, "fault delay_reply_s 0.5") == "fault delay_reply_s 0.5"
    assert obey(simulator, "fault exception_code 6") == "fault exception_code 6"
    assert obey(simulator, "fault leading_garbage 00ff") == "fault leading_garbage 00ff"
    faults = simulator.faults
    assert (faults.crc_error, faults.delay_reply_s, faults.exception_code) == (True, 0.5, 6)
    assert faults.leading_garbage == b"\x00\xff"
    assert obey(simulator, "fault") == "no fault"
    assert not simulator.faults.crc_error


@pytest.mark.parametrize(
    "line", ["", "nonsense", "safety_loop 2", "boom_up 1", "fault functions 5", "fault nonsense true"]
)
def test_what_it_does_not_know_is_answered_with_what_it_does(line: str) -> None:
    assert obey(build("generic_plc", "tcp"), line).startswith("one of: arrival_loop, ")


@pytest.mark.parametrize("line", ["fault crc_error yes", 'fault delay_reply_s "1"', "fault trailing_garbage xy"])
def test_a_value_that_is_none_is_named(line: str) -> None:
    assert ": not " in obey(build("generic_plc", "tcp"), line)


def test_a_serial_server_has_no_line_to_copy() -> None:
    said = greeting(MODULES["generic_plc"], "rtu_over_tcp", build("generic_plc", "rtu_over_tcp"))
    assert said == "generic barrier PLC on 127.0.0.1:0"


def test_a_port_that_cannot_be_had_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def taken(self: object) -> None:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr("simulators.barrier_module.BarrierSimulator.start", taken)
    assert main(["--port", "502"]) == EXIT_NO_PORT
    assert "Address already in use" in capsys.readouterr().err
