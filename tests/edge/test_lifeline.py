"""A service that ends with the program that started it."""

import signal
import subprocess
import sys

from tests.support.needs import REPOSITORY

SERVICE = """
import threading
from edge.lifeline import stop_when_stdin_closes
stop_when_stdin_closes()
print("serves", flush=True)
threading.Event().wait()
"""


def test_a_closed_standard_input_is_a_termination():
    process = subprocess.Popen(
        [sys.executable, "-c", SERVICE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"serves\n"
        process.stdin.write(b"read and ignored")
        process.stdin.flush()
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(timeout=20) == -signal.SIGTERM
