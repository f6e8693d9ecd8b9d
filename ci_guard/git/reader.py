"""What follows from a commit's id: trees, entries and ancestors, each read from an object that proves its own id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, Protocol

from ci_guard.errors import GitUnavailable
from ci_guard.git.objects import (
    TAG,
    Commit,
    EntryKind,
    Line,
    Node,
    ObjectStream,
    TreeEntry,
    content_of,
    parse_commit,
    parse_tree,
    required,
    tree_lines,
)

MOST_ENTRIES: Final = 2_000_000
"""Of one listing. A few trees that hold each other many times over can have any number of paths."""


class Answers(Protocol):
    """A git that answers what objects hold, such as `process.Process`."""

    def ask(self, name: bytes) -> ObjectStream:
        """Return one object; the one before must have been read or closed."""
        ...

    def wholes(self, oids: Iterable[str], kind: str) -> Iterator[tuple[str, bytes]]:
        """Yield id and content of each object, all of one kind that is no blob, in the given order."""
        ...


class Proven(Protocol):
    """Trees whose entries are known, and proved by their ids, such as `index.Proven`."""

    def below(self, folder: bytes, tree: str) -> Iterator[TreeEntry] | None:
        """Return what the tree at a folder (empty, or with a final `/`) holds; None where that is not known."""
        ...


class Reader:
    """
    Reads commits and trees, each proved by its id, so that all that follows from a commit's id is proved.

    Raises: every method `ObjectsDamaged` for an object that is not what its id says, and `GitUnavailable` for one that
    this clone lacks or that is malformed.
    """

    def __init__(self, answers: Answers, cut: frozenset[str]) -> None:
        """Ask for objects; `cut` are the commits that count as without parents, as in a shallow clone."""
        self._answers = answers
        self._cut = cut
        self.commit = lru_cache(4096)(self._commit)
        """Returns a commit; without parents where the clone is cut."""
        self.tree = lru_cache(256)(self._tree)
        """Returns the entries of one tree object by name."""

    def resolve(self, name: bytes, kind: str) -> str | None:
        """Return the id of the `kind` that a name leads to, by way of tags and of a commit's tree; None for nothing."""
        stream = self._answers.ask(name)
        while stream.kind != kind:
            if stream.kind == "tag" and (found := TAG.match(content_of(stream))):
                following = found[1].decode()
            elif stream.kind == "commit" and kind == "tree":
                following = parse_commit(stream.oid, content_of(stream)).tree
            else:
                return None
            stream = self._answers.ask(following.encode())
            if stream.oid != following:
                return None
        stream.close()
        return stream.oid

    def find(self, commit: str, parts: Iterable[bytes]) -> Node | None:
        """Return what a commit has at the path of these parts, or None when it verifiably has nothing there."""
        node = Node(b"040000", bytes.fromhex(self.commit(commit).tree))
        for part in parts:
            if node.kind is not EntryKind.FOLDER:
                return None
            below = self.tree(node.oid.hex()).get(part)
            if below is None:
                return None
            node = below
        return node

    def entries(self, commit: str, proven: Proven | None = None) -> Iterator[TreeEntry]:
        """Yield, in git's order, each file, link and submodule of a commit."""
        return self.below(self.commit(commit).tree, proven)

    def below(self, tree: str, proven: Proven | None = None) -> Iterator[TreeEntry]:
        """Yield the same of a tree object rather than of a commit; what is proven already is not read."""
        folders: list[Iterator[tuple[bytes, Node]]] = []
        paths: list[bytes] = []
        count = 0

        def entered(path: bytes, oid: str) -> Iterable[TreeEntry]:
            known = proven.below(path, oid) if proven else None
            if known is None:
                folders.append(iter(self.tree(oid).items()))
                paths.append(path)
            return known or ()

        yield from entered(b"", tree)
        while folders:
            name, node = next(folders[-1], (b"", None))
            if node is None:
                folders.pop()
                paths.pop()
                continue
            count += 1
            if count > MOST_ENTRIES:
                raise GitUnavailable(f"tree {tree} has more than the {MOST_ENTRIES} entries that are read")
            if node.kind is EntryKind.FOLDER:
                yield from entered(paths[-1] + name + b"/", node.oid.hex())
            else:
                yield TreeEntry(node.mode, node.oid.hex(), paths[-1] + name)

    def proves(self, commits: Iterable[str], base: str) -> bool:
        """Return whether all the commits are `base` or verifiably its ancestors, looking at the newest first."""
        from heapq import heappop, heappush

        wanted = set(commits) - {base}
        seen = {base}
        queue = [(0, base, self.commit(base).parents)]
        while wanted and queue:
            for parent in heappop(queue)[2]:
                if parent not in seen:
                    seen.add(parent)
                    wanted.discard(parent)
                    found = self.commit(parent)
                    heappush(queue, (-found.time, parent, found.parents))
        return not wanted

    def commits(self, oids: Iterable[str]) -> dict[str, Commit]:
        """Return several commits; without parents where the clone is cut."""
        return {oid: self._cut_off(oid, content) for oid, content in self._answers.wholes(oids, "commit")}

    def trees(self, oids: Iterable[str]) -> dict[str, list[Line]]:
        """Return the entries of several tree objects."""
        return {oid: tree_lines(oid, content) for oid, content in self._answers.wholes(oids, "tree")}

    def _commit(self, oid: str) -> Commit:
        return self._cut_off(oid, self._read(oid, "commit"))

    def _cut_off(self, oid: str, content: bytes) -> Commit:
        commit = parse_commit(oid, content)
        return commit._replace(parents=()) if oid in self._cut else commit

    def _tree(self, oid: str) -> dict[bytes, Node]:
        return parse_tree(oid, self._read(oid, "tree"))

    def _read(self, oid: str, kind: str) -> bytes:
        return required(oid, kind, self._answers.ask(oid.encode()))
