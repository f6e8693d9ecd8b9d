"""
Run commands in turn and tell what each whole process cost: a JSON specification in, samples out.

    python3 -I benchmarks/measure.py < {"runs": 5, "warmup": 1, "commands": {"a": {"argv": […], "cwd": …, "env": {…}}}}

A program of its own and small, because the kernel counts what this process holds as memory of the ones it starts. In
turn (a b a b …), because a machine's speed drifts. `{run}` in an argument becomes the number of the run, for commands
that need a new folder each time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any


def measure(specification: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """
    Return the samples of each command, those of the warm-up left out.

    Units: `wall` and `cpu` (user and system, with the children that were waited for) in seconds, `peak` in MiB: that of
    the largest single process. `exit` is the exit code, negative for a signal. Source: getrusage(2), wait4(2).
    """
    commands, warmup = specification["commands"], specification["warmup"]
    samples: dict[str, list[dict[str, Any]]] = {name: [] for name in commands}
    for number in range(warmup + specification["runs"]):
        for name, command in commands.items():
            sample = run(command, number)
            if number >= warmup:
                samples[name].append(sample)
    return samples


def run(command: dict[str, Any], number: int) -> dict[str, Any]:
    """Run one command to its end; what it prints is thrown away."""
    argv = [argument.replace("{run}", str(number)) for argument in command["argv"]]
    started = time.perf_counter()
    process = subprocess.Popen(
        argv,
        cwd=command.get("cwd"),
        env=command.get("env"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10  # bytes there, KiB elsewhere
    return {
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss / unit,
        "exit": process.returncode,
    }


if __name__ == "__main__":
    json.dump(measure(json.load(sys.stdin)), sys.stdout)
