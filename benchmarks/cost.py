"""
Measure what ci-guard costs, whole processes only, and print the tables of `docs/benchmarks.md`.

    python3 -I bootstrap.py --dev benchmarks/cost.py [--runs N] [--index] [--zizmor]

`--index` adds what fetches packages (a cold bootstrap beside venv and pip), `--zizmor` the start-up of zizmor from the
same index, in a folder that is thrown away. Both say so where the index is not reached.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from scenes import PYTHON, ROOT, Checkout, gitlab_job, job, small_repository

from ci_guard import __version__

LATENCY_SECONDS: Final = 0.1

ABSENT_INDEX: Final = "The package index was not reached, or has not what was asked of it."


@dataclass(frozen=True, kw_only=True)
class Command:
    """What is measured."""

    argv: Sequence[str]
    cwd: Path = ROOT
    environ: Mapping[str, str] | None = None
    """None for that of this process."""


def measure(commands: Mapping[str, Command], *, runs: int) -> dict[str, list[dict[str, Any]]]:
    """Return the samples of each command after one run to warm up, taken in turn by a process of its own."""
    specification = {
        "runs": runs,
        "warmup": 1,
        "commands": {
            name: {"argv": list(c.argv), "cwd": str(c.cwd), "env": None if c.environ is None else dict(c.environ)}
            for name, c in commands.items()
        },
    }
    measuring = [PYTHON, "-I", str(ROOT / "benchmarks/measure.py")]
    done = subprocess.run(measuring, input=json.dumps(specification), capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def table(title: str, samples: Mapping[str, list[dict[str, Any]]], requests: Mapping[str, int] | None = None) -> None:
    """Print medians as a Markdown table; a command that failed is told as such, and not by its time."""
    columns = ["", "wall, ms", "fastest–slowest", "CPU, ms", "peak, MiB", *(["requests"] if requests else [])]
    print(f"\n### {title}\n\n| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for name, found in samples.items():
        exits = {sample["exit"] for sample in found} - {0}
        walls = [1000 * sample["wall"] for sample in found]
        cpu = 1000 * statistics.median(sample["cpu"] for sample in found)
        peak = statistics.median(sample["peak"] for sample in found)
        cells = [name, f"{statistics.median(walls):.0f}", f"{min(walls):.0f}–{max(walls):.0f}", f"{cpu:.0f}"]
        cells = [name, f"failed with {sorted(exits)}", "–", "–", "–"] if exits else [*cells, f"{peak:.0f}"]
        cells += [str(requests[name])] if requests else []
        print(f"| {' | '.join(cells)} |")


def start_up(runs: int, scratch: Path, checkout: Checkout, *, zizmor: bool) -> None:
    """Measure what a command costs that does nothing."""
    commands = {
        "Python that does nothing": Command(argv=[PYTHON, "-I", "-c", "pass"]),
        "`ci-guard --version`": Command(argv=checkout.bare("--version")),
        "`bootstrap.py --version`, warm": Command(argv=checkout.bootstrapped("--version")),
    }
    if zizmor:
        folder = scratch / "zizmor"
        install = [PYTHON, "-m", "pip", "install", "--quiet", "--target", str(folder), "zizmor"]
        if subprocess.run(install, capture_output=True, check=False).returncode == 0:
            commands["`zizmor --version`"] = Command(argv=[str(folder / "bin/zizmor"), "--version"])
        else:
            print(ABSENT_INDEX)
    table("Start-up", measure(commands, runs=runs))


def local_check(runs: int, scratch: Path, checkout: Checkout) -> None:
    """Measure a check outside of CI, in a small repository and in this one."""
    small = small_repository(scratch / "small")
    quiet = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    commands = {
        "a repository of 3 commits": Command(argv=checkout.bootstrapped("check"), cwd=small, environ=quiet),
        "the same without the bootstrap": Command(argv=checkout.bare("check"), cwd=small, environ=quiet),
        "ci-guard's own repository": Command(argv=checkout.bootstrapped("check"), environ=quiet),
    }
    table("`bootstrap.py check` outside of CI", measure(commands, runs=runs))


def gate(runs: int, scratch: Path, checkout: Checkout) -> None:
    """Measure whole runs of the gate with the baseline profile."""
    with (
        job(scratch / "merge", event="push", latency_seconds=LATENCY_SECONDS) as merge,
        job(scratch / "change", event="pull_request", latency_seconds=LATENCY_SECONDS) as change,
        job(scratch / "near", event="push", latency_seconds=0) as near,
    ):
        cases = {
            "push of a merge with two reviewers": (merge, checkout.bootstrapped),
            "the same without the bootstrap": (merge, checkout.bare),
            "the same without the bootstrap, and without latency": (near, checkout.bare),
            "a pull request of the same": (change, checkout.bootstrapped),
        }
        commands = {
            name: Command(argv=words(*at.wanted, "--report", f"json={at.report}"), cwd=at.path, environ=at.environ)
            for name, (at, words) in cases.items()
        }
        samples = measure(commands, runs=runs)
        requests = {
            name: int(json.loads(at.report.read_text(encoding="utf-8"))["evidence"]["requests"])
            for name, (at, _) in cases.items()
        }
    table(f"The gate on GitHub, {1000 * LATENCY_SECONDS:.0f} ms latency", samples, requests)


def gitlab_gate(runs: int, scratch: Path, checkout: Checkout) -> None:
    """Measure whole runs of the gate on a GitLab with the job token and an ID token."""
    scratch = scratch / "gitlab"
    scratch.mkdir()
    with (
        gitlab_job(scratch / "change", merged=False, latency_seconds=LATENCY_SECONDS) as change,
        gitlab_job(scratch / "merge", merged=True, latency_seconds=LATENCY_SECONDS) as merge,
    ):
        cases = {"a merge request, merged result": change, "push of a merge with a reviewer": merge}
        commands = {
            name: Command(
                argv=checkout.bootstrapped(*at.wanted, "--report", f"json={at.report}"),
                cwd=at.path,
                environ=at.environ,
            )
            for name, at in cases.items()
        }
        samples = measure(commands, runs=runs)
        requests = {
            name: int(json.loads(at.report.read_text(encoding="utf-8"))["evidence"]["requests"])
            for name, at in cases.items()
        }
    table(f"The gate on GitLab, {1000 * LATENCY_SECONDS:.0f} ms latency", samples, requests)


def environments(runs: int, scratch: Path, checkout: Checkout) -> None:
    """Measure making an environment from nothing, beside what most actions do, from the same lock."""
    lock = str(checkout.folder / "requirements/runtime.txt")
    pip = "pip install --quiet --disable-pip-version-check --no-deps --require-hashes"
    script = f'"$1" -m venv "$2" && "$2/bin/"{pip} -r "$3"'
    commands = {
        "`bootstrap.py --version`, cold": Command(argv=checkout.bootstrapped("--version", home=scratch / "cold-{run}")),
        "`python3 -m venv`, then `pip install --require-hashes`": Command(
            argv=["sh", "-c", script, "sh", PYTHON, str(scratch / "venv-{run}"), lock]
        ),
    }
    samples = measure(commands, runs=runs)
    table("An environment from nothing", samples)
    if any(sample["exit"] for found in samples.values() for sample in found):
        print(f"\n{ABSENT_INDEX}")


def about() -> str:
    """Return what the figures were measured with."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (
        f"{datetime.now(timezone.utc):%Y-%m-%d}, ci-guard {__version__} at {git('rev-parse', '--short', 'HEAD')}, "
        f"Python {platform.python_version()}, {git('--version')}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} × {models[0] if models else platform.processor()}, load {os.getloadavg()[0]:.1f}"
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure what ci-guard costs.")
    parser.add_argument("--runs", type=int, default=9, help="counted runs of each command (default: 9)")
    parser.add_argument("--index", action="store_true", help="measure also what fetches packages")
    parser.add_argument("--zizmor", action="store_true", help="measure also the start-up of zizmor")
    options = parser.parse_args()
    for name in [name for name in os.environ if name.startswith(("GITHUB_", "GIT_", "CI_"))]:
        del os.environ[name]
    os.environ |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    with tempfile.TemporaryDirectory(prefix="ci-guard-benchmark-") as name:
        scratch = Path(name)
        checkout = Checkout.make(scratch / "checkout")
        print(about(), flush=True)
        start_up(options.runs, scratch, checkout, zizmor=options.zizmor)
        local_check(options.runs, scratch, checkout)
        gate(options.runs, scratch, checkout)
        gitlab_gate(options.runs, scratch, checkout)
        if options.index:
            environments(min(options.runs, 5), scratch, checkout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
