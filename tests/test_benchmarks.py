"""The benchmarks measure what they say: whole processes, in turn; nothing here looks at a figure's size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


def measure(runs: int, warmup: int, **commands: list[str]) -> dict[str, list[dict[str, Any]]]:
    specification = {
        "runs": runs,
        "warmup": warmup,
        "commands": {name: {"argv": argv} for name, argv in commands.items()},
    }
    done = subprocess.run(
        [sys.executable, "-I", str(ROOT / "benchmarks/measure.py")],
        input=json.dumps(specification),
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


def test_commands_are_run_in_turn_each_with_its_number_and_the_warm_up_is_left_out(tmp_path: Path) -> None:
    log = tmp_path / "log"
    found = measure(
        2,
        1,
        a=["sh", "-c", f'echo "a $1" >> {log}', "sh", "{run}"],
        b=["sh", "-c", f'echo "b $1" >> {log}; exit 3', "sh", "{run}"],
    )
    assert log.read_text().splitlines() == ["a 0", "b 0", "a 1", "b 1", "a 2", "b 2"]
    assert [sample["exit"] for sample in found["a"]] == [0, 0]
    assert [sample["exit"] for sample in found["b"]] == [3, 3]


def test_a_sample_is_of_the_whole_process_with_its_children() -> None:
    """CPU time and memory of a child that was waited for count, whichever of the two holds more."""
    hungry = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'b = bytearray(96 << 20); sum(range(10**6))'])"
    )
    found = measure(1, 0, idle=[sys.executable, "-I", "-c", "pass"], hungry=[sys.executable, "-I", "-c", hungry])
    (idle,), (busy,) = found["idle"], found["hungry"]
    assert busy["peak"] > 96 > idle["peak"] > 1
    assert busy["cpu"] > 0
    assert busy["wall"] > 0


@pytest.mark.slow
def test_one_command_prints_every_table() -> None:
    done = subprocess.run(
        [sys.executable, "benchmarks/cost.py", "--runs", "1"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "failed" not in done.stdout
    rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("| push of a merge")]
    assert int(rows[0][-2]) <= 12
    assert done.stdout.count("### ") == 3
