"""
Hold the scanner's two engines together on whole repositories, and print the table of `docs/benchmarks.md`.

    python3 -I bootstrap.py --dev benchmarks/secrets_engines.py FOLDER… [--history] [--runs N]

Each FOLDER is a clone with a work tree. Each is scanned with hyperscan and without it, in turn and in processes of
their own; their JSON reports must be the same bytes, but for what says when, how long and by which engine. Ends with 1
where they are not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from scenes import HOME, Checkout

import bootstrap
from ci_guard.secrets import gaps

NOTE: Final = gaps.slow_engine().message.rstrip(".")
ENGINES: Final = ("hyperscan", "Python")
FINE: Final = (0, 1)
"""Exit codes of a scan that ran through."""
_PROGRAM: Final = """
import sys
sys.path.insert(0, sys.argv[1])
if sys.argv[2] == "Python":
    sys.modules["hyperscan"] = None  # as where it is not installed
from ci_guard.entrypoints.cli import main
raise SystemExit(main(["scan", *sys.argv[3:]]))
"""


class Run(NamedTuple):
    """One scan."""

    report: bytes
    """The JSON report, less what differs between any two runs."""
    findings: int
    size: int
    """Bytes that were read."""
    seconds: float


def scanned(python: Path, checkout: Path, engine: str, folder: Path, options: Sequence[str]) -> Run:
    """
    Scan a folder with one engine.

    Raises: `RuntimeError` for a scan that did not run through, or by another engine.
    """
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "report.json")
        program = [str(python), "-I", "-X", "utf8", "-c", _PROGRAM, str(checkout), engine]
        started = time.perf_counter()
        done = subprocess.run(
            [*program, "--quiet", *options, f"--report=json={file}", "."], cwd=folder, capture_output=True, check=False
        )
        seconds = time.perf_counter() - started
        if done.returncode not in FINE:
            raise RuntimeError(f"the scan of {folder} with {engine} ended with {done.returncode}")
        report: dict[str, Any] = json.loads(file.read_bytes())
    text = json.dumps(report)
    ran = "Python" if NOTE in text else "hyperscan"
    if ran != engine:
        raise RuntimeError(f"the scan of {folder} was to be by {engine}, and was by {ran}")
    findings = sum(judgement["outcome"] == "fail" for judgement in report["judgements"])
    return Run(comparable(text), findings, report["scan"]["bytes"], seconds)


def comparable(report: str) -> bytes:
    """Return a report without its time and duration, and without the note on the engine."""
    read = json.loads(report.replace(f"; {NOTE}", ""))
    del read["time"], read["evidence"]["seconds"]
    return json.dumps(read).encode()


def row(name: str, runs: dict[str, list[Run]]) -> tuple[str, bool]:
    """Return a row of the table, and whether all reports are the same."""
    digests = {hashlib.sha256(run.report).hexdigest()[:12] for found in runs.values() for run in found}
    best = {engine: min(run.seconds for run in found) for engine, found in runs.items()}
    first = runs[ENGINES[0]][0]
    speeds = [f"{1000 * best[engine]:.0f} | {first.size / 1e6 / best[engine]:.1f}" for engine in ENGINES]
    same = len(digests) == 1
    cells = [name, f"{first.size / 1e6:.1f}", str(first.findings), *speeds, f"{best['Python'] / best['hyperscan']:.0f}"]
    return f"| {' | '.join([*cells, 'the same' if same else 'DIFFERENT'])} |", same


def main() -> int:
    """Scan, compare and print."""
    parser = argparse.ArgumentParser(description="Hold the two engines together on whole repositories.")
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="a clone with a work tree")
    parser.add_argument("--history", action="store_true", help="scan full history as well")
    parser.add_argument("--runs", type=int, default=1, metavar="N")
    options = parser.parse_args()
    python = bootstrap.ready_environment(HOME, "runtime", None) / "bin/python"
    heads = [f"{engine}, {unit}" for engine in ENGINES for unit in ("ms", "MB/s")]
    print(f"| | MB | findings | {' | '.join(heads)} | times longer | reports |\n|{' --- |' * 9}")
    equal = True
    with tempfile.TemporaryDirectory() as scratch:
        checkout = Checkout.make(Path(scratch) / "checkout")
        for folder in options.folders:
            runs: dict[str, list[Run]] = {engine: [] for engine in ENGINES}
            for _ in range(options.runs):
                for engine in ENGINES:
                    source = ["--history"] if options.history else []
                    runs[engine].append(scanned(python, checkout.folder, engine, folder, source))
            line, same = row(folder.name, runs)
            equal &= same
            print(line, flush=True)
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
