"""What of a repository its workflows are made of: the actions of its own that they use, and those that these use."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.commit_files import CommitFiles
from ci_guard.evidence.github import policy_file
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.interface import PolicyFile
from ci_guard.evidence.rest.shape import checked, text
from ci_guard.evidence.yaml_tree import Tree
from ci_guard.model.fact import Cause, Fact, Known, Unknown, unavailable
from ci_guard.model.guard import Parts
from ci_guard.model.run import Run
from ci_guard.object_ids import OBJECT_ID
from ci_guard.records import replace

WORKFLOWS: Final = ".github/workflows"
MOST_WORKFLOWS: Final = 100
MOST_ACTIONS: Final = 200
"""Files of a commit that are read; with more it is unknown what the guard rests on."""
LOCAL: Final = "./"
"""In the workspace, where whatever was checked out lies; of a reusable workflow, at the commit of the run."""
OWN: Final = "$/"
"""
In the repository of the file that says so, at the commit that runs, whatever was checked out.

Source: GitHub changelog, 2026-07-30, "Reference same-repository actions with self-repository syntax".
"""

DEFINITIONS: Final = ("action.yml", "action.yaml", "Dockerfile")
"""What makes a folder an action. Source: "Metadata syntax"; the runner's `ActionManager`."""

OF_ROOT: Final = ("main", "pre", "post", "image")
"""Files that an action in the root of the repository names of it, which cannot be all of it."""


Places = Mapping[str, bool | None]
"""By folder of the workspace, whether this repository was checked out there; None where nobody can tell."""


def files_of(client: Client, commit: str, checkout: Checkout) -> CommitFiles:
    """Return the files of a commit of this repository."""
    return CommitFiles(
        commit,
        checkout,
        lambda path: policy_file.get_file(client, commit, path, checkout),
        lambda folder: _list_folder(client, commit, folder),
    )


def files_elsewhere(client: Client, commit: str) -> CommitFiles:
    """Return the files of a commit of another repository, which is the client's and not the one of the clone."""
    nowhere = Checkout(Path(os.devnull))

    def fetch(path: str) -> Fact[PolicyFile | None]:
        found = policy_file.get_file(client, commit, path, nowhere)
        if isinstance(found, Unknown) and found.cause is Cause.INVISIBLE:
            return replace(found, needs=f"contents: read on {client.repository}")
        return found

    return CommitFiles(commit, nowhere, fetch, home=client.repository)


def _list_folder(client: Client, commit: str, folder: str) -> Fact[tuple[str, ...]]:
    """Source: REST "Get repository content", of a folder."""
    listed = client.get_all(f"contents/{folder}", params={"ref": commit}, limit=policy_file.FOLDER_LIMIT)
    return checked(listed, lambda items: tuple(text(item, "path") for item in items))


def get_parts(client: Client, run: Run, checkout: Checkout) -> Fact[Parts]:
    """
    Return the actions of this repository that any of its workflows uses at the judged commit, however deep.

    Every workflow counts and not that of the run alone: another one may deploy, or call what this one is. Reusable
    workflows lie in the same folder. Source: "Workflow syntax", `jobs.<job_id>.uses`, `jobs.<job_id>.steps[*].uses`.
    """
    if isinstance(run.sha, Unknown):
        return run.sha
    return parts_of(files_of(client, run.sha.value, checkout), run.repository)


def parts_of(files: CommitFiles, repository: str) -> Fact[Parts]:
    """Return the same of the files of a commit; `repository` is `owner/name`."""
    listed = files.names(WORKFLOWS)
    if isinstance(listed, Unknown):
        return listed
    walk = _Walk(files, repository)
    for path in workflows_of(listed.value)[:MOST_WORKFLOWS]:
        walk.workflow(path)
    if len(workflows_of(listed.value)) > MOST_WORKFLOWS:
        walk.doubts[unavailable(f"there are more than {MOST_WORKFLOWS} workflows")] = None
    parts = Parts(names=frozenset(walk.names), doubts=tuple(walk.doubts))
    return Known(value=parts, source=listed.source, detail=listed.detail)


def workflows_of(names: tuple[str, ...]) -> list[str]:
    """Return those of these paths that GitHub takes for workflows."""
    return [name for name in names if name.endswith((".yml", ".yaml")) and posixpath.dirname(name) == WORKFLOWS]


def path_of(uses: str) -> str | None:
    """Return the path by which a `uses` names something of this repository or of the workspace, None for all else."""
    return posixpath.normpath(uses.removeprefix(OWN)) if uses.startswith((LOCAL, OWN)) else None


def steps_of(tree: Tree | None) -> Iterator[Tree]:
    """
    Yield the steps of a list of them, those of a group that runs side by side as any others.

    Source: "Workflow syntax", `jobs.<job_id>.steps[*].parallel`; GitHub changelog, 2026-06-25.
    """
    for one in tree.items if tree else ():
        group = one.get("parallel")
        yield from group.items if group else (one,)


class _Walk:
    """Follows what is used, each action once."""

    def __init__(self, files: CommitFiles, repository: str) -> None:
        self.files, self.repository = files, repository
        self.names: dict[str, None] = {}
        self.doubts: dict[Unknown, None] = {}
        self.seen: set[str] = set()

    def workflow(self, path: str) -> None:
        found = self.files.tree(path)
        if isinstance(found, Unknown):
            self.doubts[found] = None
        jobs = found.value.get("jobs") if isinstance(found, Known) and found.value else None
        for job in (jobs.entries if jobs else {}).values():
            self.steps(job, {})

    def steps(self, tree: Tree, around: Places) -> None:
        """Follow a job, or what a composite action runs, whose workspace holds already what its caller put there."""
        steps = tree.get("steps")
        places = dict(around)
        for path, own in _checkouts(steps, self.repository):
            # Of several in one place, one of this repository decides: nobody looks at their order.
            former = places.get(path, False)
            places[path] = True if own or former else None if None in (own, former) else False
        for one in (tree, *steps_of(steps)):
            self.use(one.text("uses"), one, places)

    def use(self, uses: str, tree: Tree, places: Places) -> None:
        where = f"line {tree.line} of {tree.path}"
        name, _, ref = uses.partition("@")
        if "${{" in uses:
            self.doubts[unavailable(f"what {where} uses is decided while it runs")] = None
        elif (path := path_of(uses)) is not None:
            self.local(path, where, places if uses.startswith(LOCAL) else {})
        elif name.lower().startswith(f"{self.repository.lower()}/") and not OBJECT_ID.fullmatch(ref):
            # By the name of a branch or tag of this very repository, which a change may move.
            self.action(posixpath.normpath(name[len(self.repository) + 1 :]), where, places)
        elif name.lower() == self.repository.lower() and not OBJECT_ID.fullmatch(ref):
            self.action(".", where, places)

    def local(self, path: str, where: str, places: Places) -> None:
        """Find in which repository of the workspace a path lies."""
        inside = [place for place in places if path == place or path.startswith(f"{place}/")]
        here = max(inside, key=len, default="")
        owned = places[here] if here else True
        if owned is None or path.startswith(".."):
            self.doubts[unavailable(f"in which repository {path} of {where} lies is decided while it runs")] = None
        elif owned:
            self.action(posixpath.normpath(path[len(here) :].lstrip("/") or "."), where, places)

    def action(self, folder: str, where: str, places: Places) -> None:
        if posixpath.dirname(folder) == WORKFLOWS or folder in self.seen:
            return
        if len(self.seen) >= MOST_ACTIONS:
            self.doubts[unavailable(f"the workflows use more than {MOST_ACTIONS} actions of this repository")] = None
            return
        self.seen.add(folder)
        base = "" if folder == "." else f"{folder}/"
        paths = [f"{base}{name}" for name in DEFINITIONS]
        self.names.update(dict.fromkeys([folder] if base else paths))
        contents = {path: self.files.content(path) for path in paths}
        self.doubts.update((found, None) for found in contents.values() if isinstance(found, Unknown))
        there = [path for path, found in contents.items() if isinstance(found, Known) and found.value is not None]
        if not there and places.get(".", True) is not False:
            self.doubts[unavailable(f"{folder} of {where} is no action of this repository at that commit")] = None
        for path in there[:1] if there and not there[0].endswith("Dockerfile") else ():
            self.define(path, base, places)

    def define(self, path: str, base: str, places: Places) -> None:
        """Read what an action says that it is made of."""
        found = self.files.tree(path)
        if isinstance(found, Unknown):
            self.doubts[found] = None
        runs = found.value.get("runs") if isinstance(found, Known) and found.value else None
        if runs is None:
            return
        for key in OF_ROOT:
            if named := runs.text(key):
                self.names[posixpath.normpath(base + named)] = None
        self.steps(runs, places)


def _checkouts(steps: Tree | None, repository: str) -> Iterator[tuple[str, bool | None]]:
    """Yield where in the workspace something is checked out, and whether it is this repository."""
    for step in steps_of(steps):
        given = step.get("with")
        if step.text("uses").lower().startswith("actions/checkout@") and given is not None:
            named = given.text("repository").strip()
            own = not named or named.lower() == repository.lower() or "github.repository " in f"{named} "
            path = given.text("path")
            decided = "${{" not in path and (own or "${{" not in named)
            yield posixpath.normpath(path) if path else ".", own if decided else None
