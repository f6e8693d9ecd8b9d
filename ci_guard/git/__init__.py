"""The one safe way to run git: reading only, and believing of the object database what its ids prove."""

from ci_guard.git.command import find_git, locate
from ci_guard.git.objects import EntryKind, ObjectsDamaged, ObjectStream, Reader, TreeEntry
from ci_guard.git.repository import Blob, Repository, Walk

__all__ = [
    "Blob",
    "EntryKind",
    "ObjectStream",
    "ObjectsDamaged",
    "Reader",
    "Repository",
    "TreeEntry",
    "Walk",
    "find_git",
    "locate",
]
