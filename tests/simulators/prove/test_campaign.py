"""`kakou prove`: what a campaign promises, on small ones."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


def prove(*arguments: str, hash_seed: str = "0") -> dict[str, Any]:
    """Run the verb in a process of its own."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-m", "edge.cli", "prove", "--json", *arguments]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads(ended.stdout)


def test_the_same_seed_gives_the_same_trace_in_another_process():
    one = prove("--passages", "60", "--seed", "5", hash_seed="1")
    other = prove("--passages", "60", "--seed", "5", hash_seed="77")
    assert one["trace_hash"] == other["trace_hash"]
    assert {**one, "per_s": 0} == {**other, "per_s": 0}


def test_another_seed_gives_another_trace():
    assert (
        prove("--passages", "20", "--seed", "8")["trace_hash"] != prove("--passages", "20", "--seed", "9")["trace_hash"]
    )


def test_without_faults_those_who_may_pass_do():
    found = prove("--passages", "200", "--seed", "3")
    assert found["violations"] == []
    assert found["liveness"] >= 0.99
    assert found["passages"] >= 200
