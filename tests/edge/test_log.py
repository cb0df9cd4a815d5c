"""Log lines as a service writes them: one JSON object a line, whoever speaks; no lane waits for them; no secrets."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAD = "import logging, sys\nfrom edge import log\nlog.configure('info', readable={readable})\n"
CRASH = """
def fail(password):
    raise ValueError("no value")
try:
    fail("CANARY-" + "SECRET")
except ValueError:
    log.logger().exception("driver_crashed")
    logging.getLogger("edge.mqtt.link").exception("mqtt_handler_failed")
"""


def said(script: str, *, readable: bool = False) -> str:
    """What a process with this script says on standard error."""
    done = subprocess.run(
        [sys.executable, "-c", HEAD.format(readable=readable) + script], cwd=ROOT, capture_output=True, timeout=60,
        check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return done.stderr.decode()


def test_modules_that_use_logging_keep_their_fields():
    printed = said(
        "logging.getLogger('edge.clearance').warning('grant_refused', extra={'lane': 'lane-1', 'reason': 'flood'})\n"
        "logging.getLogger('edge.mqtt').info('mqtt_up')\n"
        "logging.getLogger('edge.mqtt').debug('unheard')\n"
        "logging.getLogger('some.library').info('unheard')\n"
        "logging.getLogger('some.library').warning('%d bytes', 3)\n"
        "log.logger(lane='lane-1').info('device_back')\n"
    )
    lines = [json.loads(line) for line in printed.splitlines()]
    assert [line["event"] for line in lines] == ["grant_refused", "mqtt_up", "3 bytes", "device_back"]
    assert (lines[0]["lane"], lines[0]["reason"], lines[0]["level"]) == ("lane-1", "flood", "warning")
    assert all("timestamp" in line for line in lines)


@pytest.mark.parametrize("readable", [False, True])
@pytest.mark.hazard("S15", "I19")
def test_a_crash_is_told_without_local_variables(readable: bool):
    printed = said(CRASH, readable=readable)
    assert printed.count("no value") >= 2
    assert "CANARY-SECRET" not in printed


@pytest.mark.parametrize("readable", [False, True])
def test_words_of_others_command_no_terminal_and_forge_no_line(readable: bool):
    printed = said(
        "log.logger(lane='x').info('opened', reason='a\\x1b[2J', who='b\\nforged\\u202e\\x9b')\n"
        "logging.getLogger('edge').warning('said', extra={'cause': 'c\\x1b[2Jd'})\n",
        readable=readable,
    )
    assert len(printed.splitlines()) == 2
    assert not {"\x1b[2J", "\u202e", "\x9b"} & {part for part in ("\x1b[2J", "\u202e", "\x9b") if part in printed}


def test_a_log_that_nobody_reads_holds_nothing_up():
    reading, writing = os.pipe()
    script = (
        HEAD.format(readable=False) + "for n in range(2000):\n    log.logger().info('flood', filler='x' * 5000)\n"
        "print('done', flush=True)\nsys.stdin.read()\nlog.logger().info('last')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=writing,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    os.close(writing)
    assert process.stdin is not None
    assert process.stdout is not None
    # Ends the wait below where the log holds the process up.
    watchdog = threading.Timer(30, process.kill)
    watchdog.start()
    assert process.stdout.readline() == b"done\n"
    watchdog.cancel()
    # A reader that comes back hears how much it missed.
    heard = os.read(reading, 1 << 20)
    process.stdin.close()
    with os.fdopen(reading, "rb") as rest:
        heard += rest.read()
    assert process.wait() == 0
    process.stdout.close()
    assert b"log_lines_lost" in heard
    assert json.loads(heard.splitlines()[-1])["event"] == "last"
