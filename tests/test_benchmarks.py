"""The benchmarks measure what they say: whole processes, in turn; nothing here looks at a figure's size."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.secrets.repositories import Repo

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
    assert all(int(row[-2]) <= 12 for row in rows)
    assert done.stdout.count("### ") == 4


@pytest.mark.slow
def test_a_log_is_made_as_it_is_written_and_every_question_is_answered() -> None:
    command = [sys.executable, "benchmarks/audit_log.py", "--runs", "1", "--records", "60"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "failed" not in done.stdout
    assert done.stdout.count("\n| `audit ") == 6


COLUMNS = "Id,FileID,Domain,RepoName,FilePath,LineStart,LineEnd,GroundTruth,ValueStart,ValueEnd"
LABELS = f"""{COLUMNS},CryptographyKey,PredefinedPattern,Category
1,a,,r,data/r/a.py,1,1,T,12,44,,,Password
2,a,,r,data/r/a.py,2,2,T,12,20,,,Password
3,a,,r,data/r/a.py,3,3,T,8,44,,,UUID
"""


def benchmark(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


def test_what_is_held_out_is_measured_in_sums_alone(tmp_path: Path) -> None:
    """A finding on no labelled line counts as false; a UUID counts not at all; nothing tells of single places."""
    secret = hashlib.sha256(b"made up").hexdigest()[:40]
    lines = [f'password = "{secret[:32]}"', 'password = "secret"', "id = 1", f'token = "{secret}"']
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta/r.csv").write_text(LABELS)
    (tmp_path / "data/r").mkdir(parents=True)
    (tmp_path / "data/r/a.py").write_text("\n".join(lines))
    done = benchmark("benchmarks/secrets_accuracy.py", "--held-out", str(tmp_path))
    assert "1 repositories, 1 files, 2 secrets, 0 units that are none" in done.stdout
    assert "| ci-guard | 1 | 1 | 0 | 1 | 0.50 | 0.50 |" in done.stdout
    assert "a.py" not in done.stdout
    assert benchmark("benchmarks/secrets_accuracy.py", "--held-out", str(tmp_path), "--wrong").returncode == 2


def test_examples_are_read_from_rules_in_yaml_and_go(tmp_path: Path) -> None:
    """Of Go the literals count that `tps` and `fps` list, not what a function makes; a text counts once."""
    token = hashlib.sha256(b"another").hexdigest()[:40]
    (tmp_path / "y").mkdir()
    (tmp_path / "y/a.yml").write_text(
        json.dumps({"rules": [{"id": "a.1", "examples": [f'password = "{token}"'], "negative_examples": ["nothing"]}]})
    )
    (tmp_path / "g").mkdir()
    (tmp_path / "g/a.go").write_text(
        'func A() {\n\ttps := utils.GenerateSampleSecrets("a", "made")\n\ttps = append(tps,\n'
        f'\t\t`password = "{token}"`, // "a comment"\n\t\t"left out: " + made("x"),\n\t)\n'
        '\tfps := []string{\n\t\t"two " +\n\t\t\t"parts",\n\t}\n\tother := []string{"not listed"}\n}\n'
    )
    done = benchmark("benchmarks/secrets_examples.py", f"yaml={tmp_path / 'y'}", f"go={tmp_path / 'g'}")
    assert "| yaml | 1 | 1 | 1 | 1.00 | 1 | 0 | 0.0% |" in done.stdout
    assert "| go | 1 | 1 | 1 | 1.00 | 1 | 0 | 0.0% |" in done.stdout
    assert token not in done.stdout + done.stderr


@pytest.mark.slow
def test_both_engines_write_the_same_report_of_a_repository(tmp_path: Path) -> None:
    """Its scans are whole processes, and each says by itself which engine ran."""
    repository = tmp_path / "repository"
    secret = hashlib.sha256(b"both").hexdigest()[:40]
    Repo.create(repository).commit({"a.py": f'password = "{secret}"\n', "b.txt": "nothing\n"})
    done = benchmark("benchmarks/secrets_engines.py", str(repository))
    assert done.returncode == 0, done.stderr
    cells = [cell.strip() for cell in done.stdout.splitlines()[-1].split("|")]
    assert (cells[1], cells[3], cells[-2]) == ("repository", "1", "the same")
