"""The Merkle tree of RFC 6962: what a log of any length is, in one hash, and how a record is shown to be in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
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


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """
    Return the hashes that lead from a leaf to the root (RFC 6962, 2.1.1), the lowest first.

    Raises: `IndexError` where there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    if len(leaves) == 1:
        return []
    half = split(len(leaves))
    if index < half:
        return [*inclusion_proof(leaves[:half], index), root_of(leaves[half:])]
    return [*inclusion_proof(leaves[half:], index - half), root_of(leaves[:half])]


def includes(proof: Sequence[bytes], index: int, size: int, leaf: bytes, root: bytes) -> bool:
    """Tell whether a proof shows that the leaf stands there in a tree of this size and root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, last = leaf, size - 1
    for each in proof:
        if last == 0:
            return False
        if index & 1 or index == last:
            node = node_hash(each, node)
            while not index & 1 and index:
                index >>= 1
                last >>= 1
        else:
            node = node_hash(node, each)
        index >>= 1
        last >>= 1
    return last == 0 and node == root


def split(size: int) -> int:
    """Return the largest power of two below a size of at least two."""
    return 1 << (size - 1).bit_length() - 1
