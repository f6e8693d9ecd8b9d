"""Reads a real git repository into the fake GitHub's state, so that API answers agree with what git fetches."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes.hub.history import SUBMODULE, Commit, Signature, Tag

if TYPE_CHECKING:
    from tests.fakes.hub.repository import Repository

_FORMAT = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B"


def import_git(repo: Repository, path: Path) -> None:
    """
    Take over all commits, branches and tags of the repository at `path`; what was there before goes.

    Addresses are linked to the accounts that have them. Activity is not recorded: git does not know who pushed.
    """
    links = {user.git_email.lower(): user.login for user in repo.world.users.values()}
    repo.objects.clear()
    repo.branches.clear()
    repo.tags.clear()
    repo.activities.clear()
    for sha in _git(path, "rev-list", "--all", "--topo-order", "--reverse").split():
        fields = _git(path, "show", "-s", f"--format={_FORMAT}", sha).split("\0")
        tree = _tree(repo, path, sha)
        author, committer = (
            Signature(name=name, email=email, date=date, login=links.get(email.lower()))
            for name, email, date in (fields[3:6], fields[6:9])
        )
        repo.objects[sha] = Commit(
            sha=sha,
            tree_sha=fields[1],
            parents=fields[2].split(),
            author=author,
            committer=committer,
            message=fields[9].rstrip("\n"),
            tree=tree,
        )
    for line in _git(
        path, "for-each-ref", "--format=%(refname) %(objecttype) %(objectname) %(*objectname)"
    ).splitlines():
        name, kind, sha, *peeled = line.split(" ")
        if name.startswith("refs/heads/"):
            repo.branches[name.removeprefix("refs/heads/")] = sha
        elif name.startswith("refs/tags/"):
            short = name.removeprefix("refs/tags/")
            tagger = repo.signature("olivia") if kind == "tag" else None
            target = peeled[0] if kind == "tag" else sha
            repo.tags[short] = Tag(name=short, target=target, sha=sha if kind == "tag" else None, tagger=tagger)


def _tree(repo: Repository, path: Path, sha: str) -> dict[str, str]:
    tree = {}
    for line in filter(None, _git(path, "ls-tree", "-r", "-z", sha).split("\0")):
        head, _, name = line.partition("\t")
        mode, _, blob = head.split(" ")
        tree[name] = f"{mode} {blob}"
        if mode != SUBMODULE and blob not in repo.blobs:
            repo.blobs[blob] = _run(path, "cat-file", "blob", blob)
        elif mode == SUBMODULE:
            repo.submodules.setdefault(name, "https://example.invalid/submodule.git")
    return tree


def _git(path: Path, *arguments: str) -> str:
    return _run(path, *arguments).decode("utf-8", "surrogateescape")


def _run(path: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(path), *arguments], capture_output=True, check=True).stdout
