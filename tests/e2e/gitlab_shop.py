"""A project on GitLab that uses ci-guard: real git history, and a fake GitLab that knows the same history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.consumer import git, history
from tests.fakes.gitlab import FakeGitLab
from tests.fakes.lab.project import Project
from tests.fakes.lab.state import DEVELOPER, MAINTAINER, NOBODY, OWNER, REPORTER, Job, MergeRequest

PEOPLE = {"olivia": OWNER, "alice": DEVELOPER, "bob": DEVELOPER, "carol": MAINTAINER, "rita": REPORTER}


@dataclass(frozen=True, kw_only=True)
class Shop:
    """The project `acme/shop`: a base commit and one merge request of alice's, merged by carol unless it is open."""

    project: Project
    path: Path
    """A checkout of `main` with all history."""
    mr: MergeRequest
    base: str
    head: str
    merge: str
    """The merge commit; of an open merge request the merged result."""

    def push(self) -> Job:
        """Start the pipeline of the merge."""
        return self.project.run("push", user="carol", sha=self.merge, before=self.base)

    def change(self, kind: str = "head") -> Job:
        """Start a pipeline of the merge request, and check out what it builds, as the runner does."""
        sha = self.head if kind == "head" else self.merge
        git(self.path, "checkout", "-q", "--detach", sha)
        return self.project.run(mr=self.mr, user="alice", kind=kind, sha=sha)


def make(
    gitlab: FakeGitLab,
    path: Path,
    *,
    merged: bool = True,
    approved_by: tuple[str, ...] = ("bob",),
    protected: bool = True,
    base_files: Mapping[str, str] | None = None,
    head_files: Mapping[str, str] | None = None,
) -> Shop:
    """Make the project on disk and in the fake, with a Developer's change that somebody else approved."""
    project = gitlab.project("acme/shop")
    for username, level in PEOPLE.items():
        project.user(username, level)
    made = history(
        path,
        f"{gitlab.url}/acme/shop.git",
        base_files=base_files,
        head_files=head_files,
        message="Merge branch 'change-1' into 'main'",
        merged_by="carol",
    )
    base, head, merge = made.base, made.head, made.merge
    project.import_git(path)
    project.branches |= {"main": base, "change-1": head}
    mr = project.merge_request("Add a cart", author="alice", source="change-1")
    project.run(mr=mr, user="alice")  # the pipeline of its head, which shows what was approved
    for username in approved_by:
        project.approve(mr, username)
    if merged:
        project.branches["main"] = merge
        mr.state, mr.merge_user, mr.merged_at = "merged", "carol", gitlab.world.tick()
        mr.merge_commit_sha = merge
    if protected:
        project.protect("main", push=NOBODY, merge=MAINTAINER)
    return Shop(project=project, path=path, mr=mr, base=base, head=head, merge=merge)
