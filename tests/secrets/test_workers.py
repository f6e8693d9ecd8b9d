"""Processes that help end with the one that started them, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys, threading, time
sys.path.insert(0, sys.argv[1])
from ci_guard.secrets.workers import spread

def work(share):
    print("begun", flush=True)
    yield share
    time.sleep(600)

helped = spread(range(3), work, busy=True)
if sys.argv[2] == "thread":
    forking = threading.Thread(target=next, args=(helped,))
    forking.start()
    forking.join()
else:
    next(helped)
print("forked", flush=True)
time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize("forked_by", ["main", "thread"])
def test_helpers_end_when_their_parent_is_killed(forked_by: str) -> None:
    """Each holds the pipe that it inherited as standard output, which has an end only when all of them have."""
    parent = subprocess.Popen([sys.executable, "-c", PROGRAM, str(ROOT), forked_by], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    lines = [parent.stdout.readline() for _ in range(4)]
    assert sorted(lines) == ["begun\n"] * 3 + ["forked\n"]
    os.kill(parent.pid, signal.SIGKILL)
    assert parent.communicate(timeout=60)[0] == ""
    assert parent.returncode == -signal.SIGKILL
