"""Reads a real git repository into the fake GitHub's state, so that API answers agree with what git fetches."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tests.fakes.hub.history import SUBMODULE, Commit, Signature, Tag

if TYPE_CHECKING:
    from tests.fakes.hub.repository import Repository

_FIELDS = ("%H", "%T", "%P", "%an", "%ae", "%aI", "%cn", "%ce", "%cI", "%B")
_FOLDER = "40000"

Read = Callable[[str], bytes]
"""Returns an object's content by its name."""


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
    words = _git(path, "log", "--all", "--topo-order", "--reverse", "-z", "--format=" + "%x00".join(_FIELDS)).split(
        "\0"
    )
    with _objects(path) as read:
        for start in range(0, len(words) - len(_FIELDS), len(_FIELDS)):
            fields = words[start : start + len(_FIELDS)]
            author, committer = (
                Signature(name=name, email=email, date=date, login=links.get(email.lower()))
                for name, email, date in (fields[3:6], fields[6:9])
            )
            repo.objects[fields[0]] = Commit(
                sha=fields[0],
                tree_sha=fields[1],
                parents=fields[2].split(),
                author=author,
                committer=committer,
                message=fields[9].rstrip("\n"),
                tree=_tree(repo, fields[1], read),
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


def _tree(repo: Repository, root: str, read: Read) -> dict[str, str]:
    tree = {}
    for name, mode, sha in _entries(root, read):
        tree[name] = f"{mode} {sha}"
        if mode == SUBMODULE:
            repo.submodules.setdefault(name, "https://example.invalid/submodule.git")
        elif sha not in repo.blobs:
            repo.blobs[sha] = read(sha)
    return tree


def _entries(tree: str, read: Read, folder: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield path, mode and object of all that is below a tree, in git's order."""
    content, position, size = read(tree), 0, len(tree) // 2
    while position < len(content):
        end = content.index(b"\0", position)
        mode, _, name = content[position:end].decode("utf-8", "surrogateescape").partition(" ")
        position = end + 1 + size
        sha = content[end + 1 : position].hex()
        if mode == _FOLDER:
            yield from _entries(sha, read, f"{folder}{name}/")
        else:
            yield folder + name, mode, sha


@contextmanager
def _objects(path: Path) -> Iterator[Read]:
    """Yield what reads the repository's objects, by one process for all."""
    command = ["git", "-C", str(path), "cat-file", "--batch"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        ask, answers = _pipes(process)

        @cache
        def read(name: str) -> bytes:
            ask.write(f"{name}\n".encode())
            ask.flush()
            size = int(answers.readline().split()[2])
            content = answers.read(size)
            answers.read(1)
            return content

        yield read


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin
    assert process.stdout
    return process.stdin, process.stdout


def _git(path: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(path), *arguments], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "surrogateescape")
