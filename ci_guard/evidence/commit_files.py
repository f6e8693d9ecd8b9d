"""The files of one commit: YAML as trees, each read once, and the names of what there is."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from ci_guard.errors import GitUnavailable
from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.interface import PolicyFile
from ci_guard.evidence.yaml_tree import Tree, read_tree
from ci_guard.model.fact import Fact, Known, Source, Unknown, unavailable

Fetch = Callable[[str], Fact[PolicyFile | None]]
"""Returns a plain file of the commit by its path, None where there verifiably is none."""
ListFolder = Callable[[str], Fact[tuple[str, ...]]]
"""Returns the paths of what lies directly in a folder."""

MOST_NAMES: Final = 100_000


class CommitFiles:
    """Reads through the object database, and where that lacks something as the platform's adapter does."""

    def __init__(
        self, commit: str, checkout: Checkout, fetch: Fetch, list_folder: ListFolder | None = None, *, home: str = ""
    ) -> None:
        """
        `list_folder` asks the server; without it only a clone says which files there are.

        `home` names the repository where it is not the judged one.
        """
        self.commit, self._home = commit, home
        self._checkout, self._fetch, self._list = checkout, fetch, list_folder
        self._contents: dict[str, Fact[bytes | None]] = {}
        self._trees: dict[str, Fact[Tree | None]] = {}

    def named(self, path: str) -> str:
        """Return a path for messages; that of another repository holds `//`, as no path within one does."""
        return f"{self._home}//{path}" if self._home else path

    def content(self, path: str) -> Fact[bytes | None]:
        """Return what a file holds, or None where there is none."""
        if path not in self._contents:
            self._contents[path] = self._read(path)
        return self._contents[path]

    def tree(self, path: str) -> Fact[Tree | None]:
        """Return a YAML file as a tree, or None where there is none."""
        if path not in self._trees:
            self._trees[path] = parsed(self.content(path), self.named(path))
        return self._trees[path]

    def names(self, folder: str) -> Fact[tuple[str, ...]]:
        """Return every path below a folder as this clone has it; from the server only what lies directly in it."""
        where = f"{folder}/" if folder else ""
        try:
            listed = self._checkout.repository.run(
                "ls-tree", "-r", "-z", "--full-tree", "--name-only", self.commit, *([where] if where else [])
            )
        except GitUnavailable:
            if self._list is not None:
                return self._list(folder)
            return unavailable(f"this clone lacks {self.commit[:12]}, so that the files of {where or './'} are unknown")
        found = tuple(os.fsdecode(name) for name in listed.split(b"\0") if name)
        if len(found) > MOST_NAMES:
            return unavailable(f"there are more than {MOST_NAMES} files below {where or './'}")
        return Known(value=found, source=Source.GIT, detail=f"git ls-tree {self.commit[:12]} {where}")

    def _read(self, path: str) -> Fact[bytes | None]:
        file = self._fetch(path)
        if isinstance(file, Unknown):
            return file
        if file.value is None:
            return Known(value=None, source=file.source, detail=file.detail)
        if file.value.content is None:
            return unavailable(f"{path} is too large to be read", detail=file.detail)
        return Known(value=file.value.content, source=file.source, detail=file.detail)


def parsed(content: Fact[bytes | None], path: str) -> Fact[Tree | None]:
    """Return what a file says as a tree."""
    if isinstance(content, Unknown):
        return content
    if content.value is None:
        return Known(value=None, source=content.source, detail=content.detail)
    try:
        tree = read_tree(content.value, path)
    except ValueError as error:
        return unavailable(f"{path} could not be read: {error}", detail=content.detail)
    return Known(value=tree, source=content.source, detail=content.detail)
