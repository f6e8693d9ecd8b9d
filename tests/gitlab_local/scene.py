"""Projects that include the guard, and the pipelines of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes.lab.project import Project
from tests.fakes.lab.state import DEVELOPER, MAINTAINER, NOBODY, OWNER, Job, MergeRequest
from tests.gitlab_local import runner
from tests.gitlab_local.instance import Instance, git
from tests.gitlab_local.runner import Ran

PROJECT = "security/ci-guard"
"""The mirror of this project on the instance."""
TEMPLATE = "gitlab-templates/ci-guard.yml"

LEAKED = "AK" + "IA" + "Q3EGRTZ7KLMNWXYV"

PEOPLE = {"olivia": OWNER, "alice": DEVELOPER, "bob": DEVELOPER, "carol": MAINTAINER}


@dataclass(frozen=True, kw_only=True)
class Guard:
    """This project as others include it."""

    path: Path
    """A checkout of it."""
    commit: str
    source: str
    """Where git fetches it."""
    cache: Path
    """The folder that has its environment."""


@dataclass(frozen=True, kw_only=True)
class Shop:
    """The project `acme/shop`: a base commit, and one merge request of alice's."""

    project: Project
    path: Path
    """A checkout of what its pipeline builds."""
    mr: MergeRequest
    base: str
    instance: Instance

    def proposed(self, **changes: str) -> dict[str, str]:
        """Return the variables of a job in the merge request's pipeline."""
        return self._job(self.project.run(user="alice", mr=self.mr), changes)

    def pushed(self, **changes: str) -> dict[str, str]:
        """Return the variables of a job in the pipeline of the merge."""
        return self._job(self.project.run("push", user="olivia", before=self.base), changes)

    def _job(self, job: Job, changes: Mapping[str, str]) -> dict[str, str]:
        environment = self.instance.job_environment(job)
        return {**environment, "CI_GUARD_ID_TOKEN": self.instance.id_token(job), **changes}

    def stronger(self) -> str:
        """Return a token with `read_api`, of the owner, in a project on Premium that asks for an approval."""
        self.project.tier = "premium"
        rule = {"id": 1, "name": "All Members", "rule_type": "any_approver", "approvals_required": 1}
        nobody: dict[str, Any] = {name: [] for name in ("eligible_approvers", "users", "groups", "protected_branches")}
        self.project.approval_rules = [{**rule, **nobody, "contains_hidden_groups": False}]
        self.project.approval_settings = {"disable_overriding_approvers_per_merge_request": True}
        return self.instance.world.token("reader", "olivia").value


@dataclass(frozen=True, kw_only=True)
class Lab:
    """Everything that a test needs: the instance, the guard's mirror on it, and a folder of its own."""

    instance: Instance
    guard: Guard
    folder: Path

    def inputs(self, **more: object) -> dict[str, object]:
        """Return the inputs of a project on this instance."""
        return {
            "commit": self.guard.commit,
            "server": self.instance.url,
            "source": self.guard.source,
            "cache": str(self.guard.cache),
            **{name.replace("_", "-"): value for name, value in more.items()},
        }

    def pipeline(
        self, given: Mapping[str, object] | None = None, *, template: str = TEMPLATE, more: str = "", needs: str = ""
    ) -> str:
        """Return a CI file that includes a template from the mirror, and what else stands there."""
        asked = dict(self.inputs() if given is None else given)
        include = {"project": PROJECT, "ref": self.guard.commit, "file": f"/{template}", "inputs": asked}
        build: dict[str, Any] = {"stage": "build", "script": ['echo "built in $CI_PIPELINE_SOURCE"']}
        if needs:
            build["needs"] = [needs]
        return f"include: {json.dumps([include])}\n{more}\nbuild: {json.dumps(build)}\n"

    def shop(self, ci: str, name: str = "shop", **settings: Any) -> Shop:
        """Make the project `acme/shop` with this CI file in a folder of that name; see `make`."""
        return make(self.instance, self.folder / name, ci, **settings)

    def run(self, shop: Shop, variables: Mapping[str, str], *options: str) -> Ran:
        """Run a pipeline of the project with these variables."""
        unset = () if "CI_COMMIT_BRANCH" in variables else ("CI_COMMIT_BRANCH",)
        return runner.run(shop.path, variables, home=self.folder / "home", unset=unset, options=options)


def make(
    instance: Instance,
    path: Path,
    ci: str,
    *,
    sound: bool = True,
    merged: bool = False,
    approved_by: tuple[str, ...] = ("bob",),
    files: Mapping[str, str] | None = None,
    base_files: Mapping[str, str] | None = None,
) -> Shop:
    """
    Make the project on disk and in the fake: in order, or neither protected nor approved and with a leaked key.

    `files` are part of the merge request, `base_files` were there before.
    """
    project = instance.project("acme/shop")
    for name, level in PEOPLE.items():
        project.user(name, level)
    path.mkdir(parents=True)
    git(path, "init", "-q", "-b", "main")
    for key in ("user.name", "user.email"):
        git(path, "config", key, "alice@example.invalid")  # by which the runner names whoever started a pipeline
    write(path, {".gitlab-ci.yml": ci, "README.md": "# Shop\n", **(base_files or {})})
    git(path, "commit", "-q", "-m", "Start")
    base = git(path, "rev-parse", "HEAD")
    git(path, "checkout", "-q", "-b", "change-1")
    cart = "ITEMS = []\n" if sound else f'KEY = "{LEAKED}"\n'
    write(path, {"cart.py": cart, **(files or {})})
    git(path, "commit", "-q", "-m", "Add a cart", who="alice")
    if merged:
        git(path, "checkout", "-q", "main")
        git(path, "merge", "-q", "--no-ff", "-m", "Merge branch 'change-1' into 'main'", "change-1")
    git(path, "remote", "add", "origin", f"{instance.url}/acme/shop.git")
    instance.publish(path, "acme/shop")
    git(path, "fetch", "-q", "origin")
    git(path, "remote", "set-head", "origin", "main")
    project.import_git(path)
    tip = project.branches["main"]
    project.branches["main"] = base
    mr = project.merge_request("Add a cart", author="alice", source="change-1")
    for name in approved_by if sound else ():
        project.approve(mr, name)
    if merged:
        mr.state, mr.merge_user, mr.merged_at = "merged", "olivia", instance.world.tick()
        mr.merge_commit_sha = project.branches["main"] = tip
    if sound:
        project.protect("main", push=NOBODY, merge=MAINTAINER)
    return Shop(project=project, path=path, mr=mr, base=base, instance=instance)


def write(path: Path, files: Mapping[str, str]) -> None:
    """Write files and stage them."""
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, encoding="utf-8")
    git(path, "add", "-A")
