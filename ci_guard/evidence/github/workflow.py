"""The workflow of the run as its own commit has it: which jobs there are, and how the guard stands among them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from ci_guard.errors import GitUnavailable
from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.github import policy_file, records
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.job import Job as Claims
from ci_guard.evidence.guard_signs import NAME, mutable_checkout, runs_guard, spot, spots, swallowed
from ci_guard.evidence.rest.shape import checked, text
from ci_guard.evidence.yaml_tree import Tree, read_tree
from ci_guard.model.fact import Fact, Known, Source, Unknown, unavailable
from ci_guard.model.guard import Job, Pin, Spot, Step, Wiring
from ci_guard.model.run import Run

FOLDER: Final = ".github/workflows"
MOST_FILES: Final = 100
LOCAL: Final = "./"

REF: Final = re.compile(r"([^/@]+/[^/@]+)/(\.github/workflows/[^@\x00-\x1f]+)@(.+)")
"""`owner/name/path@ref`. Source: "Variables reference", `GITHUB_WORKFLOW_REF`."""


def get_wiring(client: Client, job: Claims, run: Run, checkout: Checkout) -> Fact[Wiring]:
    """
    Return the workflow's jobs.

    Which file it is the server says (`path` of the run), and the variable only that the file is this repository's: a
    ruleset's workflow of another repository runs under its own name. The commit is what the runner says that the file
    was read at, else the judged one.
    """
    named = REF.fullmatch(job.workflow_ref)
    if named is not None and named[1].lower() != job.repository.lower():
        said = f"the workflow is held in {named[1]}, which was not read"
        return unavailable(said, detail="GITHUB_WORKFLOW_REF")
    path = _get_path(client, job)
    if isinstance(path, Unknown):
        return path
    if named is not None and named[2] != path.value:
        said = f"GITHUB_WORKFLOW_REF names {named[2]}, and the server {path.value}"
        return unavailable(said, detail=path.detail)
    if records.SHA.fullmatch(job.workflow_sha):
        commit: Fact[str] = Known(value=job.workflow_sha, source=Source.ENV, detail="GITHUB_WORKFLOW_SHA")
    else:
        commit = run.sha
    if isinstance(commit, Unknown):
        return commit
    judged = isinstance(run.sha, Known) and run.sha.value == commit.value
    file = policy_file.get_file(client, commit.value, path.value, checkout)
    if isinstance(file, Unknown):
        return file
    if file.value is None or file.value.content is None:
        return unavailable(f"{path.value} is not there at {commit.value[:12]}, or too large", detail=file.detail)
    try:
        tree = read_tree(file.value.content)
    except ValueError as error:
        return unavailable(f"{path.value} could not be read: {error}", detail=file.detail)
    others, doubts = _others(checkout, commit.value, path.value)
    jobs = tuple(read_jobs(tree, path.value, others))
    labels = {one.label for one in jobs if one.guard}
    names = [one for other, read in others.items() for one in read_jobs(read, other, {}) if one.label in labels]
    wiring = Wiring(path=path.value, commit=commit.value, jobs=jobs, namesakes=tuple(names), doubts=tuple(doubts))
    return Known(value=wiring, source=file.source if judged else commit.source, detail=file.detail)


def _get_path(client: Client, job: Claims) -> Fact[str]:
    """Return which file the run is of, by the server's word."""
    if not records.NUMBER.fullmatch(job.run_id):
        return unavailable("the number of the run is not known", detail="GITHUB_RUN_ID")
    answer = client.get(f"actions/runs/{job.run_id}")
    return checked(answer, lambda body: text(body, "path").partition("@")[0])


def _others(checkout: Checkout, commit: str, path: str) -> tuple[dict[str, Tree], list[Unknown]]:
    """Return the other workflows of the commit that this clone shows, and why more may be there."""
    try:
        listed = checkout.repository.run("ls-tree", "-z", "--name-only", commit, f"{FOLDER}/")
    except GitUnavailable:
        return {}, [unavailable("this clone lacks the commit, so that other workflows were not read")]
    names = [name.decode("utf-8", "surrogateescape") for name in listed.split(b"\0") if name]
    files = [name for name in names if name.endswith((".yml", ".yaml")) and name != path]
    found: dict[str, Tree] = {}
    doubts = [unavailable(f"there are more than {MOST_FILES} workflows")] if len(files) > MOST_FILES else []
    for name in files[:MOST_FILES]:
        file = checkout.policy_file(commit, name, ref="")
        content = file.value.content if isinstance(file, Known) and file.value is not None else None
        if content is None:
            doubts.append(unavailable(f"{name} was not read, and may report a check of the guard's name"))
            continue
        try:
            found[name] = read_tree(content)
        except ValueError as error:
            doubts.append(unavailable(f"{name} could not be read: {error}"))
    return found, doubts


def read_jobs(tree: Tree, path: str, others: dict[str, Tree]) -> list[Job]:
    """Return the jobs of a workflow; `others` are the files that they may call."""
    jobs = tree.get("jobs")
    found = jobs.entries if jobs else {}
    return [_job(name, one, path, jobs.lines[name] if jobs else one.line, others) for name, one in found.items()]


def _job(name: str, tree: Tree, path: str, line: int, others: dict[str, Tree]) -> Job:
    uses, steps = tree.text("uses"), tree.get("steps")
    pin = _pin(uses, tree.get("uses"))
    needs = tree.get("needs")
    read = tuple(_step(one) for one in (steps.items if steps else ()))
    return Job(
        name=name,
        label=tree.text("name") or name,
        path=path,
        line=line,
        guard=pin is not None or any(step.guard for step in read),
        environment=tree.get("environment") is not None or _calls_deployment(uses, others),
        needs=tuple(str(one.value) for one in needs.items) if needs else None,
        condition=spot(tree.get("if")),
        tolerated=spots(tree.get("continue-on-error")),
        pin=pin,
        steps=read,
    )


def _calls_deployment(uses: str, others: dict[str, Tree]) -> bool:
    called = others.get(uses.removeprefix(LOCAL)) if uses.startswith(LOCAL) else None
    return called is not None and any(job.environment for job in read_jobs(called, "", {}))


def _step(tree: Tree) -> Step:
    uses, script, given = tree.text("uses"), tree.get("run"), tree.get("with")
    pin = _pin(uses, tree.get("uses"))
    runs = script is not None and runs_guard(str(script.value))
    made = Step(
        line=tree.line,
        guard=pin is not None or runs,
        pin=pin,
        condition=spot(tree.get("if")),
        tolerated=spots(tree.get("continue-on-error")),
    )
    if script is not None:
        made = replace(made, swallowed=swallowed(script), checkout=mutable_checkout(script))
        shell = tree.text("shell")
        if runs and "{0}" in shell:
            made = replace(made, swallowed=Spot(text=shell, line=tree.line))
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
    return Pin(name="/".join(parts[:2]), ref=ref, line=tree.line)
