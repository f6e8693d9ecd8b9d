"""A workflow's file as jobs and steps: how the guard stands among them, with what it calls of its repository."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from typing import Final

from ci_guard.evidence.commit_files import CommitFiles
from ci_guard.evidence.github.check_names import check_names, may_be
from ci_guard.evidence.github.local_actions import MOST_WORKFLOWS, WORKFLOWS, path_of, steps_of, workflows_of
from ci_guard.evidence.github.verdict_output import forged
from ci_guard.evidence.github.workflow_step import Place, pin_of, step_of
from ci_guard.evidence.guard_signs import spot, spots, steering
from ci_guard.evidence.yaml_tree import Tree
from ci_guard.model.fact import Fact, Known, Unknown, unavailable
from ci_guard.model.guard import Job, Spot, Step, Wiring
from ci_guard.records import replace

DEEPEST_CALL: Final = 10
"""Source: "Reuse workflows", "Nesting reusable workflows"; for composite actions too, which may nest as deep."""

MOST_CALLS: Final = 5000
"""Of workflows and actions that are followed, one by one."""


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
    reader = WorkflowReader(files)
    jobs = tuple(reader.jobs(found.value, path))
    labels = {one.label for one in jobs if one.guard}
    # Of called workflows' jobs, whose names hold ` / `, none can be called as one of the file itself.
    names = reader.called_so((one for one in jobs if not one.guard), labels)
    names += reader.namesakes(labels, path) if beside else ()
    wiring = Wiring(
        path=files.named(path), commit=files.commit, jobs=jobs, namesakes=names, doubts=tuple(reader.doubts)
    )
    return Known(value=wiring, source=found.source, detail=found.detail)


def guards_beside(files: CommitFiles, path: str) -> Fact[dict[str, frozenset[str]]]:
    """Return every other workflow in which the guard stands, with the names of the checks of its jobs."""
    listed = files.names(WORKFLOWS)
    if isinstance(listed, Unknown):
        return listed
    reader = WorkflowReader(files)
    found: dict[str, frozenset[str]] = {}
    for name in workflows_of(listed.value)[:MOST_WORKFLOWS]:
        guards = [job for job in reader.jobs_of(name) if job.guard] if name != path else []
        if guards:
            found[name] = frozenset(label for job in guards for label in (job.labels or (job.label,)))
    if reader.doubts:
        return next(iter(reader.doubts))
    return Known(value=found, source=listed.source, detail=listed.detail)


class WorkflowReader:
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
        return self.called_so((job for name in others[:MOST_WORKFLOWS] for job in self.jobs_of(name)), labels)

    def called_so(self, jobs: Iterable[Job], labels: set[str]) -> tuple[Job, ...]:
        """Return the jobs of which a check is called as one of these; whose may be is a doubt."""
        found = []
        for job in jobs:
            names = job.labels or (job.label,)
            if not labels.isdisjoint(names):
                found.append(replace(job, label=next(name for name in names if name in labels)))
            elif any("${{" in name and may_be(name, labels) for name in names):
                said = f"whether a check of {job.name} in {job.path} has the guard's name is decided while it runs"
                self.doubts[unavailable(said)] = None
        return tuple(found)

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
            found.append(
                self._job(
                    name,
                    one,
                    called,
                    Place(path, line, _shell(one) or _shell(tree), steering(tree.get("env"), one.get("env"))),
                )
            )
        return found

    def _called(self, name: str, tree: Tree, depth: int) -> list[Job]:
        """Return the jobs of the workflow that a job calls, which wait for what it waits for."""
        path = path_of(tree.text("uses"))
        if path is None:
            return []
        waited = _needs(tree) or ()
        return [
            replace(
                one,
                name=f"{name} / {one.name}",
                label=f"{tree.text('name') or name} / {one.label}",
                labels=tuple(
                    f"{before} / {behind}"
                    for before in check_names(tree.text("name") or name, tree)
                    for behind in one.labels
                ),
                needs=(*waited, *(f"{name} / {need}" for need in one.needs or ())),
            )
            for one in self.jobs_of(path, depth + 1)
        ]

    def _job(self, name: str, tree: Tree, called: list[Job], place: Place) -> Job:
        uses = tree.text("uses")
        pin = pin_of(uses, tree.get("uses"))
        elsewhere = tree.get("uses") if uses and pin is None and path_of(uses) is None else None
        steps = self._named_steps(tree.get("steps"), place)
        read = tuple(step for _, some in steps for step in some)
        guard = any(step.guard for step in read) or any(one.guard for one in called)
        if not any(one.guard for one in called):
            read += tuple(step for one in called if one.environment for step in one.steps if step.checkout)
        return Job(
            name=name,
            label=tree.text("name") or name,
            labels=check_names(tree.text("name") or name, tree),
            path=self.files.named(place.path),
            line=place.line,
            guard=pin is not None or guard,
            verdict=self._forged(tree, called, steps) if guard else None,
            environment=tree.get("environment") is not None or any(one.environment for one in called),
            needs=_needs(tree),
            condition=spot(tree.get("if")),
            tolerated=spots(tree.get("continue-on-error")),
            pin=pin,
            calls=spot(elsewhere) or next((one.calls for one in called if one.calls and not one.guard), None),
            steps=read,
        )

    def _forged(self, tree: Tree, called: list[Job], steps: Iterable[tuple[str, list[Step]]]) -> Spot | None:
        """Return the output `verdict` of a job that runs the guard, where it is not handed on from the guard."""
        path = path_of(tree.text("uses"))
        if path is None:
            return forged(tree.get("outputs"), (name for name, some in steps if some[-1].guard))
        found = self.files.tree(path)
        on = found.value.get("on") if isinstance(found, Known) and found.value else None
        call = on.get("workflow_call") if on else None
        return forged(call.get("outputs") if call else None, (one.name.split(" / ")[1] for one in called if one.guard))

    def _steps(self, tree: Tree, place: Place, depth: int = 0) -> Iterator[Step]:
        """Yield the steps of the action of the repository that a step uses, if any, and behind them the step itself."""
        path, own = path_of(tree.text("uses")), step_of(tree, place)
        action = self._composite(path) if path is not None and depth < DEEPEST_CALL and self._follows() else None
        runs = action.get("runs") if action else None
        within = place._replace(shell="", steered=place.steered or steering(tree.get("env")))
        inner = self._named_steps(runs.get("steps") if runs else None, within, depth + 1)
        steps = [step for _, some in inner for step in some]
        yield from steps
        if any(step.guard for step in steps):
            outputs = action.get("outputs") if action else None
            verdict = forged(outputs, (name for name, some in inner if some[-1].guard))
            own = replace(own, guard=True, verdict=verdict)
        yield own

    def _named_steps(self, steps: Tree | None, place: Place, depth: int = 0) -> list[tuple[str, list[Step]]]:
        """Return by its id what each step does, the step itself last; beside a guard others act before it has a say."""
        found = []
        for one in steps.items if steps else ():
            group = [(each.text("id"), [*self._steps(each, place, depth)]) for each in steps_of(one)]
            found += sorted(group, key=lambda pair: pair[1][-1].guard)
        return found

    def _follows(self) -> bool:
        """Tell whether another call is followed: those of calls multiply."""
        self._left -= 1
        if self._left < 0:
            self.doubts[unavailable(f"the workflows call one another more than {MOST_CALLS} times")] = None
        return self._left >= 0

    def _composite(self, folder: str) -> Tree | None:
        """Return what an action says of itself; which actions there are is judged by itself."""
        for name in ("action.yml", "action.yaml"):
            found = self.files.tree(posixpath.normpath(f"{folder}/{name}"))
            if isinstance(found, Known) and found.value is not None:
                return found.value
        return None


def _needs(tree: Tree) -> tuple[str, ...] | None:
    needs = tree.get("needs")
    return tuple(str(one.value) for one in needs.items) if needs else None


def _shell(tree: Tree) -> str:
    """Return the shell that a workflow or job names for all its steps. Source: "Workflow syntax", `defaults.run`."""
    defaults = tree.get("defaults")
    run = defaults.get("run") if defaults else None
    return run.text("shell") if run else ""
