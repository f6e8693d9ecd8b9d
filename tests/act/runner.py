"""Runs a workflow for real: act in host mode, the action from this checkout, the API on the loopback interface."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"

COMMIT = "c0ffee00" * 5
"""What a workflow can pin the action to, beside the tag `v1`."""

WORKFLOW = """
on: [push, pull_request]
{env}
jobs:
  guard:
    runs-on: ubuntu-latest
    permissions: {{contents: read, pull-requests: read, actions: read}}
    outputs:
      verdict: ${{{{ steps.guard.outputs.verdict }}}}
    steps:
      - uses: {checkout}
        with: {{fetch-depth: 0, persist-credentials: false}}
{before}
      - id: guard
        uses: ci-guard/ci-guard{action}@{ref}
        with:
          token: ${{{{ secrets.GITHUB_TOKEN }}}}
{inputs}
{after}
      - if: always()
        env:
          REPORT: ${{{{ steps.guard.outputs.report }}}}
        run: cp "$REPORT" "$KEPT/report.json"
  build:
    needs: guard
    runs-on: ubuntu-latest
    steps:
      - run: echo "built after ${{{{ needs.guard.outputs.verdict }}}}"
"""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a run of the workflow left behind."""

    exit_code: int
    outputs: dict[str, str] = field(default_factory=dict)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    summary: str = ""
    kept: Path
    """Where steps leave files for the test; the runner clears away all else."""
    log: str = ""
    """Everything that any step printed."""
    verdicts: dict[str, str] = field(default_factory=dict)
    """The output `verdict` of each step that set one, by job and step."""

    @property
    def report(self) -> dict[str, Any]:
        """The JSON report that the output `report` names."""
        return dict(json.loads((self.kept / "report.json").read_text(encoding="utf-8")))

    @property
    def built(self) -> bool:
        """Tell whether the job that needs the guard ran."""
        return "built after" in "".join(
            line for line in self.log.splitlines(keepends=True) if not line.startswith("echo")
        )


def find_act() -> str | None:
    """Return the act binary that `.ci/run` installed, or one on PATH."""
    installed = sorted(ROOT.glob(".bootstrap/tools/**/act"))
    return str(installed[-1]) if installed else shutil.which("act")


def copy_of_this_checkout(folder: Path, host: Mapping[str, str]) -> Path:
    """Copy what git would have of this checkout, and let it make its environments in the tool cache beside it."""
    copy_as_release(folder)
    tools = tool_cache(folder)
    tools.mkdir()
    for more in ({}, {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://runner", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"}):
        made = subprocess.run(
            ["/bin/bash", "-p", str(folder / "launch.sh"), "check", "--help"],
            cwd=folder,
            env={**host, "RUNNER_TOOL_CACHE": str(tools), **more},
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
    return folder


def copy_as_release(folder: Path) -> None:
    """Copy what git would have of this checkout into an empty folder, as one commit."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.split(b"\0")
    for name in filter(None, map(os.fsdecode, names)):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "A release"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def tool_cache(guard: Path) -> Path:
    """Return what the runs of a checkout have as the runner's tool cache."""
    return guard.parent / "tools"


def workflow(
    *,
    env: Mapping[str, str] | None = None,
    inputs: Mapping[str, str] | None = None,
    before: str = "",
    after: str = "",
    action: str = "",
    ref: str = "v1",
) -> str:
    """
    Return the README's workflow, with what a test adds to it.

    `action` is the path of another of our actions, `ref` the tag or commit by which it is named.
    """
    return WORKFLOW.format(
        action=action,
        ref=ref,
        checkout=CHECKOUT,
        env="env: " + json.dumps(dict(env)) if env else "",
        inputs="".join(f"          {name}: {json.dumps(value)}\n" for name, value in (inputs or {}).items()),
        before=before,
        after=after,
    )


def run(
    act: str,
    guard: Path,
    path: Path,
    environ: Mapping[str, str],
    *,
    home: Path,
    event: str,
    cold: bool = False,
    options: Sequence[str] = (),
) -> Ran:
    """
    Run the workflow of the repository at `path` with the job environment `environ` and more `options` of act.

    `cold`: nothing is cached.
    """
    python = Path(os.path.realpath(sys.executable)).parent
    token = environ.get("GITHUB_TOKEN", "")
    given = {name: value for name, value in environ.items() if name.startswith("GITHUB_") and name not in RUNNERS_OWN}
    command = [
        act,
        event,
        "--json",
        "-P",
        "ubuntu-latest=-self-hosted",
        "--no-cache-server",
        "-a",
        environ["GITHUB_ACTOR"],
    ]
    command += ["-e", environ["GITHUB_EVENT_PATH"]]
    command += [part for ref in ("v1", COMMIT) for part in ("--local-repository", f"ci-guard/ci-guard@{ref}={guard}")]
    command += [part for name, value in given.items() for part in ("--env", f"{name}={value}")]
    command += options
    command += ["--env", f"SHA_REF={environ['GITHUB_SHA']}", "-s", f"GITHUB_TOKEN={token or 'none'}"]
    kept = home / "kept"
    kept.mkdir(parents=True, exist_ok=True)
    command += ["--env", f"KEPT={kept}"]
    (home / ".cache/act").mkdir(parents=True, exist_ok=True)
    if not cold:
        (home / ".cache/act/tool_cache").symlink_to(tool_cache(guard))  # what the runner names as such
    done = subprocess.run(
        command,
        cwd=path,
        env={"PATH": f"{python}:/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "ACT_DISABLE_VERSION_CHECK": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return told(done.returncode, done.stdout, kept)


RUNNERS_OWN = {
    "GITHUB_TOKEN",
    "GITHUB_ENV",
    "GITHUB_PATH",
    "GITHUB_OUTPUT",
    "GITHUB_STEP_SUMMARY",
    "GITHUB_EVENT_PATH",
    "GITHUB_WORKSPACE",
    "GITHUB_ACTIONS",
}
"""What act sets itself; its files must be its own."""


def told(exit_code: int, stdout: str, kept: Path) -> Ran:
    """Read act's JSON lines."""
    outputs: dict[str, str] = {}
    annotations = []
    summaries = []
    lines = []
    verdicts: dict[str, str] = {}
    for text in stdout.splitlines():
        try:
            item = json.loads(text)
        except ValueError:
            continue
        command = item.get("command")
        if command == "set-output" and item.get("name") == "verdict":
            verdicts["/".join([item.get("jobID", ""), *item.get("stepID", [])])] = item["arg"]
        if command == "set-output" and item.get("stepID") == ["guard"]:
            outputs[item["name"]] = item["arg"]
        elif command in ("error", "warning", "notice"):
            annotations.append({"level": command, "message": item.get("arg", ""), **(item.get("kvPairs") or {})})
        elif command == "summary" and item.get("stepID") == ["guard"]:
            summaries.append(item.get("content", ""))
        lines.append(str(item.get("msg", "")))
    return Ran(
        exit_code=exit_code,
        outputs=outputs,
        annotations=annotations,
        summary="\n".join(summaries),
        kept=kept,
        log="\n".join(lines),
        verdicts=verdicts,
    )
