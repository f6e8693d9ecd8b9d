"""The workflow of the run as its own commit has it: which jobs there are, and how the guard stands among them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.commit_files import CommitFiles
from ci_guard.evidence.github import records
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.job import Job as Claims
from ci_guard.evidence.github.local_actions import (
    LOCAL,
    MOST_WORKFLOWS,
    WORKFLOWS,
    files_elsewhere,
    files_of,
    workflows_of,
)
from ci_guard.evidence.guard_script import NAME, hidden
from ci_guard.evidence.guard_signs import mutable_checkout, spot, spots
from ci_guard.evidence.rest.shape import checked, text
from ci_guard.evidence.yaml_tree import Tree
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, unavailable
from ci_guard.model.guard import Job, Pin, Spot, Step, Wiring
from ci_guard.model.run import Run
from ci_guard.rows import NamedTuple

DEEPEST_CALL: Final = 10
"""Source: "Reuse workflows", "Nesting reusable workflows"; for composite actions too, which may nest as deep."""

SHELLS: Final = frozenset({"", "bash", "sh"})
"""That end at the first failure. Source: "Workflow syntax", `jobs.<job_id>.steps[*].shell`."""

MOST_CALLS: Final = 5000
"""Of workflows and actions that are followed, one by one."""

REF: Final = re.compile(r"([^/@]+/[^/@]+)/(\.github/workflows/[^@\x00-\x1f]+)@(.+)")
"""`owner/name/path@ref`. Source: "Variables reference", `GITHUB_WORKFLOW_REF`."""


def held_in(job: Claims) -> str:
    """Return the repository of the run's workflow, which is another one where a ruleset requires it."""
    named = REF.fullmatch(job.workflow_ref)
    return named[1] if named else job.repository


def get_wiring(client: Client, job: Claims, run: Run, checkout: Checkout, holder: Client) -> Fact[Wiring]:
    """
    Return the workflow's jobs.

    Which file it is the server says (`path` of the run), and the variable only that the file is this repository's: a
    ruleset's workflow of another repository runs under its own name, and is read there, where the token may. The commit
    is what the runner says that the file was read at, else the judged one. `holder` asks the repository that holds it.
    """
    named = REF.fullmatch(job.workflow_ref)
    if named is not None and named[1].lower() != job.repository.lower():
        return _get_required(job, holder, named[2], apply(run.sha, lambda sha: files_of(client, sha, checkout)))
    path = _get_path(client, job)
    if isinstance(path, Unknown):
        return path
    if named is not None and named[2] != path.value:
        said = f"GITHUB_WORKFLOW_REF names {named[2]}, and the server {path.value}"
        return unavailable(said, detail=path.detail)
    commit = _commit(job) or run.sha
    if isinstance(commit, Unknown):
        return commit
    judged = isinstance(run.sha, Known) and run.sha.value == commit.value
    found = read_wiring(files_of(client, commit.value, checkout), path.value)
    return found if isinstance(found, Unknown) or judged else replace(found, source=commit.source)


def _get_required(job: Claims, holder: Client, path: str, files: Fact[CommitFiles]) -> Fact[Wiring]:
    """Return the jobs of a workflow that a ruleset requires of another repository, beside those of the judged one."""
    commit = _commit(job)
    if commit is None:
        said = f"the workflow is held in {holder.repository}, and GITHUB_WORKFLOW_SHA does not say at which commit"
        return unavailable(said, detail="GITHUB_WORKFLOW_SHA")
    found = read_wiring(files_elsewhere(holder, commit.value), path, beside=False)
    if isinstance(found, Unknown):
        return found
    labels = {one.label for one in found.value.jobs if one.guard}
    if isinstance(files, Unknown):
        wiring = replace(found.value, doubts=(*found.value.doubts, files))
    else:
        reader = _Reader(files.value)
        names = reader.namesakes(labels, "")
        wiring = replace(found.value, namesakes=names, doubts=(*found.value.doubts, *reader.doubts))
    return Known(value=wiring, source=Source.ENV, detail="GITHUB_WORKFLOW_REF")


def _commit(job: Claims) -> Known[str] | None:
    if not records.SHA.fullmatch(job.workflow_sha):
        return None
    return Known(value=job.workflow_sha, source=Source.ENV, detail="GITHUB_WORKFLOW_SHA")


def _get_path(client: Client, job: Claims) -> Fact[str]:
    """Return which file the run is of, by the server's word."""
    if not records.NUMBER.fullmatch(job.run_id):
        return unavailable("the number of the run is not known", detail="GITHUB_RUN_ID")
    answer = client.get(f"actions/runs/{job.run_id}")
    return checked(answer, lambda body: text(body, "path").partition("@")[0])


def read_wiring(files: CommitFiles, path: str, *, beside: bool = True) -> Fact[Wiring]:
    """
    Return the jobs of a workflow, with those of the workflows and actions of its repository that it calls.

    `beside` asks for other workflows whose check has the name of the guard's.
    """
    found = files.tree(path)
    if isinstance(found, Unknown):
        return found
    if found.value is None:
        return unavailable(f"{path} is not there at {files.commit[:12]}", detail=found.detail)
    reader = _Reader(files)
    jobs = tuple(reader.jobs(found.value, path))
    labels = {one.label for one in jobs if one.guard}
    names = reader.namesakes(labels, path) if beside else ()
    wiring = Wiring(
        path=files.named(path), commit=files.commit, jobs=jobs, namesakes=names, doubts=tuple(reader.doubts)
    )
    return Known(value=wiring, source=found.source, detail=found.detail)


class _Place(NamedTuple):
    """Where a job stands."""

    path: str
    line: int
    shell: str
    """In which its steps run where they name none."""


class _Reader:
    """Reads the jobs of workflows of one commit."""

    def __init__(self, files: CommitFiles) -> None:
        self.files = files
        self.doubts: dict[Unknown, None] = {}
        self._left = MOST_CALLS

    def namesakes(self, labels: set[str], path: str) -> tuple[Job, ...]:
        """Return the jobs of all other workflows whose check is called as one of these."""
        listed = self.files.names(WORKFLOWS)
        if isinstance(listed, Unknown):
            self.doubts[listed] = None
            return ()
        others = [name for name in workflows_of(listed.value) if name != path]
        if len(others) > MOST_WORKFLOWS:
            self.doubts[unavailable(f"there are more than {MOST_WORKFLOWS} workflows")] = None
        found = [job for name in others[:MOST_WORKFLOWS] for job in self.jobs_of(name)]
        return tuple(one for one in found if one.label in labels)

    def jobs_of(self, path: str, depth: int = 0) -> list[Job]:
        """Return the jobs of a file of the repository; a file that is not read may hold anything."""
        found = self.files.tree(path)
        if isinstance(found, Unknown) or found.value is None or depth > DEEPEST_CALL or not self._follows():
            said = found if isinstance(found, Unknown) else unavailable(f"{self.files.named(path)} was not read")
            self.doubts[said] = None
            return []
        return self.jobs(found.value, path, depth)

    def jobs(self, tree: Tree, path: str, depth: int = 0) -> list[Job]:
        """
        Return the jobs of a workflow, each behind those of the workflow that it calls, if the guard is one of these.

        Without it the caller stands for them: they run at all where it runs, whatever their own conditions are.
        """
        jobs = tree.get("jobs")
        found = []
        for name, one in (jobs.entries if jobs else {}).items():
            called = self._called(name, one, depth)
            if any(job.guard for job in called):
                found += called
            line = jobs.lines[name] if jobs else one.line
            found.append(self._job(name, one, called, _Place(path, line, _shell(one) or _shell(tree))))
        return found

    def _called(self, name: str, tree: Tree, depth: int) -> list[Job]:
        """Return the jobs of the workflow that a job calls, which wait for what it waits for."""
        uses = tree.text("uses")
        if not uses.startswith(LOCAL):
            return []
        before = _needs(tree) or ()
        return [
            replace(
                one,
                name=f"{name} / {one.name}",
                label=f"{tree.text('name') or name} / {one.label}",
                needs=(*before, *(f"{name} / {need}" for need in one.needs or ())),
            )
            for one in self.jobs_of(posixpath.normpath(uses), depth + 1)
        ]

    def _job(self, name: str, tree: Tree, called: list[Job], place: _Place) -> Job:
        pin = _pin(tree.text("uses"), tree.get("uses"))
        steps = tree.get("steps")
        read = tuple(step for one in (steps.items if steps else ()) for step in self._steps(one, place.shell))
        if not any(one.guard for one in called):
            read += tuple(step for one in called if one.environment for step in one.steps if step.checkout)
        return Job(
            name=name,
            label=tree.text("name") or name,
            path=self.files.named(place.path),
            line=place.line,
            guard=pin is not None or any(step.guard for step in read) or any(one.guard for one in called),
            environment=tree.get("environment") is not None or any(one.environment for one in called),
            needs=_needs(tree),
            condition=spot(tree.get("if")),
            tolerated=spots(tree.get("continue-on-error")),
            pin=pin,
            steps=read,
        )

    def _steps(self, tree: Tree, shell: str = "", depth: int = 0) -> Iterator[Step]:
        """Yield the steps of the action of the repository that a step uses, if any, and behind them the step itself."""
        uses, own = tree.text("uses"), _step(tree, shell)
        inner: tuple[Tree, ...] = ()
        if uses.startswith(LOCAL) and depth < DEEPEST_CALL and self._follows():
            inner = self._composite(posixpath.normpath(uses))
        steps = [step for one in inner for step in self._steps(one, depth=depth + 1)]
        yield from steps
        yield replace(own, guard=own.guard or any(step.guard for step in steps))

    def _follows(self) -> bool:
        """Tell whether another call is followed: those of calls multiply."""
        self._left -= 1
        if self._left < 0:
            self.doubts[unavailable(f"the workflows call one another more than {MOST_CALLS} times")] = None
        return self._left >= 0

    def _composite(self, folder: str) -> tuple[Tree, ...]:
        """Return the steps of an action that is made of such; which actions there are is judged by itself."""
        for name in ("action.yml", "action.yaml"):
            found = self.files.tree(posixpath.normpath(f"{folder}/{name}"))
            if isinstance(found, Known) and found.value is not None:
                runs = found.value.get("runs")
                steps = runs.get("steps") if runs else None
                return steps.items if steps else ()
        return ()


def _needs(tree: Tree) -> tuple[str, ...] | None:
    needs = tree.get("needs")
    return tuple(str(one.value) for one in needs.items) if needs else None


def _shell(tree: Tree) -> str:
    """Return the shell that a workflow or job names for all its steps. Source: "Workflow syntax", `defaults.run`."""
    defaults = tree.get("defaults")
    run = defaults.get("run") if defaults else None
    return run.text("shell") if run else ""


def _step(tree: Tree, default: str) -> Step:
    uses, script, given = tree.text("uses"), tree.get("run"), tree.get("with")
    pin = _pin(uses, tree.get("uses"))
    how = hidden(str(script.value)) if script is not None else None
    made = Step(
        line=tree.line,
        guard=pin is not None or how is not None,
        pin=pin,
        condition=spot(tree.get("if")),
        tolerated=spots(tree.get("continue-on-error")),
    )
    if script is not None:
        shell = tree.text("shell") or default
        at = tree if how is not None and shell not in SHELLS else script
        said = shell if at is tree else how
        swallowed = Spot(text=said, line=at.line, path=at.path) if said else None
        made = replace(made, swallowed=swallowed, checkout=mutable_checkout(script))
    elif given is not None and uses.lower().startswith("actions/checkout@") and not given.text("repository"):
        made = replace(made, checkout=spot(given.get("ref")))
    return made


def _pin(uses: str, tree: Tree | None) -> Pin | None:
    """Return what a `uses` names of ci-guard, wherever a copy of it lies; None for anything else."""
    if tree is None or uses.startswith((LOCAL, "docker:")):
        return None
    name, _, ref = uses.partition("@")
    parts = name.split("/")
    if len(parts) < 2 or parts[1].lower() != NAME:
        return None
    return Pin(name="/".join(parts[:2]), ref=ref, line=tree.line, path=tree.path)
