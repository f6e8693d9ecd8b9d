"""The one safe way to run git: reading only, and believing of the object database what its ids prove."""

from ci_guard.git.changes import brought, contents
from ci_guard.git.command import find_git, find_program, locate
from ci_guard.git.index import IndexEntry, ProvenTrees
from ci_guard.git.objects import EntryKind, ObjectsDamaged, ObjectStream, TreeEntry
from ci_guard.git.reader import Reader
from ci_guard.git.repository import Blob, Repository, Walk

__all__ = [
    "Blob",
    "EntryKind",
    "IndexEntry",
    "ObjectStream",
    "ObjectsDamaged",
    "ProvenTrees",
    "Reader",
    "Repository",
    "TreeEntry",
    "Walk",
    "brought",
    "contents",
    "find_git",
    "find_program",
    "locate",
]
