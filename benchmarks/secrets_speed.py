"""
Measure the scanner beside Kingfisher, whole processes only, and print the tables of `docs/benchmarks.md`.

    python3 -I bootstrap.py --dev benchmarks/secrets_speed.py FOLDER… [--kingfisher FILE] [--runs N] [--only PART…]

Each FOLDER is a clone with a work tree. Without `--kingfisher` its package is installed from the index, in a folder
that is thrown away. Programs run in turn after one run to warm up, so that byte code and Kingfisher's compiled rules
are there, with the temporary folder in memory: without it Kingfisher pays for the disk.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cost import ABSENT_INDEX, Command, about, measure
from scenes import HOME, PYTHON, Checkout, small_repository

import bootstrap

KINGFISHER: Final = "kingfisher-bin==2.14.0"
COMMITS: Final = 30
BARE: Final = "bare search"
"""The least that a scan by the same engine can be: see `bare_search.py`."""
FINE: Final = {"Kingfisher": {0, 200, 205}, "ci-guard": {0, 1}, "bare": {0}}
"""Exit codes of a scan that ran through; the others than 0 say that there are findings."""
SHOWN: Final = ("ms (best)", "CPU", "MiB")
PARTS: Final = ("tiny", "tree", "range", "history")
MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of a random name is made in it


def kingfisher(folder: Path) -> Path | None:
    """
    Install Kingfisher and return its program, or None where the index has it not.

    The native one: the package's own launcher is a Python that starts it, which is none of Kingfisher's time.
    """
    install = [PYTHON, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), KINGFISHER]
    done = subprocess.run(install, capture_output=True, check=False)
    return next(folder.glob("kingfisher/bin/kingfisher*"), None) if done.returncode == 0 else None


class Programs:
    """How the programs are called for one repository."""

    def __init__(self, peer: Path, checkout: Checkout, environ: Mapping[str, str]) -> None:
        """Take ci-guard from a copy of its checkout; its byte code is written by the first run, as by an installer."""
        python = bootstrap.ready_environment(HOME, "runtime", None) / "bin/python"
        package = checkout.folder / "ci_guard"
        self._ours = [str(python), "-I", "-X", "utf8", str(package / "__main__.py"), "scan", "--quiet"]
        self._bare = [str(python), "-I", str(Path(__file__).with_name("bare_search.py")), str(package)]
        self._peer = [str(peer), "scan", "--no-validate", "--no-update-check", "--quiet", "--format", "jsonl"]
        self._environ = environ

    def compared(self, folder: Path, *, ours: Sequence[str], theirs: Sequence[str]) -> dict[str, Command]:
        """Return what to measure in one repository; of a work tree also a bare search."""
        commands = {
            "Kingfisher": [*self._peer, *theirs, "."],
            "Kingfisher --turbo": [*self._peer, "--turbo", *theirs, "."],
            "ci-guard": [*self._ours, *ours, "."],
            **({} if ours else {BARE: self._bare}),
        }
        return {name: Command(argv=argv, cwd=folder, environ=self._environ) for name, argv in commands.items()}


def parts(folders: Sequence[Path], small: Path, only: Sequence[str]) -> Iterator[tuple[str, list[Path], Any, Any]]:
    """Yield the title of each table, its repositories, and the options of ci-guard and of Kingfisher."""
    net = ("--git-history", "none")
    since = ("--since-commit", f"HEAD~{COMMITS}")
    if "tiny" in only:
        yield "A repository of 3 commits", [small], (), net
    if "tree" in only:
        yield "The work tree, and the tree of its commit", list(folders), (), net
    if "range" in only:
        span = ("--range", f"HEAD~{COMMITS}..HEAD")
        yield f"{COMMITS} commits; Kingfisher their sum alone", list(folders), span, (*net, *since)
        yield f"{COMMITS} commits; Kingfisher each of them", list(folders), span, since
    if "history" in only:
        yield "Full history of all refs", list(folders), ("--history",), ("--git-history", "full")


def row(folder: Path, samples: Mapping[str, list[dict[str, Any]]]) -> tuple[str, float | None]:
    """
    Return a row of the table, and how many times faster ci-guard is than the faster Kingfisher, by medians.

    Behind that stands the same of a bare search, by the best runs.
    """
    cells, medians, best = [folder.name], {}, {}
    for name, found in samples.items():
        if strange := {sample["exit"] for sample in found} - FINE[name.partition(" ")[0]]:
            cells += [f"failed with {sorted(strange)}", "–", "–"]
            continue
        walls = [1000 * sample["wall"] for sample in found]
        medians[name], best[name] = statistics.median(walls), min(walls)
        cpu = 1000 * statistics.median(sample["cpu"] for sample in found)
        peak = max(sample["peak"] for sample in found)
        cells += [f"{medians[name]:.0f} ({min(walls):.0f})", f"{cpu:.0f}", f"{peak:.0f}"]
    peers = [name for name in medians if name.startswith("Kingfisher")]
    ratio = min(medians[name] for name in peers) / medians["ci-guard"] if peers and "ci-guard" in medians else None
    cells += [f"{ratio:.1f}" if ratio else "–"]
    if peers and BARE in best:
        cells += [f"{min(best[name] for name in peers) / best[BARE]:.1f}"]
    return f"| {' | '.join(cells)} |", ratio


def compare(programs: Programs, folders: Sequence[Path], small: Path, options: argparse.Namespace) -> None:
    """Measure and print each table."""
    for title, repositories, ours, theirs in parts(folders, small, options.only):
        bare = () if ours else (BARE,)
        heads = [f"{name}, {what}" for name in ("Kingfisher", "--turbo", "ci-guard", *bare) for what in SHOWN]
        heads += ["times faster", *(f"the {name}" for name in bare)]
        print(f"\n### {title}\n\n| | {' | '.join(heads)} |\n|{' --- |' * (len(heads) + 1)}")
        ratios = []
        for folder in repositories:
            runs = options.history_runs if "--history" in ours else options.runs
            line, ratio = row(folder, measure(programs.compared(folder, ours=ours, theirs=theirs), runs=runs))
            print(line, flush=True)
            ratios += [ratio] if ratio else []
        if len(ratios) > 1:
            print(f"\nTimes faster: at least {min(ratios):.1f}, median {statistics.median(ratios):.1f}.", flush=True)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the scanner beside Kingfisher.")
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="a clone with a work tree")
    parser.add_argument("--kingfisher", type=Path, metavar="FILE", help=f"the program of {KINGFISHER}")
    parser.add_argument("--runs", type=int, default=9, help="counted runs of each program (default: 9)")
    parser.add_argument("--history-runs", type=int, default=3, help="the same for full history (default: 3)")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS, help="which tables (default: all)")
    options = parser.parse_args()
    for name in [name for name in os.environ if name.startswith(("GITHUB_", "GIT_", "CI_", "PYTHON"))]:
        del os.environ[name]
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="ci-guard-benchmark-", dir=memory) as name:
        scratch = Path(name)
        peer = options.kingfisher.resolve() if options.kingfisher else kingfisher(scratch / "kingfisher")
        if peer is None:
            print(ABSENT_INDEX)
            return 1
        environ = {"PATH": os.environ["PATH"], "HOME": name, "TMPDIR": name}
        programs = Programs(peer, Checkout.make(scratch / "checkout"), environ)
        version = subprocess.run([str(peer), "--version"], capture_output=True, text=True, check=True).stdout.strip()
        print(f"{about()}, {version}", flush=True)
        folders = [folder.resolve() for folder in options.folders]
        compare(programs, folders, small_repository(scratch / "small"), options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
