"""A repository that uses ci-guard: real git history, and a GitHub that knows the same history."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.fakes.github import FakeGitHub, rule
from tests.fakes.hub.pulls import Pull
from tests.fakes.hub.repository import Repository

ROOT = Path(__file__).resolve().parent.parent.parent

Items = tuple[tuple[str, str], ...]

PEOPLE = {"olivia": "admin", "alice": "write", "bob": "write", "carol": "maintain", "rita": "read"}


@dataclass(frozen=True, kw_only=True)
class Consumer:
    """The repository `acme/shop`: a base commit, one pull request of alice's, merged by olivia unless it is open."""

    repo: Repository
    path: Path
    """A checkout of `main` with all history."""
    pull: Pull
    base: str
    head: str
    merge: str
    """The merge commit; of an open pull request the trial merge that its runs build."""


@dataclass(frozen=True, kw_only=True)
class History:
    """The commits of one change, and the files of a checkout of `main` that has them."""

    base: str
    approved: str
    """Alice's first commit."""
    head: str
    """Her last one."""
    merge: str
    folders: tuple[str, ...]
    """Each after the one that it is in."""
    files: Mapping[str, tuple[int, bytes]]
    """Mode and content."""


def git(path: Path, *arguments: str, who: str = "olivia") -> str:
    """Run git as one of the people and return what it says."""
    identity = {
        f"GIT_{role}_{field}": value
        for role in ("AUTHOR", "COMMITTER")
        for field, value in (("NAME", who), ("EMAIL", address(who)))
    }
    done = subprocess.run(
        ["git", *arguments], cwd=path, env={**os.environ, **identity}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def address(login: str) -> str:
    """Return the e-mail address that the fake links to the account."""
    return f"{login}@users.noreply.github.com"


def make(
    github: FakeGitHub,
    path: Path,
    *,
    merged: bool = True,
    approved_by: tuple[str, ...] = ("bob",),
    protected: bool = True,
    base_files: Mapping[str, str] | None = None,
    head_files: Mapping[str, str] | None = None,
    later_files: Mapping[str, str] | None = None,
    private: bool = True,
) -> Consumer:
    """
    Make the repository on disk and in the fake; by default everything that the baseline profile asks holds.

    `later_files` are a second commit of alice's, pushed after the approvals.
    """
    repo = github.repository("acme/shop", private=private)
    for login, role in PEOPLE.items():
        repo.user(login, role=role)
    made = history(
        path,
        f"{github.html_url}/acme/shop",
        base_files=base_files,
        head_files=head_files,
        later_files=later_files,
        message="Merge pull request #1 from acme/change-1",
    )
    base, head, merge = made.base, made.head, made.merge
    repo.import_git(path)
    repo.push("change-1", head, by="alice", activity="branch_creation")
    del repo.branches["main"]
    repo.push("main", base, by="olivia")
    pull = repo.pull("Add a cart", author="alice", head="change-1", number=1)
    for login in approved_by:
        pull.review(login, "APPROVED", at=made.approved)
    if merged:
        repo.push("main", merge, by="olivia", activity="pr_merge")
        pull.record_merge(by="olivia", sha=merge, landed=[merge])
    else:
        pull.merge_commit_sha = merge
    if protected:
        repo.ruleset(rules=[rule("pull_request", required_approving_review_count=1), "non_fast_forward", "deletion"])
    return Consumer(repo=repo, path=path, pull=pull, base=base, head=head, merge=merge)


def history(
    path: Path,
    origin: str,
    *,
    base_files: Mapping[str, str] | None = None,
    head_files: Mapping[str, str] | None = None,
    later_files: Mapping[str, str] | None = None,
    message: str,
    merged_by: str = "olivia",
) -> History:
    """Make a checkout of `main` at `path` with a start, alice's change and its merge; its remote is `origin`."""
    start, change = {"README.md": "# Shop\n", **(base_files or {})}, head_files or {"cart.py": "ITEMS = []\n"}
    contents = (tuple(files.items()) for files in (start, change, later_files or {}))
    variables = tuple(item for item in os.environ.items() if item[0].startswith("GIT_"))
    built = _built(*contents, message, merged_by, variables)
    for folder in built.folders:
        (path / folder).mkdir(parents=True)
    for name, (mode, content) in built.files.items():
        (path / name).write_bytes(content)
        (path / name).chmod(mode)
    with (path / ".git/config").open("a", encoding="utf-8") as config:
        config.write(f'[remote "origin"]\n\turl = {origin}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n')
    git(path, "update-index", "-q", "--refresh")  # these are other files than those that it has looked at
    return built


@cache
def _built(start: Items, change: Items, later: Items, message: str, merged_by: str, _variables: Items) -> History:
    """Build a history once for each content, because it takes a dozen processes."""
    with tempfile.TemporaryDirectory(prefix="ci-guard-history-") as folder:
        path = Path(folder)
        git(path, "init", "-q", "-b", "main")
        write(path, dict(start))
        git(path, "commit", "-q", "-m", "Start")
        base = git(path, "rev-parse", "HEAD")
        git(path, "checkout", "-q", "-b", "change-1", who="alice")
        write(path, dict(change))
        git(path, "commit", "-q", "-m", "Add a cart", who="alice")
        head = approved = git(path, "rev-parse", "HEAD")
        if later:
            write(path, dict(later))
            git(path, "commit", "-q", "-m", "Add what was forgotten", who="alice")
            head = git(path, "rev-parse", "HEAD")
        git(path, "checkout", "-q", "main")
        git(path, "merge", "-q", "--no-ff", "-m", message, "change-1", who=merged_by)
        found = sorted(path.rglob("*"))
        return History(
            base=base,
            approved=approved,
            head=head,
            merge=git(path, "rev-parse", "HEAD"),
            folders=(".", *(str(one.relative_to(path)) for one in found if one.is_dir())),
            files={
                str(one.relative_to(path)): (one.stat().st_mode, one.read_bytes()) for one in found if one.is_file()
            },
        )


def write(path: Path, files: Mapping[str, str]) -> None:
    """Write files and stage them."""
    for name, text in files.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    git(path, "add", "-A")


def make_policy(shop: Consumer, text: str) -> Path:
    """Write a trusted policy outside the repository and return its path."""
    path = shop.path.parent / "trusted.yml"
    path.write_text(text, encoding="utf-8")
    return path
