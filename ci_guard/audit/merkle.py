"""The Merkle tree of RFC 6962: what a log of any length is, in one hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from ci_guard.records import dataclass, field

EMPTY: Final = hashlib.sha256(b"").digest()
"""The root of a log without records (RFC 6962, 2.1)."""


def leaf_hash(record: bytes) -> bytes:
    """Return the hash of a record as a leaf."""
    return hashlib.sha256(b"\0" + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\1" + left + right).digest()


@dataclass
class Frontier:
    """
    A growing tree, of which only the roots of its complete subtrees are kept: one hash for each bit of its size.

    Appending and the root cost a logarithm of the size, whatever the log's length.
    """

    size: int = 0
    nodes: list[bytes] = field(default_factory=list)
    """Roots of the complete subtrees, the largest first; 32 bytes each."""

    def append(self, leaf: bytes) -> None:
        """Add the hash of a leaf."""
        node, size = leaf, self.size
        while size & 1:
            node = node_hash(self.nodes.pop(), node)
            size >>= 1
        self.nodes.append(node)
        self.size += 1

    def root(self) -> bytes:
        """Return the hash of the tree."""
        if not self.nodes:
            return EMPTY
        *rest, root = self.nodes
        for node in reversed(rest):
            root = node_hash(node, root)
        return root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root of a tree of these leaf hashes."""
    tree = Frontier()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()
